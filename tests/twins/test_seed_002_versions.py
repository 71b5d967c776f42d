"""Twins of `seeds/002`, workflows with compensation: versions, changes, what a replay tolerates."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.twins.conftest import Bench
from treadle import Workflow, step, workflow
from treadle._worker.quickness import TRIALS
from treadle.client import RunHandle
from treadle.errors import Conflict, DefinitionError, InvalidRequest, NotDeterministic
from treadle.workflows import Retry

CODE = True


async def echo(value: Any) -> Any:
    return value


def _two_versions() -> tuple[Workflow[..., Any], Workflow[..., Any]]:
    @workflow(name="onboarding-in-versions", version=1)
    async def onboarding_v1(given: str) -> str:
        first = await step(echo, "old")
        await workflow.wait_for_event("go")
        return f"{first} {await step(echo, given)}"

    @workflow(name="onboarding-in-versions", version=2)
    async def onboarding(given: str) -> str:
        await workflow.wait_for_event("go")
        return await step(echo, f"new {given}").named("whole")  # type: ignore[no-any-return]

    return onboarding_v1, onboarding


async def test_s002_21_25_and_p05_versions_side_by_side(bench: Bench) -> None:
    """Open runs stay with theirs, new ones take the current one or the one asked for; one worker
    serves both, and the Python names are free.
    """
    first, second = _two_versions()
    async with bench.worker(first):
        old = await bench.start(first, "a")
        await _status(old, "waiting")
    async with bench.worker(first, second):
        await bench.client.deploy(second)
        new = await bench.client.start("onboarding-in-versions", "b")
        asked = await bench.client.start("onboarding-in-versions", "c", version=1)
        for handle in (old, new, asked):
            await handle.send_event("go")
        assert await old.result(20) == "old a"
        assert await new.result(20) == "new b"
        assert await asked.result(20) == "old c"
        assert (await new.describe()).run.version == 2


async def test_s002_32_and_33_states_of_versions(bench: Bench) -> None:
    """Deprecated: no new runs, open ones go on. Retired: refused while runs are open, unless
    forced; then these are paused, not lost. Code and server disagree: the server's word holds.
    """

    @workflow(name="aging", version=1)
    async def aging(given: None) -> str:
        await workflow.wait_for_event("go")
        return "done"

    @workflow(name="aging", version=2, state="deprecated")
    async def never(given: None) -> str:
        return "never"

    client = bench.client
    async with bench.worker(aging, never):
        handle = await bench.start(aging)
        await client.deploy(never)
        assert (await client.get_definition("aging")).version == 1  # 2 was never active
        with pytest.raises(Conflict, match="deprecated"):
            await client.start(never)
        await client.update_version("aging", 1, state="deprecated")
        with pytest.raises(Conflict, match="no version"):
            await client.start("aging")
        with pytest.raises(Conflict, match="are open"):
            await client.update_version("aging", 1, state="retired")
        retired = await client.update_version("aging", 1, state="retired", force=True)
        assert retired.state == "retired"
        assert (await handle.describe()).status == "paused"
        changed = await client.update_version("aging", 2, state="active", make_current=True)
        assert changed.current
        assert await (await client.start("aging")).result(20) == "never"
        await client.update_version("aging", 1, state="active")
        await client.resume(handle.run_id)
        await handle.send_event("go")
        assert await handle.result(20) == "done"


async def test_a_number_means_one_signature(bench: Bench) -> None:
    """New members that may be left out are fine, as open runs' data fits; another type is not."""

    def version(annotation: type) -> Workflow[..., Any]:
        async def signed(given: Any) -> None: ...

        signed.__annotations__["given"] = annotation
        return workflow(name="signed", version=7)(signed)

    @dataclass
    class First:
        email: str

    @dataclass
    class More:
        email: str
        referral: str | None = None

    @dataclass
    class Other:
        email: int

    await bench.client.deploy(version(First))
    await bench.client.deploy(version(More))
    with pytest.raises(InvalidRequest, match="another type for its input member 'email'"):
        await bench.client.deploy(version(Other))


