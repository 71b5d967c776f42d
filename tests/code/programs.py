"""Random workflows: a program is a tree of what code can do, and one workflow carries any of them
out.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import strategies as st

from treadle import step, workflow
from treadle.errors import ApplicationError, StepFailed

Program = dict[str, Any]


async def echo(value: Any) -> Any:
    return value


async def fail(value: Any) -> None:
    raise ApplicationError(f"told to, by {value}", kind="Told")


def undo(value: Any) -> None:
    """Undoes a step."""


@workflow
async def interpret(program: Program) -> Any:
    """Carries a program out; what it gives says everything that happened on the way."""
    said: list[Any] = []
    await _run(program, said)
    return said


async def _run(program: Program, said: list[Any]) -> None:
    match program["do"]:
        case "step":
            call = step(echo, program["value"]).named(f"step {program['value']}")
            said.append(await (call.compensate(undo) if program["undo"] else call))
        case "fail":
            await step(fail, program["value"])
        case "sleep":
            await asyncio.sleep(program["seconds"])
            said.append(f"slept {program['seconds']}")
        case "wait":
            found = await workflow.wait_for_event(program["name"], timeout=program["seconds"])
            said.append(f"got {found}")
        case "send":
            workflow.send_event(program["name"], program["value"], to=workflow.info().workflow_id)
        case "publish":
            workflow.publish("said", len(said))
        case "sequence":
            for part in program["parts"]:
                await _run(part, said)
        case "gather":
            parts = [_run(part, said) for part in program["parts"]]
            outcomes = await asyncio.gather(*parts, return_exceptions=program["quiet"])
            said.append([type(one).__name__ for one in outcomes])
        case "group":
            try:
                async with asyncio.TaskGroup() as group:
                    for part in program["parts"]:
                        group.create_task(_run(part, said))
            except* StepFailed as failed:
                said.append(f"{len(failed.exceptions)} failed")
        case "timeout":
            try:
                async with asyncio.timeout(program["seconds"]):
                    await _run(program["part"], said)
            except TimeoutError:
                said.append("too late")
        case "cancel":
            task = asyncio.create_task(_run(program["part"], said))
            await asyncio.sleep(program["seconds"])
            task.cancel()
            done, _ = await asyncio.wait([task])
            said.append([one.cancelled() for one in done])
        case "try":
            try:
                await _run(program["part"], said)
            except StepFailed as failed:
                said.append(f"caught {failed.kind}")


_seconds = st.integers(1, 5)
_names = st.sampled_from(["x", "y"])
_values = st.integers(0, 9)

_leaves = st.one_of(
    st.builds(
        lambda value, undo: {"do": "step", "value": value, "undo": undo}, _values, st.booleans()
    ),
    st.builds(lambda value: {"do": "fail", "value": value}, _values),
    st.builds(lambda seconds: {"do": "sleep", "seconds": seconds}, _seconds),
    st.builds(
        lambda name, seconds: {"do": "wait", "name": name, "seconds": seconds}, _names, _seconds
    ),
    st.builds(lambda name, value: {"do": "send", "name": name, "value": value}, _names, _values),
    st.just({"do": "publish"}),
)


def _composed(parts: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
    some = st.lists(parts, min_size=1, max_size=4)
    return st.one_of(
        st.builds(lambda parts: {"do": "sequence", "parts": parts}, some),
        st.builds(
            lambda parts, quiet: {"do": "gather", "parts": parts, "quiet": quiet},
            some,
            st.booleans(),
        ),
        st.builds(lambda parts: {"do": "group", "parts": parts}, some),
        st.builds(
            lambda part, seconds: {"do": "timeout", "part": part, "seconds": seconds},
            parts,
            _seconds,
        ),
        st.builds(
            lambda part, seconds: {"do": "cancel", "part": part, "seconds": seconds},
            parts,
            _seconds,
        ),
        st.builds(lambda part: {"do": "try", "part": part}, parts),
    )


def programs() -> st.SearchStrategy[Program]:
    """Programs of up to a few dozen parts."""
    return st.recursive(_leaves, _composed, max_leaves=12)
