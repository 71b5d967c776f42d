"""The state of one run: what the fold over its events gives.

`evolve` (in `evolve.py`) changes it in place and is the only thing that does, except for what is
marked as *not folded*: caches and clocks that a restart may forget.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

from treadle_server.engine.code import CodeProgress
from treadle_server.engine.entities import (
    START,
    Activity,
    Child,
    ReceivedEvent,
    Timer,
    Undo,
    Wait,
)
from treadle_server.engine.events import CancelRequested, ChildRequested
from treadle_server.engine.graph import GraphProgress
from treadle_server.engine.group import GroupProgress
from treadle_server.engine.machine import MachineProgress
from treadle_server.engine.transitions import ENDED, ActivityStage, RunStage
from treadle_server.engine.values import Failure, Held, Instant, Payload, SeedOutcome

_COMPACT_AT = 64


@dataclass(slots=True)
class Ending:
    """Why and how a run is ending: `stage` is where it will arrive."""

    stage: RunStage
    failure: Failure | None = None
    node: str = ""
    reason: str = ""
    compensates: bool = True
    """Whether what was done is undone first."""


@dataclass(slots=True)
class RunState:
    """See the module's docstring. `progress` is the part that differs by kind of definition."""

    run_id: bytes
    progress: GraphProgress | CodeProgress | MachineProgress | GroupProgress
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
    cancel: CancelRequested | None = None
    """What code was asked for; it decides what becomes of it."""
    output: Payload | None = None
    incidents: dict[str, str] = field(default_factory=dict)
    """Key -> what happened, for each thing a person is asked about; oldest first."""
    paused: bool = False
    timers: dict[str, Timer] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    """In the order in which they began: an event goes to the oldest."""
    received: list[ReceivedEvent] = field(default_factory=list)
    """External events that no wait has consumed, oldest first."""
    event_ids: dict[str, None] = field(default_factory=dict)
    """Ids of the newest external events, consumed ones included: a repeat changes nothing."""
    children: dict[str, Child] = field(default_factory=dict)
    unawaited: dict[str, ChildRequested] = field(default_factory=dict)
    """Children that began and that nobody awaits, as far as the run's end concerns them."""
    undo: list[Undo] = field(default_factory=list)
    """What could be undone, in order of completion."""
    compensating: bool = False
    compensated: bool = False
    """Whether compensation has ended with everything undone."""
    not_undone: tuple[str, ...] = ()
    seed: dict[str, SeedOutcome] = field(default_factory=dict)
    """Outcomes of the run that this one takes up again, by key."""
    next_run_id: bytes = b""
    """The run that goes on in its place."""
    parent: tuple[bytes, str] | None = None
    """(run id, key) of the run that asked for this one."""
    depth: int = 0
    """How many runs stand above this one."""
    recorded_seq: int = 0
    """Of the event that has the state as it was: what came before it is not needed."""
    to_stop: deque[str] = field(default_factory=deque)
    """Not folded: keys that an ending run has yet to stop."""
    due: list[tuple[Instant, int, str]] = field(default_factory=list)
    """Not folded: a heap of `_due_entry`s. Those that no longer count are passed over when they
    come up.
    """

    @property
    def graph(self) -> GraphProgress:
        """`progress`, of a graph."""
        assert isinstance(self.progress, GraphProgress)
        return self.progress

    @property
    def group(self) -> GroupProgress:
        """`progress`, of a run group."""
        assert isinstance(self.progress, GroupProgress)
        return self.progress

    @property
    def machine(self) -> MachineProgress:
        """`progress`, of a state machine."""
        assert isinstance(self.progress, MachineProgress)
        return self.progress

    @property
    def code(self) -> CodeProgress:
        """`progress`, of code."""
        assert isinstance(self.progress, CodeProgress)
        return self.progress

    def loaded(self) -> None:
        """All its events are folded; what is not folded begins anew."""
        self.progress.loaded()

    def look_again(self) -> None:
        """What is not folded may be wrong: the run was woken."""
        self.progress.look_again()

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.stage in ENDED

    @property
    def held(self) -> Held | None:
        """What the run waits a person for; None if it is not held."""
        if not self.incidents:
            return None
        key = next(iter(self.incidents))
        activity = self.activities[key]
        return Held(
            key=key,
            incident=self.incidents[key],
            since_time=activity.held_time or activity.ready_time,
            incident_count=len(self.incidents),
        )

    @property
    def idle(self) -> bool:
        """Whether nothing is to begin now: the run is paused, or its time has not come."""
        return self.paused or START in self.timers

    @property
    def is_ending(self) -> bool:
        """Whether the run was asked to end, or has to."""
        return self.ending is not None or self.cancel is not None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is open that could bring the run on."""
        return not (self.activities or self.timers or self.waits or self.children)

    @property
    def compensation_begun(self) -> bool:
        """Whether what was done is being undone, or has been."""
        return self.compensating or self.compensated or bool(self.not_undone)

    @property
    def undoes_next(self) -> bool:
        """Whether compensation can go on beside what waits for a person."""
        return (
            self.compensating
            and not all(undo.started for undo in self.undo)
            and all(one.stage is ActivityStage.HELD for one in self.activities.values())
        )

    def is_wanted(self, activity: Activity) -> bool:
        """Whether the run still wants the activity done: all of them, until it is ending; then what
        undoes.
        """
        return self.ending is None or bool(activity.scheduled.compensates)

    def hands_out(self, activity: Activity) -> bool:
        """Whether workers may get the activity, as far as the run is concerned."""
        return self.is_wanted(activity) and not self.paused

    def push_due(self, activity: Activity, due_time: Instant | None) -> None:
        """Makes `due_time` the activity's only entry that counts."""
        activity.due_time = due_time
        if due_time is None:
            return
        if len(self.due) > _COMPACT_AT + 4 * len(self.activities):
            self._compact()
            if activity.scheduled.key in self.activities:
                return
        heapq.heappush(self.due, _due_entry(due_time, activity.scheduled.key))

    def push_alarm(self, alarm: Timer | Wait) -> None:
        """Has the run woken when the timer or the wait is due."""
        if alarm.due_time is not None:
            heapq.heappush(self.due, _due_entry(alarm.due_time, alarm.key))

    def _compact(self) -> None:
        found = [(one.due_time, key) for key, one in self.activities.items()]
        found += [(one.due_time, key) for key, one in self.timers.items()]
        found += [(one.due_time, key) for key, one in self.waits.items()]
        self.due = [_due_entry(due_time, key) for due_time, key in found if due_time is not None]
        heapq.heapify(self.due)

    def pop_due(self, now: Instant) -> Activity | Timer | Wait | None:
        """Takes the next thing that is due by `now`."""
        while self.due and self.due[0][0] <= now:
            due_time, _, key = heapq.heappop(self.due)
            found = self._due(key)
            if found is not None and found.due_time == due_time:
                return found
        return None

    def _due(self, key: str) -> Activity | Timer | Wait | None:
        return self.activities.get(key) or self.timers.get(key) or self.waits.get(key)

    def next_to_stop(self) -> str | None:
        """Takes the next thing that an ending run has yet to stop."""
        key = self._peek_to_stop()
        if key is not None:
            self.to_stop.popleft()
        return key

    def _peek_to_stop(self) -> str | None:
        while self.to_stop:
            key = self.to_stop[0]
            activity = self.activities.get(key)
            # After a fold those are in the list, too, that were asked to stop already.
            if activity is not None and activity.stage is not ActivityStage.CANCELLING:
                return key
            if key in self.timers or key in self.waits:
                return key
            child = self.children.get(key)
            if child is not None and not child.cancelling:
                return key
            self.to_stop.popleft()
        return None

    @property
    def unfinished(self) -> bool:
        """Whether the run itself has more to do: what one turn had no room for."""
        if self.stage is not RunStage.RUNNING or self.paused:
            return False
        if self.ending is None and self.idle:
            return False
        if self.ending is not None:
            return self._peek_to_stop() is not None or self.at_rest or self.undoes_next
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
            due_time, _, key = self.due[0]
            found = self._due(key)
            if found is not None and found.due_time == due_time:
                break
            heapq.heappop(self.due)
        first = self.due[0][0] if self.due else None
        if self.deadline is None or self.is_ending:
            return first
        return self.deadline if first is None else min(first, self.deadline)


def _due_entry(due_time: Instant, key: str) -> tuple[Instant, int, str]:
    """Sorts by time, and at the same time by the numbers in keys: `c2` comes before `c10`."""
    return due_time, len(key), key
