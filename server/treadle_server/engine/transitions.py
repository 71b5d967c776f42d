"""How activities and runs move from stage to stage, as data.

Two laws hold for the tables below.

1. A stage changes only through a row of a table: `next_activity_stage` and `next_run_stage` are the
   only places that assign one, and an event without a row is a bug of ours
   (`ImpossibleTransition`), never something to shrug off.
2. The tables do not know why. When an attempt is retried, what counts as lost, which failure ends a
   run: that is decided before the event is made (`turn.py`, `activities.py`); here the event is a
   fact.

**Activities.** An activity is scheduled once and closed once. Between the two it goes round: it
waits in a queue (QUEUED), a worker leases it (LEASED), and the attempt either closes it or puts it
back. QUEUED covers three waits that differ by the clock alone and therefore need no events of their
own: ready for a worker, backing off until `ready_time`, and withdrawn from workers because the run
is ending (which the same turn closes). A leased activity that is asked to stop is CANCELLING: its
worker still owns it, may still complete it, and the result counts; but whatever else happens to the
attempt, there is no other one, which is why CANCELLING has no row for AttemptFailed. HELD is the
stage of an activity that waits for a person; the run as such goes on around it.

**Runs.** A run is RUNNING until it has ended. That it is *ending* (a cancel was requested, or a
failure stayed unhandled) is no stage but a flag beside it, because the cause decides which end it
will be: see `RunState.ending`. Ended runs have no rows: an ended run never changes.

The state diagrams in the documentation are drawn from these tables (`docs/reference/states.md`).
"""

from __future__ import annotations

import enum

from treadle_server.engine import events as e


class ActivityStage(enum.IntEnum):
    """Where an open activity is. CLOSED ones are no longer in the state."""

    ABSENT = 0
    QUEUED = 1
    LEASED = 2
    CANCELLING = 3
    HELD = 4
    CLOSED = 5


class RunStage(enum.IntEnum):
    """Where a run is. From COMPLETED on it has ended; the numbers are `treadle.v1.RunState`'s."""

    ABSENT = 0
    RUNNING = 1
    COMPLETED = 2
    FAILED = 3
    CANCELLED = 4
    TIMED_OUT = 5
    TERMINATED = 6
    CONTINUED = 7


ENDED = frozenset(
    {
        RunStage.COMPLETED,
        RunStage.FAILED,
        RunStage.CANCELLED,
        RunStage.TIMED_OUT,
        RunStage.TERMINATED,
        RunStage.CONTINUED,
    }
)

ACTIVITY_TRANSITIONS: dict[tuple[ActivityStage, type[e.Event]], ActivityStage] = {
    (ActivityStage.ABSENT, e.ActivityScheduled): ActivityStage.QUEUED,
    (ActivityStage.QUEUED, e.AttemptStarted): ActivityStage.LEASED,
    (ActivityStage.QUEUED, e.ActivityCompleted): ActivityStage.CLOSED,
    (ActivityStage.QUEUED, e.ActivityFailed): ActivityStage.CLOSED,
    (ActivityStage.QUEUED, e.ActivityCancelled): ActivityStage.CLOSED,
    (ActivityStage.QUEUED, e.RunHeld): ActivityStage.HELD,
    (ActivityStage.LEASED, e.AttemptFailed): ActivityStage.QUEUED,
    (ActivityStage.LEASED, e.ActivityRequeued): ActivityStage.QUEUED,
    (ActivityStage.LEASED, e.ActivityCompleted): ActivityStage.CLOSED,
    (ActivityStage.LEASED, e.DecisionCompleted): ActivityStage.CLOSED,
    (ActivityStage.LEASED, e.ActivityFailed): ActivityStage.CLOSED,
    (ActivityStage.LEASED, e.ActivityCancelled): ActivityStage.CLOSED,
    (ActivityStage.LEASED, e.ActivityCancelRequested): ActivityStage.CANCELLING,
    (ActivityStage.CANCELLING, e.ActivityCompleted): ActivityStage.CLOSED,
    (ActivityStage.CANCELLING, e.ActivityFailed): ActivityStage.CLOSED,
    (ActivityStage.CANCELLING, e.ActivityCancelled): ActivityStage.CLOSED,
    (ActivityStage.QUEUED, e.ActivityOverridden): ActivityStage.CLOSED,
    (ActivityStage.LEASED, e.ActivityOverridden): ActivityStage.CLOSED,
    (ActivityStage.HELD, e.ActivityOverridden): ActivityStage.CLOSED,
    (ActivityStage.HELD, e.IncidentAnswered): ActivityStage.QUEUED,
    (ActivityStage.HELD, e.ActivityFailed): ActivityStage.CLOSED,
    (ActivityStage.HELD, e.ActivityCancelled): ActivityStage.CLOSED,
}

RUN_TRANSITIONS: dict[tuple[RunStage, type[e.Event]], RunStage] = {
    (RunStage.ABSENT, e.RunStarted): RunStage.RUNNING,
    (RunStage.RUNNING, e.CancelRequested): RunStage.RUNNING,
    (RunStage.RUNNING, e.RunPaused): RunStage.RUNNING,
    (RunStage.RUNNING, e.RunResumed): RunStage.RUNNING,
    (RunStage.RUNNING, e.RunCompleted): RunStage.COMPLETED,
    (RunStage.RUNNING, e.RunFailed): RunStage.FAILED,
    (RunStage.RUNNING, e.RunCancelled): RunStage.CANCELLED,
    (RunStage.RUNNING, e.RunTimedOut): RunStage.TIMED_OUT,
    (RunStage.RUNNING, e.RunTerminated): RunStage.TERMINATED,
    (RunStage.RUNNING, e.RunContinued): RunStage.CONTINUED,
}


class ImpossibleTransition(Exception):
    """An event that the tables have no row for: a bug of ours, or a journal tampered with."""


def next_activity_stage(stage: ActivityStage, event: e.Event) -> ActivityStage:
    """The stage after the event; raises `ImpossibleTransition`."""
    try:
        return ACTIVITY_TRANSITIONS[stage, type(event)]
    except KeyError:
        raise ImpossibleTransition(
            f"{type(event).__name__} (seq {event.seq}) for an activity {stage.name}"
        ) from None


def next_run_stage(stage: RunStage, event: e.Event) -> RunStage:
    """The stage after the event; raises `ImpossibleTransition`."""
    try:
        return RUN_TRANSITIONS[stage, type(event)]
    except KeyError:
        raise ImpossibleTransition(
            f"{type(event).__name__} (seq {event.seq}) for a run {stage.name}"
        ) from None
