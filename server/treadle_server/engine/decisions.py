"""The rules of decisions: how a report of code becomes events.

A report names the newest event that its code has seen, and numbers its commands. What the run knows
already changes nothing, so a report that is sent twice is one report. Steps that the worker ran are
activities like any other: scheduled by a command, begun and closed by the report that tells how
they went, with the retry policy, the fences and the events of all activities.
"""

from __future__ import annotations

from collections.abc import Iterator

from treadle_server.engine import activities
from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine.code import DECISION, command_key
from treadle_server.engine.commands import ActivityOptions, Command, ScheduleActivity, Stop
from treadle_server.engine.entities import Activity, decision_type
from treadle_server.engine.errors import ReportInvalid
from treadle_server.engine.perform import perform
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import (
    MICROSECONDS_PER_SECOND,
    Backoff,
    Failure,
    FailureKind,
    Instant,
    RetryPolicy,
    RetryState,
    SkipReason,
)

DECISION_TIMEOUT = 10 * MICROSECONDS_PER_SECOND
"""From one report to the next. Code only decides; its steps have timeouts of their own. (The field
gives a workflow task 10 s.)
"""

DECISION_RETRY = RetryPolicy(
    max_attempts=0,
    initial_interval=MICROSECONDS_PER_SECOND,
    backoff=Backoff.EXPONENTIAL,
    max_interval=60 * MICROSECONDS_PER_SECOND,
)
"""Code that cannot go on is asked again and again: a run is never lost for a fault of its code."""


def decision_options(workflow: str, version: int, queue: str) -> ActivityOptions:
    """How a worker that has the code is asked."""
    return ActivityOptions(
        type=decision_type(workflow, version),
        queue=queue,
        retry=DECISION_RETRY,
        start_to_close_timeout=DECISION_TIMEOUT,
        hold_on_failure=True,
    )


def take_report(state: RunState, report: i.ReportDecision, now: Instant) -> Iterator[list[e.Event]]:
    """The events of a report, piece by piece: each is to be folded before the next is asked for.
    Raises `LeaseEnded`, `ReportInvalid`, before anything is given.
    """
    activity = activities.leased(state, DECISION, report.lease)
    known = _check(state, report)
    if _says_nothing(state, report, known):
        return  # its worker lives: whoever took the report remembers that
    foreseen = bool(report.ending) and _nothing_happened(state, report)
    # A history that is too long is talked about with a person first.
    keeps = (report.keep or foreseen) and state.seq < state.code.events_limit
    yield [_decided(activity, report, known, keeps=keeps)]
    steps = {command_key(step.index): step for step in report.steps}
    for number, numbered in enumerate(report.commands[known:], report.first_index + known):
        command = numbered.command
        if state.ended:
            return
        if isinstance(command, Stop) and command.key in steps:
            # It ran when it was stopped, and how it ended comes first: it may have succeeded.
            yield from _step(state, steps.pop(command.key), activity, now, stopped=True)
        if command is not None:
            yield _seeded(state, number) or perform(state, command, now)
            yield _kept(state, command, report)
    completed = 0
    for step in steps.values():
        if state.ended:
            return
        for events in _step(state, step, activity, now):
            completed += isinstance(events[0], e.ActivityCompleted)
            yield events
    if foreseen and keeps:
        right = completed == len(report.steps)
        yield from take_report(state, _next_report(state, report, right=right), now)


def _says_nothing(state: RunState, report: i.ReportDecision, known: int) -> bool:
    """Whether the decision is only to be kept: its steps wait, and its code has seen no news."""
    return (
        report.keep
        and not (report.steps or report.ending)
        and known == len(report.commands)
        and state.code.news_seq <= state.code.seen_seq
        and state.seq < state.code.events_limit
    )


def _nothing_happened(state: RunState, report: i.ReportDecision) -> bool:
    """Whether the code has seen all there is, and nothing but its steps can follow for it."""
    return state.seq == report.seen_seq and report.first_index == state.code.next_index


def _next_report(state: RunState, report: i.ReportDecision, *, right: bool) -> i.ReportDecision:
    """The code has gone on as if it knew how its steps went. If it was right, this is the report
    that it would have sent next; if not, it has decided nothing, and is asked again.
    """
    return i.ReportDecision(
        lease=report.lease,
        seen_seq=state.seq if right else report.seen_seq,
        first_index=state.code.next_index,
        commands=report.ending if right else (),
        build_id=report.build_id,
        kept_results=report.kept_results,
    )


