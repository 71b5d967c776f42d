"""A worker that knows after which step the code ends reports both together, and nobody notices."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from treadle import step, workflow
from treadle._code.replayer import Replayer
from treadle._worker.decisions import Decisions
from treadle._worker.feeds import Blocked
from treadle.errors import ApplicationError
from treadle.testing import Kit, RunRecord, run_in_virtual_time
from treadle.v1.decision_pb2 import DecisionReport
from treadle.v1.worker_service_pb2 import TaskResult


def work(value: int) -> int:
    if value < 0:
        raise ApplicationError("negative", kind="Negative")
    return value + 1


def undo(value: int) -> None:
    """Undoes `work`."""


@workflow
async def straight(given: int) -> int:
    first: int = await step(work, given)
    second: int = await step(work, first)
    return second


@workflow
async def some_go_on(given: int) -> int:
    first: int = await step(work, given)
    if given <= 5:
        return first
    second: int = await step(work, first)
    return second


@workflow
async def reads_the_time(given: int) -> str:
    await step(work, given)
    return workflow.now().isoformat()


@workflow
async def fails_after(given: int) -> None:
    await step(work, given)
    raise ApplicationError(f"never with {given}", kind="Never")


@workflow
async def undoes(given: int) -> None:
    await step(work, given).compensate(undo)
    raise ApplicationError("no", kind="Never")


@workflow
async def answers(given: int) -> int:
    seen = [given]

    @workflow.on_update()
    def add(value: int) -> int:
        seen.append(value)
        return len(seen)

    await step(pause, given)
    return len(seen)


async def pause(value: int) -> None:
    await asyncio.sleep(0.2)


class Reports(list[DecisionReport]):
    """What workers reported of decisions."""

    def of_last_run(self) -> list[bool]:
        """Of each report, whether it had an end that was foreseen."""
        return [bool(one.ending) for one in self]


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> Reports:
    found = Reports()
    send = Decisions._send

    async def note(self: Decisions, held: Any, result: TaskResult) -> Any:
        found.append(result.decided)
        return await send(self, held, result)

    monkeypatch.setattr(Decisions, "_send", note)
    return found


def records(made: Any, *given: Any, reports: Reports, **options: Any) -> list[RunRecord]:
    """The records of runs one after the other; `reports` has those of the last."""

    async def main() -> list[RunRecord]:
        found = []
        async with Kit([made], **options) as kit:
            for one in given:
                reports.clear()
                found.append(await kit.run(made, one))
        return found

    return run_in_virtual_time(main())


def test_the_second_run_ends_with_the_report_of_its_last_step(reports: Reports) -> None:
    first, second = records(straight, 1, 1, reports=reports)
    assert reports.of_last_run() == [False, True]
    assert second.output == first.output == 3
    assert [event.WhichOneof("kind") for event in second.events] == [
        event.WhichOneof("kind") for event in first.events
    ]
    assert second.commands == first.commands == ["step work", "step work", "complete run"]


def test_a_failure_is_an_end_too(reports: Reports) -> None:
    *_, last = records(fails_after, 1, 2, reports=reports)
    assert reports.of_last_run() == [True]
    assert last.state == "FAILED"
    assert last.failure is not None
    assert last.failure.message == "never with 2"


def test_a_step_that_fails_is_no_end(reports: Reports) -> None:
    *_, last = records(straight, 1, -1, reports=reports)
    assert reports.of_last_run() == [False, False]
    assert last.failure is not None
    assert last.failure.kind == "Negative"


def test_code_that_goes_on_after_all_is_asked_again_and_not_believed_any_more(
    reports: Reports,
) -> None:
    found = records(some_go_on, 1, 1, 7, 1, reports=reports)
    assert [one.output for one in found] == [2, 2, 9, 2]
    assert reports.of_last_run() == [False, False]
    assert found[2].commands == ["step work", "step work", "complete run"]


def test_the_time_after_a_step_is_that_of_its_outcome(reports: Reports) -> None:
    for found in records(reads_the_time, 1, 1, 1, reports=reports):
        [completed] = found.of_kind("activity_completed")[-1:]
        assert found.output == completed.time.ToDatetime().isoformat() + "+00:00"
    assert reports.of_last_run() == [False, False]


def test_what_is_to_be_undone_is_undone(reports: Reports) -> None:
    for found in records(undoes, 1, 1, 1, reports=reports):
        assert found.compensation_ran("work")
        assert found.state == "FAILED"


def test_code_that_breaks_when_it_goes_ahead_has_reported_its_step(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(*_: object) -> bool:
        raise Blocked("", 2)

    monkeypatch.setattr(Replayer, "foresee", hangs)
    *_, last = records(straight, 1, 1, reports=reports)
    assert reports.of_last_run() == [False, False, False]
    assert last.output == 3


def test_an_update_during_the_last_step_is_not_lost(reports: Reports) -> None:
    async def main() -> tuple[Any, Any]:
        async with Kit([answers]) as kit:
            for _ in range(2):
                await kit.run(answers, 0)
            reports.clear()
            handle = await kit.start(answers, 0)
            await asyncio.sleep(0.1)
            answer = await handle.update("add", 1)
            return answer, await handle.result()

    assert run_in_virtual_time(main()) == (2, 2)
    # Its end was foreseen without the update, and was not taken.
    assert reports.of_last_run()[0] is True
    assert len(reports) > 1


def test_runs_that_are_always_replayed_do_without(reports: Reports) -> None:
    *_, last = records(straight, 1, 1, reports=reports, forgetful=True)
    assert last.output == 3
    assert not any(reports.of_last_run())
