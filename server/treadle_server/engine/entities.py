"""What a run has open: activities, timers, waits for external events, children.

Each is made by one event, found by its key, and gone with its closing event.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.events import (
    ActivityScheduled,
    ChildRequested,
    CompensationRegistered,
)
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import Failure, Instant, Payload

DECISION = "decision"
"""The key of the activity that runs code. A node may have this name, too: see `is_decision`."""


def decision_type(workflow: str, version: int) -> str:
    """What a worker must have registered to run code."""
    return f"{_DECISION_TYPE}{workflow} {version}"


_DECISION_TYPE = "workflow "


def held_type(type_name: str) -> str:
    """The lane of decisions of this type that wait for other code; no worker has this type."""
    return f"held {type_name}"


QueuePlace = tuple[str, str, int, Instant, str]
"""Where an activity waits: (queue, type, priority, ready_time, key)."""


@dataclass(slots=True)
class Activity:
    """An open activity. What was asked for is in `scheduled`; the rest is how it stands."""

    scheduled: ActivityScheduled
    ready_time: Instant
    stage: ActivityStage = ActivityStage.QUEUED
    attempt: int = 0
    """Attempts that count, the open one included."""
    lease: int = 0
    lost_in_a_row: int = 0
    started_time: Instant = 0
    waiting_since_time: Instant | None = None
    until: Instant = 0
    """The end of the lease as granted, or as renewed since; renewals are not folded."""
    session_id: str = ""
    identity: str = ""
    last_failure: Failure | None = None
    held_time: Instant = 0
    """While HELD: since when; 0 if that was recorded before it was known."""
    heartbeat_time: Instant = 0
    """Not folded: when the worker was last heard of. At least `started_time` while leased."""
    due_time: Instant | None = None
    """Not folded: the entry of the due heap that counts."""

    @property
    def is_decision(self) -> bool:
        """Whether it is code that is asked how its run goes on."""
        scheduled = self.scheduled
        return scheduled.key == DECISION and scheduled.type.startswith(_DECISION_TYPE)

    @property
    def place(self) -> QueuePlace | None:
        """Its place in a queue, or None if it is not waiting for a worker."""
        scheduled = self.scheduled
        if self.stage is ActivityStage.HELD and self.is_decision:
            # Not for any worker that asks, but to be found when one with other code comes.
            lane = held_type(scheduled.type)
            return (scheduled.queue, lane, scheduled.priority, self.ready_time, DECISION)
        if self.stage is not ActivityStage.QUEUED or scheduled.local:
            return None
        return (scheduled.queue, scheduled.type, scheduled.priority, self.ready_time, scheduled.key)

    @property
    def give_up_time(self) -> Instant | None:
        """When schedule_to_close runs out."""
        scheduled = self.scheduled
        timeout = scheduled.schedule_to_close_timeout
        if timeout is None:
            return None
        # A delay that was asked for does not count.
        return (scheduled.start_time or scheduled.time) + timeout

    @property
    def counted_from(self) -> Instant:
        """When the time of the open attempt began: of a decision, when its worker last reported,
        which is no event if it had nothing to say.
        """
        return self.heartbeat_time if self.is_decision else self.started_time

    @property
    def attempt_deadline(self) -> Instant:
        """When the open attempt is timed out: start_to_close, or schedule_to_close if that is
        sooner.
        """
        deadline = self.counted_from + self.scheduled.start_to_close_timeout
        give_up_time = self.give_up_time
        return deadline if give_up_time is None else min(deadline, give_up_time)


START = "start"
"""The key of the timer that a run's beginning waits for. No node has this name."""


@dataclass(slots=True)
class Timer:
    """An open timer."""

    key: str
    started_time: Instant
    due_time: Instant
    output: Payload
    """What it gives when it fires."""


@dataclass(slots=True)
class Wait:
    """An open wait for an external event of this name."""

    key: str
    started_time: Instant
    name: str
    due_time: Instant | None
    """When it times out; None: never."""
    filter: str = ""
    """Of code: CEL over `event`."""


@dataclass(slots=True)
class ReceivedEvent:
    """An external event that no wait has consumed yet."""

    event_id: str
    name: str
    payload: Payload
    time: Instant = 0


@dataclass(slots=True)
class Child:
    """A run that was asked for and whose outcome is awaited, or that has not started yet."""

    requested: ChildRequested
    started: bool = False
    cancelling: bool = False


@dataclass(slots=True)
class Undo:
    """A completed node that can be undone, and how far that has come."""

    registered: CompensationRegistered
    started: bool = False
    undone: bool = False
