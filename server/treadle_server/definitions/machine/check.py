"""What cannot be right in a machine whatever happens: states that nothing leads to, states that
nothing leads out of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
    reached, left = _reached(states), _left(states)
    for state in states:
        path = path_of(states, state)
        if state.number not in reached and state.kind is not StateKind.HISTORY:
            if state.parent in reached:
                problems.add_if_new(path, "can never be entered: no transition leads here")
        elif state.kind is StateKind.ATOMIC and not left[state.number]:
            problems.add_if_new(
                path,
                "can never be left: it has no transition, nor has anything around it; a state in "
                "which the machine ends is `final: true`",
            )
        elif state.kind is StateKind.FINAL and state.parent != ROOT and not left[state.number]:
            problems.add_if_new(
                path,
                f"ends {states[state.parent].name!r}, and nothing leads out of that, nor of "
                f"anything around it; `done.{states[state.parent].name}` is the event",
            )
        if state.kind is StateKind.HISTORY and state.parent == ROOT:
            problems.add(path, "belongs into a state: the machine itself is never left")


def check_together(
    states: Sequence[StatePlan],
    several: Iterable[tuple[str, tuple[int, ...]]],
    problems: Problems,
) -> None:
    """Notes states that are to be entered at once, and cannot be active at once."""
    for path, targets in several:
        if (pair := _rivals(states, targets)) is not None:
            first, second = (states[number].name for number in pair)
            problems.add(
                path,
                f"{first!r} and {second!r} cannot be entered at once: only states in different "
                "regions of a parallel state can",
            )


def _rivals(states: Sequence[StatePlan], targets: tuple[int, ...]) -> tuple[int, int] | None:
    """Two of the targets of which one excludes the other; None if all can be."""
    within: dict[int, tuple[int, int]] = {}
    """By state: one that is entered in it, and for which target."""
    seen: set[int] = set()
    for target in dict.fromkeys(targets):
        if target in within:
            return within[target][1], target
        seen.add(target)
        number = target
        while number != ROOT:
            parent = states[number].parent
            if parent in seen:
                return parent, target
            known = within.setdefault(parent, (number, target))
            if known[0] != number and not _are_regions(states, known[0], number):
                return known[1], target
            if known[1] != target:
                break  # what is around it was looked at for another target
            number = parent
    return None


def _are_regions(states: Sequence[StatePlan], first: int, second: int) -> bool:
    """Whether two states of the same one are active at once. A history stands for any of them."""
    return states[states[first].parent].kind is StateKind.PARALLEL and StateKind.HISTORY not in (
        states[first].kind,
        states[second].kind,
    )


def path_of(states: Sequence[StatePlan], state: StatePlan) -> str:
    """Where a state stands in the document; of the machine itself nothing."""
    names = [around.name for around in upwards(states, state) if around.number != ROOT]
    return "".join(f".states.{name}" for name in reversed(names))[1:]


def upwards(states: Sequence[StatePlan], state: StatePlan) -> Iterator[StatePlan]:
    """The state, what it is in, and so on, the machine itself last."""
    yield state
    while state.number != ROOT:
        state = states[state.parent]
        yield state


def ways_of(state: StatePlan) -> Iterator[TransitionPlan]:
    """All ways out of a state."""
    yield from state.transitions
    for _, plan in state.after:
        yield plan


def _left(states: Sequence[StatePlan]) -> list[bool]:
    """Of each state, whether a way out of it or of anything around it can be there."""
    left: list[bool] = []
    for state in states:  # what is around a state stands before it
        leaves = any(
            plan.targets and plan.cause is not TransitionCause.ERROR for plan in ways_of(state)
        )
        # The region of a parallel state may go on for as long as the others do.
        is_region = states[state.parent].kind is StateKind.PARALLEL
        around = state.number != ROOT and (is_region or left[state.parent])
        left.append(leaves or bool(state.phases and state.names_states) or around)
    return left


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
        for plan in ways_of(state):
            for target in plan.targets:
                enter(target)
        if state.phases and state.names_states:
            # What it returns can be the name of any state.
            return {one.number for one in states}
    return reached