async def _changed_between(
    bench: Bench, before: Workflow[..., Any], after: Workflow[..., Any]
) -> Any:
    """A run begins with one code and goes on with another."""
    async with bench.worker(before):
        handle = await bench.start(before, None)
        await _status(handle, "waiting")
    async with bench.worker(after):
        await handle.send_event("go")
        return await handle.result(20)


def _waits_after(
    body: Callable[[], Any], then: Callable[[], Any] | None = None
) -> Workflow[..., Any]:
    @workflow(name="changing-code")
    async def changing(given: None) -> Any:
        found = [await body()]
        await workflow.wait_for_event("go")
        if then is not None:
            found.append(await then())
        return found

    return changing


async def test_s002_p02_changes_that_are_tolerated(bench: Bench) -> None:
    """Another retry count and timeout, and a new step at the end."""
    before = _waits_after(lambda: step(echo, 1))
    after = _waits_after(
        lambda: step(echo, 1).retry(Retry(max_attempts=9)).timeout("1h"), lambda: step(echo, 2)
    )
    assert await _changed_between(bench, before, after) == [1, 2]


async def test_s002_27_stored_data_in_newer_types(bench: Bench) -> None:
    """A missing member with a default is filled, an unknown one passed over."""

    async def make() -> dict[str, Any]:
        return {"name": "Ada", "gone": True}

    async def make_typed() -> User:
        return User("never called")

    before = _waits_after(lambda: step(make).named("make"))
    after = _waits_after(lambda: step(make_typed).named("make"))
    assert await _changed_between(bench, before, after) == [{"name": "Ada", "plan": "free"}]


@dataclass
class User:
    name: str
    plan: str = "free"


@pytest.mark.parametrize("change", ["renamed", "reordered", "removed"])
async def test_s002_p03_23_and_p07_changes_that_are_caught(bench: Bench, change: str) -> None:
    """The run is held with an incident that shows both sides; it is not lost, and goes on when a
    worker with fitting code comes.
    """

    def code(kind: str) -> Workflow[..., Any]:
        @workflow(name=f"caught-{change}")
        async def caught(given: None) -> Any:
            if kind == "right":
                await step(echo, 1).named("first")
                await step(echo, 2).named("second")
            elif kind == "renamed":
                await step(echo, 1).named("primary")
                await step(echo, 2).named("second")
            elif kind == "reordered":
                await step(echo, 2).named("second")
                await step(echo, 1).named("first")
            else:
                await step(echo, 2).named("second")
            await workflow.wait_for_event("go")
            return "done"

        return caught

    right = code("right")
    async with bench.worker(right):
        handle = await bench.start(right, None)
        await _status(handle, "waiting")
    async with bench.worker(code(change)):
        await handle.send_event("go")
        await _status(handle, "held")
        described = await handle.describe()
        assert "recorded: step first" in described.incident
        assert "produced: step" in described.incident
        assert "test_seed_002_versions.py:" in described.incident
        assert 'workflow.patched("' in described.incident
    async with bench.worker(right):
        assert await handle.result(20) == "done"


async def test_s002_23_open_runs_go_on_with_newer_code(bench: Bench) -> None:
    """The other policy for a version that nobody serves: a newer one takes its runs."""

    def code(version: int, **options: Any) -> Workflow[..., Any]:
        @workflow(name="continued-code", version=version, **options)
        async def continued(given: None) -> list[Any]:
            found = [await step(echo, 1).named("first")]
            await workflow.wait_for_event("go")
            return [*found, f"by the code of version {version}"]

        return continued

    async with bench.worker(code(1)):
        handle = await bench.start(code(1), None)
        await _status(handle, "waiting")
    async with bench.worker(code(2, continues=[1])):
        await handle.send_event("go")
        assert await handle.result(20) == [1, "by the code of version 2"]
        assert (await handle.describe()).run.version == 1


