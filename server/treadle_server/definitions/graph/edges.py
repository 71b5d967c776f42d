"""Reading the edges of a document: from the list, from `depends_on`, and from the run's input.

What their expressions may name depends on the shape of the graph, so they are compiled later, by
`parse`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from treadle_server.definitions.document import Fields, Problems, kind_of
from treadle_server.definitions.graph.model import EdgePlan

MAX_EDGES = 1_000_000
MAX_ITERATIONS = 1_000_000_000
START = "start"
_SHOWN_OF_A_CYCLE = 10


@dataclass(slots=True)
class EdgesRead:
    """What was found. `bodies` are those of listed edges whose ends exist, with their plans."""

    edges: list[EdgePlan] = field(default_factory=list)
    bodies: list[tuple[Fields, EdgePlan]] = field(default_factory=list)
    from_start: list[tuple[Fields, int]] = field(default_factory=list)
    """Edges from the run's input, and the number of the node that they lead to."""
    may_loop: set[int] = field(default_factory=set)
    """Edges that are not taken always: only such a one can close a loop."""


def read_edges(
    value: Any, nodes: Mapping[str, Any], index: dict[str, int], problems: Problems
) -> EdgesRead:
    """All edges, in the order that numbers them: the listed ones, then those of `depends_on`."""
    return _Reader(nodes, index, problems).read(value)


def named_cycle(names: list[str]) -> str:
    """The nodes of a cycle for a message, in the middle cut short."""
    shown = [*names, names[0]]
    if len(shown) > _SHOWN_OF_A_CYCLE:
        more = len(shown) - _SHOWN_OF_A_CYCLE
        shown[-3:-3] = [f"({more} more)"]
        del shown[_SHOWN_OF_A_CYCLE - 3 : -4]
    return " -> ".join(shown)


class _Reader:
    def __init__(self, nodes: Mapping[str, Any], index: dict[str, int], problems: Problems) -> None:
        self.nodes = nodes
        self.index = index
        self.problems = problems
        self.found = EdgesRead()

    def read(self, value: Any) -> EdgesRead:
        if value is None:
            value = []
        if not isinstance(value, list):
            self.problems.add("edges", f"must be a list, is {kind_of(value)}")
            value = []
        if len(value) > MAX_EDGES:
            self.problems.add("edges", f"has {len(value)} edges; at most {MAX_EDGES} are possible")
            value = []
        for place, body in enumerate(value):
            fields = Fields(body, f"edges[{place}]", self.problems)
            if isinstance(body, Mapping):
                self._edge(fields)
        for node, body in self.nodes.items():
            for key in ("depends_on", "depends_on_any"):
                if isinstance(body, Mapping) and body.get(key) is not None:
                    self._short_edges(node, key, body[key])
        return self.found

    def _edge(self, fields: Fields) -> None:
        on = fields.choice("on", {"success", "error", "timeout"}, "success")
        edge = EdgePlan(
            source=-1,
            target=-1,
            on_error=on == "error",
            on_timeout=on == "timeout",
            max_iterations=fields.integer("max_iterations", 0, low=1, high=MAX_ITERATIONS)
            if fields.has("max_iterations")
            else 0,
            delay=fields.duration("delay") or 0,
            otherwise=fields.flag("else"),
            kinds=fields.texts("kinds", what="kinds of failure"),
            path=fields.path,
        )
        fields.text("description")
        has_guard = fields.raw("when") is not None
        fields.has("map")
        source = self._end(fields, "from")
        target = self._end(fields, "to")
        fields.close()
        self._check_guards(fields, edge, has_guard=has_guard)
        if source is None or target is None:
            return
        if source == START:
            if edge.guarded or edge.on_error or edge.on_timeout or has_guard:
                self.problems.add(
                    fields.path,
                    "an edge from start is always taken; put `run_if` on the node instead",
                )
            self.found.from_start.append((fields, self.index[target]))
            return
        edge.source, edge.target = self.index[source], self.index[target]
        if edge.guarded or edge.on_error or edge.on_timeout or has_guard:
            self.found.may_loop.add(len(self.found.edges))
        if edge.on_timeout and not self._is_wait(source):
            self.problems.add(
                fields.at("on"),
                f"{source!r} waits for no event, so it does not time out like that; a timeout of "
                "an activity is a failure of kind treadle.Timeout (`on: error`)",
            )
        if self._is_fail_node(source):
            self.problems.add(
                fields.at("from"), f"{source!r} is a fail node: the run ends there, nothing follows"
            )
        self.found.edges.append(edge)
        self.found.bodies.append((fields, edge))

    def _end(self, fields: Fields, which: str) -> str | None:
        """The node at one end, or `start`; None if there is none."""
        if not fields.has(which):
            self.problems.add(
                fields.path, f"`{which}` is missing: the node that the edge leads {which}"
            )
            return None
        name = fields.raw(which)
        if which == "from" and name == START:
            return START
        return name if self._exists(name, fields.at(which)) else None

    def _exists(self, name: Any, path: str) -> bool:
        if isinstance(name, str) and name in self.index:
            return True
        shown = repr(name) if isinstance(name, str) else kind_of(name)
        hint = self.problems.nearest(name, self.index) if isinstance(name, str) else ""
        self.problems.add(path, f"there is no node {shown}.{hint}")
        return False

    def _check_guards(self, fields: Fields, edge: EdgePlan, *, has_guard: bool) -> None:
        if edge.otherwise and (has_guard or edge.kinds):
            self.problems.add(
                fields.at("else"),
                "an `else` edge has no `when` and no `kinds`: it is taken if no guard holds",
            )
        if edge.on_timeout and (has_guard or edge.otherwise):
            self.problems.add(
                fields.path, "an edge `on: timeout` is always taken when the time is up"
            )
        if edge.kinds and not edge.on_error:
            self.problems.add(
                fields.at("kinds"), "only an error edge (`on: error`) has kinds of failure"
            )

    def _short_edges(self, node: str, key: str, value: Any) -> None:
        path = f"nodes.{node}.{key}"
        sources = [value] if isinstance(value, str) else value
        if not isinstance(sources, list):
            self.problems.add(path, f"must be a node's id or a list of them, is {kind_of(value)}")
            return
        for place, source in enumerate(sources):
            where = path if isinstance(value, str) else f"{path}[{place}]"
            if not self._exists(source, where):
                continue
            if self._is_fail_node(source):
                self.problems.add(
                    where, f"{source!r} is a fail node: the run ends there, nothing follows"
                )
            self.found.edges.append(
                EdgePlan(source=self.index[source], target=self.index[node], path=where)
            )

    def _is_wait(self, name: str) -> bool:
        body = self.nodes[name]
        return isinstance(body, Mapping) and "wait" in body

    def _is_fail_node(self, name: str) -> bool:
        body = self.nodes[name]
        return isinstance(body, Mapping) and "fail" in body
