"""From a document to a compiled graph: reads every part, checks every name, collects every fault.

The document's format is described in `docs/reference/graph.md`. What is refused here is refused for
good: nothing is stored. What only a run can know becomes a typed failure of a node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from treadle_server.definitions.document import Fields, Problems, canonical_json, shown
from treadle_server.definitions.errors import DefinitionInvalid, Violation
from treadle_server.definitions.expression import (
    Expression,
    ExpressionInvalid,
    compile_expression,
    compile_guard,
    compile_mapping,
)
from treadle_server.definitions.expression import (
    is_name as is_variable,
)
from treadle_server.definitions.graph.edges import EdgesRead, read_edges, refuse_cycle
from treadle_server.definitions.graph.fit import check_fit
from treadle_server.definitions.graph.joins import check_joins
from treadle_server.definitions.graph.model import (
    RESERVED_NAMES,
    EdgePlan,
    FailSpec,
    GraphDefinition,
    NodePlan,
)
from treadle_server.definitions.graph.normalise import normalise
from treadle_server.definitions.graph.options import TIMEOUTS, Defaults, read_defaults, read_options
from treadle_server.definitions.graph.schemas import read_schemas
from treadle_server.definitions.graph.structure import KnownNames, Structure, build_topology
from treadle_server.definitions.names import NAME_RULE, is_name, is_node_id
from treadle_server.definitions.parameters import read_parameters
from treadle_server.engine.values import NULL, Payload

FORMAT = "v1"
MAX_NODES = 200_000
_ACTIVITY_KEYS = frozenset({"activity", "queue", "input", "memory", "retry", "priority", "run_if"})
_ACTIVITY_KEYS |= {"default_output", "on_failure", *TIMEOUTS}


def parse_graph(document: Any) -> GraphDefinition:
    """Compiles a document. Raises `DefinitionInvalid` with every fault that was found, up to a
    limit.
    """
    problems = Problems()
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
        if fields.has("treadle"):
            fields.choice("treadle", {FORMAT}, FORMAT)
        else:
            problems.add(
                "treadle", f"is missing; write `treadle: {FORMAT}`, the version of the format"
            )
        fields.choice("kind", {"graph"}, "graph")
        name = fields.text("name")
        if not is_name(name) and isinstance(fields.raw("name", ""), str):
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

        self.structure = Structure(list(self.index), [(e.source, e.target) for e in self.edges])
        self._refuse_cycles(found)
        problems.raise_if_any()
        self.identifiers = {node: n for node, n in self.index.items() if is_variable(node)}
        self._compile_edges(found.bodies)
        for number, (node, body) in enumerate(bodies.items()):
            self.nodes.append(self._node(number, node, body, defaults))
        self._compile_start_edges(found.from_start)
        output = self._expression(
            fields.raw("output"), "output", self._names("params", "memory", "failures")
        )
        self._check_inputs()
        problems.raise_if_any()
        check_joins(self.nodes, self.edges, problems)
        check_fit(schemas, parameters, self.nodes, self.edges, output, problems)
        problems.raise_if_any()
        return self._definition(name, description, parameters, run_timeout, output)

    def _refuse_cycles(self, found: EdgesRead) -> None:
        cycle = self.structure.find_cycle()
        if not cycle:
            return
        inside = set(cycle)
        guarded = any(
            self.edges[n].source in inside and self.edges[n].target in inside
            for n in found.may_loop
        )
        refuse_cycle([self.structure.names[n] for n in cycle], self.problems, guarded=guarded)

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
            if node in RESERVED_NAMES:
                self.problems.add(
                    f"nodes.{node}",
                    f"{node!r} means something else in expressions; take another id",
                )
            self.index[node] = len(self.index)
        return {node: value[node] for node in self.index}

    def _node(self, number: int, name: str, body: Any, defaults: Defaults) -> NodePlan:
        path = f"nodes.{name}"
        fields = Fields({} if body is None else body, path, self.problems)
        fields.text("description")
        fields.has("depends_on")
        names = self._names("params", "memory", "failures", of=number)
        plan = NodePlan(name=name)
        if fields.has("fail"):
            names = self._names("params", "memory", "failures", "error", of=number)
            plan.fail = self._fail_spec(fields.raw("fail"), f"{path}.fail", names)
            for key in set(body) & _ACTIVITY_KEYS:
                fields.has(key)
                self.problems.add(
                    fields.at(key), "a fail node runs nothing: it has `fail` and `description` only"
                )
            fields.close()
            return plan
        plan.input = self._expression(fields.raw("input"), f"{path}.input", names)
        plan.run_if = self._expression(fields.raw("run_if"), f"{path}.run_if", names, guard=True)
        if fields.has("default_output"):
            plan.default_output = self._constant(fields, "default_output")
        plan.continue_on_failure = (
            fields.choice("on_failure", {"fail", "continue"}, "fail") == "continue"
        )
        plan.options = read_options(fields, name, defaults)
        fields.close()
        return plan

    def _constant(self, fields: Fields, name: str) -> Payload:
        try:
            return Payload(canonical_json(fields.raw(name)))
        except ValueError:  # lone surrogates, NaN
            self.problems.add(fields.at(name), "is no JSON value")
            return NULL

    def _fail_spec(self, value: Any, path: str, names: KnownNames) -> FailSpec:
        fields = Fields({} if value is None else value, path, self.problems)
        spec = FailSpec(
            kind=fields.text("kind", max_bytes=200),
            message=self._expression(fields.raw("message"), f"{path}.message", names),
        )
        fields.close()
        return spec

    # --- edges ------------------------------------------------------------------------------------

    def _compile_edges(self, bodies: list[tuple[Fields, EdgePlan]]) -> None:
        for fields, edge in bodies:
            if fields.raw("when") is None and fields.raw("map") is None:
                continue
            word = "error" if edge.on_error else "output"
            known = self._names("params", "memory", "failures", word, of=edge.source, itself=True)
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

    # --- checks -----------------------------------------------------------------------------------

    def _check_inputs(self) -> None:
        for edge in self.edges:
            self._refuse_unused(edge.map, f"{edge.path}.map", self.nodes[edge.target])

    def _refuse_unused(self, mapping: Expression | None, path: str, node: NodePlan) -> None:
        if mapping is not None and node.fail is not None:
            self.problems.add(
                path, f"{node.name!r} is a fail node, it takes no input; see its `fail.message`"
            )
        elif mapping is not None and node.input is not None:
            self.problems.add(
                path, f"{node.name!r} has an `input` of its own, so this mapping is never used"
            )

    def _end_nodes(self) -> tuple[int, ...]:
        """Where a run that goes well ends: handling a node's errors does not make it less of an
        end.
        """
        goes_on = {edge.source for edge in self.edges if not edge.on_error}
        return tuple(
            number
            for number, node in enumerate(self.nodes)
            if node.fail is None and number not in goes_on
        )

    # --- expressions ------------------------------------------------------------------------------

    def _names(self, *words: str, of: int | None = None, itself: bool = False) -> KnownNames:
        """What an expression may name: words, and the nodes before `of` (all nodes if None)."""
        return KnownNames(frozenset(words), self.structure, self.identifiers, of, itself=itself)

    def _expression(
        self, value: Any, path: str, known: Collection[str], *, guard: bool = False
    ) -> Expression | None:
        if value is None:
            return None
        try:
            if not isinstance(value, str):
                return compile_mapping(value, known, path)
            return (
                compile_guard(value, known, path)
                if guard
                else compile_expression(value, known, path)
            )
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
            topology=build_topology(self.nodes, self.edges, output, end_nodes),
            in_edges=tuple(tuple(edges) for edges in in_edges),
        )
