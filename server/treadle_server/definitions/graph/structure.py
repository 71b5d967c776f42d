"""The shape of a graph, edges that lead back apart: order, cycles, who comes before whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from treadle_server.definitions.errors import DefinitionInvalid, Violation

_FOLLOWERS_KEPT = 64
_WORK_LIMIT = 50_000_000
"""Nodes that may be looked at to check the names in one document: some seconds."""


class Structure:
    """Nodes as numbers, and edges between them."""

    def __init__(self, names: list[str], edges: Sequence[tuple[int, int]]) -> None:
        self.names = names
        self.successors: list[list[int]] = [[] for _ in names]
        self.predecessors: list[list[int]] = [[] for _ in names]
        for source, target in edges:
            self.successors[source].append(target)
            self.predecessors[target].append(source)
        self._followers: dict[int, bytearray] = {}
        self._walked: Counter[int] = Counter()
        self._work = 0
        self._rank: list[int] = []
        self._unordered = self._sort()

    def _sort(self) -> list[int]:
        """Kahn's algorithm; gives the nodes that no order exists for, and ranks all others."""
        waiting = [len(before) for before in self.predecessors]
        ready = [node for node, count in enumerate(waiting) if count == 0]
        self._rank = [-1] * len(self.names)
        for place, node in enumerate(ready):  # grows while it is walked
            self._rank[node] = place
            for successor in self.successors[node]:
                waiting[successor] -= 1
                if waiting[successor] == 0:
                    ready.append(successor)
        return [node for node, rank in enumerate(self._rank) if rank < 0]

    def find_cycle(self) -> list[int]:
        """The nodes of one cycle in order, or nothing."""
        if not self._unordered:
            return []
        # Every unordered node has an unordered predecessor: walking back must come round.
        unordered = set(self._unordered)
        node = self._unordered[0]
        seen: dict[int, int] = {}
        path: list[int] = []
        while node not in seen:
            seen[node] = len(path)
            path.append(node)
            node = next(before for before in self.predecessors[node] if before in unordered)
        return path[seen[node] :][::-1]

    def is_ancestor(self, node: int, of: int) -> bool:
        """Whether a path leads from `node` to `of`. Raises `DefinitionInvalid` when the document
        has made that too much work.

        Names are mostly of near nodes, found by walking back. Of a node that is named often and
        from afar, all that follows it is found once, and kept.
        """
        floor = self._rank[node]
        if floor >= self._rank[of]:
            return False
        if node in self._followers:
            return bool(self._followers[node][of])
        todo, seen = [of], {of}
        found = False
        while todo and not found:
            for before in self.predecessors[todo.pop()]:
                found = found or before == node
                if before not in seen and self._rank[before] > floor:
                    seen.add(before)
                    todo.append(before)
        self._spend(len(seen))
        self._walked[node] += len(seen)
        if self._walked[node] > len(self.names):
            self._keep_followers(node)
        return found

    def _keep_followers(self, node: int) -> None:
        followers = bytearray(len(self.names))
        todo = [node]
        for one in todo:  # grows while it is walked
            for after in self.successors[one]:
                if not followers[after]:
                    followers[after] = 1
                    todo.append(after)
        self._spend(len(todo))
        self._followers[node] = followers
        if len(self._followers) > _FOLLOWERS_KEPT:
            del self._followers[next(iter(self._followers))]
        self._walked[node] = 0

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > _WORK_LIMIT:
            message = (
                "expressions name too many nodes from afar to be checked; pass values on by edges"
            )
            raise DefinitionInvalid([Violation("$", message)])

    def ancestors(self, of: int) -> Iterator[int]:
        """All nodes from which a path leads to `of`, near ones first."""
        todo, seen = [of], {of}
        for node in todo:  # grows while it is walked
            for before in self.predecessors[node]:
                if before not in seen:
                    seen.add(before)
                    todo.append(before)
                    yield before


class KnownNames(Collection[str]):
    """The names that an expression may use: some words, and the ids of the nodes before a node.

    Looked up, and listed only for what is `shown` of a fault: a list per node would cost the square
    of the graph. `of` None stands for the whole graph.
    """

    def __init__(
        self,
        words: frozenset[str],
        structure: Structure,
        index: dict[str, int],
        of: int | None,
        *,
        itself: bool,
        shown: bool = True,
    ) -> None:
        self._words = words
        self._structure = structure
        self._index = index
        self._of = of
        self._itself = itself
        self._shown = shown

    def __contains__(self, name: object) -> bool:
        if name in self._words:
            return True
        node = self._index.get(name) if isinstance(name, str) else None
        if node is None:
            return False
        if self._of is None or (self._itself and node == self._of):
            return True
        return self._structure.is_ancestor(node, self._of)

    def __iter__(self) -> Iterator[str]:
        if not self._shown:
            return
        yield from self._words
        if self._of is None:
            yield from self._index
            return
        if self._itself:
            yield from self._nameable(self._of)
        for node in self._structure.ancestors(self._of):
            yield from self._nameable(node)

    def _nameable(self, node: int) -> Iterator[str]:
        name = self._structure.names[node]
        if name in self._index:
            yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)