def _check(state: RunState, report: i.ReportDecision) -> int:
    """How many of the report's commands the run knows already."""
    progress = state.code
    if not progress.seen_seq <= report.seen_seq <= state.seq:
        raise ReportInvalid(
            f"seen_seq is {report.seen_seq}; the run is at {state.seq}, and its code has seen "
            f"{progress.seen_seq}. Read the history again."
        )
    if report.first_index > progress.next_index:
        raise ReportInvalid(
            f"first_index is {report.first_index}; the run's next command is number "
            f"{progress.next_index}"
        )
    return min(progress.next_index - report.first_index, len(report.commands))


def _decided(
    activity: Activity, report: i.ReportDecision, known: int, *, keeps: bool
) -> e.DecisionCompleted:
    return e.DecisionCompleted(
        key=DECISION,
        lease=report.lease,
        attempt=activity.attempt,
        seen_seq=report.seen_seq,
        first_index=report.first_index + known,
        commands=tuple(one.description for one in report.commands[known:]),
        build_id=report.build_id,
        keeps=keeps,
        started_time=activity.started_time,
        scheduled_time=activity.scheduled.time,
        identity=activity.identity,
        type=activity.scheduled.type,
    )


def _seeded(state: RunState, number: int) -> list[e.Event]:
    """The outcome that the run takes over from an earlier one, instead of doing it again."""
    key = command_key(number)
    seed = state.seed.get(key)
    if seed is None or seed.open:
        return []
    if seed.skipped:
        return [e.NodeSkipped(node=key, reason=SkipReason.BY_HAND, output=seed.output)]
    return [e.NodeCompleted(node=key, output=seed.output, seeded=True)]


def _kept(state: RunState, command: Command, report: i.ReportDecision) -> list[e.Event]:
    """The result that somebody else had for the same."""
    if not isinstance(command, ScheduleActivity) or command.key not in state.activities:
        return []
    output = report.kept_results.get(command.options.cache_key)
    if output is None:
        return []
    scheduled = state.activities[command.key].scheduled
    return [
        e.ActivityCompleted(
            key=command.key,
            lease=0,
            attempt=0,
            output=output,
            started_time=scheduled.time,
            scheduled_time=scheduled.time,
            identity="",
            type=scheduled.type,
            cached=True,
        )
    ]


# --- steps ----------------------------------------------------------------------------------------


def _step(
    state: RunState,
    step: i.StepOutcome,
    decision: Activity,
    now: Instant,
    *,
    stopped: bool = False,
) -> Iterator[list[e.Event]]:
    key = command_key(step.index)
    activity = state.activities.get(key)
    if activity is None or not activity.scheduled.local:
        return  # told before, or stopped meanwhile
    if activity.stage is ActivityStage.QUEUED:
        yield [_begun(state, activity, decision, now)]
    elif activity.stage is not ActivityStage.CANCELLING and (
        activity.stage is not ActivityStage.LEASED or activity.session_id != decision.session_id
    ):
        return
    if step.goes_on:
        return
    began = now - step.took
    for event in _outcome(state, activity, step, now, stopped=stopped):
        if isinstance(event, e.ActivityCompleted | e.ActivityFailed | e.AttemptFailed):
            event.started_time = began
        yield [event]


def _begun(
    state: RunState, activity: Activity, decision: Activity, now: Instant
) -> e.AttemptStarted:
    return e.AttemptStarted(
        key=activity.scheduled.key,
        lease=state.last_lease + 1,
        attempt=activity.attempt + 1,
        session_id=decision.session_id,
        identity=decision.identity,
        build_id="",
        until=max(decision.until, now + DECISION_TIMEOUT),
        ready_time=activity.ready_time,
        waiting_since_time=activity.waiting_since_time,
        type=activity.scheduled.type,
    )


def _outcome(
    state: RunState, activity: Activity, step: i.StepOutcome, now: Instant, *, stopped: bool
) -> list[e.Event]:
    key, lease = activity.scheduled.key, activity.lease
    if step.output is not None:
        return activities.complete(
            state, i.CompleteAttempt(key=key, lease=lease, output=step.output), now
        )
    if step.failure is not None:
        return activities.fail(state, activity, step.failure, now)
    if stopped or activity.stage is ActivityStage.CANCELLING:
        return [activities.stopped(activity)]
    failure = Failure(kind=FailureKind.CANCELLED, message="the step cancelled itself")
    return [activities.failed_for_good(activity, failure, RetryState.NON_RETRYABLE)]
