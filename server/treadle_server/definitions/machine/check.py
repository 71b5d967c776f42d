"""What cannot be right in a machine whatever happens: states that nothing leads to, states that
nothing leads out of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from treadle_server.definitions.document import Problems
from treadle_server.definitions.machine.model import (
    ROOT,
    StateKind,
    StatePlan,
    TransitionPlan,
)
from treadle_server.engine.events import TransitionCause


def check_states(states: Sequence[StatePlan], problems: Problems) -> None:
    """Notes unreachable states and dead ends."""
    reached = _reached(states)
    for state in states:
        path = _path(states, state)
        if state.number not in reached and state.kind is not StateKind.HISTORY:
            if state.parent in reached:
                problems.add(path, "can never be entered: no transition leads here")
        elif state.kind is StateKind.ATOMIC and not _has_way_out(states, state):
            problems.add(
                path,
                "can never be left: it has no transition, nor has anything around it; a state in "
                "which the machine ends is `final: true`",
            )
        if state.kind is StateKind.HISTORY and state.parent == ROOT:
            problems.add(path, "belongs into a state: the machine itself is never left")


def _path(states: Sequence[StatePlan], state: StatePlan) -> str:
    names = []
    while state.number != ROOT:
        names.append(state.name)
        state = states[state.parent]
    return "states." + ".states.".join(reversed(names))


def _ways(state: StatePlan) -> Iterator[TransitionPlan]:
    yield from state.transitions
    for _, plan in state.after:
        yield plan


def _has_way_out(states: Sequence[StatePlan], state: StatePlan) -> bool:
    while True:
        leaves = any(
            plan.targets and plan.cause is not TransitionCause.ERROR for plan in _ways(state)
        )
        if leaves or (state.phases and state.names_states):
            return True
        if state.number == ROOT:
            return False
        if states[state.parent].kind is StateKind.PARALLEL:
            # Its region may go on for as long as the others do.
            return True
        state = states[state.parent]


def _reached(states: Sequence[StatePlan]) -> set[int]:
    reached: set[int] = set()
    todo = [ROOT]

    def enter(number: int) -> None:
        while number not in reached:
            reached.add(number)
            todo.append(number)
            if number == ROOT:
                return
            number = states[number].parent

    reached.add(ROOT)
    while todo:
        state = states[todo.pop()]
        if state.kind is StateKind.PARALLEL:
            for child in state.children:
                enter(child)
        for target in state.initial:
            enter(target)
        for plan in _ways(state):
            for target in plan.targets:
                enter(target)
        if state.phases and state.names_states:
            # What it returns can be the name of any state.
            return {one.number for one in states}
    return reached
