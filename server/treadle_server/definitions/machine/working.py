"""What a machine does: the steps of a transition one by one, and what states do while they are
active.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from treadle_server.definitions.expression import Expression, ExpressionFailed
from treadle_server.definitions.expression import FailureKind as ExpressionFailureKind
from treadle_server.definitions.graph.bindings import join_values, write_json
from treadle_server.definitions.machine.bindings import Candidate, bind, default_input
from treadle_server.definitions.machine.configuration import Move
from treadle_server.definitions.machine.model import (
    ROOT,
    ActionPlan,
    MachineDefinition,
    PhasePlan,
    StatePlan,
)
from treadle_server.engine.commands import (
    ChangeMemory,
    Command,
    CompleteRun,
    FailNode,
    RaiseEvent,
    RegisterCompensation,
    ScheduleActivity,
    SendEvent,
    StartChild,
    StartTimer,
)
from treadle_server.engine.machine import Moving
from treadle_server.engine.state import RunState
from treadle_server.engine.values import NULL, Failure, FailureKind, Payload

_WORKFLOW_ID_BYTES = 1_000


def expression_failure(error: ExpressionFailed) -> Failure:
    """What becomes of an expression that could not be evaluated."""
    return Failure(kind=FailureKind.EXPRESSION_FAILED, message=error.message, non_retryable=True)


class Steps:
    """What a transition has to do: what is left, the transitions themselves, what is entered."""

    def __init__(self, definition: MachineDefinition) -> None:
        self._definition = definition

    def any(self, move: Move) -> bool:
        """Whether there is anything."""
        states = self._definition.states
        return (
            any(states[number].exit for number in move.exited)
            or any(plan.actions for plan in move.transitions)
            or any(states[number].entry for number in move.entered)
        )

    def _all(self, moving: Moving) -> Iterator[tuple[str, ActionPlan]]:
        """Each with its key."""
        taken, index, states = moving.taken, self._definition.index, self._definition.states
        for visit in taken.exited:
            for n, action in enumerate(states[index[visit.state]].exit):
                yield f"{visit.state}/{taken.number}/exit{n}", action
        for label in taken.transitions:
            plan = self._definition.labels.get(label)
            for n, action in enumerate(() if plan is None else plan.actions):
                source = states[plan.source].name if plan is not None else ""
                yield f"{source}/{taken.number}/action{n}", action
        for name in taken.entered:
            for n, action in enumerate(states[index[name]].entry):
                yield f"{name}/{taken.number}/entry{n}", action

    def next(self, state: RunState, moving: Moving) -> list[Command] | None:
        """The next step's command, with what the last one needs to be undone; None: all is done,
        or something is under way.
        """
        last: tuple[str, ActionPlan] | None = None
        for n, step in enumerate(self._all(moving)):
            if n == moving.steps:
                if step[0] in state.activities:
                    return []  # it is under way
                return [*self._register(state, last, moving), self._command(state, *step)]
            last = step
        return None

    def register_done(self, state: RunState, moving: Moving) -> list[RegisterCompensation]:
        """What the newest step that is done needs to be undone."""
        done = list(self._all(moving))[: moving.steps]
        return self._register(state, done[-1] if done else None, moving)

    def _register(
        self, state: RunState, step: tuple[str, ActionPlan] | None, moving: Moving
    ) -> list[RegisterCompensation]:
        if step is None or step[1].compensation is None or moving.output is None:
            return []
        key, action = step
        assert action.compensation is not None, "asked above"
        given = compensation_input(state, action.compensation.input, moving.output)
        return [RegisterCompensation(key, action.compensation.options, given)]

    def _command(self, state: RunState, key: str, action: ActionPlan) -> Command:
        try:
            if action.assign:
                return ChangeMemory(key, self.values(state, action.assign))
            if action.raises:
                return RaiseEvent(key, action.raises, self._payload(state, action))
            if action.send is not None:
                to = ""
                if action.send.to is not None:
                    to = _workflow_id(state, action.send.to)
                return SendEvent(key, action.send.event, self._payload(state, action), to)
            assert action.options is not None, "it is an activity"
            return ScheduleActivity(key, action.options, _input(state, action.input))
        except ExpressionFailed as error:
            return FailNode(key, expression_failure(error))

    def values(
        self, state: RunState, assign: Sequence[tuple[str, Expression]]
    ) -> tuple[tuple[str, Payload], ...]:
        """What memory keys are to hold. Raises `ExpressionFailed`."""
        return tuple((key, write_json(one.evaluate(bind(state, one)))) for key, one in assign)

    @staticmethod
    def _payload(state: RunState, action: ActionPlan) -> Payload:
        if action.payload is None:
            return NULL
        return write_json(action.payload.evaluate(bind(state, action.payload)))


class Work:
    """What states do while they are active, and how a run ends. The `candidate` is what makes the
    machine enter them, where that is not in the state yet.
    """

    def __init__(self, definition: MachineDefinition) -> None:
        self._definition = definition

    def enter(
        self, state: RunState, plan: StatePlan, number: int, candidate: Candidate | None
    ) -> list[Command]:
        """Its timers and its first phase begin."""
        visit = f"{plan.name}/{number}"
        commands: list[Command] = [
            StartTimer(f"{visit}/after{n}", NULL, delay) for n, (delay, _) in enumerate(plan.after)
        ]
        if plan.phases:
            commands.append(self._begin(state, plan.phases[0], visit, None, candidate))
        return commands

    def go_on(self, state: RunState, phase: PhasePlan, candidate: Candidate) -> Command:
        """The next phase begins, with what the one before it gave."""
        visit = candidate.key.rpartition("/")[0]
        given = candidate.payload
        if phase.role == "post":
            prepared = state.machine.gave.get(f"{visit}/prepare", NULL)
            given = join_values(
                [("prepared", prepared, False), ("executed", candidate.payload, False)], visit
            )
        return self._begin(state, phase, visit, given, candidate)

    def _begin(
        self,
        state: RunState,
        phase: PhasePlan,
        visit: str,
        given: Payload | None,
        candidate: Candidate | None,
    ) -> Command:
        key = f"{visit}/{phase.role}"
        more = {"prepared": state.machine.gave.get(f"{visit}/prepare", NULL)}
        if candidate is not None:
            more["prepared" if phase.role == "execute" else "executed"] = candidate.payload
        try:
            if phase.input is not None:
                bindings = bind(state, phase.input, candidate, more)
                given = write_json(phase.input.evaluate(bindings))
            elif given is None:
                given = default_input(state, candidate)
            if phase.child is None:
                assert phase.options is not None, "it is an activity"
                return ScheduleActivity(key, phase.options, given)
            workflow_id = ""
            if phase.child.workflow_id is not None:
                workflow_id = _workflow_id(state, phase.child.workflow_id)
        except ExpressionFailed as error:
            return FailNode(key, expression_failure(error))
        child = phase.child
        return StartChild(
            key, child.workflow, child.version, workflow_id, given, child.on_parent_end, True
        )

    def register(
        self, state: RunState, phase: PhasePlan, candidate: Candidate
    ) -> list[RegisterCompensation]:
        """What a phase that is done needs to be undone."""
        if phase.compensation is None:
            return []
        given = compensation_input(state, phase.compensation.input, candidate.payload)
        return [RegisterCompensation(candidate.key, phase.compensation.options, given)]

    def end(self, state: RunState, plan: StatePlan, candidate: Candidate | None) -> Command:
        """The run ends as this state says."""
        final = plan.final
        assert final is not None, "the machine has arrived"
        if final.fails:
            return FailNode(plan.name, self._failure(state, plan, candidate))
        try:
            return CompleteRun(self.output_of(state, plan, candidate))
        except ExpressionFailed as error:
            return FailNode(plan.name, expression_failure(error))

    def output_of(self, state: RunState, plan: StatePlan, candidate: Candidate | None) -> Payload:
        """What a final state gives: its own output, or the machine's, or all of its memory."""
        output = None if plan.final is None else plan.final.output
        if output is None and plan.parent == ROOT:
            output = self._definition.output
        if output is not None:
            return write_json(output.evaluate(bind(state, output, candidate)))
        if plan.parent != ROOT:
            return NULL
        return join_values(
            [(key, value, False) for key, value in sorted(state.memory.items())], "memory"
        )

    @staticmethod
    def _failure(state: RunState, plan: StatePlan, candidate: Candidate | None) -> Failure:
        final = plan.final
        assert final is not None, "the machine has arrived"
        message = f"the machine ended in {plan.name!r}"
        if final.message is not None:
            try:
                value = final.message.evaluate(bind(state, final.message, candidate))
            except ExpressionFailed as error:
                return expression_failure(error)
            message = value if isinstance(value, str) else write_json(value).data.decode()
        behind = state.machine.failure
        return Failure(
            kind=final.kind,
            message=message,
            non_retryable=True,
            cause=None if behind is None else behind[1],
        )


def compensation_input(state: RunState, mapping: Expression | None, output: Payload) -> Payload:
    """What undoes something gets: what that gave, unless said otherwise."""
    if mapping is None:
        return output
    try:
        return write_json(mapping.evaluate(bind(state, mapping, None, {"output": output})))
    except ExpressionFailed as error:
        # It is done and must be undone if it comes to that: a person will see what the input
        # should have been.
        return write_json({"error": error.message})


def _input(state: RunState, mapping: Expression | None) -> Payload:
    if mapping is None:
        return default_input(state, None)
    return write_json(mapping.evaluate(bind(state, mapping)))


def _workflow_id(state: RunState, expression: Expression) -> str:
    value: Any = expression.evaluate(bind(state, expression))
    if isinstance(value, str) and 0 < len(value.encode()) <= _WORKFLOW_ID_BYTES:
        return value
    raise ExpressionFailed(
        expression.path,
        ExpressionFailureKind.WRONG_TYPE,
        f"{expression.path} must give a workflow id, text of 1 to {_WORKFLOW_ID_BYTES} bytes",
    )
