"""The rules of activities: grants, results, retries, the four timeouts, lost leases, incidents.

Each function takes an input and gives the events it makes, or raises a `Refusal`. All kinds of
workflow share them.
"""

from __future__ import annotations

from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine.code import DECISION
from treadle_server.engine.entities import Activity
from treadle_server.engine.errors import (
    LeaseEnded,
    NotHeld,
    NotOpen,
    NotReady,
    RunEnding,
    RunIsPaused,
)
from treadle_server.engine.maps import item_of
from treadle_server.engine.memory import MemoryConflict, apply_operations
from treadle_server.engine.plain_json import json_of
from treadle_server.engine.retry import next_attempt
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import (
    NULL,
    Failure,
    FailureKind,
    IncidentAnswer,
    Instant,
    RetryState,
    TimeoutKind,
)

LOST_LEASES_IN_A_ROW = 10
"""So many attempts in a row may be lost with their workers; then a person is asked (semantics of
retries, §4.2).
"""

_LEASED = (ActivityStage.LEASED, ActivityStage.CANCELLING)


def leased(state: RunState, key: str, lease: int) -> Activity:
    """The activity that this lease is the open attempt of; raises `LeaseEnded`."""
    activity = state.activities.get(key)
    if activity is None or activity.stage not in _LEASED or activity.lease != lease:
        raise LeaseEnded(
            f"lease {lease} of {key!r} has ended, so this report about it does not count. "
            "Drop the work and poll again.",
            key=key,
            lease=str(lease),
        )
    return activity


def grant(state: RunState, request: i.GrantLease, now: Instant) -> tuple[i.Granted, list[e.Event]]:
    """Leases a queued activity. Raises `RunEnding`, `NotReady`."""
    activity = state.activities.get(request.key)
    if state.ending is not None and not (activity and state.is_wanted(activity)):
        raise RunEnding(f"the run is ending; {request.key!r} is not started any more")
    if state.paused:
        raise RunIsPaused(f"the run is paused; {request.key!r} waits until it is resumed")
    if activity is None or activity.stage is not ActivityStage.QUEUED or activity.ready_time > now:
        raise NotReady(f"{request.key!r} is not waiting for a worker")
    scheduled = activity.scheduled
    lease = state.last_lease + 1
    duration = request.lease_duration
    if duration is None:
        duration = scheduled.start_to_close_timeout
    started = e.AttemptStarted(
        key=request.key,
        lease=lease,
        attempt=activity.attempt + 1,
        session_id=request.session_id,
        identity=request.identity,
        build_id=request.build_id,
        until=now + duration,
        ready_time=activity.ready_time,
        waiting_since_time=activity.waiting_since_time,
        type=scheduled.type,
    )
    return i.Granted(lease=lease, attempt=started.attempt), [started]


def complete(state: RunState, result: i.CompleteAttempt, now: Instant) -> list[e.Event]:
    """Accepts a result. A memory operation that cannot be applied is a retryable failure of the
    attempt.
    """
    activity = leased(state, result.key, result.lease)
    if result.memory_operations:
        try:
            apply_operations(state.memory, result.memory_operations)
        except MemoryConflict as conflict:
            failure = Failure(kind=FailureKind.MEMORY_CONFLICT, message=str(conflict))
            return fail(state, activity, failure, now)
    if item_of(result.key) is not None and json_of(result.output) is None:
        failure = Failure(
            kind=FailureKind.INVALID_OUTPUT,
            message="what the item gave is not JSON, so it cannot stand in the map's list",
            non_retryable=True,
        )
        return fail(state, activity, failure, now)
    return [
        e.ActivityCompleted(
            key=result.key,
            lease=result.lease,
            attempt=activity.attempt,
            output=result.output,
            memory_operations=result.memory_operations,
            skipped=result.skipped,
            started_time=activity.started_time,
            scheduled_time=activity.scheduled.time,
            identity=activity.identity,
            type=activity.scheduled.type,
        )
    ]


def fail(state: RunState, activity: Activity, failure: Failure, now: Instant) -> list[e.Event]:
    """Ends the open attempt: another one follows, or the activity has failed."""
    scheduled = activity.scheduled
    next_time: Instant = now
    why_none: RetryState | None = RetryState.CANCEL_REQUESTED
    if may_go_on(state, activity):
        next_time, why_none = next_attempt(
            scheduled.retry,
            attempt=activity.attempt,
            failure=failure,
            now=now,
            give_up_time=activity.give_up_time,
            seed=state.run_id + scheduled.key.encode() + activity.lease.to_bytes(8, "big"),
        )
    if why_none is None:
        return [attempt_failed(activity, failure, next_time=next_time)]
    if asks_a_person(activity, why_none):
        return [attempt_failed(activity, failure, next_time=now), _held(activity, failure)]
    return [failed_for_good(activity, failure, why_none)]


