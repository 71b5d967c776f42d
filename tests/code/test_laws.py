"""Laws of code: what it asks for follows from its history alone, and a change is always found."""

from __future__ import annotations

import asyncio
import random
import textwrap
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.code.programs import Program, interpret, programs
from treadle import Workflow
from treadle._code.mismatch import Mismatch
from treadle._code.replayer import Replayer
from treadle._code.run import RunInfo
from treadle.testing import Kit, RunRecord, VirtualTimeLoop
from treadle.v1 import event_pb2

NESTED_CANCEL = {
    "do": "cancel",
    "seconds": 2,
    "part": {"do": "timeout", "seconds": 1, "part": {"do": "sleep", "seconds": 5}},
}


def _run(main: Any) -> Any:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


async def _straight(program: Program, *, forgetful: bool = False) -> RunRecord:
    async with Kit([interpret], forgetful=forgetful) as kit:
        return await kit.run(interpret, program, workflow_id="w")


async def _crashed(program: Program, seed: int) -> RunRecord:
    chance = random.Random(seed)
    async with Kit([interpret]) as kit:
        for name in ("echo", "fail", "undo"):
            kit.kill_worker(name)
        handle = await kit.start(interpret, program, workflow_id="w")
        for _ in range(3):
            await asyncio.sleep(chance.uniform(0, 3))
            await kit.crash_server()
        return await kit.finish(handle)


def _replayed(workflow: Workflow[..., Any], events: Sequence[event_pb2.Event]) -> list[str]:
    """What the code asks for when it is fed this history, one event at a time."""
    started = events[0].run_started
    info = RunInfo("r", started.workflow_id, started.workflow, started.version)
    whole, piecewise = Replayer(workflow, info), Replayer(workflow, info)
    whole.feed(events)
    for event in events:
        piecewise.feed([event])
    assert whole.next_index == piecewise.next_index
    asked = [
        command
        for event in events
        if event.HasField("decision_completed")
        for command in event.decision_completed.commands
    ]
    assert len(asked) == whole.next_index
    return asked


@settings(max_examples=120)
@given(program=programs())
@example(program=NESTED_CANCEL)
def test_straight_and_evicted_ask_for_the_same(program: Program) -> None:
    """Whether the run stays in memory or is replayed at every event: the same commands in the same
    order, and the same end.
    """
    straight = _run(_straight(program))
    evicted = _run(_straight(program, forgetful=True))
    assert straight.state in ("COMPLETED", "FAILED")
    assert evicted.commands == straight.commands
    assert (evicted.state, evicted.output) == (straight.state, straight.output)
    assert _replayed(interpret, straight.events) == straight.commands


@settings(max_examples=60)
@given(program=programs(), seed=st.integers(0, 2**16))
def test_what_crashes_leave_can_be_replayed(program: Program, seed: int) -> None:
    """Over crashes of the server and deaths of workers, the run ends, and its history is one that
    the code asks for again, event by event.
    """
    crashed = _run(_crashed(program, seed))
    assert crashed.state in ("COMPLETED", "FAILED")
    assert _replayed(interpret, crashed.events) == crashed.commands


# --- changes --------------------------------------------------------------------------------------

_STATEMENTS = (
    'await step(echo, {n}).named("step {n}")',
    "await asyncio.sleep({n})",
    'await workflow.wait_for_event("event {n}", timeout=1)',
    'workflow.publish("value {n}", 1)',
    'await asyncio.gather(step(echo, 1).named("a {n}"), step(echo, 2).named("b {n}"))',
)

_HEAD = """\
import asyncio
from treadle import step, workflow

async def echo(value):
    return value

@workflow(name="changing")
async def changing(given):
"""


def _compiled(lines: Sequence[str], file: str) -> Workflow[..., Any]:
    source = _HEAD + textwrap.indent("\n".join([*lines, "return 1"]), "    ")
    scope: dict[str, Any] = {"__name__": "changing_workflow"}
    exec(compile(source, file, "exec"), scope)
    found: Workflow[..., Any] = scope["changing"]
    return found


def _line(number: int) -> int:
    return _HEAD.count("\n") + number + 1


async def _recorded(workflow: Workflow[..., Any]) -> Sequence[event_pb2.Event]:
    async with Kit([workflow]) as kit:
        return (await kit.run(workflow)).events


@settings(max_examples=60)
@given(
    chosen=st.lists(st.sampled_from(_STATEMENTS), min_size=2, max_size=7),
    data=st.data(),
    change=st.sampled_from(["rename", "remove", "insert", "swap"]),
)
def test_a_change_is_found_at_its_line(chosen: list[str], data: st.DataObject, change: str) -> None:
    """A workflow that was changed does not go on with a history of the old one, and the message
    names the line where it first asks for something else.
    """
    lines = [statement.format(n=number + 1) for number, statement in enumerate(chosen)]
    place = data.draw(st.integers(0, len(lines) - 1))
    changed = list(lines)
    match change:
        case "rename":
            changed[place] = 'await step(echo, 0).named("another")'
        case "insert":
            changed.insert(place, 'workflow.publish("inserted", 1)')
        case "remove":
            del changed[place]
        case "swap":
            other = (place + 1) % len(lines)
            changed[place], changed[other] = changed[other], changed[place]
    events = _run(_recorded(_compiled(lines, "old.py")))
    asked, expected = _asked(lines), _asked(changed)
    if [command for command, _ in asked] == [command for command, _ in expected]:
        return  # two sleeps are one like the other
    with pytest.raises(Mismatch) as caught:
        _replayed(_compiled(changed, "new.py"), events)
    first = next(
        number
        for number in range(max(len(asked), len(expected)))
        if number >= min(len(asked), len(expected)) or asked[number][0] != expected[number][0]
    )
    line = expected[first][1] if first < len(expected) else None
    if line is not None:
        assert f"new.py:{line}," in caught.value.message, caught.value.message
    assert "patched" in caught.value.message


def _asked(lines: Sequence[str]) -> list[tuple[str, int | None]]:
    """The commands that these lines ask for, in order, and the line of each."""
    found: list[tuple[str, int | None]] = []
    for number, line in enumerate(lines):
        n = "".join(letter for letter in line.split("named")[-1] if letter.isdigit())
        at = _line(number)
        if "gather" in line:
            found += [(f"step a {n}", at), (f"step b {n}", at)]
        elif "another" in line:
            found.append(("step another", at))
        elif "step(" in line:
            found.append((f"step step {n}", at))
        elif "sleep" in line:
            found.append(("timer", at))
        elif "wait_for" in line:
            found.append((line.split('"')[1], at))
        else:
            found.append((line.split('"')[1], at))
    return [*found, ("complete run", None)]
