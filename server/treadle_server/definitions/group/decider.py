"""What a run group does: starts its members in slices, waits, stops the rest or leaves it, ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from treadle_server.definitions.expression import ExpressionFailed
from treadle_server.definitions.graph.bindings import read_json, write_json
from treadle_server.engine.commands import (
    CloseGroup,
    Command,
    CompleteRun,
    FailRun,
    StartChild,
    StartGroup,
    StartTimer,
    Stop,
)
from treadle_server.engine.decider import Decider
from treadle_server.engine.facts import Fact
from treadle_server.engine.group import DURATION, GroupProgress
from treadle_server.engine.state import RunState
from treadle_server.engine.values import (
    NULL,
    Duration,
    Failure,
    FailureKind,
    ParentClosePolicy,
)

GROUP = "treadle.group"
"""The workflow's name. Nobody can deploy one of it."""


@dataclass(slots=True, frozen=True)
class GroupDefinition:
    """The one there is."""

    name: str = GROUP
    description: str = "Many runs at once"
    document: bytes = b"{}"
    content_hash: str = ""
    run_timeout: Duration | None = None


class GroupDecider(Decider):
    """Decides for all run groups."""

    def decide(self, state: RunState, facts: Sequence[Fact]) -> list[Command]:
        """See `engine.decider.Decider`."""
        [(_, limit)] = facts
        group = state.group
        try:
            if group.started is None:
                return self._begin(state)
            if group.reason:
                return self._wind_up(state, group, limit)
            if group.over:
                return [CloseGroup(group.over)]
            return self._start_members(state, group, limit)
        except (ExpressionFailed, KeyError, TypeError) as error:
            text = f"this is no input of a run group: {error}"
            return [FailRun(Failure(kind=FailureKind.INVALID_INPUT, message=text))]

    @staticmethod
    def _begin(state: RunState) -> list[Command]:
        given: Any = read_json(state.input, "the group's input")
        duration = given.get("duration")
        begin = StartGroup(
            total=len(given["items"]),
            quota=given.get("quota", 0),
            counts_ended=given.get("counts_ended", False),
            leaves=given.get("leaves", False),
            duration=duration,
        )
        timer = [StartTimer(DURATION, NULL, duration)] if duration else []
        return [begin, *timer]

    @staticmethod
    def _start_members(state: RunState, group: GroupProgress, limit: int) -> list[Command]:
        given: Any = read_json(state.input, "the group's input")
        assert group.started is not None, "it has begun"
        policy = ParentClosePolicy.ABANDON if group.started.leaves else ParentClosePolicy.CANCEL
        first = len(group.members)
        return [
            StartChild(
                str(number),
                item["workflow"],
                item.get("version", 0),
                item.get("workflow_id", ""),
                write_json(item.get("input")),
                policy,
                awaited=True,
            )
            for number, item in enumerate(given["items"][first : first + limit], first)
        ]

    @staticmethod
    def _wind_up(state: RunState, group: GroupProgress, limit: int) -> list[Command]:
        assert group.started is not None, "it has begun"
        if group.started.leaves or not group.open:
            return [CompleteRun(write_json(summary(group)))]
        running = (key for key, child in state.children.items() if not child.cancelling)
        return [Stop(key) for key, _ in zip(running, range(limit), strict=False)]


def summary(group: GroupProgress) -> dict[str, Any]:
    """What became of the members, in numbers, and why the waiting is over."""
    total = 0 if group.started is None else group.started.total
    counts = {end.name.lower(): count for end, count in sorted(group.ended.items()) if count}
    return {
        "reason": group.reason or group.over,
        "total": total,
        "running": group.open,
        "not_started": total - len(group.members),
        **counts,
    }