def may_go_on(state: RunState, activity: Activity) -> bool:
    """Whether the run still wants the leased activity: then a failed attempt may be followed by
    another.
    """
    return state.is_wanted(activity) and activity.stage is ActivityStage.LEASED


def asks_a_person(activity: Activity, outcome: RetryState) -> bool:
    """Whether a person is asked now that no attempt is left."""
    return activity.scheduled.hold_on_failure and outcome not in (
        RetryState.CANCEL_REQUESTED,
        RetryState.ANSWERED,
    )


def _held(activity: Activity, failure: Failure) -> e.RunHeld:
    key = activity.scheduled.key
    if activity.is_decision:
        return e.RunHeld(
            incident=f"the run's code cannot go on ({failure.kind}: {failure.message}). It is "
            "asked again when a worker with other code comes. Or answer: retry, or fail.",
            key=key,
            failure=failure,
        )
    return e.RunHeld(
        incident=f"{_named(activity)} has failed and no attempt is left ({failure.kind}: "
        f"{failure.message}). Answer: retry, skip with an output, or fail.",
        key=key,
        failure=failure,
    )


def _named(activity: Activity) -> str:
    """An activity for people: with its type and what it undoes, where its key does not say so. The
    keys of code are numbers.
    """
    scheduled = activity.scheduled
    key, undone = scheduled.key, scheduled.compensates
    more = [scheduled.type] if scheduled.type not in key else []
    if undone and not key.startswith(undone + "!"):
        more.append(f"undoes {undone!r}")
    return f"{key!r} ({', '.join(more)})" if more else repr(key)


def attempt_failed(
    activity: Activity, failure: Failure, *, next_time: Instant, lost: bool = False
) -> e.AttemptFailed:
    """The event for an attempt after which there is another."""
    return e.AttemptFailed(
        key=activity.scheduled.key,
        lease=activity.lease,
        attempt=activity.attempt,
        failure=failure,
        next_time=next_time,
        started_time=activity.started_time,
        identity=activity.identity,
        type=activity.scheduled.type,
        lost=lost,
    )


def failed_for_good(
    activity: Activity, failure: Failure, retry_state: RetryState
) -> e.ActivityFailed:
    """The event for an activity that has failed, with or without an open attempt."""
    open_attempt = activity.stage in _LEASED
    return e.ActivityFailed(
        key=activity.scheduled.key,
        lease=activity.lease if open_attempt else 0,
        attempt=activity.attempt,
        failure=failure,
        retry_state=retry_state,
        started_time=activity.started_time if open_attempt else None,
        scheduled_time=activity.scheduled.time,
        identity=activity.identity if open_attempt else "",
        type=activity.scheduled.type,
    )


def cancelled(state: RunState, result: i.CancelAttempt, now: Instant) -> list[e.Event]:
    """The worker stopped. Unasked, that is a failure like any other."""
    activity = leased(state, result.key, result.lease)
    if may_go_on(state, activity):
        failure = Failure(
            kind=FailureKind.CANCELLED, message="the worker cancelled the attempt by itself"
        )
        return fail(state, activity, failure, now)
    return [stopped(activity)]


def stopped(activity: Activity) -> e.ActivityCancelled:
    """The event for an attempt that ended as it was asked to."""
    return e.ActivityCancelled(
        key=activity.scheduled.key,
        lease=activity.lease,
        attempt=activity.attempt,
        started_time=activity.started_time,
        scheduled_time=activity.scheduled.time,
        identity=activity.identity,
        type=activity.scheduled.type,
    )


def give_back(state: RunState, request: i.ReturnLease, now: Instant) -> list[e.Event]:
    """Work had not begun; not counted."""
    activity = leased(state, request.key, request.lease)
    if not may_go_on(state, activity):
        return cancelled(state, i.CancelAttempt(key=request.key, lease=request.lease), now)
    return [e.ActivityRequeued(key=request.key, lease=request.lease, reason=request.reason)]


def lose(state: RunState, activity: Activity, reason: str, now: Instant) -> list[e.Event]:
    """The worker is gone. Retried apart from the policy, so many times in a row; then a person is
    asked.
    """
    failure = Failure(kind=FailureKind.LEASE_LOST, message=reason)
    if not may_go_on(state, activity):
        return [failed_for_good(activity, failure, RetryState.CANCEL_REQUESTED)]
    lost = attempt_failed(activity, failure, next_time=now, lost=True)
    if activity.lost_in_a_row + 1 < LOST_LEASES_IN_A_ROW:
        return [lost]
    key = activity.scheduled.key
    incident = (
        f"{LOST_LEASES_IN_A_ROW} workers in a row disappeared while they worked on "
        f"{_named(activity)}; the last time: {reason}. Look at the workers' logs, then answer: "
        "retry, or fail."
    )
    return [lost, e.RunHeld(incident=incident, key=key)]


