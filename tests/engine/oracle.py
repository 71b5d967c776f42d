"""What a graph means, written straight from the rules and as naively as can be.

No events, no turns, no order: every node has one outcome, found by going through the nodes from the
first to the last. It knows nothing of attempts, queues or clocks, and of expressions only what
`graphs.py` makes.

The rules: a join fires when all in-edges are resolved and one is taken; if all are dead it is
unreached and its edges die. A skipped node counts as done. Every true guard is taken, `else` if no
guard is; of error edges the first that matches, and normal edges die. A guard that fails is its
target's failure. No in-edge: the run's input; one taken edge: its value; more: an object. A failure
that no error edge takes ends the run, or counts as done where it may.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

EXPRESSION = "treadle.ExpressionFailed"
CONFLICT = "treadle.NodeInputConflict"


class Undefined(Exception):
    """An expression that has no value."""


@dataclass(slots=True)
class Outcome:
    """How a node ended. `kind` is that of its failure."""

    state: str
    output: Any = None
    kind: str = ""
    details: Any = None
    input: Any = None
    counts_as_done: bool = False


@dataclass(slots=True)
class Meaning:
    """How a whole run ends."""

    nodes: dict[str, Outcome] = field(default_factory=dict)
    unhandled: set[str] = field(default_factory=set)
    output: Any = None


Report = Callable[[str], Outcome]
"""What a worker would say about a node."""


def meaning(graph: dict[str, Any], given: Any, report: Report) -> Meaning:
    """The meaning of a run of the graph with this input, if workers report so."""
    return _Oracle(graph, given, report).run()


class _Oracle:
    def __init__(self, graph: dict[str, Any], given: Any, report: Report) -> None:
        self.graph = graph
        self.given = given
        self.report = report
        self.edges: list[dict[str, Any]] = graph.get("edges", [])
        self.taken: dict[int, bool] = {}
        self.broken_guards: set[str] = set()
        self.found = Meaning()

    def run(self) -> Meaning:
        for name, body in self.graph["nodes"].items():
            outcome = self.found.nodes[name] = self._outcome(name, body)
            self._leave(name, body, outcome)
        self.found.output = self._output()
        return self.found

    def _outcome(self, name: str, body: dict[str, Any]) -> Outcome:
        into = [n for n, edge in enumerate(self.edges) if edge["to"] == name]
        if name in self.broken_guards:
            return Outcome("FAILED", kind=EXPRESSION)
        if into and not any(self.taken[n] for n in into):
            return Outcome("UNREACHED")
        if "fail" in body:
            return Outcome("FAILED")
        try:
            if "run_if" in body and not self._value(body["run_if"], {"params": self.given}):
                return Outcome("SKIPPED", body.get("default_output"))
            received = self._input([n for n in into if self.taken[n]])
        except Undefined:
            return Outcome("FAILED", kind=EXPRESSION)
        except ValueError:
            return Outcome("FAILED", kind=CONFLICT)
        outcome = self.report(name)
        outcome.input = received
        return outcome

    def _input(self, taken: list[int]) -> Any:
        if not taken:
            return self.given
        if len(taken) == 1:
            return self._brought(self.edges[taken[0]])
        joined: dict[str, Any] = {}
        # All are evaluated before they are put together.
        brought = [(self.edges[n], self._brought(self.edges[n])) for n in taken]
        for edge, value in brought:
            part = value if "map" in edge else {edge["from"]: value}
            if not isinstance(part, dict) or part.keys() & joined.keys():
                raise ValueError
            joined |= part
        return joined

    def _brought(self, edge: dict[str, Any]) -> Any:
        source = self.found.nodes[edge["from"]]
        if "on" not in edge:
            return self._value(edge.get("map", "output"), {"output": source.output})
        error = {"kind": source.kind, "details": source.details, "node": edge["from"]}
        return self._value(edge["map"], {"error": error}) if "map" in edge else error

    def _leave(self, name: str, body: dict[str, Any], outcome: Outcome) -> None:
        normal = [n for n, e in enumerate(self.edges) if e["from"] == name and "on" not in e]
        errors = [n for n, e in enumerate(self.edges) if e["from"] == name and "on" in e]
        self.taken |= dict.fromkeys(normal + errors, False)
        if outcome.state in ("COMPLETED", "SKIPPED"):
            outcome.counts_as_done = True
            self._take_true(normal, {"output": outcome.output})
        elif outcome.state == "FAILED" and not self._take_first(errors, outcome):
            if body.get("on_failure") != "continue":
                self.found.unhandled.add(name)
                return
            outcome.output = body.get("default_output")
            outcome.counts_as_done = True
            self._take_true(normal, {"output": outcome.output})

    def _take_true(self, edges: list[int], known: dict[str, Any]) -> None:
        no_guard_held = True
        for n in edges:
            edge = self.edges[n]
            if "when" in edge:
                self.taken[n] = self._guard(edge, known)
                no_guard_held &= not self.taken[n] and edge["to"] not in self._failed_now(edge)
            elif "else" not in edge:
                self.taken[n] = True
        for n in edges:
            if "else" in self.edges[n]:
                self.taken[n] = no_guard_held

    def _take_first(self, edges: list[int], outcome: Outcome) -> bool:
        known = {"error": {"kind": outcome.kind, "details": outcome.details}}
        broken = False
        for n in edges:
            edge = self.edges[n]
            if "else" in edge or outcome.kind not in edge.get("kinds", [outcome.kind]):
                continue
            if self._guard(edge, known):
                self.taken[n] = True
                return True
            broken |= bool(self._failed_now(edge))
        for n in edges:
            if "else" in self.edges[n] and not broken:
                self.taken[n] = True
                return True
        return False

    def _guard(self, edge: dict[str, Any], known: dict[str, Any]) -> bool:
        edge.pop("broken", None)
        try:
            return bool(self._value(edge.get("when", "true"), known))
        except Undefined:
            edge["broken"] = True
            self.broken_guards.add(edge["to"])
            return False

    def _failed_now(self, edge: dict[str, Any]) -> set[str]:
        return {edge["to"]} if edge.get("broken") else set()

    def _output(self) -> Any:
        goes_on = {edge["from"] for edge in self.edges if "on" not in edge}
        ends = [
            name
            for name, body in self.graph["nodes"].items()
            if name not in goes_on and "fail" not in body
        ]
        nodes = self.found.nodes
        if len(ends) == 1:
            return nodes[ends[0]].output
        return {name: nodes[name].output for name in ends if nodes[name].counts_as_done}

    def _value(self, text: str, known: dict[str, Any]) -> Any:
        """The few expressions that the graphs have: constants, paths, `==`, objects of one key."""
        if " == " in text:
            left, right = text.split(" == ")
            return self._same(self._value(left, known), json.loads(right))
        if text.startswith("{"):
            key, inner = text[1:-1].split(": ")
            return {json.loads(key): self._value(inner, known)}
        try:
            return json.loads(text)
        except ValueError:
            pass
        name, *steps = text.split(".")
        value = known[name]
        for step in steps:
            if not isinstance(value, dict) or step not in value:
                raise Undefined(text)
            value = value[step]
        return value

    @staticmethod
    def _same(left: Any, right: Any) -> bool:
        """1 is no true."""
        return type(left) is type(right) and bool(left == right)
