"""From a document to a compiled state machine: reads every part, checks every name, collects every
fault.

The document's format is described in `docs/reference/machine.md`. States are read in the order in
which they stand; that order decides which of two transitions goes first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from treadle_server.definitions.document import Fields, Problems, canonical_json, kind_of, shown
from treadle_server.definitions.errors import DefinitionInvalid, Violation
from treadle_server.definitions.expression import Expression
from treadle_server.definitions.graph.options import read_defaults
from treadle_server.definitions.machine.actions import ActionReader
from treadle_server.definitions.machine.check import check_states, check_together
from treadle_server.definitions.machine.model import (
    ROOT,
    FinalPlan,
    MachineDefinition,
    StateKind,
    StatePlan,
    TransitionPlan,
)
from treadle_server.definitions.machine.ways import WaysReader
from treadle_server.definitions.names import NAME_RULE, is_name
from treadle_server.definitions.parameters import read_parameters

FORMAT = "v1"
MAX_STATES = 10_000
MAX_DEPTH = 32


def parse_machine(document: Any, *, stored: bool = False) -> MachineDefinition:
    """Compiles a document. Raises `DefinitionInvalid` with every fault that was found, up to a
    limit. `stored`: see `Problems`.
    """
    problems = Problems(stored=stored)
    try:
        return _Reader(document, problems).read()
    except RecursionError:
        raise DefinitionInvalid([Violation("$", "nested too deeply")]) from None


class _Reader:
    def __init__(self, document: Any, problems: Problems) -> None:
        self.document = document
        self.problems = problems
        self.fields = Fields(document, "$", problems)
        self.states: list[StatePlan] = []
        self.bodies: list[Fields] = []
        self.index: dict[str, int] = {}

    def read(self) -> MachineDefinition:
        fields, problems = self.fields, self.problems
        if fields.raw("treadle") is not None:
            fields.choice("treadle", {FORMAT}, FORMAT)
        else:
            problems.add(
                "treadle", f"is missing; write `treadle: {FORMAT}`, the version of the format"
            )
        fields.choice("kind", {"machine"}, "machine")
        name = fields.text("name")
        if not is_name(name) and isinstance(fields.raw("name"), str | None):
            problems.add("name", f"{NAME_RULE}; is {shown(name)}")
        description = fields.text("description")
        parameters = read_parameters(fields.raw("params"), "params", problems)
        run_timeout = fields.duration("run_timeout")
        self.actions = ActionReader(
            problems, read_defaults(fields.raw("defaults"), "defaults", problems)
        )
        self._find_states(fields, "", ROOT, 0)
        problems.raise_if_any()
        ways = WaysReader(self.actions, self.states, self.index)
        self._read_states(ways)
        check_together(self.states, ways.together, problems)
        memory: tuple[tuple[str, Expression], ...] = ()
        if fields.has("memory"):
            memory = self.actions.assignments(
                fields.raw("memory"), "memory", {"params", "run", "now"}
            )
        output = self.actions.expression(fields, "output", {"params", "memory", "run"})
        fields.close()
        problems.raise_if_any()
        check_states(self.states, problems)
        problems.raise_if_any()
        try:
            normalised = canonical_json(self.document)
        except ValueError as error:  # lone surrogates, NaN
            raise DefinitionInvalid([Violation("$", f"is no JSON document: {error}")]) from None
        return MachineDefinition(
            name=name,
            description=description,
            parameters=parameters,
            memory=memory,
            run_timeout=run_timeout,
            states=tuple(self.states),
            index=self.index,
            labels=_labels(self.states),
            output=output,
            document=normalised,
            content_hash=hashlib.sha256(normalised).hexdigest(),
        )

    # --- the tree of states -----------------------------------------------------------------------

    def _find_states(self, fields: Fields, name: str, parent: int, depth: int) -> None:
        """All states by name, in the document's order, before any transition is read."""
        number = len(self.states)
        state = StatePlan(number=number, name=name, parent=parent, depth=depth)
        self.states.append(state)
        self.bodies.append(fields)
        if number != ROOT:
            self.index[name] = number
            self.states[parent].children.append(number)
        inner = fields.raw("states")
        if inner is None and number != ROOT:
            return
        path = fields.at("states")
        if not isinstance(inner, Mapping) or not inner:
            self.problems.add(path, "must be an object with at least one state, by its name")
            return
        if depth == MAX_DEPTH:
            self.problems.add(path, f"is nested deeper than {MAX_DEPTH} states")
            return
        state.kind = StateKind.COMPOUND
        for child, body in inner.items():
            if len(self.states) > MAX_STATES:
                self.problems.add(path, f"more than {MAX_STATES} states")
                return
            if not is_name(str(child)):
                self.problems.add(f"{path}.{child}", f"a state's name {NAME_RULE}")
            elif child in self.index:
                self.problems.add(
                    f"{path}.{child}", "is the name of another state, too; names are unique"
                )
            else:
                part = Fields({} if body is None else body, f"{path}.{child}", self.problems)
                self._find_states(part, str(child), number, depth + 1)

    def _read_states(self, ways: WaysReader) -> None:
        for state, fields in zip(self.states, self.bodies, strict=True):
            if state.number != ROOT:
                self._read_state(state, fields)
            if state.kind in (StateKind.COMPOUND, StateKind.PARALLEL):
                self._read_inside(state, fields, ways)
            if state.kind not in (StateKind.FINAL, StateKind.HISTORY):
                ways.read(state, fields)
            elif state.kind is StateKind.HISTORY:
                self._read_history(state, fields, ways)
            if state.number != ROOT:
                fields.close()

    def _read_state(self, state: StatePlan, fields: Fields) -> None:
        fields.text("description")
        state.entry = self.actions.actions(fields.raw("entry"), fields.at("entry"))
        state.exit = self.actions.actions(fields.raw("exit"), fields.at("exit"))
        is_history, is_parallel = _is_history(fields), fields.flag("parallel")
        is_final = fields.raw("final") is not None and fields.raw("final") is not False
        if is_final + is_history + is_parallel > 1:
            self.problems.add(fields.path, "is one of `final`, `history` and `parallel`")
        elif is_final:
            self._read_final(state, fields)
        elif is_history:
            if state.kind is StateKind.COMPOUND:
                self.problems.add(fields.at("states"), "a history state has none of its own")
            state.kind = StateKind.HISTORY
            state.deep = fields.choice("history", {"shallow", "deep"}, "shallow") == "deep"
            if state.entry or state.exit:
                self.problems.add(fields.path, "a history state is never entered itself")
        elif is_parallel:
            if state.kind is not StateKind.COMPOUND:
                self.problems.add(fields.at("parallel"), "needs `states`, which are all active")
            state.kind = StateKind.PARALLEL

    def _read_history(self, state: StatePlan, fields: Fields, ways: WaysReader) -> None:
        """Where it leads while nothing is remembered: only to what can be, and to an end."""
        outer = self.states[state.parent]
        state.initial = ways.targets(fields, "target")
        for target in state.initial:
            inside = self._is_within(target, outer.number)
            if not inside or _is_history(self.bodies[target]):
                self.problems.add(
                    fields.at("target"),
                    "must name states of the one that the history is of, and no history",
                )
                return
        if state.initial or fields.raw("target") is not None:
            return
        if outer.kind is StateKind.PARALLEL:
            state.initial = tuple(n for n in outer.children if not _is_history(self.bodies[n]))
        elif any(_is_history(self.bodies[target]) for target in outer.initial):
            self.problems.add(
                fields.at("target"), "is missing: what is initial around it is a history, too"
            )

    def _read_final(self, state: StatePlan, fields: Fields) -> None:
        value = fields.raw("final")
        if state.kind is StateKind.COMPOUND:
            self.problems.add(fields.path, "a final state has no states of its own")
        state.kind = StateKind.FINAL
        state.final = FinalPlan()
        if value is True:
            return
        if not isinstance(value, Mapping):
            self.problems.add(
                fields.at("final"),
                f"must be true, or an object with `output` or `fail`; is {kind_of(value)}",
            )
            return
        inner = Fields(value, fields.at("final"), self.problems)
        names = {"params", "memory", "event", "result", "error", "run"}
        state.final.output = self.actions.expression(inner, "output", names)
        if inner.has("fail"):
            failing = Fields(inner.raw("fail"), inner.at("fail"), self.problems)
            state.final.fails = True
            state.final.kind = failing.text("kind", "Failed", max_bytes=200) or "Failed"
            state.final.message = self.actions.expression(failing, "message", names)
            failing.close()
            if state.parent != ROOT:
                self.problems.add(
                    inner.at("fail"), "only the machine's own final states fail a run"
                )
            elif inner.has("output"):
                self.problems.add(inner.at("output"), "a run that fails has none")
        inner.close()

    def _read_inside(self, state: StatePlan, fields: Fields, ways: WaysReader) -> None:
        real = [n for n in state.children if not _is_history(self.bodies[n])]
        if not real:
            self.problems.add(fields.at("states"), "needs a state that is no history")
            return
        if state.kind is StateKind.PARALLEL:
            if fields.has("initial"):
                self.problems.add(fields.at("initial"), "all of a parallel state's are entered")
            return
        given = fields.raw("initial")
        if given is None:
            state.initial = (real[0],)
            return
        names = given if isinstance(given, list) and given else [given]
        for name in names:
            known = isinstance(name, str) and name in self.index
            if not known or not self._is_within(self.index[name], state.number):
                self.problems.add(
                    fields.at("initial"), f"must name a state within; is {shown(name)}"
                )
                return
        state.initial = tuple(self.index[name] for name in names)
        if len(names) > 1:
            ways.together.append((fields.at("initial"), state.initial))

    def _is_within(self, number: int, outer: int) -> bool:
        while number != ROOT:
            number = self.states[number].parent
            if number == outer:
                return True
        return False


def _is_history(fields: Fields) -> bool:
    return fields.raw("history") is not None


def _labels(states: list[StatePlan]) -> dict[str, TransitionPlan]:
    found: dict[str, TransitionPlan] = {}
    numbers: dict[str, int] = {}
    for state in states:
        for plan in [*state.transitions, *(plan for _, plan in state.after)]:
            label, number = plan.label, numbers.get(plan.label, 1)
            while plan.label in found:
                number += 1
                plan.label = f"{label} #{number}"
            numbers[label] = number
            found[plan.label] = plan
    return found
