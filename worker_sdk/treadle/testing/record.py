"""What a run did, read from its history: for a test's assertions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from treadle._client import values
from treadle.client import RunDescription
from treadle.failure import Failure
from treadle.replaying import History
from treadle.v1 import event_pb2

_DECISION = "decision"
"""The key of what runs code; no work of the workflow's."""

_ENDS = {
    "activity_completed": "completed",
    "activity_failed": "failed",
    "attempt_failed": "failed",
    "activity_cancelled": "cancelled",
    "activity_requeued": "returned",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an activity."""

    key: str
    """The node, in a graph; `node#2` in a loop's second turn, `node[17]` in a map."""
    activity: str
    number: int
    """As the retry policy counts, from 1."""
    outcome: str
    """completed, failed, cancelled, returned, lost, or open."""
    started: datetime
    ended: datetime | None
    first_seq: int
    last_seq: int

    @property
    def duration(self) -> timedelta | None:
        """None while it is open."""
        return None if self.ended is None else self.ended - self.started


class RunRecord:
    """A run as it is on the journal."""

    def __init__(self, description: RunDescription, events: Sequence[event_pb2.Event]) -> None:
        self.description = description
        self.events = History(events, run_id=description.run_id)
        self.attempts: tuple[Attempt, ...] = tuple(_attempts(events))
        """Every attempt, in the order in which they began."""

    def __repr__(self) -> str:
        return f"<RunRecord {self.run_id} {self.state}>"

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.description.run_id

    @property
    def state(self) -> str:
        """COMPLETED, FAILED, CANCELLED, TIMED_OUT, TERMINATED, or RUNNING."""
        return self.description.state.name

    @property
    def output(self) -> Any:
        """What it came to; None unless it completed."""
        return self.description.output

    @property
    def failure(self) -> Failure | None:
        """Why it failed."""
        return self.description.failure

    @property
    def nodes(self) -> dict[str, str]:
        """State by node, for a graph."""
        return dict(self.description.nodes)

    @property
    def duration(self) -> timedelta | None:
        """From its start to its end; None while it runs."""
        run = self.description.run
        return None if run.end_time is None else run.end_time - run.start_time

    def step_completed(self, name: str) -> bool:
        """Whether a step or activity of this name completed. For code."""
        return any(
            one.activity_completed.type == name for one in self.of_kind("activity_completed")
        )

    def compensation_ran(self, name: str) -> bool:
        """Whether what the step or activity of this name did was undone. For code."""
        scheduled = {
            one.activity_scheduled.key: one.activity_scheduled
            for one in self.of_kind("activity_scheduled")
        }
        undone = {
            scheduled[key].compensates
            for one in self.of_kind("activity_completed")
            if (key := one.activity_completed.key) in scheduled
        }
        return any(one.type == name and one.key in undone for one in scheduled.values())

    @property
    def commands(self) -> list[str]:
        """What the code asked for, in order."""
        return [
            command
            for one in self.of_kind("decision_completed")
            for command in one.decision_completed.commands
        ]

    @property
    def order(self) -> list[str]:
        """Keys of the activities that completed, in the order in which they did."""
        return [one.activity_completed.key for one in self.of_kind("activity_completed")]

    def attempts_at(self, name: str) -> list[Attempt]:
        """The attempts at a node or at an activity of this name."""
        return [one for one in self.attempts if name in (one.key, one.activity)]

    def count(self, name: str) -> int:
        """How many attempts there were at a node or at an activity of this name."""
        return len(self.attempts_at(name))

    def overlapped(self, *names: str) -> bool:
        """Whether there was a moment at which an attempt at each of these was open."""
        found = [self.attempts_at(name) for name in names]
        if not all(found):
            return False
        began = max(attempts[0].first_seq for attempts in found)
        return all(any(one.first_seq <= began < one.last_seq for one in some) for some in found)

    def of_kind(self, kind: str) -> list[event_pb2.Event]:
        """The events of one kind, by its name in the contract."""
        return [one for one in self.events if one.WhichOneof("kind") == kind]


def _attempts(events: Sequence[event_pb2.Event]) -> list[Attempt]:
    after = (events[-1].seq if events else 0) + 1
    ends = {}
    for event in events:
        kind = event.WhichOneof("kind")
        if kind in _ENDS:
            change: Any = getattr(event, kind)
            lost = kind == "attempt_failed" and change.lost
            ends[change.key, change.lease] = (event, "lost" if lost else _ENDS[kind])
    found = []
    for event in events:
        if event.WhichOneof("kind") != "attempt_started":
            continue
        start = event.attempt_started
        if start.key == _DECISION:
            continue
        end, outcome = ends.get((start.key, start.lease), (None, "open"))
        found.append(
            Attempt(
                key=start.key,
                activity=start.type,
                number=start.attempt,
                outcome=outcome,
                started=values.time(event.time),
                ended=None if end is None else values.time(end.time),
                first_seq=event.seq,
                last_seq=after if end is None else end.seq,
            )
        )
    return found
