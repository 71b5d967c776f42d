"""One step of the engine: inputs in; events to append, and what to do after the commit, out.

A `Turn` is the whole to-do list of its caller. The order is fixed: `events` become durable first;
only then are `answers` given, `offers` made to workers, `stops` sent, `wake_time` armed and
watchers told. Everything before the commit may be lost in a crash and nobody will have seen it.

`take_turn` changes the state it is given. If the commit fails, that state is wrong and must be
dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from treadle_server.engine import activities, recorded
from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine.code import CodeProgress
from treadle_server.engine.commands import Command, RegisterCompensation
from treadle_server.engine.decider import Decider
from treadle_server.engine.decisions import take_report
from treadle_server.engine.emit import Turn, emit, emit_all, stop_worker
from treadle_server.engine.ending import next_of_ending
from treadle_server.engine.entities import START, Activity, Timer, Wait
from treadle_server.engine.errors import NoUpdates, Refusal, RunEnded, TooManyEvents, TooManyUpdates
from treadle_server.engine.evolve import due_time
from treadle_server.engine.facts import Fact
from treadle_server.engine.graph import GraphProgress
from treadle_server.engine.perform import perform
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import ActivityStage, RunStage
from treadle_server.engine.values import NULL, CancelCause, IncidentAnswer, Instant

EVENTS_KEPT = 1_000
"""External events that a run keeps unconsumed; the next one is refused."""

UPDATES_OPEN = 100
"""So many updates of a run may wait for their answers."""

COMMANDS_PER_TURN = 500
"""What is left waits for another turn, behind other runs: no run may stop the others."""

_ALL = 1 << 62


def take_turn(
    state: RunState,
    inputs: Sequence[i.Input],
    decider: Decider,
    now: Instant,
    turn: Turn | None = None,
) -> Turn:
    """Applies the inputs in order, then lets the decider go on. `now` is never before the run's
    newest event.

    Given a `turn`, it goes on with that one: the same unit, the same commit, and nothing more is
    decided in it if it is full.
    """
    turn = Turn() if turn is None else turn
    # A clock that was set back must not make event times decrease.
    now = max(now, state.time)
    for one in inputs:
        try:
            if isinstance(one, i.ReceiveEvent):
                decider.check_event(state, one, now)
            turn.answers.append(_HANDLERS[type(one)](turn, state, one, now))
        except Refusal as refusal:
            turn.answers.append(refusal)
    if state.stage is RunStage.RUNNING:
        # Also of a run that is paused, or has no room left: what was late is known in this turn.
        _undo_late(turn, state, decider, now)
    if not turn.unfinished:
        _go_on(turn, state, decider, now)
    if turn.events and recorded.is_due(state):
        keeps_from = state.recorded_seq
        now_recorded = e.StateRecorded(state=recorded.record(state), keeps_from=keeps_from)
        emit(turn, state, now_recorded, now)
    return turn


# --- deciding -------------------------------------------------------------------------------------


def _go_on(turn: Turn, state: RunState, decider: Decider, now: Instant) -> None:
    budget = COMMANDS_PER_TURN
    while state.stage is RunStage.RUNNING and not (state.idle and state.ending is None):
        if state.ending is not None:
            _undo_late(turn, state, decider, now)
            _wind_down(turn, state, budget, now)
            return
        facts = state.progress.take_undecided(budget)
        if not facts and not state.progress.at_rest:
            return
        commands = decider.decide(state, facts)
        _perform_all(turn, state, commands, now)
        budget -= max(len(facts), len(commands))
        if budget <= 0:
            turn.unfinished = state.unfinished
            return


def _perform_all(turn: Turn, state: RunState, commands: Sequence[Command], now: Instant) -> None:
    for command in commands:
        # A failure that nothing handles ends the run: what was decided beside it does not start,
        # but what was done beside it is to be undone.
        if state.ending is None or isinstance(command, RegisterCompensation):
            emit_all(turn, state, perform(state, command, now), now)


def _undo_late(turn: Turn, state: RunState, decider: Decider, now: Instant) -> None:
    """What was done too late for anything to follow from it is still to be undone: in the turn in
    which it came, and before compensation begins, which waits for all that runs.
    """
    progress, ending = state.progress, state.ending
    late = progress.take_late()
    facts: list[Fact] = []
    if ending is None:
        if not late:
            return
    elif not ending.compensates or state.compensation_begun:
        return
    elif isinstance(progress, GraphProgress):
        facts = progress.take_undecided(_ALL)
    known = {undo.registered.of for undo in state.undo}
    for command in decider.undo_late(state, facts, late):
        if command.of not in known:
            emit_all(turn, state, perform(state, command, now), now)


def _wind_down(turn: Turn, state: RunState, budget: int, now: Instant) -> None:
    """Nothing starts; what runs is asked to stop and awaited; what was done is undone; then the run
    ends.
    """
    while not state.ended:
        events = next_of_ending(state, now)
        if not events:
            return
        emit_all(turn, state, events, now)
        budget -= 1
        if budget <= 0:
            turn.unfinished = state.unfinished
            return


# --- inputs ---------------------------------------------------------------------------------------


def _open(state: RunState) -> None:
    if state.ended:
        raise RunEnded(f"the run has ended: {state.stage.name}", state=state.stage.name)


def _start(turn: Turn, state: RunState, one: i.StartRun, now: Instant) -> None:
    begin_time = max(now, one.begin_time or now)
    started = e.RunStarted(
        workflow=one.workflow,
        version=one.version,
        workflow_id=one.workflow_id,
        rules=one.rules,
        input=one.input,
        deadline=None if one.run_timeout is None else begin_time + one.run_timeout,
        traceparent=one.traceparent,
        actor=one.actor,
        request_id=one.request_id,
        parent_run_id=one.parent_run_id,
        parent_key=one.parent_key,
        depth=one.depth,
        retry_of=one.retry_of,
        seed=one.seed,
    )
    emit(turn, state, started, now)
    for event in one.events:
        received = e.EventReceived(
            event_id=event.event_id, name=event.name, payload=event.payload, actor=one.actor
        )
        emit(turn, state, received, now)
    if begin_time > now:
        emit(turn, state, e.TimerStarted(key=START, due_time=begin_time, output=NULL), now)


def _grant(turn: Turn, state: RunState, one: i.GrantLease, now: Instant) -> i.Granted:
    _open(state)
    granted, events = activities.grant(state, one, now)
    emit_all(turn, state, events, now)
    return granted


def _complete(turn: Turn, state: RunState, one: i.CompleteAttempt, now: Instant) -> None:
    emit_all(turn, state, activities.complete(state, one, now), now)


def _fail(turn: Turn, state: RunState, one: i.FailAttempt, now: Instant) -> None:
    activity = activities.leased(state, one.key, one.lease)
    emit_all(turn, state, activities.fail(state, activity, one.failure, now), now)


def _cancelled(turn: Turn, state: RunState, one: i.CancelAttempt, now: Instant) -> None:
    emit_all(turn, state, activities.cancelled(state, one, now), now)


def _decide(turn: Turn, state: RunState, one: i.ReportDecision, now: Instant) -> None:
    for events in take_report(state, one, now):
        emit_all(turn, state, events, now)


def _update(turn: Turn, state: RunState, one: i.ReceiveUpdate, now: Instant) -> None:
    _open(state)
    if not isinstance(state.progress, CodeProgress):
        raise NoUpdates("only workflows that are code take updates; send the run an event")
    updates = state.progress.updates
    if one.update_id in updates:
        return
    if sum(answer is None for answer in updates.values()) >= UPDATES_OPEN:
        raise TooManyUpdates(
            f"{UPDATES_OPEN} updates of the run wait for their answers; send this one later"
        )
    received = e.UpdateReceived(
        update_id=one.update_id, name=one.name, input=one.input, actor=one.actor
    )
    emit(turn, state, received, now)


def _return(turn: Turn, state: RunState, one: i.ReturnLease, now: Instant) -> None:
    emit_all(turn, state, activities.give_back(state, one, now), now)


def _lose(turn: Turn, state: RunState, one: i.LoseLease, now: Instant) -> None:
    activity = activities.leased(state, one.key, one.lease)
    emit_all(turn, state, activities.lose(state, activity, one.reason, now), now)


def _wake(turn: Turn, state: RunState, one: i.Wake, now: Instant) -> None:
    if state.ended:
        return
    state.look_again()
    if state.deadline is not None and state.deadline <= now and not state.is_ending:
        request = e.CancelRequested(
            reason="the run's time is up", actor="", cause=CancelCause.RUN_TIMEOUT
        )
        emit(turn, state, request, now)
    # Bounded like deciding: what is left is still due, so the run is woken again at once, behind
    # other runs.
    for _ in range(COMMANDS_PER_TURN):
        activity = state.pop_due(now)
        if activity is None:
            return
        if not isinstance(activity, Activity):
            event = _fired(activity)
            emit(turn, state, event, now)
            continue
        silent = False
        if activity.stage in (ActivityStage.LEASED, ActivityStage.CANCELLING):
            renewal = one.renewals(activity.session_id, activity.lease)
            activity.until = max(activity.until, renewal.until)
            activity.heartbeat_time = max(activity.heartbeat_time, renewal.heartbeat_time)
            silent = renewal.silent
        found = activities.look_at_clock(state, activity, now, silent=silent)
        if found:
            emit_all(turn, state, found, now)
            continue
        state.push_due(activity, due_time(activity, now))
        if activity.stage is not ActivityStage.QUEUED or activity.ready_time > now:
            continue
        if activity.scheduled.local:
            state.code.step_ready(activity.scheduled.key)
        else:
            turn.offers.append(activity.scheduled.key)


def _fired(alarm: Timer | Wait) -> e.Event:
    if isinstance(alarm, Timer):
        return e.TimerFired(key=alarm.key, started_time=alarm.started_time)
    return e.WaitTimedOut(key=alarm.key, started_time=alarm.started_time)


def _request_cancel(turn: Turn, state: RunState, one: i.RequestCancel, now: Instant) -> None:
    _open(state)
    if not state.is_ending:
        request = e.CancelRequested(
            reason=one.reason,
            actor=one.actor,
            cause=one.cause,
            skip_compensation=one.skip_compensation,
        )
        emit(turn, state, request, now)


def _terminate(turn: Turn, state: RunState, one: i.Terminate, now: Instant) -> None:
    _open(state)
    for key, activity in state.activities.items():
        turn.places_before.setdefault(key, activity.place)
        stop_worker(turn, state, key)
    end = e.RunTerminated(
        reason=one.reason, actor=one.actor, started_time=state.started_time, workflow=state.workflow
    )
    emit(turn, state, end, now)


def _answer(turn: Turn, state: RunState, one: i.AnswerHeld, now: Instant) -> None:
    _open(state)
    emit_all(turn, state, activities.answer(state, one), now)


def _skip(turn: Turn, state: RunState, one: i.SkipActivity, now: Instant) -> None:
    _open(state)
    request = i.AnswerHeld(
        key=one.key,
        answer=IncidentAnswer.SKIP,
        actor=one.actor,
        reason=one.reason,
        output=one.output,
    )
    emit_all(turn, state, activities.override(state, request), now)


def _pause(turn: Turn, state: RunState, one: i.Pause, now: Instant) -> None:
    _open(state)
    if not state.paused:
        emit(turn, state, e.RunPaused(reason=one.reason, actor=one.actor), now)


def _resume(turn: Turn, state: RunState, one: i.Resume, now: Instant) -> None:
    _open(state)
    if state.paused:
        emit(turn, state, e.RunResumed(actor=one.actor), now)
        turn.offers += [
            key
            for key, activity in state.activities.items()
            if activity.stage is ActivityStage.QUEUED and activity.ready_time <= now
        ]


def _receive(turn: Turn, state: RunState, one: i.ReceiveEvent, now: Instant) -> None:
    _open(state)
    if one.event_id in state.event_ids:
        return
    if len(state.received) >= EVENTS_KEPT:
        raise TooManyEvents(
            f"the run keeps {EVENTS_KEPT} events that nothing has waited for; "
            "send it those that it waits for"
        )
    received = e.EventReceived(
        event_id=one.event_id, name=one.name, payload=one.payload, actor=one.actor
    )
    emit(turn, state, received, now)


def _note_child(turn: Turn, state: RunState, one: i.NoteChild, now: Instant) -> None:
    child = state.children.get(one.key)
    if child is None:
        return  # told before, or the run has ended
    started_time = child.requested.time
    if one.end is None:
        if not child.started:
            emit(turn, state, e.ChildStarted(key=one.key, started_time=started_time), now)
        return
    ended = e.ChildEnded(
        key=one.key,
        end=one.end,
        started_time=started_time,
        output=one.output,
        failure=one.failure,
    )
    emit(turn, state, ended, now)


def _continue(_turn: Turn, state: RunState, _one: i.Continue, _now: Instant) -> None:
    state.look_again()


_HANDLERS: dict[type[Any], Callable[[Turn, RunState, Any, Instant], Any]] = {
    i.StartRun: _start,
    i.GrantLease: _grant,
    i.CompleteAttempt: _complete,
    i.FailAttempt: _fail,
    i.ReportDecision: _decide,
    i.ReceiveUpdate: _update,
    i.CancelAttempt: _cancelled,
    i.ReturnLease: _return,
    i.LoseLease: _lose,
    i.Wake: _wake,
    i.RequestCancel: _request_cancel,
    i.Terminate: _terminate,
    i.AnswerHeld: _answer,
    i.SkipActivity: _skip,
    i.Pause: _pause,
    i.Resume: _resume,
    i.ReceiveEvent: _receive,
    i.NoteChild: _note_child,
    i.Continue: _continue,
}
