"""The state machine's decider: which transition is next, what it does, when the run has arrived.

Pure: reads the state, gives commands. A machine runs to completion: what a transition has to do is
done one thing after the other, and only then the next transition is looked for, first among those
that need nothing but their guard, then among the machine's own events, the outcomes of its tasks
and timers, and external events in the order in which they came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from treadle_server.definitions.expression import ExpressionFailed
from treadle_server.definitions.graph.bindings import read_json
from treadle_server.definitions.machine.bindings import Candidate, bind
from treadle_server.definitions.machine.configuration import Configurations, Move
from treadle_server.definitions.machine.model import (
    ROOT,
    MachineDefinition,
    StateKind,
    TransitionPlan,
)
from treadle_server.definitions.machine.working import Steps, Work, expression_failure
from treadle_server.engine.commands import (
    ChangeMemory,
    Command,
    FailNode,
    IgnoreEvent,
    RaiseEvent,
    RegisterCompensation,
    Settle,
    Stop,
    TakeTransition,
)
from treadle_server.engine.decider import Decider
from treadle_server.engine.entities import ReceivedEvent
from treadle_server.engine.errors import GuardFailed, TransitionInvalid
from treadle_server.engine.events import TransitionCause
from treadle_server.engine.facts import Fact
from treadle_server.engine.inputs import ReceiveEvent
from treadle_server.engine.machine import UNRESTED_BOUND, Outcome, state_of_key
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Failure, FailureKind, Instant, Payload

_ANY = "*"
_DONE = "done."

STATE_SEED = "states:"
"""What a run takes over from another that it takes up: the states that were active last, and those
before them, as JSON.
"""

MEMORY_SEED = "memory:"
"""And before the name of a memory key, its value. No state has a name with a colon."""


class MachineDecider(Decider):
    """Decides for the runs of one version."""

    def __init__(self, definition: MachineDefinition) -> None:
        self._definition = definition
        self._configurations = Configurations(definition.states, definition.index)
        self._steps = Steps(definition)
        self._work = Work(definition)

    # --- deciding ---------------------------------------------------------------------------------

    def decide(self, state: RunState, facts: Sequence[Fact]) -> list[Command]:
        """See `engine.decider.Decider`."""
        machine = state.machine
        if machine.moving is not None:
            return self._go_on(state)
        if not machine.taken:
            return self._start(state)
        try:
            return self._next(state)
        except ExpressionFailed as error:
            # A guard that cannot be evaluated: nobody knows what the machine should do.
            return [FailNode(next(reversed(machine.active)), expression_failure(error))]

    def undo_late(
        self, state: RunState, facts: Sequence[Fact], late: Mapping[str, Payload]
    ) -> list[RegisterCompensation]:
        """See `engine.decider.Decider`. Of a machine that is ending, nothing looks at its outcomes
        any more, nor at what its transition has done last.
        """
        machine = state.machine
        done = dict(late)
        if state.ending is not None:
            for outcome in machine.outcomes:
                if outcome.cause is TransitionCause.RESULT:
                    done[outcome.key] = outcome.output
        found: list[RegisterCompensation] = []
        for key, output in done.items():
            name, _, role = key.split("/")
            for phase in self._definition.states[self._definition.index[name]].phases:
                if phase.role == role:
                    candidate = Candidate(TransitionCause.RESULT, payload=output, key=key)
                    found += self._work.register(state, phase, candidate)
        if state.ending is not None and machine.moving is not None:
            found += self._steps.register_done(state, machine.moving)
        return found

    def _start(self, state: RunState) -> list[Command]:
        if state.seed:
            return self._take_up(state)
        if self._definition.memory and not state.memory:
            try:
                return [ChangeMemory("", self._steps.values(state, self._definition.memory))]
            except ExpressionFailed as error:
                return [FailNode("", expression_failure(error))]
        return self._take(state, self._configurations.start(), Candidate(TransitionCause.START))

    def _take_up(self, state: RunState) -> list[Command]:
        """Begins where another run of this machine ended: with its memory, in its states."""
        known = {
            key.removeprefix(MEMORY_SEED): one.output
            for key, one in state.seed.items()
            if key.startswith(MEMORY_SEED)
        }
        if known and not state.memory:
            return [ChangeMemory("", tuple(known.items()))]
        tried = read_json(state.seed[STATE_SEED].output, "the states to begin in")
        index, states = self._definition.index, self._definition.states
        for names in tried:
            active = {index[name] for name in names}
            around = {states[number].parent for number in active}
            if not any(states[number].kind is StateKind.FINAL for number in active - around):
                start = self._configurations.start(sorted(active - around))
                return self._take(state, start, Candidate(TransitionCause.START))
        return self._take(state, self._configurations.start(), Candidate(TransitionCause.START))

    def _next(self, state: RunState) -> list[Command]:
        machine = state.machine
        if machine.outcomes and _is_step(machine.outcomes[0]):
            # What a transition had to do has failed: until that is dealt with, nothing leads on.
            return self._outcome(state, machine.outcomes[0])
        always = Candidate(TransitionCause.ALWAYS, payload=machine.event)
        move = self._selected(state, always)
        if move is not None:
            return self._take(state, move, always)
        if machine.raised:
            raised = machine.raised[0]
            return self._react(
                state, Candidate(TransitionCause.RAISED, raised.name, raised.payload)
            )
        if machine.outcomes:
            return self._outcome(state, machine.outcomes[0])
        if state.received:
            return self._receive(state, state.received[0])
        return []

    def _receive(self, state: RunState, received: ReceivedEvent) -> list[Command]:
        candidate = Candidate(
            TransitionCause.EVENT, received.name, received.payload, event_id=received.event_id
        )
        try:
            return self._react(state, candidate)
        except ExpressionFailed:
            # At rest it would have been refused: no sender can end a run by what it says.
            return [_ignored(candidate)]

    def _react(self, state: RunState, candidate: Candidate) -> list[Command]:
        move = self._selected(state, candidate)
        if move is not None:
            return self._take(state, move, candidate)
        return [_ignored(candidate)]

    # --- outcomes of what states do ---------------------------------------------------------------

    def _outcome(self, state: RunState, outcome: Outcome) -> list[Command]:
        name, visit, role = outcome.key.split("/")
        candidate = Candidate(
            outcome.cause, payload=outcome.output, key=outcome.key, failure=outcome.failure
        )
        if _is_step(outcome):
            return self._error(state, candidate)
        active = state.machine.active.get(name)
        if active is None or str(active.number) != visit:
            return [_ignored(candidate)]  # of a visit that is over
        if outcome.cause is TransitionCause.ERROR:
            return self._error(state, candidate)
        if outcome.cause is TransitionCause.AFTER:
            candidate.name = role
            return self._react(state, candidate)
        return self._result(state, name, role, candidate)

    def _result(self, state: RunState, name: str, role: str, candidate: Candidate) -> list[Command]:
        plan = self._definition.states[self._definition.index[name]]
        place = next(n for n, phase in enumerate(plan.phases) if phase.role == role)
        done = self._work.register(state, plan.phases[place], candidate)
        if place + 1 < len(plan.phases):
            return [*done, self._work.go_on(state, plan.phases[place + 1], candidate)]
        try:
            value = read_json(candidate.payload, "the result")
            if plan.route is not None:
                value = plan.route.evaluate(bind(state, plan.route, candidate))
        except ExpressionFailed as error:
            return [*done, FailNode(candidate.key, expression_failure(error))]
        candidate.name = value if isinstance(value, str) else json.dumps(value)
        move = self._selected(state, candidate)
        if move is None and plan.names_states and candidate.name in self._definition.index:
            by_name = TransitionPlan(
                label=f"{name} returned {candidate.name}",
                source=plan.number,
                cause=TransitionCause.RESULT,
                targets=(self._definition.index[candidate.name],),
            )
            move = self._move(state, [by_name])
        if move is not None:
            return [*done, *self._take(state, move, candidate)]
        if plan.unheeded:
            return [*done, *self._react(state, candidate)]
        return [*done, FailNode(candidate.key, _unhandled(name, candidate.label))]

    def _error(self, state: RunState, candidate: Candidate) -> list[Command]:
        move = self._selected(state, candidate)
        if move is not None:
            return self._take(state, move, candidate)
        assert candidate.failure is not None, "an error has a failure"
        return [FailNode(candidate.key, candidate.failure)]

    # --- transitions ------------------------------------------------------------------------------

    def _active(self, state: RunState) -> list[int]:
        index = self._definition.index
        return [index[name] for name in state.machine.active]

    def _selected(self, state: RunState, candidate: Candidate) -> Move | None:
        """Where the candidate leads; None if nowhere. Raises `ExpressionFailed`."""
        plans = self._configurations.select(
            self._active(state),
            state.machine.history,
            lambda plan: self._concerns(plan, candidate) and _holds(state, plan, candidate),
        )
        return self._move(state, plans) if plans else None

    def _move(self, state: RunState, plans: list[TransitionPlan]) -> Move:
        return self._configurations.move(self._active(state), plans, state.machine.history)

    def _concerns(self, plan: TransitionPlan, candidate: Candidate) -> bool:
        cause = candidate.cause
        if cause is TransitionCause.RAISED:
            cause = TransitionCause.EVENT
        if plan.cause is not cause:
            return False
        match cause:
            case TransitionCause.EVENT:
                return plan.name in (candidate.name, _ANY)
            case TransitionCause.RESULT:
                return self._is_source(plan, candidate) and plan.name in (candidate.name, _ANY)
            case TransitionCause.AFTER:
                place = int(candidate.name.removeprefix("after"))
                source = self._definition.states[plan.source]
                return self._is_source(plan, candidate) and source.after[place][1] is plan
            case TransitionCause.ERROR:
                assert candidate.failure is not None, "an error has a failure"
                inner = self._definition.index.get(state_of_key(candidate.key), ROOT)
                around = plan.source in list(self._configurations.upwards(inner))
                return around and (not plan.kinds or candidate.failure.kind in plan.kinds)
            case _:
                return True

    def _is_source(self, plan: TransitionPlan, candidate: Candidate) -> bool:
        return self._definition.states[plan.source].name == state_of_key(candidate.key)

    def _take(self, state: RunState, move: Move, candidate: Candidate) -> list[Command]:
        if state.machine.unrested >= UNRESTED_BOUND:
            return [FailNode(next(reversed(state.machine.active)), _restless())]
        states = self._definition.states
        taken = TakeTransition(
            cause=candidate.cause,
            transitions=tuple(plan.label for plan in move.transitions),
            exited=tuple(states[number].name for number in move.exited),
            entered=tuple(states[number].name for number in move.entered),
            active=tuple(states[number].name for number in move.active),
            history=tuple(move.history.items()),
            steps=self._steps.any(move),
            name=candidate.label,
            event_id=candidate.event_id,
            key=candidate.key,
        )
        if taken.steps:
            return [taken]
        return [taken, *self._settled(state, taken.exited, taken.entered, taken.active, candidate)]

    def _go_on(self, state: RunState) -> list[Command]:
        """The next thing that the transition under way has to do."""
        moving = state.machine.moving
        assert moving is not None, "a transition is under way"
        if moving.failure is not None:
            moved = moving.running.rpartition("/")[2].startswith("entry")
            if moving.taken.cause is TransitionCause.ERROR and not moved:
                # The way out of a failure has failed: it would be the way out of this one, too.
                return [FailNode(moving.running, moving.failure)]
            settle: list[Command] = [Settle(failed=True, moved=moved)]
            if not moved:
                return settle
            taken = moving.taken
            exited = tuple(one.state for one in taken.exited)
            return settle + self._settled(state, exited, taken.entered, taken.active, None)
        found = self._steps.next(state, moving)
        if found is not None:
            return found
        taken = moving.taken
        exited = tuple(one.state for one in taken.exited)
        done = self._steps.register_done(state, moving)
        return [*done, Settle(), *self._settled(state, exited, taken.entered, taken.active, None)]

    # --- after a transition -----------------------------------------------------------------------

    def _settled(
        self,
        state: RunState,
        exited: Sequence[str],
        entered: Sequence[str],
        active: Sequence[str],
        candidate: Candidate | None,
    ) -> list[Command]:
        """What states do while they are active ends and begins; what is complete says so."""
        left = set(exited)
        commands: list[Command] = [
            Stop(key) for key in state.machine.running if state_of_key(key) in left
        ]
        number = state.machine.taken + (state.machine.moving is None)
        index = self._definition.index
        for name in entered:
            commands += self._work.enter(
                state, self._definition.states[index[name]], number, candidate
            )
        commands += self._done(state, entered, {index[name] for name in active}, candidate)
        for name in entered:
            plan = self._definition.states[index[name]]
            if plan.parent == ROOT and plan.kind is StateKind.FINAL:
                commands.append(self._work.end(state, plan, candidate))
        return commands

    def _done(
        self,
        state: RunState,
        entered: Sequence[str],
        active: set[int],
        candidate: Candidate | None,
    ) -> Iterator[Command]:
        states, index = self._definition.states, self._definition.index
        # One by one, as W3C SCXML enters states: only the last final state finds all regions done.
        active = active - {index[name] for name in entered}
        for name in entered:
            plan = states[index[name]]
            active.add(plan.number)
            if plan.kind is not StateKind.FINAL or plan.parent == ROOT:
                continue
            parent = states[plan.parent]
            try:
                payload = self._work.output_of(state, plan, candidate)
            except ExpressionFailed as error:
                yield FailNode(plan.name, expression_failure(error))
                continue
            yield RaiseEvent("", _DONE + parent.name, payload)
            outer = states[parent.parent]
            if outer.kind is StateKind.PARALLEL and self._configurations.is_done(
                outer.number, active
            ):
                yield RaiseEvent("", _DONE + outer.name, payload)

    # --- external events --------------------------------------------------------------------------

    def check_event(self, state: RunState, event: ReceiveEvent, now: Instant) -> None:
        """See `engine.decider.Decider`. While a transition is under way every event is queued."""
        machine = state.machine
        if state.ended or state.is_ending or event.event_id in state.event_ids:
            return
        if self._is_own(event.name):
            raise TransitionInvalid(
                f"{event.name!r} is raised by the machine itself, and by nobody else",
                event=event.name,
                states=", ".join(machine.active),
            )
        candidate = Candidate(TransitionCause.EVENT, event.name, event.payload, time=now)
        try:
            if self._is_busy(state) or self._selected(state, candidate) is not None:
                return
            reason = ""
        except ExpressionFailed as error:
            reason = f": {error.message}"
        where = ", ".join(name for name in machine.active)
        waits_for = sorted(self.accepted(state))
        if event.name in waits_for or _ANY in waits_for:
            raise GuardFailed(
                f"{event.name!r} is not possible in {where} now: no guard of its transitions "
                f"holds{reason}",
                event=event.name,
                states=where,
            )
        possible = ", ".join(waits_for) or "no event at all"
        raise TransitionInvalid(
            f"{event.name!r} leads nowhere from {where}; possible: {possible}",
            event=event.name,
            states=where,
        )

    def _is_busy(self, state: RunState) -> bool:
        """Whether anything comes before an event that came now."""
        machine = state.machine
        if machine.moving is not None or not machine.taken or state.idle:
            return True
        if machine.raised or machine.outcomes or state.received:
            return True
        always = Candidate(TransitionCause.ALWAYS, payload=machine.event)
        return machine.fresh and self._selected(state, always) is not None

    def accepted(self, state: RunState) -> set[str]:
        """See `engine.decider.Decider`."""
        if state.ended:
            return set()
        return {
            plan.name
            for number in self._active(state)
            for around in self._configurations.upwards(number)
            for plan in self._definition.states[around].transitions
            if plan.cause is TransitionCause.EVENT and not self._is_own(plan.name)
        }

    def _is_own(self, event: str) -> bool:
        """Whether only the machine itself raises it: a state is done."""
        return event.startswith(_DONE) and event.removeprefix(_DONE) in self._definition.index


def _holds(state: RunState, plan: TransitionPlan, candidate: Candidate) -> bool:
    return plan.guard is None or plan.guard.evaluate_guard(bind(state, plan.guard, candidate))


def _is_step(outcome: Outcome) -> bool:
    """Whether it is of an exit, action or entry, and not of what a state does while active."""
    return outcome.key.rpartition("/")[2].startswith(("exit", "action", "entry"))


def _ignored(candidate: Candidate) -> IgnoreEvent:
    return IgnoreEvent(candidate.cause, candidate.label, candidate.event_id, candidate.key)


def _restless() -> Failure:
    return Failure(
        kind=FailureKind.LOOP_BOUND_REACHED,
        message=f"{UNRESTED_BOUND:,} transitions in a row needed no event, time or task: the "
        "machine does not come to rest",
        non_retryable=True,
    )


def _unhandled(state: str, label: str) -> Failure:
    value = repr(label) if label else "a value"
    return Failure(
        kind=FailureKind.RESULT_UNHANDLED,
        message=f"state {state!r} returned {value}, which is neither one of its results nor the "
        "name of a state",
        non_retryable=True,
    )
