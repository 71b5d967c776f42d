"""Which states are left and entered: the algorithm of W3C SCXML, appendix D, over a compiled
machine. Pure functions of a configuration, which is the set of active states.

Numbers of states follow the document's order, and a state's is smaller than those within it; so
sorting by number gives the order of entry, and the reverse that of exit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from treadle_server.definitions.machine.model import (
    ROOT,
    StateKind,
    StatePlan,
    TransitionPlan,
)

History = Mapping[str, tuple[str, ...]]
States = Sequence[StatePlan]


@dataclass(slots=True)
class Move:
    """What becomes of a configuration by some transitions."""

    transitions: list[TransitionPlan]
    exited: list[int]
    """Innermost first."""
    entered: list[int]
    """Outermost first."""
    active: list[int]
    history: dict[str, tuple[str, ...]]


class Configurations:
    """The algorithm for one machine. `index`: numbers by name."""

    def __init__(self, states: States, index: Mapping[str, int]) -> None:
        self._states = states
        self._index = index

    def start(self, targets: Iterable[int] = ()) -> Move:
        """The beginning: in the initial states, or in these."""
        entered: set[int] = set()
        chosen = list(targets) or self._states[ROOT].initial
        for target in chosen:
            self._enter_down(target, entered, {})
        for target in chosen:
            self._enter_up(target, ROOT, entered, {})
        in_order = sorted(entered)
        return Move([], [], in_order, in_order, {})

    def select(
        self,
        active: Collection[int],
        history: History,
        enabled: Callable[[TransitionPlan], bool],
    ) -> list[TransitionPlan]:
        """The transitions that are taken: for each atomic state the first enabled one, from it
        outwards; of two that would leave the same state, the inner one's, else the first.
        """
        chosen: dict[str, TransitionPlan] = {}
        for number in sorted(active):
            if self._states[number].kind not in (StateKind.ATOMIC, StateKind.FINAL):
                continue
            for state in self.upwards(number):
                found = next((one for one in self._ways(state) if enabled(one)), None)
                if found is not None:
                    chosen[found.label] = found
                    break
        return self._without_conflict(list(chosen.values()), active, history)

    def _ways(self, number: int) -> Iterable[TransitionPlan]:
        state = self._states[number]
        yield from state.transitions
        for _, plan in state.after:
            yield plan

    def upwards(self, number: int) -> Iterable[int]:
        """The state, what it is in, and so on, the machine itself last."""
        yield number
        while number != ROOT:
            number = self._states[number].parent
            yield number

    def move(
        self, active: Collection[int], transitions: list[TransitionPlan], history: History
    ) -> Move:
        """What these transitions do."""
        exited: set[int] = set()
        for plan in transitions:
            exited |= self.exit_set(plan, active, history)
        remembered = dict(history)
        for number in exited:
            for child in self._states[number].children:
                if self._states[child].kind is StateKind.HISTORY:
                    remembered[self._states[child].name] = self._remember(child, active)
        entered: set[int] = set()
        for plan in transitions:
            if not plan.targets:
                continue
            for target in plan.targets:
                self._enter_down(target, entered, remembered)
            domain = self._domain(plan, remembered)
            for target in self._effective(plan.targets, remembered):
                self._enter_up(target, domain, entered, remembered)
        stays = set(active) - exited
        # Of a history that the source itself is in, more is named than was left.
        entered -= stays
        return Move(
            transitions,
            sorted(exited, reverse=True),
            sorted(entered),
            sorted(stays | entered),
            remembered,
        )

    def exit_set(self, plan: TransitionPlan, active: Collection[int], history: History) -> set[int]:
        """The active states that a transition leaves."""
        if not plan.targets:
            return set()
        domain = self._domain(plan, history)
        return {number for number in active if self.is_within(number, domain)}

    def is_within(self, number: int, outer: int) -> bool:
        """Whether a state is one of those in `outer`, at any depth."""
        states = self._states
        while number != ROOT:
            number = states[number].parent
            if number == outer:
                return True
        return False

    def is_done(self, number: int, active: Collection[int]) -> bool:
        """Whether all that is in a state has come to its end."""
        state = self._states[number]
        if state.kind is StateKind.COMPOUND:
            return any(
                child in active and self._states[child].kind is StateKind.FINAL
                for child in state.children
            )
        if state.kind is StateKind.PARALLEL:
            return all(
                self.is_done(child, active)
                for child in state.children
                if self._states[child].kind is not StateKind.HISTORY
            )
        return False

    def _without_conflict(
        self, chosen: list[TransitionPlan], active: Collection[int], history: History
    ) -> list[TransitionPlan]:
        """Of two transitions that leave the same state only one is taken."""
        if len(chosen) < 2:
            return chosen
        kept: list[tuple[TransitionPlan, set[int]]] = []
        for plan in chosen:
            leaves = self.exit_set(plan, active, history)
            rivals = [one for one in kept if one[1] & leaves]
            if any(not self.is_within(plan.source, one[0].source) for one in rivals):
                continue
            kept = [one for one in kept if one not in rivals]
            kept.append((plan, leaves))
        return [plan for plan, _ in kept]

    # --- parts of it ------------------------------------------------------------------------------

    def _remember(self, history: int, active: Collection[int]) -> tuple[str, ...]:
        state = self._states[history]
        found = [
            number
            for number in sorted(active)
            if (
                self.is_within(number, state.parent)
                and self._states[number].kind in (StateKind.ATOMIC, StateKind.FINAL)
                if state.deep
                else self._states[number].parent == state.parent and number != state.parent
            )
        ]
        return tuple(self._states[number].name for number in found)

    def _effective(self, targets: Iterable[int], history: History) -> list[int]:
        """The targets, with what history states stand for in their place."""
        found: list[int] = []
        for target in targets:
            state = self._states[target]
            if state.kind is not StateKind.HISTORY:
                found.append(target)
            elif state.name in history:
                found += [self._index[name] for name in history[state.name]]
            else:
                found += self._effective(self._default(state), history)
        return list(dict.fromkeys(found))

    def _default(self, history: StatePlan) -> tuple[int, ...]:
        return history.initial or self._states[history.parent].initial

    def _domain(self, plan: TransitionPlan, history: History) -> int:
        """The innermost compound state that a transition does not leave."""
        targets = self._effective(plan.targets, history)
        source = plan.source
        inside = all(self.is_within(target, source) for target in targets)
        kind = self._states[source].kind
        if (plan.internal or source == ROOT) and kind is StateKind.COMPOUND and inside:
            return source
        for outer in self.upwards(source):
            if outer == source or (
                outer != ROOT and self._states[outer].kind is not StateKind.COMPOUND
            ):
                continue
            if all(self.is_within(target, outer) for target in targets):
                return outer
        return ROOT

    def _enter_down(self, number: int, entered: set[int], history: History) -> None:
        """The state and what is entered with it."""
        state = self._states[number]
        if state.kind is StateKind.HISTORY:
            stands_for = self._effective([number], history)
            for target in stands_for:
                self._enter_down(target, entered, history)
            for target in stands_for:
                self._enter_up(target, state.parent, entered, history)
            return
        entered.add(number)
        if state.kind is StateKind.COMPOUND:
            for target in state.initial:
                self._enter_down(target, entered, history)
            for target in state.initial:
                self._enter_up(target, number, entered, history)
        elif state.kind is StateKind.PARALLEL:
            self._enter_regions(state, entered, history)

    def _enter_up(self, number: int, outer: int, entered: set[int], history: History) -> None:
        """The states between a target and the domain of its transition."""
        for around in self.upwards(number):
            if around == number:
                continue
            if around in (outer, ROOT):
                return
            entered.add(around)
            if self._states[around].kind is StateKind.PARALLEL:
                self._enter_regions(self._states[around], entered, history)

    def _enter_regions(self, state: StatePlan, entered: set[int], history: History) -> None:
        for child in state.children:
            if self._states[child].kind is StateKind.HISTORY:
                continue
            if child not in entered and not any(self.is_within(one, child) for one in entered):
                self._enter_down(child, entered, history)
