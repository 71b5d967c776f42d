"""The state of one run: what the fold over its events gives.

`evolve` (in `evolve.py`) changes it in place and is the only thing that does, except for what is
marked as *not folded*: caches and clocks that a restart may forget.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

from treadle_server.engine.events import ActivityScheduled
from treadle_server.engine.graph import GraphProgress
from treadle_server.engine.transitions import ENDED, ActivityStage, RunStage
from treadle_server.engine.values import Failure, Instant, Payload

QueuePlace = tuple[str, str, int, Instant, str]
"""Where an activity waits: (queue, type, priority, ready_time, key)."""

_COMPACT_AT = 64


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
    heartbeat_time: Instant = 0
    """Not folded: when the worker was last heard of. At least `started_time` while leased."""
    due_time: Instant | None = None
    """Not folded: the entry of the due heap that counts."""

    @property
    def place(self) -> QueuePlace | None:
        """Its place in a queue, or None if it is not waiting for a worker."""
        if self.stage is not ActivityStage.QUEUED:
            return None
        scheduled = self.scheduled
        return (scheduled.queue, scheduled.type, scheduled.priority, self.ready_time, scheduled.key)

    @property
    def give_up_time(self) -> Instant | None:
        """When schedule_to_close runs out."""
        timeout = self.scheduled.schedule_to_close_timeout
        return None if timeout is None else self.scheduled.time + timeout

    @property
    def attempt_deadline(self) -> Instant:
        """When the open attempt is timed out: start_to_close, or schedule_to_close if that is
        sooner.
        """
        deadline = self.started_time + self.scheduled.start_to_close_timeout
        give_up_time = self.give_up_time
        return deadline if give_up_time is None else min(deadline, give_up_time)


@dataclass(slots=True)
class Ending:
    """Why and how a run is ending: `stage` is where it will arrive."""

    stage: RunStage
    failure: Failure | None = None
    node: str = ""
    reason: str = ""


@dataclass(slots=True)
class RunState:
    """See the module's docstring. `progress` is the part that differs by kind of definition."""

    run_id: bytes
    progress: GraphProgress
    stage: RunStage = RunStage.ABSENT
    seq: int = 0
    time: Instant = 0
    workflow: str = ""
    version: int = 0
    workflow_id: str = ""
    started_time: Instant = 0
    deadline: Instant | None = None
    input: Payload = field(default_factory=lambda: Payload(b"null"))
    activities: dict[str, Activity] = field(default_factory=dict)
    memory: dict[str, Payload] = field(default_factory=dict)
    last_lease: int = 0
    ending: Ending | None = None
    output: Payload | None = None
    incidents: dict[str, str] = field(default_factory=dict)
    """Key -> what happened, for each thing a person is asked about."""
    to_stop: deque[str] = field(default_factory=deque)
    """Not folded: activities that an ending run has yet to stop."""
    due: list[tuple[Instant, str]] = field(default_factory=list)
    """Not folded: a heap of (time, activity key). Entries that no longer count are passed over when
    they come up.
    """

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.stage in ENDED

    def push_due(self, activity: Activity, due_time: Instant | None) -> None:
        """Makes `due_time` the activity's only entry that counts."""
        activity.due_time = due_time
        if due_time is None:
            return
        if len(self.due) > _COMPACT_AT + 4 * len(self.activities):
            self.due = [
                (other.due_time, key)
                for key, other in self.activities.items()
                if other.due_time is not None
            ]
            heapq.heapify(self.due)
            if activity.scheduled.key in self.activities:
                return
        heapq.heappush(self.due, (due_time, activity.scheduled.key))

    def pop_due(self, now: Instant) -> Activity | None:
        """Takes the next activity that is due by `now`."""
        while self.due and self.due[0][0] <= now:
            due_time, key = heapq.heappop(self.due)
            activity = self.activities.get(key)
            if activity is not None and activity.due_time == due_time:
                return activity
        return None

    def next_to_stop(self) -> str | None:
        """Takes the next activity that an ending run has yet to stop."""
        key = self._peek_to_stop()
        if key is not None:
            self.to_stop.popleft()
        return key

    def _peek_to_stop(self) -> str | None:
        while self.to_stop:
            activity = self.activities.get(self.to_stop[0])
            # After a fold those are in the list, too, that were asked to stop already.
            if activity is not None and activity.stage is not ActivityStage.CANCELLING:
                return self.to_stop[0]
            self.to_stop.popleft()
        return None

    @property
    def unfinished(self) -> bool:
        """Whether the run itself has more to do: what one turn had no room for."""
        if self.stage is not RunStage.RUNNING:
            return False
        if self.ending is not None:
            return self._peek_to_stop() is not None or not self.activities
        return self.progress.undecided or self.progress.live == 0

    @property
    def wake_time(self) -> Instant | None:
        """When the run must be looked at again, at the latest; None if time changes nothing.

        That is at once if the last turn left something undone: whoever has forgotten that in a
        crash is told so.
        """
        if self.ended:
            return None
        if self.unfinished:
            return self.time
        while self.due:
            due_time, key = self.due[0]
            activity = self.activities.get(key)
            if activity is not None and activity.due_time == due_time:
                break
            heapq.heappop(self.due)
        first = self.due[0][0] if self.due else None
        if self.deadline is None or self.ending is not None:
            return first
        return self.deadline if first is None else min(first, self.deadline)
