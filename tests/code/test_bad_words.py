"""What code cannot ask for is refused where it asks, with what to say instead."""

from __future__ import annotations

import math
from typing import Any

import pytest

from treadle import step, workflow
from treadle.errors import DefinitionError
from treadle.testing import Kit, virtual_time

from .test_queues import greet, greets


def plain(name: str) -> str:
    return name


@pytest.mark.parametrize("what", [plain, greets, 7, None])
def test_what_is_no_activity(what: Any) -> None:
    """A workflow has a name as well: workers were asked for an activity called so, for ever."""
    with pytest.raises(DefinitionError, match="is no activity: decorate the function"):
        workflow.activity(what, "Ada")


@pytest.mark.parametrize("time", [math.inf, -math.inf, math.nan])
def test_what_is_no_duration(time: float) -> None:
    with pytest.raises(DefinitionError, match="is no duration"):
        step(plain, "Ada").timeout(time)


@workflow
async def starts(how: str) -> None:
    child: Any = greet if how == "kind" else "greets"
    await workflow.start_child(child, "Ada", on_parent_end="cancel" if how == "kind" else how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("kind", "<Activity greet> cannot be a child: give a workflow, or the name of one"),
        ("stop", "on_parent_end is one of 'terminate', 'cancel', 'abandon', not 'stop'"),
    ],
)
@virtual_time
async def test_what_is_no_child(how: str, why: str) -> None:
    async with Kit([starts]) as kit:
        failure = (await kit.run(starts, how)).failure
        assert failure is not None
        assert (failure.kind, failure.message) == ("DefinitionError", why)


@workflow
async def sends(to: str) -> None:
    workflow.send_event("paid", 1, to=to)


@virtual_time
async def test_an_event_to_nobody_goes_to_nobody() -> None:
    """It went to all that wait for one of its name."""
    async with Kit([sends]) as kit:
        failure = (await kit.run(sends, "")).failure
        assert failure is not None
        assert failure.message == "to='' names no run; leave it out to send to all that wait"