def answer(state: RunState, request: i.AnswerHeld) -> list[e.Event]:
    """Carries out what a person decided about an incident. Raises `NotHeld`."""
    activity = state.activities.get(request.key)
    if activity is None or request.key not in state.incidents:
        raise NotHeld(f"nobody is asked about {request.key!r}", key=request.key)
    if request.answer is IncidentAnswer.SKIP:
        return override(state, request)
    answered = e.IncidentAnswered(
        key=request.key, answer=request.answer, actor=request.actor, reason=request.reason
    )
    if request.answer is IncidentAnswer.RETRY:
        return [answered]
    failure = activity.last_failure or Failure(kind=FailureKind.LEASE_LOST)
    return [answered, failed_for_good(activity, failure, RetryState.ANSWERED)]


def override(state: RunState, request: i.AnswerHeld) -> list[e.Event]:
    """A person gives the outcome of an open activity, whoever has it. Raises `NotOpen`."""
    activity = state.activities.get(request.key)
    if request.key == DECISION and state.progress.remote:
        raise NotOpen(
            "what the code decides cannot be skipped; answer retry once a worker has code that "
            "fits, or fail",
            key=request.key,
        )
    if activity is None or activity.stage is ActivityStage.CANCELLING:
        raise NotOpen(f"{request.key!r} is no open activity of the run", key=request.key)
    return [
        e.ActivityOverridden(
            key=request.key,
            output=request.output or NULL,
            actor=request.actor,
            reason=request.reason,
            scheduled_time=activity.scheduled.time,
            type=activity.scheduled.type,
        )
    ]


def _timeout(kind: TimeoutKind, what: str) -> Failure:
    return Failure(kind=FailureKind.TIMEOUT, message=what, timeout_kind=kind)


def _seconds(microseconds: int) -> str:
    return f"{microseconds / 1_000_000:g} s"


def _overdue(activity: Activity, now: Instant) -> bool:
    """Whether the attempt has taken as long as it may."""
    return activity.counted_from + activity.scheduled.start_to_close_timeout <= now


def _out_of_time(activity: Activity, failure: Failure, now: Instant) -> list[e.Event]:
    if not asks_a_person(activity, RetryState.TIMEOUT):
        return [failed_for_good(activity, failure, RetryState.TIMEOUT)]
    if activity.stage is ActivityStage.HELD:
        return []
    held: list[e.Event] = [_held(activity, failure)]
    if activity.stage in _LEASED:
        held.insert(0, attempt_failed(activity, failure, next_time=now))
    return held


def look_at_clock(
    state: RunState, activity: Activity, now: Instant, *, silent: bool = False
) -> list[e.Event]:
    """What time has done to an activity that was due: mostly one event, or none if it was renewed
    or is just ready. `silent`: its worker may be dead, see `Renewal`.
    """
    scheduled = activity.scheduled
    give_up_time = activity.give_up_time
    if give_up_time is not None and give_up_time <= now:
        timeout = scheduled.schedule_to_close_timeout or 0
        failure = _timeout(
            TimeoutKind.SCHEDULE_TO_CLOSE,
            f"not done within {_seconds(timeout)}, all attempts included",
        )
        failure.cause = activity.last_failure
        return _out_of_time(activity, failure, now)
    if activity.stage is ActivityStage.QUEUED:
        timeout = scheduled.schedule_to_start_timeout or 0
        if timeout and activity.ready_time + timeout <= now:
            failure = _timeout(
                TimeoutKind.SCHEDULE_TO_START,
                f"no worker took it from queue {scheduled.queue!r} within {_seconds(timeout)}",
            )
            return _out_of_time(activity, failure, now)
        return []
    if activity.stage not in _LEASED:
        return []
    # A session that is silent is lost, even if the attempt's own time is up in the same moment: its
    # worker is gone, and that must not count. Without a session the two are one and the same.
    if activity.session_id and (activity.until <= now or (silent and _overdue(activity, now))):
        return lose(state, activity, f"worker {activity.identity!r} was not heard of", now)
    if _overdue(activity, now):
        timeout = scheduled.start_to_close_timeout
        failure = _timeout(
            TimeoutKind.START_TO_CLOSE,
            f"attempt {activity.attempt} took longer than {_seconds(timeout)}",
        )
        return fail(state, activity, failure, now)
    timeout = scheduled.heartbeat_timeout or 0
    if timeout and activity.heartbeat_time + timeout <= now:
        failure = _timeout(
            TimeoutKind.HEARTBEAT,
            f"no heartbeat from {activity.identity!r} for {_seconds(timeout)}",
        )
        return fail(state, activity, failure, now)
    return []
