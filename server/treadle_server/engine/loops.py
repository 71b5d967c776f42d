"""How far a run has come with its loops.

A loop turns when its body is at rest: every node in it is closed and every loop in it has been
left. Until then, what was decided about edges that lead out of the loop is kept, and so is what
leads back. If an edge leads back, the body begins again and what was kept about the ways out is
forgotten: only the last iteration counts. If none does, the loop is left and the ways out are
taken, or die.

Cost: a turn costs the nodes of the body, whatever number of turns came before; nothing is kept of
them but how many they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from treadle_server.engine.topology import Loop, Topology
from treadle_server.engine.values import Failure

Origin = tuple[int, Failure] | None
"""The failed node and its failure that led somewhere, if one did."""


@dataclass(slots=True)
class _Standing:
    """How one loop stands."""

    open: int
    """Nodes and inner loops right inside it that are not done."""
    turns: int = 1
    back: list[tuple[int, Origin]] = field(default_factory=list)
    """Edges taken that lead back."""
    held: list[tuple[int, bool, Origin]] = field(default_factory=list)
    """(edge, taken, origin) of edges that lead out."""


class LoopProgress:
    """See the module's docstring."""

    __slots__ = ("_standings", "_topology", "began_again")

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._standings = [_fresh(loop) for loop in topology.loops]
        self.began_again: dict[int, int] = {}
        """Node -> how often it began again, in the life of the run."""

    def keep(self, edge: int, *, taken: bool, origin: Origin, after: int = -1) -> bool:
        """Keeps what was decided about an edge if it leads out of a loop or back; False if it
        should count now. `after` is the loop that was just left.
        """
        leaving = self._topology.leaving.get(edge, ())
        if leaving and after >= 0:
            leaving = leaving[leaving.index(after) + 1 :]
        if leaving:
            self._standings[leaving[0]].held.append((edge, taken, origin))
            return True
        loop = self._topology.back_edges.get(edge)
        if loop is None:
            return False
        if taken:
            self._standings[loop].back.append((edge, origin))
        return True

    def node_closed(self, node: int) -> int | None:
        """The loop that has come to rest by this, if one has."""
        loop = self._topology.loop_of.get(node)
        return None if loop is None else self._one_less(loop)

    def _one_less(self, loop: int) -> int | None:
        standing = self._standings[loop]
        standing.open -= 1
        return loop if standing.open == 0 else None

    def leave(self, loop: int) -> tuple[list[tuple[int, bool, Origin]], int | None]:
        """What was kept about the ways out; and the loop around it, if it has come to rest by
        this.
        """
        held, self._standings[loop].held = self._standings[loop].held, []
        parent = self._topology.loops[loop].parent
        return held, self._one_less(parent) if parent >= 0 else None

    def turns_back(self, loop: int) -> bool:
        """Whether its body is at rest and an edge leads back."""
        standing = self._standings[loop]
        return standing.open == 0 and bool(standing.back)

    def turning_back_from(self, node: int) -> int:
        """The loop at rest that an edge of this node leads back into."""
        sources, back_edges = self._topology.sources, self._topology.back_edges
        return next(
            loop
            for edge, loop in back_edges.items()
            if sources[edge] == node and self.turns_back(loop)
        )

    def back_edges(self, loop: int) -> list[int]:
        """The edges that lead back in this iteration."""
        return [edge for edge, _ in self._standings[loop].back]

    def iteration(self, loop: int) -> int:
        """Which iteration the loop is in, from 1, since it was entered."""
        return self._standings[loop].turns

    def turn(self, loop: int) -> list[tuple[int, Origin]]:
        """Begins the next iteration; gives the edges that led back."""
        standing = self._standings[loop]
        back, turns = standing.back, standing.turns + 1
        self._begin(loop)
        self._standings[loop].turns = turns
        for node in self._topology.loops[loop].body:
            self.began_again[node] = self.began_again.get(node, 0) + 1
        return back

    def _begin(self, loop: int) -> None:
        self._standings[loop] = _fresh(self._topology.loops[loop])
        for inner in self._topology.loops[loop].inner:
            self._begin(inner)

    def turn_no_more(self, header: int) -> int:
        """Nothing leads back after all; the loop that this node begins."""
        loop = self._topology.loop_of[header]
        self._standings[loop].back.clear()
        return loop

    def give_up(self, loop: int, edges: frozenset[int], taken: int | None, origin: Origin) -> None:
        """The bound was reached: nothing leads back, and of these edges (the failed node's) at most
        `taken` leads out.
        """
        standing = self._standings[loop]
        standing.back.clear()
        standing.held = [one for one in standing.held if one[0] not in edges]
        standing.held += [
            (edge, edge == taken, origin if edge == taken else None)
            for edge in sorted(edges)
            if loop in self._topology.leaving.get(edge, ())
        ]


def _fresh(loop: Loop) -> _Standing:
    return _Standing(open=len(loop.direct) + len(loop.inner))
