"""From a document to a compiled graph: reads every part, checks every name, collects every fault.

The document's format is described in `docs/reference/graph.md`. What is refused here is refused for
good: nothing is stored. What only a run can know becomes a typed failure of a node.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from treadle_server.definitions.document import Fields, Problems, canonical_json, shown
from treadle_server.definitions.errors import DefinitionInvalid, Violation
from treadle_server.definitions.expression import (
    Expression,
    ExpressionInvalid,
    compile_guard,
    compile_mapping,
)
from treadle_server.definitions.expression import (
    is_name as is_variable,
)
from treadle_server.definitions.graph.build import build_topology
from treadle_server.definitions.graph.edges import EdgesRead, named_cycle, read_edges
from treadle_server.definitions.graph.fit import check_fit
from treadle_server.definitions.graph.joins import check_joins
from treadle_server.definitions.graph.loops import FoundLoop, find_loops
from treadle_server.definitions.graph.model import (
    RESERVED_NAMES,
    EdgePlan,
    GraphDefinition,
    NodePlan,
)
from treadle_server.definitions.graph.nodes import NodeReader
from treadle_server.definitions.graph.normalise import normalise
from treadle_server.definitions.graph.options import read_defaults
from treadle_server.definitions.graph.rules import read_joins
from treadle_server.definitions.graph.schemas import read_schemas
from treadle_server.definitions.graph.structure import KnownNames, Structure
from treadle_server.definitions.names import NAME_RULE, is_name, is_node_id
from treadle_server.definitions.parameters import read_parameters

FORMAT = "v1"
MAX_NODES = 200_000
_TAKEN_ID = re.compile(r".*(#\d+|\[\d+\]|!undo)", re.DOTALL)
"""Ids that look like the keys of iterations, of items of a map, and of what undoes a node."""


def parse_graph(document: Any, *, stored: bool = False) -> GraphDefinition:
    """Compiles a document. Raises `DefinitionInvalid` with every fault that was found, up to a
    limit. `stored`: see `Problems`.
    """
    problems = Problems(stored=stored)
    try:
        definition = _Reader(document, problems).read()
    except RecursionError:
        raise DefinitionInvalid([Violation("$", "nested too deeply")]) from None
    problems.raise_if_any()
    assert definition is not None, "no problems means a definition"
    return definition


class _Reader:
    """Reads one document; each part's method notes its faults and goes on, so that one deploy shows
    them all.
    """

    def __init__(self, document: Any, problems: Problems) -> None:
        self.document = document
        self.problems = problems
        self.fields = Fields(document, "$", problems)
        self.index: dict[str, int] = {}
        self.edges: list[EdgePlan] = []
        self.nodes: list[NodePlan] = []

    def read(self) -> GraphDefinition | None:
        fields, problems = self.fields, self.problems
        if fields.raw("treadle") is not None:
            fields.choice("treadle", {FORMAT}, FORMAT)
        else:
            problems.add(
                "treadle", f"is missing; write `treadle: {FORMAT}`, the version of the format"
            )
        fields.choice("kind", {"graph"}, "graph")
        name = fields.text("name")
        if not is_name(name) and isinstance(fields.raw("name"), str | None):
            problems.add("name", f"{NAME_RULE}; is {shown(name)}")
        description = fields.text("description")
        parameters = read_parameters(fields.raw("params"), "params", problems)
        defaults = read_defaults(fields.raw("defaults"), "defaults", problems)
        run_timeout = fields.duration("run_timeout")
        bodies = self._node_bodies()
        found = read_edges(fields.raw("edges"), bodies, self.index, problems)
        self.edges = found.edges
        schemas = read_schemas(fields.raw("activities"), problems)
        fields.has("output")
        fields.close()
        problems.raise_if_any()

        self._find_structure(found)
        joins = read_joins(bodies, self.index, self.edges, self.back, problems)
        problems.raise_if_any()
        self.identifiers = {node: n for node, n in self.index.items() if is_variable(node)}
        self._compile_edges(found.bodies)
        reader = NodeReader(problems, self._expression, defaults)
        for number, (node, body) in enumerate(bodies.items()):
            self.nodes.append(reader.read(node, body, partial(self._names, of=number)))
        self._compile_start_edges(found.from_start)
        output = self._expression(
            fields.raw("output"), "output", self._names("params", "memory", "failures", "run")
        )
        self._check_inputs()
        self._check_children(name)
        self._check_delays()
        problems.raise_if_any()
        self.joins = joins
        undo_faults: tuple[Violation, ...] = ()
        if not problems.stored:
            check_joins(self.nodes, self.edges, joins, self.back, problems)
            undo_faults = check_fit(
                schemas, parameters, self.nodes, self.edges, self.back, output, problems
            )
        problems.raise_if_any()
        return self._definition(name, description, parameters, run_timeout, output, undo_faults)

    def _find_structure(self, found: EdgesRead) -> None:
        """The graph without the edges that lead back; refuses every other cycle."""
        ends = [(edge.source, edge.target) for edge in self.edges]
        names = list(self.index)
        self.loops: list[FoundLoop] = []
        self.structure = Structure(names, ends)
        if self.structure.find_cycle():
            first = {number for _, number in found.from_start}
            self.loops = find_loops(len(names), ends, found.may_loop, first)
            back = {edge for loop in self.loops for edge in loop.back}
            forward = [end for number, end in enumerate(ends) if number not in back]
            self.structure = Structure(names, forward)
            if left := self.structure.find_cycle():
                self._refuse_cycle(left, found)
        self.back = frozenset(edge for loop in self.loops for edge in loop.back)
        if self.problems.violations:
            return
        for number, edge in enumerate(self.edges):
            for key, value in (("max_iterations", edge.max_iterations), ("delay", edge.delay)):
                if value and number not in self.back:
                    self.problems.add(
                        f"{edge.path}.{key}", "only an edge that leads back has that: it is no loop"
                    )

    def _refuse_cycle(self, cycle: list[int], found: EdgesRead) -> None:
        inside = set(cycle)
        guarded = any(
            self.edges[n].source in inside and self.edges[n].target in inside
            for n in found.may_loop
        )
        advice = (
            "it can be entered at several nodes, so it is no loop; let every way into it lead to "
            "the node that the guarded edge leads back to"
            if guarded
            else "a graph must not wait for itself; take one of these edges away, or give the one "
            "that leads back a guard (`when`) to make it a loop"
        )
        names = [self.structure.names[n] for n in cycle]
        self.problems.add("edges", f"cycle: {named_cycle(names)}; {advice}")

    # --- nodes ------------------------------------------------------------------------------------

    def _node_bodies(self) -> dict[str, Any]:
        value = self.fields.raw("nodes")
        if not isinstance(value, Mapping) or not value:
            self.problems.add(
                "nodes", "must be an object with at least one node: its id, and what it does"
            )
            return {}
        if len(value) > MAX_NODES:
            self.problems.add("nodes", f"has {len(value)} nodes; at most {MAX_NODES} are possible")
            return {}
        for node in value:
            if not is_node_id(node):
                self.problems.add(
                    f"nodes.{node}",
                    "a node's id is text of 1 to 200 characters, without control characters and "
                    "outer blanks",
                )
                continue
            if _TAKEN_ID.fullmatch(node):
                self.problems.add(
                    f"nodes.{node}",
                    "an id does not end in #1, [1] or !undo: iterations of loops, items of maps "
                    "and compensations are called so",
                )
            if node in RESERVED_NAMES:
                self.problems.add(
                    f"nodes.{node}",
                    f"{node!r} means something else in expressions; take another id",
                )
            self.index[node] = len(self.index)
        return {node: value[node] for node in self.index}

    # --- edges ------------------------------------------------------------------------------------

    def _compile_edges(self, bodies: list[tuple[Fields, EdgePlan]]) -> None:
        for fields, edge in bodies:
            if fields.raw("when") is None and fields.raw("map") is None:
                continue
            word = "error" if edge.on_error else "output"
            words = ("params", "memory", "failures", "run", word)
            known = self._names(*words, of=edge.source, itself=True)
            edge.when = self._expression(fields.raw("when"), fields.at("when"), known, guard=True)
            edge.map = self._expression(fields.raw("map"), fields.at("map"), known)

    def _compile_start_edges(self, found: list[tuple[Fields, int]]) -> None:
        """An edge from start says how a first node gets the run's input; it starts nothing."""
        for fields, number in found:
            node = self.nodes[number]
            if node.from_start:
                self.problems.add(fields.path, f"{node.name!r} has an edge from start already")
            elif self.structure.predecessors[number]:
                self.problems.add(
                    fields.path,
                    f"{node.name!r} has other edges in, and they decide when it starts; "
                    "name `params` in its `input` or their `map` instead",
                )
            node.from_start = True
            path = fields.at("map")
            node.start_map = self._expression(fields.raw("map"), path, {"params", "output"})
            self._refuse_unused(node.start_map, path, node)

    def _check_delays(self) -> None:
        for edge in self.edges:
            header = self.nodes[edge.target]
            if edge.delay and (header.options is None or header.map is not None):
                self.problems.add(
                    f"{edge.path}.delay",
                    f"{header.name!r} runs no single activity; put a timer node into the loop",
                )

    # --- checks -----------------------------------------------------------------------------------

    def _check_children(self, name: str) -> None:
        for node in self.nodes:
            if node.child is not None and node.child.workflow == name:
                self.problems.add_if_new(
                    f"nodes.{node.name}.workflow",
                    "would start itself, and that one again: a loop goes round without a new run",
                )

    def _check_inputs(self) -> None:
        for edge in self.edges:
            self._refuse_unused(edge.map, f"{edge.path}.map", self.nodes[edge.target])

    def _refuse_unused(self, mapping: Expression | None, path: str, node: NodePlan) -> None:
        if mapping is not None and node.fail is not None:
            self.problems.add_if_new(
                path, f"{node.name!r} is a fail node, it takes no input; see its `fail.message`"
            )
        elif mapping is not None and (node.compute is not None or node.wait is not None):
            what = "computes" if node.compute is not None else "waits for an event"
            self.problems.add_if_new(
                path, f"{node.name!r} {what} and takes no input, so this mapping is never used"
            )
        elif mapping is not None and node.input is not None and node.map is None:
            self.problems.add_if_new(
                path, f"{node.name!r} has an `input` of its own, so this mapping is never used"
            )

    def _end_nodes(self) -> tuple[int, ...]:
        """Where a run that goes well ends: handling a node's errors does not make it less of an
        end.
        """
        goes_on = {
            edge.source
            for number, edge in enumerate(self.edges)
            if not edge.on_error and not edge.on_timeout and number not in self.back
        }
        return tuple(
            number
            for number, node in enumerate(self.nodes)
            if node.fail is None and number not in goes_on
        )

    # --- expressions ------------------------------------------------------------------------------

    def _names(self, *words: str, of: int | None = None, itself: bool = False) -> KnownNames:
        """What an expression may name: words, and the nodes before `of` (all nodes if None)."""
        return KnownNames(
            frozenset(words),
            self.structure,
            self.identifiers,
            of,
            itself=itself,
            shown=not self.problems.is_full,
        )

    def _expression(
        self, value: Any, path: str, known: Collection[str], *, guard: bool = False
    ) -> Expression | None:
        if value is None:
            return None
        try:
            if guard and not self.problems.stored:
                return compile_guard(value, known, path)
            return compile_mapping(value, known, path)
        except ExpressionInvalid as invalid:
            self.problems.add(invalid.path, invalid.message)
            return None

    # --- the result -------------------------------------------------------------------------------

    def _definition(
        self,
        name: str,
        description: str,
        parameters: Any,
        run_timeout: Any,
        output: Expression | None,
        undo_faults: tuple[Violation, ...],
    ) -> GraphDefinition:
        try:
            normalised = canonical_json(normalise(self.document))
        except ValueError as error:  # lone surrogates, NaN
            raise DefinitionInvalid([Violation("$", f"is no JSON document: {error}")]) from None
        end_nodes = self._end_nodes()
        in_edges: list[list[int]] = [[] for _ in self.nodes]
        for number, edge in enumerate(self.edges):
            in_edges[edge.target].append(number)
        return GraphDefinition(
            name=name,
            description=description,
            document=normalised,
            content_hash=hashlib.sha256(normalised).hexdigest(),
            parameters=parameters,
            run_timeout=run_timeout,
            nodes=tuple(self.nodes),
            edges=tuple(self.edges),
            output=output,
            end_nodes=end_nodes,
            topology=build_topology(
                self.nodes, self.edges, self.joins, self.loops, output, end_nodes
            ),
            in_edges=tuple(tuple(edges) for edges in in_edges),
            undo_faults=undo_faults,
        )
