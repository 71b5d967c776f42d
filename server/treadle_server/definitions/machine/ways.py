"""Reading the ways out of a state: `on`, `always`, `after`, `error`, and what its task returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from treadle_server.definitions.document import Fields, kind_of, parse_duration, shown
from treadle_server.definitions.machine.actions import MAX_EVENT_NAME_BYTES, ActionReader
from treadle_server.definitions.machine.model import ROOT, PhasePlan, StatePlan, TransitionPlan
from treadle_server.engine.events import TransitionCause

_PHASES = ("prepare", "execute", "post")
_NOTHING = "needs a `target` or an `action`"


class WaysReader:
    """Reads transitions of one document; each fault is noted, and reading goes on."""

    def __init__(
        self, actions: ActionReader, states: Sequence[StatePlan], index: Mapping[str, int]
    ) -> None:
        self._actions = actions
        self._problems = actions.problems
        self._states = states
        self._index = index
        self.together: list[tuple[str, tuple[int, ...]]] = []
        """Where several states are to be entered at once, and which."""

    def read(self, state: StatePlan, fields: Fields) -> None:
        """All ways out of a state, and what it does meanwhile."""
        self._read_events(state, fields)
        for body, path in _several(fields.raw("always"), fields.at("always")):
            state.transitions.append(self._way(state, body, path, TransitionCause.ALWAYS, "always"))
        self._read_after(state, fields)
        self._read_work(state, fields)
        for body, path in _several(fields.raw("error"), fields.at("error")):
            plan = self._way(state, body, path, TransitionCause.ERROR, "error")
            state.transitions.append(plan)

    def targets(self, fields: Fields, name: str) -> tuple[int, ...]:
        """The states that a `target` names."""
        value = fields.raw(name)
        if value is None:
            return ()
        names = value if isinstance(value, list) else [value]
        found = []
        for one in names:
            number = self._index.get(one) if isinstance(one, str) else None
            if number is None:
                near = self._problems.nearest(one, self._index) if isinstance(one, str) else ""
                self._problems.add(fields.at(name), f"there is no state {shown(one)}.{near}")
            else:
                found.append(number)
        if len(found) > 1:
            self.together.append((fields.at(name), tuple(found)))
        return tuple(found)

    def _read_events(self, state: StatePlan, fields: Fields) -> None:
        value = fields.raw("on")
        if value is None:
            return
        if not isinstance(value, Mapping):
            self._problems.add(
                fields.at("on"), f"must be an object: transitions by event, is {kind_of(value)}"
            )
            return
        for event, ways in value.items():
            path = f"{fields.at('on')}.{event}"
            if not _is_event_name(event):
                self._problems.add(
                    path, f"is no name of an event: text of 1 to {MAX_EVENT_NAME_BYTES} bytes"
                )
                continue
            for body, place in self._named(ways, path):
                plan = self._way(state, body, place, TransitionCause.EVENT, f"on {event}")
                plan.name = event
                state.transitions.append(plan)

    def _read_after(self, state: StatePlan, fields: Fields) -> None:
        value = fields.raw("after")
        ways: list[tuple[Any, Any, str]] = []
        if isinstance(value, Mapping) and "delay" not in value:
            path = fields.at("after")
            ways = [
                (delay, body, place)
                for delay, bodies in value.items()
                for body, place in self._named(bodies, f"{path}.{delay}")
            ]
        else:
            for body, path in _several(value, fields.at("after")):
                if not isinstance(body, Mapping) or "delay" not in body:
                    self._problems.add(path, "needs a `delay` and a `target`")
                    continue
                rest = {key: part for key, part in body.items() if key != "delay"}
                ways.append((body["delay"], rest, path))
        for delay, body, path in ways:
            found = parse_duration(delay)
            if found is None:
                self._problems.add(path, f'needs a duration such as "30d"; is {shown(delay)}')
                continue
            plan = self._way(state, body, path, TransitionCause.AFTER, f"after {delay}")
            state.after.append((found, plan))

    # --- what a state does while it is active ----------------------------------------------------

    def _read_work(self, state: StatePlan, fields: Fields) -> None:
        kinds = [kind for kind in ("task", "node") if fields.has(kind)]
        if not kinds:
            for name in ("results", "route", "returns"):
                if fields.has(name):
                    self._problems.add(fields.at(name), "says what a `task` or `node` returns")
            return
        if state.number == ROOT:
            self._problems.add(fields.at(kinds[0]), "only a state has one, not the machine itself")
            return
        if len(kinds) == 2:
            self._problems.add(fields.path, "has a `task` or a `node`, not both")
            return
        path = fields.at(kinds[0])
        if kinds[0] == "task":
            state.phases = (self._actions.phase(fields.raw("task"), path, "task"),)
        else:
            state.phases = self._node(fields, path)
        state.route = self._actions.expression(fields, "route", {"result", "memory", "params"})
        self._read_results(state, fields)

    def _node(self, fields: Fields, path: str) -> tuple[PhasePlan, ...]:
        inner = Fields(fields.raw("node"), path, self._problems)
        phases = tuple(
            self._actions.phase(inner.raw(role), inner.at(role), role)
            for role in _PHASES
            if inner.has(role)
        )
        if not any(phase.role == "execute" for phase in phases):
            self._problems.add(inner.at("execute"), "is missing: what the node is for")
        inner.close()
        return phases

    def _read_results(self, state: StatePlan, fields: Fields) -> None:
        """`results` by value; `returns` are the values that there can be."""
        value = fields.raw("results")
        named: dict[str, None] = {}
        if value is not None and not isinstance(value, Mapping):
            self._problems.add(
                fields.at("results"), f"must be an object: targets by value, is {kind_of(value)}"
            )
        for result, ways in value.items() if isinstance(value, Mapping) else ():
            named[str(result)] = None
            if result == "*" and ways is None:
                state.unheeded = True
                continue
            for body, path in self._named(ways, f"{fields.at('results')}.{result}"):
                what = "done" if result == "*" else f"returned {result}"
                plan = self._way(state, body, path, TransitionCause.RESULT, what)
                plan.name = str(result)
                state.transitions.append(plan)
        returned = fields.texts("returns", what="values that can be returned")
        # Where it is said what there can be, no other state's name is among it.
        state.names_states = "*" not in named and not returned
        for result in returned:
            if result not in named and "*" not in named and result not in self._index:
                hint = self._problems.nearest(result, named | dict.fromkeys(self._index))
                self._problems.add(
                    fields.at("returns"),
                    f"{shown(result)} is neither in `results` nor the name of a state.{hint}",
                )
            elif result not in named and result in self._index:
                plan = TransitionPlan(
                    label=f"{state.name or 'machine'} returned {result} -> {result}",
                    source=state.number,
                    cause=TransitionCause.RESULT,
                    name=result,
                    targets=(self._index[result],),
                )
                state.transitions.append(plan)

    def _named(self, ways: Any, path: str) -> list[tuple[Any, str]]:
        """What stands under an event, a delay or a value: one way at least."""
        found = _several(ways, path)
        if not found:
            self._problems.add(path, _NOTHING)
        return found

    def _way(
        self, state: StatePlan, body: Any, path: str, cause: TransitionCause, what: str
    ) -> TransitionPlan:
        source = state.name or "machine"
        plan = TransitionPlan(label=f"{source} {what}", source=state.number, cause=cause)
        fields = Fields({"target": body} if isinstance(body, str) else body, path, self._problems)
        plan.targets = self.targets(fields, "target")
        plan.guard = self._actions.guard(fields)
        plan.internal = fields.flag("internal")
        plan.actions = self._actions.actions(fields.raw("action"), fields.at("action"))
        if cause is TransitionCause.ERROR:
            plan.kinds = frozenset(fields.texts("kinds", what="kinds of failure"))
        fields.text("description")
        fields.close()
        if not plan.actions and fields.raw("target") in (None, []):
            self._problems.add(path, _NOTHING)
        if plan.targets:
            plan.label += " -> " + ", ".join(self._states[n].name for n in plan.targets)
        return plan


def _is_event_name(event: object) -> bool:
    if not isinstance(event, str):
        return False
    try:
        return 0 < len(event.encode()) <= MAX_EVENT_NAME_BYTES
    except UnicodeEncodeError:
        return False


def _several(value: Any, path: str) -> list[tuple[Any, str]]:
    """One thing, or a list of them, each with its path."""
    if value is None:
        return []
    if isinstance(value, list):
        return [(one, f"{path}[{n}]") for n, one in enumerate(value)]
    return [(value, path)]