async def test_data_that_does_not_fit_holds_the_run(bench: Bench) -> None:
    """A typed failure that names member and version; nothing is lost."""

    @workflow(name="typed-input", version=4)
    async def typed(given: User) -> str:
        return given.name

    async with bench.worker(typed):
        handle = await bench.start(typed, {"name": 5})
        await _status(handle, "held")
        incident = (await handle.describe()).incident
        assert "version 4" in incident
        assert "name" in incident
        await bench.client.answer(handle.run_id, key="decision", answer="fail")


async def test_markers_let_open_runs_keep_the_old_way(bench: Bench) -> None:
    def code(*, changed: bool) -> Workflow[..., Any]:
        @workflow(name="patched")
        async def patched(given: None) -> list[Any]:
            found = []
            if changed and workflow.patched("two-phase"):
                found.append(await step(echo, "prepared").named("prepare"))
            else:
                found.append(await step(echo, "at once").named("all"))
            await workflow.wait_for_event("go")
            if changed and workflow.patched("two-phase"):
                found.append(await step(echo, "committed").named("commit"))
            return found

        return patched

    old, new = code(changed=False), code(changed=True)
    async with bench.worker(old):
        before = await bench.start(old, None)
        await _status(before, "waiting")
    async with bench.worker(new):
        after = await bench.start(new, None)
        for handle in (before, after):
            await handle.send_event("go")
        assert await before.result(20) == ["at once"]
        assert await after.result(20) == ["prepared", "committed"]


async def test_s002_35_wrong_and_right(bench: Bench) -> None:
    """The clock and chance used directly are refused with what to use instead; from a step, or by
    the workflow's own words, they are recorded.
    """
    import random
    import time
    import uuid

    @workflow(name="direct")
    async def direct(given: str) -> Any:
        try:
            if given == "clock":
                time.time()
            elif given == "id":
                uuid.uuid4()
            elif given == "chance":
                random.random()
            elif given == "file":
                open("x")  # noqa: SIM115, ASYNC230
            elif given == "sleep":
                time.sleep(0)  # noqa: ASYNC251
            elif given == "thread":
                await asyncio.to_thread(print)
        except NotDeterministic as refused:
            return str(refused)
        return None

    async with bench.worker(direct):
        for given, instead in {
            "clock": "workflow.now()",
            "id": "workflow.uuid4()",
            "chance": "workflow.random()",
            "file": "await step(",
            "sleep": "await asyncio.sleep(",
            "thread": "await step(",
        }.items():
            said = await (await bench.start(direct, given)).result(20)
            assert instead in str(said), (given, said)

    @workflow(name="recorded-values")
    async def recorded(given: None) -> bool:
        made = await step(lambda: str(uuid.uuid4())).named("generate_id")
        again = await step(echo, made).named("save")
        return made == again and workflow.now().tzinfo is not None

    assert await bench.result(recorded, None) is True


def test_datetime_now_is_found_when_the_workflow_is_made() -> None:
    import datetime

    async def looks(given: None) -> bool:
        return datetime.datetime.now(datetime.UTC).hour > 12

    with pytest.raises(DefinitionError, match=r"workflow\.now\(\)"):
        workflow(looks)


async def test_a_workflow_that_hogs_the_processor_stops_nobody(bench: Bench) -> None:
    """It is found, reported with its stack, and the others go on. (In the kit, which has no threads
    for code, only the others run.)
    """
    in_kit = bench.now().year == 2026 and bench.now().month == 1

    @workflow(name="hog")
    async def hog(given: None) -> None:
        while True:
            pass

    @workflow(name="modest")
    async def modest(given: int) -> int:
        return await step(echo, given)  # type: ignore[no-any-return]

    async with bench.worker(hog, modest):
        stuck = None if in_kit else await bench.start(hog)
        others = [await bench.start(modest, number) for number in range(5)]
        assert [await one.result(20) for one in others] == list(range(5))
        if stuck is not None:
            assert "in hog" in await _where_blocked(stuck)
            await stuck.terminate("enough")


