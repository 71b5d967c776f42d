"""Advice about a state machine that is right as it is, by the rules that graphs have where they
mean something here. A machine that waits for ever, or never ends, is as it should be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from treadle_server.definitions.graph.hints import READABLE_NODES, Hint
from treadle_server.definitions.machine.check import path_of, ways_of
from treadle_server.definitions.machine.model import (
    ROOT,
    ActionPlan,
    MachineDefinition,
    PhasePlan,
    StatePlan,
)
from treadle_server.engine.commands import ActivityOptions
from treadle_server.engine.events import TransitionCause

READABLE_STATES: Final = READABLE_NODES

_EMPTY_NAME = re.compile(r"(state|node|step|task|n|s|t|a)[_.-]?\d*", re.IGNORECASE)
_NAMED_AT_MOST = 5


class _Activity(NamedTuple):
    """One that the machine calls, and the state whose failure it is."""

    state: StatePlan
    path: str
    options: ActivityOptions
    is_undone: bool


def hints(definition: MachineDefinition) -> list[Hint]:
    """All that there is to say about a machine."""
    return [hint for rule in RULES.values() for hint in rule(definition)]


def _no_error_path(machine: MachineDefinition) -> Iterator[Hint]:
    activities = list(_activities(machine.states))
    if any(one.is_undone for one in activities):
        return
    caught: list[bool] = []
    for state in machine.states:  # what is around a state stands before it
        own = any(plan.cause is TransitionCause.ERROR for plan in state.transitions)
        caught.append(own or (state.number != ROOT and caught[state.parent]))
    bare = [
        one
        for one in activities
        if not one.options.hold_on_failure
        and one.options.retry.max_attempts != 0
        and not caught[one.state.number]
    ]
    if bare:
        names = list(dict.fromkeys(one.options.type for one in bare))
        yield Hint(
            "no-error-path",
            bare[0].path,
            f"if {_named(names)} fails for good, the run fails and nothing is undone: there is no "
            "`error` transition on the state or around it, no `compensate` and no `on_failure`",
        )


def _no_timeout(machine: MachineDefinition) -> Iterator[Hint]:
    if machine.run_timeout is not None:
        return
    for one in _activities(machine.states):
        endless = one.options.retry.max_attempts == 0
        if endless and one.options.schedule_to_close_timeout is None:
            yield Hint(
                "no-timeout",
                one.path,
                "tries without end; give it a `schedule_to_close`, or the document a `run_timeout`",
            )


def _too_many_states(machine: MachineDefinition) -> Iterator[Hint]:
    for state in machine.states:
        if len(state.children) > READABLE_STATES:
            around = path_of(machine.states, state)
            yield Hint(
                "too-many-nodes",
                f"{around}.states" if around else "states",
                f"has {len(state.children):,} states side by side; a reader takes in "
                f"{READABLE_STATES}. States that share transitions can stand in one of their own",
            )


def _unclear_name(machine: MachineDefinition) -> Iterator[Hint]:
    unclear = [state for state in machine.states if _EMPTY_NAME.fullmatch(state.name)]
    if unclear:
        yield Hint(
            "unclear-name",
            path_of(machine.states, unclear[0]),
            f"{_named([state.name for state in unclear])} says nothing to a reader; call it by "
            "what is the case while it is active, such as `waiting_for_payment`",
        )


RULES: Final[dict[str, Callable[[MachineDefinition], Iterator[Hint]]]] = {
    "no-error-path": _no_error_path,
    "no-timeout": _no_timeout,
    "too-many-nodes": _too_many_states,
    "unclear-name": _unclear_name,
}
"""By name: what a rule has to say."""


def _activities(states: Sequence[StatePlan]) -> Iterator[_Activity]:
    """In the document's order."""
    for state in states:
        where = path_of(states, state)
        for phase in state.phases:
            if phase.options is not None:
                place = _place(phase)
                undone = phase.compensation is not None
                yield _Activity(state, f"{where}.{place}", phase.options, undone)
        for action in _actions(state):
            if action.options is not None:
                undone = action.compensation is not None
                yield _Activity(state, action.path, action.options, undone)


def _place(phase: PhasePlan) -> str:
    return phase.role if phase.role == "task" else f"node.{phase.role}"


def _actions(state: StatePlan) -> Iterator[ActionPlan]:
    yield from state.entry
    for plan in ways_of(state):
        yield from plan.actions
    # A run that has arrived is not left.
    if state.final is None or state.parent != ROOT:
        yield from state.exit


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_NAMED_AT_MOST])
    more = len(names) - _NAMED_AT_MOST
    return f"{shown} or {more} more" if more > 0 else shown
