"""From a document to a compiled graph: reads every part, checks every name, collects every fault.

The document's format is described in `docs/reference/graph.md`. What is refused here is refused for
good: nothing is stored. What only a run can know becomes a typed failure of a node.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from treadle_server.definitions.document import Fields, Problems, kind_of, nearest
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
from treadle_server.definitions.graph.fit import check_fit
from treadle_server.definitions.graph.model import (
    RESERVED_NAMES,
    EdgePlan,
    FailSpec,
    GraphDefinition,
    NodePlan,
)
from treadle_server.definitions.graph.options import Defaults, read_defaults, read_options
from treadle_server.definitions.graph.structure import KnownNames, Structure, build_topology
from treadle_server.definitions.names import NAME_RULE, is_name, is_node_id
from treadle_server.definitions.parameters import read_parameters
from treadle_server.engine.values import Payload

FORMAT = "v1"
MAX_NODES = 200_000
MAX_EDGES = 1_000_000


def parse_graph(document: Any) -> GraphDefinition:
    """Compiles a document. Raises `DefinitionInvalid` with every fault that was found, up to a
    limit.
    """
    problems = Problems()
    reader = _Reader(document, problems)
    definition = reader.read()
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
        self._start_edges: list[Fields] = []

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
        if not is_name(name):
            problems.add("name", f"{NAME_RULE}; is {name!r}")
        description = fields.text("description")
        parameters = read_parameters(fields.raw("params"), "params", problems)
        defaults = read_defaults(fields.raw("defaults"), "defaults", problems)
        run_timeout = fields.duration("run_timeout")
        node_bodies = self._node_bodies()
        edge_bodies = self._edge_bodies(node_bodies)
        self._check_activities()
        fields.has("output")
        fields.close()
        problems.raise_if_any()

        structure = Structure(list(self.index), [(e.source, e.target) for e in self.edges])
        cycle = structure.find_cycle()
        if cycle:
            guarded = any(e.guarded and e.source in cycle and e.target in cycle for e in self.edges)
            self._refuse_cycle([structure.names[n] for n in cycle], guarded=guarded)
        problems.raise_if_any()
        self.structure = structure
        self.identifiers = {node: n for node, n in self.index.items() if is_variable(node)}
        self._compile_edges(edge_bodies)
        for number, (node, body) in enumerate(node_bodies.items()):
            self.nodes.append(self._node(number, node, body, defaults))
        self._compile_start_edges()
        output = self._expression(
            fields.raw("output"), "output", self._names("params", "memory", "failures")
        )
        self._check_inputs()
        check_fit(self.document, self.nodes, self.edges, problems)
        problems.raise_if_any()
        end_nodes = self._end_nodes()
        return self._definition(name, description, parameters, run_timeout, output, end_nodes)

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
                    f"nodes.{node!r}",
                    "a node's id has 1 to 200 characters and no control characters",
                )
            elif node in RESERVED_NAMES:
                self.problems.add(
                    f"nodes.{node}",
                    f"{node!r} means something else in expressions; take another id",
                )
            self.index[node] = len(self.index)
        return dict(value)

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
            fields.close()
            return plan
        plan.input = self._expression(fields.raw("input"), f"{path}.input", names)
        plan.run_if = self._expression(fields.raw("run_if"), f"{path}.run_if", names, guard=True)
        if fields.has("default_output"):
            plan.default_output = Payload(_canonical(fields.raw("default_output")))
        plan.continue_on_failure = (
            fields.choice("on_failure", {"fail", "continue"}, "fail") == "continue"
        )
        plan.options = read_options(fields, name, defaults)
        fields.close()
        return plan

    def _fail_spec(self, value: Any, path: str, names: KnownNames) -> FailSpec:
        fields = Fields({} if value is None else value, path, self.problems)
        spec = FailSpec(
            kind=fields.text("kind", max_bytes=200),
            message=self._expression(fields.raw("message"), f"{path}.message", names),
        )
        fields.close()
        return spec

    # --- edges ------------------------------------------------------------------------------------

    def _edge_bodies(self, node_bodies: dict[str, Any]) -> list[tuple[Fields, EdgePlan | None]]:
        value = self.fields.raw("edges", [])
        if not isinstance(value, list):
            self.problems.add("edges", f"must be a list, is {kind_of(value)}")
            value = []
        if len(value) > MAX_EDGES:
            self.problems.add("edges", f"has {len(value)} edges; at most {MAX_EDGES} are possible")
            value = []
        bodies = [
            self._edge(Fields(body, f"edges[{place}]", self.problems))
            for place, body in enumerate(value)
        ]
        for node, body in node_bodies.items():
            if isinstance(body, Mapping) and "depends_on" in body:
                self._short_edges(node, body["depends_on"])
        return bodies

    def _edge(self, fields: Fields) -> tuple[Fields, EdgePlan | None]:
        source_name, target_name = fields.text("from"), fields.text("to")
        target = self._node_number(target_name, fields.at("to"))
        on_error = fields.choice("on", {"success", "error"}, "success") == "error"
        otherwise = fields.flag("else")
        kinds = fields.texts("kinds", what="kinds of failure")
        fields.text("description")
        for late in ("when", "map"):
            fields.has(late)
        fields.close()
        if otherwise and fields.raw("when") is not None:
            self.problems.add(
                fields.at("else"), "an `else` edge has no `when`: it is taken if no other edge is"
            )
        if kinds and not on_error:
            self.problems.add(
                fields.at("kinds"), "only an error edge (`on: error`) has kinds of failure"
            )
        if source_name == "start":
            if on_error or otherwise or fields.raw("when") is not None:
                self.problems.add(
                    fields.path,
                    "an edge from start is always taken; put `run_if` on the node instead",
                )
            return fields, None
        source = self._node_number(source_name, fields.at("from"))
        if source is None or target is None:
            return fields, None
        if source == target:
            self._refuse_cycle([source_name], guarded=fields.raw("when") is not None)
        edge = EdgePlan(
            source=source,
            target=target,
            on_error=on_error,
            otherwise=otherwise,
            kinds=kinds,
            path=fields.path,
        )
        self.edges.append(edge)
        return fields, edge

    def _short_edges(self, node: str, value: Any) -> None:
        path = f"nodes.{node}.depends_on"
        sources = [value] if isinstance(value, str) else value
        if not isinstance(sources, list):
            self.problems.add(path, "must be a node's id or a list of them")
            return
        for source_name in sources:
            source = self._node_number(source_name, path)
            if source is not None:
                self.edges.append(EdgePlan(source=source, target=self.index[node], path=path))

    def _node_number(self, name: Any, path: str) -> int | None:
        number = self.index.get(name) if isinstance(name, str) else None
        if number is None:
            self.problems.add(path, f"there is no node {name!r}.{nearest(str(name), self.index)}")
        return number

    def _compile_edges(self, bodies: list[tuple[Fields, EdgePlan | None]]) -> None:
        for fields, edge in bodies:
            if edge is None or (fields.raw("when") is None and fields.raw("map") is None):
                continue
            word = "error" if edge.on_error else "output"
            known = self._names("params", "memory", "failures", word, of=edge.source, itself=True)
            edge.when = self._expression(fields.raw("when"), fields.at("when"), known, guard=True)
            edge.map = self._expression(fields.raw("map"), fields.at("map"), known)
        self._start_edges = [
            fields for fields, edge in bodies if edge is None and fields.raw("from") == "start"
        ]

    def _compile_start_edges(self) -> None:
        for fields in self._start_edges:
            node = self.nodes[self.index[fields.text("to")]]
            if node.from_start:
                self.problems.add(fields.path, f"{node.name!r} has an edge from start already")
            node.from_start = True
            node.start_map = self._expression(
                fields.raw("map"), fields.at("map"), self._names("params", "output", of=0)
            )

    # --- checks -----------------------------------------------------------------------------------

    def _refuse_cycle(self, names: list[str], *, guarded: bool) -> None:
        shown = " -> ".join([*names, names[0]])
        advice = (
            "guarded cycles (loops) are not supported yet"
            if guarded
            else "a graph must not wait for itself; take one of these edges away"
        )
        self.problems.add("edges", f"cycle: {shown}; {advice}")

    def _check_inputs(self) -> None:
        for edge in self.edges:
            node = self.nodes[edge.target]
            if edge.map is not None and node.input is not None:
                self.problems.add(
                    f"{edge.path}.map",
                    f"{node.name!r} has an `input` of its own, so this mapping is never used",
                )

    def _check_activities(self) -> None:
        value = self.fields.raw("activities")
        if value is not None and not isinstance(value, Mapping):
            self.problems.add("activities", f"must be an object, is {kind_of(value)}")

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
        self, value: Any, path: str, known: KnownNames, *, guard: bool = False
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
        output: Any,
        end_nodes: tuple[int, ...],
    ) -> GraphDefinition:
        normalised = _canonical(self.document)
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


def _canonical(value: Any) -> bytes:
    """The order of keys is kept where it means something (nodes); the form is otherwise free of
    accidents.
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
