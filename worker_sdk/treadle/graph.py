"""`Graph`: a workflow as a graph, built in Python. It makes the same document as YAML.

    graph = Graph("greeting_workflow", description="Greet user and log the message")
    graph.node("greet_user", greet, retry=Retry(max_attempts=4, initial="1s"), start_to_close="10s")
    graph.node("log_greeting", log_message)
    graph.edge("greet_user", "log_greeting", map=lambda output: {"message": output["message"]})
    client.deploy(graph)

Mappings and guards are CEL: as a string, or as a function that is called once, while the graph is
built, with stand-ins for its parameters (`_graph/recording.py` says what can be recorded). The
parameters say by their names what they stand for: `output` (of the edge's source), `error` (on
error edges), `params` (the run's input), `memory`, `failures` (of the nodes that failed, by id), or
the id of a node further up (its output). Variables from outside are bound as constants. Inside,
`all_of`, `any_of`, `not_`, `if_else` and `text` say what `and`, `or`, `not`, `if` and f-strings
would; `&`, `|` and `~` do as well.

What is not here: the rules of graphs. The server checks the document when it is deployed, and says
for each fault where it is. Only what needs no rule is refused earlier: names given twice, edges
between nodes that are not there.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from treadle._graph.document import (
    duration,
    kind_names,
    plain,
    without_absent,
)
from treadle._graph.kinds import Formula, Join, OtherKinds
from treadle._graph.methods import all_of, any_of, if_else, not_, text
from treadle._graph.names import ALL_NAMES, ANYWHERE
from treadle._graph.parts import Node
from treadle._graph.policies import Compensate, Defaults, ErrorKind, Map, Retry, Time
from treadle._graph.recorded import Recorded
from treadle._graph.recording import record
from treadle._graph.refusals import CannotRecord
from treadle.errors import DefinitionError

__all__ = [
    "ActivityLike",
    "CannotRecord",
    "Compensate",
    "Defaults",
    "Graph",
    "Map",
    "Node",
    "Recorded",
    "Retry",
    "all_of",
    "any_of",
    "if_else",
    "not_",
    "text",
]


class ActivityLike(Protocol):
    """What a node runs: `@treadle.activity` makes these."""

    @property
    def name(self) -> str:
        """The type's name, as workers register it."""
        ...

    @property
    def description(self) -> str:
        """For people."""
        ...

    def input_schema(self) -> Mapping[str, object] | None:
        """The JSON Schema of its input, if that is typed."""
        ...

    def output_schema(self) -> Mapping[str, object] | None:
        """The JSON Schema of its result, if that is typed."""
        ...


class _Absent:
    """The default of a parameter that has none: None is a value."""


_ABSENT = _Absent()

_PARAMETER_TYPES: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
}

START = "start"
"""The source of an edge that brings the run's input."""


