"""What is certain of a join before any run: edges that always come together must fit together.

The rule of joins: unmapped values stand under their source's name, mapped objects are merged, equal
keys are refused. Whether two edges are both taken is mostly known in a run only, and a conflict is
then a failure of the node; where it is known before, the document is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from treadle_server.definitions.document import Problems
from treadle_server.definitions.expression import ObjectValue, may_give
from treadle_server.definitions.graph.model import EdgePlan, NodePlan
from treadle_server.engine.joins import Join

_OBJECT = frozenset({"object"})


def check_joins(
    nodes: Sequence[NodePlan],
    edges: Sequence[EdgePlan],
    joins: Mapping[int, Join],
    back: Collection[int],
    problems: Problems,
) -> None:
    """Notes joins that cannot work. Edges that lead back come alone, and of a node with a rule of
    its own it is not known which edges come together.
    """
    forward = [edge for number, edge in enumerate(edges) if number not in back]
    into: list[list[EdgePlan]] = [[] for _ in nodes]
    for edge in forward:
        into[edge.target].append(edge)
    certain = _certain_nodes(nodes, forward, into, joins)
    for number, node in enumerate(nodes):
        if node.input is not None or node.fail is not None or len(into[number]) < 2:
            continue
        if number in joins or node.compute is not None or node.wait is not None:
            continue
        for group in _together(into[number], certain):
            _check_group(node, group, nodes, problems)


def always_taken(edge: EdgePlan, certain: Sequence[bool]) -> bool:
    """Whether the edge is taken whenever its target starts."""
    return not edge.guarded and edge.on_success and certain[edge.source]


def _certain_nodes(
    nodes: Sequence[NodePlan],
    edges: Sequence[EdgePlan],
    into: Sequence[Sequence[EdgePlan]],
    joins: Mapping[int, Join],
) -> list[bool]:
    """Nodes that are done in every run that does not fail at them or before them."""
    uncertain = {edge.source for edge in edges if not edge.on_success}
    uncertain |= {number for number, join in joins.items() if join.count != 1}
    for join in joins.values():
        uncertain.update(join.losers)
    waiting = [len(edges_in) for edges_in in into]
    out: list[list[int]] = [[] for _ in nodes]
    for edge in edges:
        out[edge.source].append(edge.target)
    certain = [False] * len(nodes)
    order = [number for number, count in enumerate(waiting) if count == 0]
    for number in order:  # grows while it is walked
        started = not into[number] or any(always_taken(edge, certain) for edge in into[number])
        is_plain = nodes[number].fail is None and number not in uncertain
        certain[number] = started and is_plain and not nodes[number].first_only
        for target in out[number]:
            waiting[target] -= 1
            if waiting[target] == 0:
                order.append(target)
    return certain


def _together(edges_in: Sequence[EdgePlan], certain: Sequence[bool]) -> Iterator[list[EdgePlan]]:
    """Edges that are taken all or none: those that always are, and plain ones of one source."""
    always = [edge for edge in edges_in if always_taken(edge, certain)]
    if len(always) > 1:
        yield always
    by_source: dict[int, list[EdgePlan]] = {}
    for edge in edges_in:
        if not edge.guarded and edge.on_success and not certain[edge.source]:
            by_source.setdefault(edge.source, []).append(edge)
    yield from (group for group in by_source.values() if len(group) > 1)


def _check_group(
    node: NodePlan, group: Sequence[EdgePlan], nodes: Sequence[NodePlan], problems: Problems
) -> None:
    brought: dict[str, str] = {}
    for edge in group:
        if edge.map is not None and not may_give(edge.map.outline(), _OBJECT):
            problems.add(
                edge.map.path,
                f"{node.name!r} has several edges in, so this mapping must make an object",
            )
        for key in _keys(edge, nodes):
            if key in brought:
                problems.add(
                    edge.map.path if edge.map is not None else edge.path,
                    f"brings {node.name!r} the key {key!r}, and so does {brought[key]}; "
                    "map them to different keys",
                )
            brought.setdefault(key, edge.path)


def _keys(edge: EdgePlan, nodes: Sequence[NodePlan]) -> Iterator[str]:
    """The keys that an edge brings into a join, as far as they are known."""
    if edge.map is None:
        yield nodes[edge.source].name
        return
    outline = edge.map.outline()
    if isinstance(outline, ObjectValue):
        yield from outline.parts
