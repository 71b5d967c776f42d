"""Whether mappings fit the activities' schemas, as far as that can be proved before a run.

Where the document carries the schemas (builders put them there), this finds the forgotten mapping,
the field that is called otherwise, the literal of the wrong type. What is refused could not work in
any run; what might work is left to the run, where it is a typed failure of the node. What counts as
known of a value is said in `shapes`.

Of a node with several edges in, it is mostly not known which of them are taken together, so there
is less to prove: a field of the wrong type, and a field that no edge can bring.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from treadle_server.definitions.document import Problems
from treadle_server.definitions.errors import Violation
from treadle_server.definitions.expression import (
    ComputedValue,
    Expression,
    KnownValue,
    ListValue,
    ObjectValue,
    Outline,
    ReadValue,
)
from treadle_server.definitions.graph.misfit import Misfit, find_misfit
from treadle_server.definitions.graph.model import EdgePlan, NodePlan
from treadle_server.definitions.graph.schemas import ActivitySchemas
from treadle_server.definitions.graph.shapes import (
    ALL_TYPES,
    ANYTHING,
    Built,
    Described,
    Exactly,
    Listed,
    OfTypes,
    OneOf,
    Shape,
    Step,
    one_of,
)
from treadle_server.definitions.parameters import Parameter

_STRING = OfTypes(frozenset({"string"}))
_NULL = Exactly(None)
_ERROR = Built({"kind": _STRING, "message": _STRING, "details": ANYTHING, "node": _STRING})
_FIELDS_LISTED = 8

Scope = Mapping[str, Shape]
"""What the words of an expression stand for; all other names are nodes."""


def check_fit(
    schemas: Mapping[str, ActivitySchemas],
    parameters: Sequence[Parameter] | None,
    nodes: Sequence[NodePlan],
    edges: Sequence[EdgePlan],
    back: Collection[int],
    output: Expression | None,
    problems: Problems,
) -> tuple[Violation, ...]:
    """Notes what can never fit. Edges, nodes and expressions have been checked otherwise. `back`
    are the edges that lead back.

    Returns what never fits of what undoes nodes: for advice. A document with such a fault is not
    refused: a run of it may well go its way, and such documents were not refused before.
    """
    if schemas or parameters is not None or any(edge.on_error for edge in edges):
        _Checker(schemas, parameters, nodes, edges, back, problems).check(output)
    undone = [node for node in nodes if node.compensation is not None]
    if not undone or not (schemas or parameters is not None):
        return ()
    advice = Problems()
    _Checker(schemas, parameters, nodes, edges, back, advice).check_undoing(undone)
    return tuple(advice.violations)


class _Checker:
    def __init__(
        self,
        schemas: Mapping[str, ActivitySchemas],
        parameters: Sequence[Parameter] | None,
        nodes: Sequence[NodePlan],
        edges: Sequence[EdgePlan],
        back: Collection[int],
        problems: Problems,
    ) -> None:
        self.schemas = schemas
        self.nodes = nodes
        self.problems = problems
        self.params = _params(parameters)
        self.index = {node.name: number for number, node in enumerate(nodes)}
        self.outputs = [self._output(node) for node in nodes]
        self.into: list[list[EdgePlan]] = [[] for _ in nodes]
        self.back_into: dict[int, list[EdgePlan]] = {}
        for number, edge in enumerate(edges):
            if number in back:
                self.back_into.setdefault(edge.target, []).append(edge)
            else:
                self.into[edge.target].append(edge)

    def check(self, output: Expression | None) -> None:
        """The whole graph."""
        scope = {"params": self.params}
        for number, node in enumerate(self.nodes):
            self._shape(node.run_if, scope)
            if node.fail is not None:
                self._shape(node.fail.message, scope | {"error": OneOf((_ERROR, _NULL))})
            for edge in [*self.into[number], *self.back_into.get(number, ())]:
                self._shape(edge.when, self._edge_scope(edge))
            if node.map is None:
                self._check_input(number, node)
                for edge in self.back_into.get(number, ()) if node.input is None else ():
                    self._check_single_edge(node, edge)
        self._shape(output, scope)

    def check_undoing(self, nodes: Sequence[NodePlan]) -> None:
        """What undoes these nodes. Only what has completed is undone: with what it gave itself."""
        for node in nodes:
            undo = node.compensation
            assert undo is not None, "asked for by the caller"
            given = self._given(node)
            wanted = self._input_of(undo.options.type)
            target = f"{undo.options.type!r}, which undoes {node.name!r}"
            path = f"nodes.{node.name}.compensate"
            if undo.input is not None:
                value = self._shape(undo.input, {"params": self.params, "output": given})
                self._report(target, wanted, value, undo.input.path)
            else:
                whole = f"the output of {node.name!r} goes there as it is; give it an `input`"
                self._report(target, wanted, given, path, whole)

    def _given(self, node: NodePlan) -> Shape:
        """What a node's activity gives."""
        if node.options is None or node.map is not None:
            return ANYTHING
        described = self.schemas.get(node.options.type)
        return ANYTHING if described is None or described.output is None else described.output

    def _output(self, node: NodePlan) -> Shape:
        """What a node that is done has given."""
        if node.fail is not None:
            return _NULL
        if node.options is None or node.map is not None:
            return ANYTHING
        given = self._given(node)
        if node.run_if is None and not node.continue_on_failure:
            return given
        return OneOf((given, Exactly(json.loads(node.default_output.data))))

    # --- inputs -----------------------------------------------------------------------------------

    def _check_input(self, number: int, node: NodePlan) -> None:
        edges = self.into[number]
        if node.input is not None:
            value = self._shape(node.input, {"params": self.params})
            self._report_input(node, value, node.input.path)
        elif node.start_map is not None:
            scope = {"params": self.params, "output": self.params}
            value = self._shape(node.start_map, scope)
            self._report_input(node, value, node.start_map.path)
        elif not edges:
            whole = "the run's parameters go there as they are; give it an `input`"
            self._report_input(node, self.params, f"nodes.{node.name}", whole)
        elif len(edges) == 1:
            self._check_single_edge(node, edges[0])
        else:
            self._check_join(node, edges)

    def _check_single_edge(self, node: NodePlan, edge: EdgePlan) -> None:
        value = self._brought(edge)
        if edge.map is not None:
            self._report_input(node, value, edge.map.path)
            return
        source = self.nodes[edge.source].name
        what = "failure" if edge.on_error else "output"
        whole = f"the {what} of {source!r} goes there as it is; give the edge a `map`"
        self._report_input(node, value, edge.path, whole)

    def _check_join(self, node: NodePlan, edges: Sequence[EdgePlan]) -> None:
        wanted = self._wanted(node)
        brought = [(edge, self._brought(edge)) for edge in edges]
        options = [] if wanted is None else wanted.options()
        option = options[0] if len(options) == 1 else None
        if not isinstance(option, Described):
            return
        properties = option.keyword("properties") or {}
        for edge, value in brought:
            if edge.map is None or not isinstance(value, Built):
                continue
            for key, part in value.parts.items():
                if key in properties and (
                    found := find_misfit(part, option.under(properties[key]))
                ):
                    self._note(_target(node), found.below(key), edge.map.path, "")
        for key in option.keyword("required") or ():
            if not any(self._may_bring(edge, value, key) for edge, value in brought):
                fault = Misfit((key,), "is missing: no edge brings it", missing=True)
                self._note(_target(node), fault, f"nodes.{node.name}", "")

    def _may_bring(self, edge: EdgePlan, value: Shape, key: str) -> bool:
        """Whether the field may come by this edge, alone or with others."""
        as_part = edge.map is None and self.nodes[edge.source].name == key
        return as_part or value.step(key) is not None

    def _brought(self, edge: EdgePlan) -> Shape:
        if edge.map is not None:
            return self._shape(edge.map, self._edge_scope(edge))
        return _ERROR if edge.on_error else self.outputs[edge.source]

    def _edge_scope(self, edge: EdgePlan) -> Scope:
        if edge.on_error:
            return {"params": self.params, "error": _ERROR}
        return {"params": self.params, "output": self.outputs[edge.source]}

    def _wanted(self, node: NodePlan) -> Described | None:
        return None if node.options is None else self._input_of(node.options.type)

    def _input_of(self, kind: str) -> Described | None:
        described = self.schemas.get(kind)
        return None if described is None else described.input

    # --- shapes of expressions --------------------------------------------------------------------

    def _shape(self, expression: Expression | None, scope: Scope) -> Shape:
        return ANYTHING if expression is None else self._of(expression.outline(), scope)

    def _of(self, outline: Outline, scope: Scope) -> Shape:
        match outline:
            case KnownValue(value):
                return Exactly(value)
            case ObjectValue(parts):
                return Built({key: self._of(part, scope) for key, part in parts.items()})
            case ListValue(parts):
                return Listed(tuple(self._of(part, scope) for part in parts))
            case ComputedValue(types):
                known = frozenset("number" if word == "integer" else word for word in types)
                return OfTypes(known or ALL_TYPES)
            case ReadValue():
                return self._read(outline, scope)

    def _read(self, read: ReadValue, scope: Scope) -> Shape:
        if read.name in scope:
            shape = scope[read.name]
        elif read.name in self.index:
            # A node further up may not have run.
            shape = one_of([self.outputs[self.index[read.name]], _NULL])
        else:
            return ANYTHING
        for depth, step in enumerate(read.steps):
            under = shape.step(step)
            if under is None:
                self._note_bad_path(read, depth, shape)
                return ANYTHING
            shape = under
        return shape

    def _note_bad_path(self, read: ReadValue, depth: int, shape: Shape) -> None:
        start = read.name if read.name in ("params", "error") else f"the output of {read.name!r}"
        start = "the output" if read.name == "output" else start
        whole = _dotted([read.name, *read.steps[:depth]]) if depth else start
        step, known = read.steps[depth], shape.known_keys()
        if known is None or isinstance(step, int):
            hint = ""
        elif hint := self.problems.nearest(step, known):
            hint = f".{hint}"
        else:
            hint = f"; it has {', '.join(known[:_FIELDS_LISTED]) or 'no fields'}"
        self.problems.add(read.path, f"{whole} has no `{step}`{hint}")

    # --- faults -----------------------------------------------------------------------------------

    def _report_input(self, node: NodePlan, value: Shape, path: str, whole: str = "") -> None:
        if (wanted := self._wanted(node)) is not None:
            self._report(_target(node), wanted, value, path, whole)

    def _report(
        self, target: str, wanted: Described | None, value: Shape, path: str, whole: str = ""
    ) -> None:
        """Notes why the value never fits the target, if that is so. `whole` says what the value is,
        for one that no expression makes.
        """
        if wanted is not None and (found := find_misfit(value, wanted)) is not None:
            self._note(target, found, path, whole)

    def _note(self, target: str, found: Misfit, path: str, whole: str) -> None:
        field = f"`{_dotted(found.where)}` " if found.where else ""
        if not whole:
            inside = found.where[:-1] if found.missing else found.where
            path += "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in inside)
        tail = f" ({whole})" if whole else ""
        self.problems.add(path, f"does not fit {target}: {field}{found.message}{tail}")


def _target(node: NodePlan) -> str:
    """A node for people."""
    assert node.options is not None, "what has a schema runs an activity"
    name, kind = node.name, node.options.type
    return repr(name) if name == kind else f"{name!r} (activity {kind!r})"


def _params(parameters: Sequence[Parameter] | None) -> Shape:
    """The run's input, as far as it is declared."""
    if parameters is None:
        return ANYTHING
    schema = {
        "type": "object",
        "properties": {
            one.name: {} if one.type == "any" else {"type": one.type} for one in parameters
        },
        "required": [one.name for one in parameters if one.required or one.has_default],
        "additionalProperties": False,
    }
    return Described(schema, schema)


def _dotted(steps: Sequence[Step]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")
