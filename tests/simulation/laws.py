"""What must hold of every world: the promises of the server, read off its journal."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.journey import Journey
from treadle_server.engine import events as e
from treadle_server.engine.values import ChildEnd, Duration, Instant
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import RunRow
from treadle_server.runs.check import check_journal

SECOND: Duration = 1_000_000
TIMER_MAY_BE_LATE: Duration = SECOND

_ENDS = (e.RunCompleted, e.RunFailed, e.RunCancelled, e.RunTimedOut, e.RunTerminated)


def all_runs(journal: MemoryJournal) -> list[RunRow]:
    """Every run's row."""
    return journal.list_runs("default", workflow=None, state=None, before=None, limit=1_000_000)


def findings(journal: MemoryJournal) -> Iterator[str]:
    """What `treadle journal check` says; right after a crash, too."""
    for finding in (*journal.check(), *check_journal(journal)):
        yield f"journal check: {finding}"


def broken_promises(
    journey: Journey, server_starts: list[Instant], *, late: Duration = TIMER_MAY_BE_LATE
) -> Iterator[str]:
    """What is wrong at the end of a world, in which all runs should have ended. No timer may fire
    more than `late` after its time.
    """
    journal = journey.journal
    rows = {row.run_id: row for row in all_runs(journal)}
    for request_id, run_id in journey.started.items():
        if run_id not in rows:
            yield f"the run of {request_id} was acknowledged and is gone"
    for row in rows.values():
        history = journey.events(row.run_id)
        named = f"run {row.run_id.hex()[-8:]} of {row.workflow}"
        for fault in (
            *_end(history, row),
            *_results(history, row.run_id, journey),
            *_timers(history, server_starts, late),
            *_children(history, journey),
        ):
            yield f"{named}: {fault}"


def _end(history: list[e.Event], row: RunRow) -> Iterator[str]:
    if [event.seq for event in history] != list(range(1, len(history) + 1)):
        yield "its events are not numbered without gaps"
    ends = [event for event in history if isinstance(event, _ENDS)]
    if not ends:
        yield f"it has not ended; its last event is {type(history[-1]).__name__}"
    elif len(ends) > 1 or history[-1] is not ends[0]:
        yield "something happened after its end"
    if row.end_time is None and ends:
        yield "its row says that it has not ended"


def _results(history: list[e.Event], run_id: bytes, journey: Journey) -> Iterator[str]:
    outcomes: dict[str, e.Event] = {}
    completed: dict[tuple[str, int], bytes] = {}
    for event in history:
        if isinstance(event, (e.ActivityCompleted, e.ActivityFailed, e.ActivityCancelled)):
            if event.key in outcomes:
                yield f"{event.key} has two outcomes"
            outcomes[event.key] = event
        if isinstance(event, e.ActivityCompleted):
            completed[event.key, event.lease] = event.output.data
        if isinstance(event, e.AttemptStarted) and event.key in outcomes:
            yield f"{event.key} was handed out after its outcome"
    for (of_run, key, lease), output in journey.completed.items():
        if of_run == run_id and completed.get((key, lease)) != output:
            yield f"the accepted result of {key} (lease {lease}) is not in its history"


def _children(history: list[e.Event], journey: Journey) -> Iterator[str]:
    """What the parent says of a child is what became of it, and there is a child for each request
    but those that could not be started.
    """
    requested: dict[str, bytes] = {}
    for event in history:
        if isinstance(event, e.ChildRequested):
            requested[event.key] = event.run_id
        elif isinstance(event, e.ChildEnded):
            ends = [type(one) for one in journey.events(requested[event.key])][-1:]
            if ends != [_CHILD_ENDS[event.end]] and event.end is not ChildEnd.FAILED:
                yield f"the child {event.key} ended as {ends}, and its parent says {event.end}"


_CHILD_ENDS: dict[ChildEnd, type[e.Event]] = {
    ChildEnd.COMPLETED: e.RunCompleted,
    ChildEnd.FAILED: e.RunFailed,
    ChildEnd.CANCELLED: e.RunCancelled,
    ChildEnd.TIMED_OUT: e.RunTimedOut,
    ChildEnd.TERMINATED: e.RunTerminated,
}


def _timers(history: list[e.Event], server_starts: list[Instant], late: Duration) -> Iterator[str]:
    due: dict[str, Instant] = {}
    for event in history:
        if isinstance(event, e.TimerStarted):
            due[event.key] = event.due_time
        elif isinstance(event, e.TimerFired):
            at = due[event.key]
            if event.time < at:
                yield f"the timer {event.key} fired {at - event.time} µs too early"
            # Down at its time: as soon as the server is up again.
            up = max([at, *(start for start in server_starts if start <= event.time)])
            if event.time > up + late:
                yield f"the timer {event.key} fired {(event.time - up) / SECOND:g} s too late"
