"""Finding the loops of a graph.

An edge leads back if its target is on every way to its source (it *dominates* it) and it is not
taken always. The body of the loop are the nodes between the two. Everything else that goes round is
refused: nobody could say what it means to begin such a thing again.

Dominators are found with the iterative algorithm of Cooper, Harvey and Kennedy ("A Simple, Fast
Dominance Algorithm", 2001), over the nodes that can reach or be reached by a cycle at all; a graph
without cycles costs one walk.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from treadle_server.definitions.errors import DefinitionInvalid, Violation

LOOP_BOUND = 1_000
"""So often a body may run if nothing else is said (`docs/reference/defaults.md`)."""

MAX_BODIES = 5_000_000
"""Nodes in the bodies of all loops, one in several counted as often: about 200 MB."""


@dataclass(slots=True, kw_only=True)
class FoundLoop:
    """One loop: `back` are the numbers of the edges that lead back to the header."""

    header: int
    back: list[int]
    body: set[int]
    parent: int = -1


def find_loops(
    count: int,
    edges: Sequence[tuple[int, int]],
    may_loop: Collection[int],
    first: Collection[int],
) -> list[FoundLoop]:
    """The loops of a graph, inner ones before the loops around them. `first` are nodes that the
    document begins with by name (edges from `start`); in a cycle that nothing else leads into, one
    of these begins, or else the first node of the document that an edge may lead back to.
    """
    reached_from = _begin(count, edges, may_loop, first)
    order, immediate = _dominators(count, edges, reached_from)
    by_header: dict[int, FoundLoop] = {}
    predecessors: list[list[int]] = [[] for _ in range(count)]
    for number, (source, target) in enumerate(edges):
        predecessors[target].append(source)
        if number in may_loop and _dominates(target, source, immediate, order):
            loop = by_header.setdefault(target, FoundLoop(header=target, back=[], body={target}))
            loop.back.append(number)
    room = MAX_BODIES
    for loop in by_header.values():
        _fill(loop, edges, predecessors)
        room -= len(loop.body)
        if room < 0:
            message = (
                "loops stand within loops so deep that their bodies have more than "
                f"{MAX_BODIES:,} nodes together; make inner ones workflows of their own"
            )
            raise DefinitionInvalid([Violation("edges", message)])
    loops = sorted(by_header.values(), key=lambda loop: (len(loop.body), loop.header))
    innermost: dict[int, int] = {}
    for number in range(len(loops) - 1, -1, -1):  # from the outside to the inside
        loop = loops[number]
        loop.parent = innermost.get(loop.header, -1)
        innermost.update(dict.fromkeys(loop.body, number))
    return loops


def _begin(
    count: int,
    edges: Sequence[tuple[int, int]],
    may_loop: Collection[int],
    first: Collection[int],
) -> list[int]:
    """Where runs begin: nodes that nothing leads into, and one for each cycle that cannot be
    reached from these.
    """
    successors: list[list[int]] = [[] for _ in range(count)]
    has_in = bytearray(count)
    for source, target in edges:
        successors[source].append(target)
        has_in[target] = 1
    begins = [node for node in range(count) if not has_in[node]]
    seen = bytearray(count)
    _walk(begins, successors, seen)
    preferred = [*sorted(first), *sorted({edges[number][1] for number in may_loop})]
    for node in [*preferred, *range(count)]:
        if not seen[node]:
            begins.append(node)
            _walk([node], successors, seen)
    return begins


def _walk(start: Sequence[int], successors: Sequence[Sequence[int]], seen: bytearray) -> None:
    todo = [node for node in start if not seen[node]]
    for node in todo:
        seen[node] = 1
    while todo:
        for after in successors[todo.pop()]:
            if not seen[after]:
                seen[after] = 1
                todo.append(after)


def _dominators(
    count: int, edges: Sequence[tuple[int, int]], begins: Sequence[int]
) -> tuple[list[int], list[int]]:
    """(place of each node in reverse postorder, immediate dominator of each). Node `count` stands
    for the beginning of the run.
    """
    successors: list[list[int]] = [[] for _ in range(count + 1)]
    predecessors: list[list[int]] = [[] for _ in range(count + 1)]
    for source, target in [*edges, *((count, node) for node in begins)]:
        successors[source].append(target)
        predecessors[target].append(source)
    sequence = _reverse_postorder(count, successors)
    place = [0] * (count + 1)
    for position, node in enumerate(sequence):
        place[node] = position
    immediate = [-1] * (count + 1)
    immediate[count] = count
    changed = True
    while changed:
        changed = False
        for node in sequence[1:]:
            found = -1
            for before in predecessors[node]:
                if immediate[before] >= 0:
                    found = before if found < 0 else _meet(before, found, immediate, place)
            if immediate[node] != found:
                immediate[node] = found
                changed = True
    return place, immediate


def _reverse_postorder(start: int, successors: Sequence[Sequence[int]]) -> list[int]:
    done: list[int] = []
    seen = {start}
    stack = [(start, iter(successors[start]))]
    while stack:
        node, rest = stack[-1]
        for after in rest:
            if after not in seen:
                seen.add(after)
                stack.append((after, iter(successors[after])))
                break
        else:
            done.append(node)
            stack.pop()
    return done[::-1]


def _meet(one: int, other: int, immediate: Sequence[int], place: Sequence[int]) -> int:
    while one != other:
        while place[one] > place[other]:
            one = immediate[one]
        while place[other] > place[one]:
            other = immediate[other]
    return one


def _dominates(node: int, of: int, immediate: Sequence[int], place: Sequence[int]) -> bool:
    while place[of] > place[node]:
        of = immediate[of]
    return of == node


def _fill(
    loop: FoundLoop, edges: Sequence[tuple[int, int]], predecessors: Sequence[Sequence[int]]
) -> None:
    """The body: all from which an edge that leads back can be reached without the header."""
    todo = [edges[number][0] for number in loop.back]
    while todo:
        node = todo.pop()
        if node not in loop.body:
            loop.body.add(node)
            todo += predecessors[node]
