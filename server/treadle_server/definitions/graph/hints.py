"""Advice about a graph that is right as it is: never a limit, and every rule can be switched off.

What is wrong is refused, elsewhere (`parse`, `fit`, `structure`). What is said here are the
things that users of such systems learn the hard way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from treadle_server.definitions.graph.model import GraphDefinition, NodePlan

READABLE_NODES: Final = 15
"""More than this nobody takes in at a glance."""

_EMPTY_NAME = re.compile(r"(node|step|task|activity|action|n|s|t|a)[_.-]?\d*", re.IGNORECASE)
_NAMED_AT_MOST = 5


@dataclass(slots=True, frozen=True)
class Hint:
    """One piece of advice: its rule, where in the document, what and why."""

    rule: str
    path: str
    message: str


def hints(definition: GraphDefinition) -> list[Hint]:
    """All that there is to say about a graph."""
    return [hint for rule in RULES.values() for hint in rule(definition)]


def _no_error_path(graph: GraphDefinition) -> Iterator[Hint]:
    topology = graph.topology
    bare = [
        node.name
        for number, node in enumerate(graph.nodes)
        if node.options is not None
        and not topology.error_edges[number]
        and not node.continue_on_failure
        and not node.options.hold_on_failure
        and node.compensation is None
        and node.options.retry.max_attempts != 0
    ]
    undone_elsewhere = any(node.compensation is not None for node in graph.nodes)
    if bare and not undone_elsewhere:
        yield Hint(
            "no-error-path",
            f"nodes.{bare[0]}",
            f"if {_named(bare)} fails for good, the run fails and nothing is undone: there is no "
            "error edge, no `compensate` and no `on_failure`",
        )


def _no_timeout(graph: GraphDefinition) -> Iterator[Hint]:
    if graph.run_timeout is not None:
        return
    for node in graph.nodes:
        if node.wait is not None and node.wait.timeout is None:
            yield Hint(
                "no-timeout",
                f"nodes.{node.name}.wait",
                f"waits for {node.wait.event!r} for ever if it never comes; give it a `timeout`, "
                "or the document a `run_timeout`",
            )
        options = node.options
        if options is not None and options.retry.max_attempts == 0 and not _closes(node):
            yield Hint(
                "no-timeout",
                f"nodes.{node.name}.retry",
                "tries without end; give it a `schedule_to_close`, or the document a `run_timeout`",
            )


def _closes(node: NodePlan) -> bool:
    return node.options is not None and node.options.schedule_to_close_timeout is not None


def _too_many_nodes(graph: GraphDefinition) -> Iterator[Hint]:
    if len(graph.nodes) > READABLE_NODES:
        yield Hint(
            "too-many-nodes",
            "nodes",
            f"has {len(graph.nodes):,} nodes; a reader takes in {READABLE_NODES}. Parts with one "
            "purpose can be workflows of their own, used as nodes",
        )


def _unclear_name(graph: GraphDefinition) -> Iterator[Hint]:
    unclear = [node.name for node in graph.nodes if _EMPTY_NAME.fullmatch(node.name)]
    if unclear:
        yield Hint(
            "unclear-name",
            f"nodes.{unclear[0]}",
            f"{_named(unclear)} says nothing to a reader; call it by what it does, such as "
            "`fetch_user`",
        )


def _tight_loop(graph: GraphDefinition) -> Iterator[Hint]:
    topology = graph.topology
    tight = [not any(_pauses(graph.nodes[node]) for node in loop.body) for loop in topology.loops]
    for number, edge in enumerate(graph.edges):
        loop = topology.back_edges.get(number)
        # One that hands nothing new to its header asks the same thing again.
        if loop is None or edge.delay or edge.map is not None:
            continue
        if tight[loop]:
            header = topology.names[edge.target]
            yield Hint(
                "tight-loop",
                edge.path,
                f"leads back to {header!r} at once and with nothing new: if it polls, give the "
                "edge a `delay`",
            )


def _pauses(node: NodePlan) -> bool:
    return node.timer is not None or node.wait is not None or node.start is not None


def _long_expression(graph: GraphDefinition) -> Iterator[Hint]:
    for edge in graph.edges:
        if edge.map is not None and len(edge.map.source) > 160:
            yield Hint(
                "long-expression",
                f"{edge.path}.map",
                f"has {len(edge.map.source)} characters; a `compute` node with a name and a "
                "`description` is easier to follow and to look at",
            )


def _undo_does_not_fit(graph: GraphDefinition) -> Iterator[Hint]:
    for fault in graph.undo_faults:
        yield Hint(
            "undo-does-not-fit",
            fault.path,
            f"{fault.message}; it is called only when a run is undone, and a person is asked then",
        )


RULES: Final[dict[str, Callable[[GraphDefinition], Iterator[Hint]]]] = {
    "no-error-path": _no_error_path,
    "no-timeout": _no_timeout,
    "too-many-nodes": _too_many_nodes,
    "unclear-name": _unclear_name,
    "tight-loop": _tight_loop,
    "long-expression": _long_expression,
    "undo-does-not-fit": _undo_does_not_fit,
}
"""By name: what a rule has to say."""


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_NAMED_AT_MOST])
    more = len(names) - _NAMED_AT_MOST
    return f"{shown} or {more} more" if more > 0 else shown


DEEPEST: Final = 5
"""Levels of workflows within workflows that can still be followed; the server's limit is 32."""


def nesting_hints(definitions: Sequence[GraphDefinition]) -> list[tuple[GraphDefinition, Hint]]:
    """What can be said only of several workflows together: who contains whom."""
    by_name = {definition.name: definition for definition in definitions}
    found: list[tuple[GraphDefinition, Hint]] = []
    for definition in definitions:
        path = _longest_path(definition.name, by_name, ())
        chain = " → ".join(path)
        if path.count(path[-1]) > 1 and path[-1] == definition.name:
            message = f"contains itself ({chain}): a run of it ends only if one of them does not"
            found.append((definition, Hint("contains-itself", "nodes", message)))
        elif len(path) > DEEPEST:
            message = f"is the top of {len(path)} levels of workflows ({chain})"
            found.append((definition, Hint("deep-nesting", "nodes", message)))
    return found


def _longest_path(
    name: str, by_name: dict[str, GraphDefinition], above: tuple[str, ...]
) -> tuple[str, ...]:
    """The longest way down, or the first that comes back to where it began."""
    path = (*above, name)
    if name in above or name not in by_name:
        return path if name in by_name else above
    children = {node.child.workflow for node in by_name[name].nodes if node.child is not None}
    ways = [_longest_path(child, by_name, path) for child in sorted(children)]
    rings = [way for way in ways if way[-1] == path[0] and len(way) > 1]
    return min(rings, key=len) if rings else max(ways, key=len, default=path)