async def test_code_that_was_quick_and_hogs_the_worker_is_stopped(bench: Bench) -> None:
    """It runs on the worker's own loop by then. (In the kit nobody would stop it.)"""
    in_kit = bench.now().year == 2026 and bench.now().month == 1
    threads: list[str] = []

    @workflow(name="moody")
    async def moody(given: int) -> int:
        threads.append(threading.current_thread().name)
        while given < 0:
            pass
        return await step(echo, given)  # type: ignore[no-any-return]

    async with bench.worker(moody):
        for number in range(2 * TRIALS):
            assert await (await bench.start(moody, number)).result(20) == number
        if in_kit:
            return
        stuck = await bench.start(moody, -1)
        assert threads[0] == "treadle-workflows"
        assert threads[-1] == threading.current_thread().name
        assert "in moody" in await _where_blocked(stuck)
        assert await (await bench.start(moody, 5)).result(20) == 5
        assert threads[-1] == "treadle-workflows"
        await stuck.terminate("enough")


async def _where_blocked(run: RunHandle) -> str:
    """The stack that the server was told of code that did not come back."""
    for _ in range(300):
        [decision] = (await run.describe()).message.pending_activities
        if decision.HasField("last_failure"):
            assert decision.last_failure.kind == "treadle.CodeBlocked"
            return str(decision.last_failure.stack_trace)
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was told")


async def test_continue_as_new_hands_events_on(bench: Bench) -> None:
    """Runs of bounded history: what was not consumed is the next run's."""

    @workflow(name="counter")
    async def counter(given: dict[str, int]) -> int:
        total, left = given["total"], given["rounds"]
        event = await workflow.wait_for_event("add")
        total += event["n"]
        if left > 1:
            workflow.continue_as_new({"total": total, "rounds": left - 1})
        return int(total)

    async with bench.worker(counter):
        handle = await bench.start(counter, {"total": 0, "rounds": 3}, workflow_id="counter-1")
        for number in (1, 2, 3):
            await bench.client.send_event("add", {"n": number}, workflow_id="counter-1")
        assert await handle.result(20) == 6
        assert (await handle.describe()).status == "continued"


async def test_updates_are_answered_once(bench: Bench) -> None:
    """Validated, synchronous; the same update id gets the same answer."""
    from treadle.errors import ApplicationError, UpdateFailed

    @workflow(name="cart-with-updates")
    async def cart(given: None) -> list[str]:
        items: list[str] = []

        def check(item: str) -> None:
            if not item:
                raise ApplicationError("say what", kind="Empty")

        @workflow.on_update(validator=check)
        async def add(item: str) -> int:
            items.append(await step(echo, item))
            return len(items)

        await workflow.wait_for_event("checkout")
        return items

    async with bench.worker(cart):
        handle = await bench.start(cart)
        assert await handle.update("add", "apple", update_id="u1", timeout=20) == 1
        assert await handle.update("add", "apple", update_id="u1", timeout=20) == 1
        assert await handle.update("add", "pear", timeout=20) == 2
        with pytest.raises(UpdateFailed, match="say what"):
            await handle.update("add", "", timeout=20)
        with pytest.raises(UpdateFailed, match="InvalidInput"):
            await handle.update("add", 5, timeout=20)
        await handle.send_event("checkout")
        assert await handle.result(20) == ["apple", "pear"]
        assert await handle.update("add", "apple", update_id="u1", timeout=20) == 1
        with pytest.raises(Conflict):
            await handle.update("add", "late", timeout=20)


async def _status(handle: Any, word: str) -> None:
    for _ in range(400):
        if (await handle.describe()).status == word:
            return
        await asyncio.sleep(0.02)
    described = await handle.describe()
    raise AssertionError(f"it is {described.status}, not {word}: {described.failure}")


def test_the_state_is_in_the_document() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        @workflow(name="stated", version=2, state="deprecated", run_timeout="1h")
        async def stated(given: None) -> None: ...

    document = stated.document()
    assert (document["state"], document["version"], document["run_timeout"]) == (
        "deprecated",
        2,
        3600.0,
    )