class Graph(OtherKinds):
    """Builds the document of one graph.

    Args:
        name: the workflow's name.
        description: for people.
        defaults: what holds for every activity node.
        run_timeout: the run is timed out after this long.

    Every method raises `DefinitionError` for what cannot be meant, and `CannotRecord`, a kind of
    it, for a function that cannot be recorded, with file and line.
    """

    def __init__(
        self,
        name: str,
        *,
        description: str = "",
        defaults: Defaults | None = None,
        run_timeout: Time | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self._defaults = defaults.document() if defaults else {}
        self._run_timeout = duration(run_timeout)
        self._params: dict[str, dict[str, object]] = {}
        self._nodes: dict[str, dict[str, object]] = {}
        self._edges: list[dict[str, object]] = []
        self._activities: dict[str, dict[str, object]] = {}
        self._output: str | None = None
        # The names each recorded function reads, beside those its place offers: nodes that may be
        # added later. Looked at when the document is made.
        self._nodes_read: list[tuple[str, frozenset[str]]] = []

    # --- parts -----------------------------------------------------------------------------------

    def param(
        self,
        name: str,
        type: str | type,  # noqa: A002
        *,
        default: object = _ABSENT,
        required: bool | None = None,
        description: str = "",
        **constraints: object,
    ) -> None:
        """Declares a start parameter; with one declared, the server refuses others.

        Args:
            name: the parameter's name.
            type: string, integer, number, boolean, object, array or any, or Python's type for it.
            default: what a start without it gets; without a default it is required.
            required: False for a parameter that may be missing although it has no default.
            description: for people.
            constraints: further ones that the server knows, such as `min_length=1`.
        """
        if name in self._params:
            raise DefinitionError(f"graph {self.name}: the parameter {name!r} is declared twice")
        type_name = type if isinstance(type, str) else _PARAMETER_TYPES.get(type)
        if type_name is None:
            known = ", ".join(known.__name__ for known in _PARAMETER_TYPES)
            raise DefinitionError(
                f"graph {self.name}: the parameter {name!r} has the type {type!r}; "
                f"known are {known}"
            )
        declared: dict[str, object] = {"type": type_name}
        if not isinstance(default, _Absent):
            declared["default"] = plain(default, f"the default of the parameter {name!r}")
        declared |= without_absent(required=required, description=description)
        self._params[name] = declared | constraints

    def node(
        self,
        id: str,  # noqa: A002
        activity: ActivityLike | str | None = None,
        *,
        description: str = "",
        queue: str | None = None,
        input: Formula | Mapping[str, object] | None = None,  # noqa: A002
        memory: Sequence[str] = (),
        retry: Retry | None = None,
        start_to_close: Time | None = None,
        schedule_to_start: Time | None = None,
        schedule_to_close: Time | None = None,
        heartbeat: Time | None = None,
        priority: int | None = None,
        run_if: Formula | None = None,
        default_output: object = _ABSENT,
        on_failure: Literal["fail", "continue", "retry", "hold"] | None = None,
        join: Join | None = None,
        choice: Literal["all", "first"] | None = None,
        delay: Time | None = None,
        at: Formula | None = None,
        map: Map | None = None,  # noqa: A002
        compensate: Compensate | ActivityLike | str | None = None,
    ) -> Node:
        """Adds a node that runs an activity.

        Args:
            id: the node's name in this graph.
            activity: one whose schemas go into the document, or its type's name; the id if None.
            description, queue, priority: for people; where its tasks wait; 1 to 5, smaller first.
            input: instead of what edges bring; the text leaves of a mapping are CEL.
            memory, retry: keys of the run's memory that it reads; when it is tried again.
            start_to_close, schedule_to_start, schedule_to_close, heartbeat: the time of one
                attempt, of the wait before it, of all attempts and waits, between heartbeats.
            run_if: the node is skipped if this is false.
            default_output: what it counts with if skipped, or failed with on_failure "continue".
            on_failure: what a failure that no error edge takes does: fail the run, go on, try again
                without end, or hold the run and ask a person.
            join: which of the nodes that lead here it waits for: all, any, race (any, and the
                others are stopped), so many of them, or text such as "a and (b or c)".
            choice: "first": of the edges that leave it, only the first that is true is taken.
            delay, at: not before so long after it is reached; not before this RFC 3339 time.
            map: once for each item of a list.
            compensate: what undoes it when the run fails or is cancelled.
        """
        node: dict[str, object] = {}
        if activity is not None and (name := self._activity_name(activity)) != id:
            node["activity"] = name
        node |= self._value("input", input, id, ANYWHERE | ({"item"} if map else set()))
        node |= self._formula("run_if", run_if, ANYWHERE, guard=True)
        node |= self._formula("at", at, ANYWHERE)
        if not isinstance(default_output, _Absent):
            node["default_output"] = plain(default_output, f"the default_output of node {id!r}")
        node |= without_absent(
            description=description,
            queue=queue,
            memory=list(memory),
            retry=retry.document() if retry else None,
            start_to_close=duration(start_to_close),
            schedule_to_start=duration(schedule_to_start),
            schedule_to_close=duration(schedule_to_close),
            heartbeat=duration(heartbeat),
            priority=priority,
            on_failure=on_failure,
            join=join,
            choice=choice,
            delay=duration(delay),
        )
        return self._add_node(id, node | self._map(map) | self._compensation(compensate))

    def _map(self, given: Map | None) -> dict[str, object]:
        if given is None:
            return {}
        over = self._formula("over", given.over, ANYWHERE)
        return {
            "map": over
            | without_absent(parallel=given.parallel, batch=given.batch, tolerate=given.tolerate)
        }

    def _compensation(self, given: Compensate | ActivityLike | str | None) -> dict[str, object]:
        if given is None:
            return {}
        how = given if isinstance(given, Compensate) else Compensate(activity=given)
        undo: dict[str, object] = {"activity": self._activity_name(how.activity)}
        undo |= self._formula("input", how.input, ANYWHERE | {"output"})
        undo |= without_absent(
            queue=how.queue,
            retry=how.retry.document() if how.retry else None,
            start_to_close=duration(how.start_to_close),
        )
        return {"compensate": undo}

    def edge(
        self,
        source: Node | str,
        target: Node | str,
        *,
        when: Formula | None = None,
        map: Formula | None = None,  # noqa: A002
        otherwise: bool = False,
        max_iterations: int | None = None,
        delay: Time | None = None,
        description: str = "",
    ) -> None:
        """Adds an edge that is taken when `source` is done. One that leads back to a node further
        up makes a loop; it needs a guard.

        Args:
            source: the node it leaves.
            target: the node it leads to.
            when: taken only if this is true.
            map: what it brings to the target; the source's output as it is if None.
            otherwise: taken if no guarded edge of the source is (`else` in YAML).
            max_iterations: of a loop; at the bound the source fails.
            delay: of a loop: the next iteration begins so much later.
            description: for people.
        """
        offered = ANYWHERE | {"output"}
        edge: dict[str, object] = {"from": _id(source), "to": _id(target)}
        edge |= self._formula("when", when, offered, guard=True)
        edge |= {"else": True} if otherwise else {}
        edge |= self._formula("map", map, offered)
        edge |= without_absent(max_iterations=max_iterations, delay=duration(delay))
        self._edges.append(edge | without_absent(description=description))

    def timeout_edge(
        self, source: Node | str, target: Node | str, *, description: str = ""
    ) -> None:
        """Adds an edge that is taken when the wait `source` has timed out."""
        edge: dict[str, object] = {"from": _id(source), "to": _id(target), "on": "timeout"}
        self._edges.append(edge | without_absent(description=description))

    def error_edge(
        self,
        source: Node | str,
        target: Node | str,
        *,
        kinds: Iterable[ErrorKind] = (),
        when: Formula | None = None,
        map: Formula | None = None,  # noqa: A002
        description: str = "",
    ) -> None:
        """Adds an edge that is taken when `source` has failed for good.

        Args:
            source: the node it leaves.
            target: the node it leads to.
            kinds: only for failures of these kinds.
            when: only if this is true; `error` has kind, message, details and node.
            map: what it brings to the target; the error if None.
            description: for people.
        """
        offered = ANYWHERE | {"error"}
        edge: dict[str, object] = {"from": _id(source), "to": _id(target), "on": "error"}
        edge |= without_absent(kinds=kind_names(kinds))
        edge |= self._formula("when", when, offered, guard=True)
        edge |= self._formula("map", map, offered)
        self._edges.append(edge | without_absent(description=description))

    def edge_from_start(
        self,
        target: Node | str,
        *,
        map: Formula | None = None,  # noqa: A002
        description: str = "",
    ) -> None:
        """Adds an edge that brings the run's input to `target`, through `map`."""
        edge: dict[str, object] = {"from": START, "to": _id(target)}
        edge |= self._formula("map", map, frozenset({"output", "params"}))
        self._edges.append(edge | without_absent(description=description))

    def output(self, formula: Formula) -> None:
        """Declares the run's output. Without it: the only end node's, else one per end node."""
        if self._output is not None:
            raise DefinitionError(f"graph {self.name}: its output is declared twice")
        written = self._formula("output", formula, ANYWHERE)
        self._output = str(written["output"])

    # --- the document ----------------------------------------------------------------------------

    def document(self) -> dict[str, object]:
        """The graph document, as plain dicts and lists; a copy of its own.

        Raises `DefinitionError` if an edge or a function names a node that is not there.
        """
        self._check_names()
        document: dict[str, object] = {"treadle": "v1", "kind": "graph", "name": self.name}
        document |= without_absent(
            description=self.description,
            params=self._params,
            defaults=self._defaults,
            run_timeout=self._run_timeout,
        )
        document["nodes"] = self._nodes
        document |= without_absent(
            edges=self._edges, output=self._output, activities=self._activities
        )
        copy = plain(document, f"graph {self.name}")
        assert isinstance(copy, dict)
        return copy

    def json(self, *, indent: int | None = None) -> str:
        """The graph document as JSON text. Raises `DefinitionError` like `document`."""
        return json.dumps(self.document(), ensure_ascii=False, indent=indent)

    # --- how parts are made ----------------------------------------------------------------------

    def _add_node(self, id: str, node: dict[str, object]) -> Node:  # noqa: A002
        if id in self._nodes:
            raise DefinitionError(f"graph {self.name}: the node {id!r} is added twice")
        self._nodes[id] = node
        return Node(id)

    def _activity_name(self, activity: ActivityLike | str) -> str:
        if isinstance(activity, str):
            return activity
        try:
            described = without_absent(
                description=activity.description,
                input=activity.input_schema(),
                output=activity.output_schema(),
            )
        except AttributeError as error:
            raise DefinitionError(
                f"graph {self.name}: {activity!r} is no activity ({error}); decorate it with "
                "@treadle.activity, or give the name of its type as text"
            ) from error
        known = self._activities.setdefault(activity.name, described)
        if known != described:
            raise DefinitionError(
                f"graph {self.name}: two activities of different shape are both called "
                f"{activity.name!r}; rename one"
            )
        return activity.name

    def _formula(
        self, key: str, formula: Formula | None, offered: frozenset[str], *, guard: bool = False
    ) -> dict[str, object]:
        """`{key: CEL text}`, or nothing if there is no formula."""
        if formula is None:
            return {}
        if isinstance(formula, str):
            return {key: formula}
        expression, recording = record(formula, guard=guard)
        absent = (expression.names & ALL_NAMES) - offered
        if absent:
            recording.refuse(
                f"the parameter {min(absent)}, which is not there in this place",
                f"{', '.join(sorted(offered))} or the id of a node further up",
            )
        file, line = recording.place
        self._nodes_read.append((f"{file}:{line}", expression.names - offered))
        return {key: expression.text}

    def _check_names(self) -> None:
        problems = [
            f"{where}: the parameter {name} is no node of the graph{self._nearest(name)}; "
            "parameters are called output, error, params, memory, failures, run, or as a node"
            for where, names in self._nodes_read
            for name in sorted(names - self._nodes.keys())
        ]
        for number, edge in enumerate(self._edges):
            for end in ("from", "to"):
                name = str(edge[end])
                if name not in self._nodes and not (end == "from" and name == START):
                    problems.append(
                        f"edges[{number}].{end}: there is no node {name!r}{self._nearest(name)}"
                    )
        if problems:
            raise DefinitionError(f"graph {self.name}:\n" + "\n".join(f"  {p}" for p in problems))

    def _nearest(self, name: str) -> str:
        found = difflib.get_close_matches(name, self._nodes, n=1)
        return f" (did you mean {found[0]!r}?)" if found else ""


def _id(node: Node | str) -> str:
    return node.id if isinstance(node, Node) else node
