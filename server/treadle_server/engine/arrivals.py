"""What has arrived at the nodes of a run: which in-edges are taken, dead or still open.

An in-edge resolves once in an iteration. A node without a rule of its own can be decided when its
last one has; a join may be settled sooner, and then ignores what comes later.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from treadle_server.engine.joins import Join, evaluate
from treadle_server.engine.loops import Origin
from treadle_server.engine.topology import Topology
from treadle_server.engine.values import Failure


class Arrivals:
    """See the module's docstring."""

    __slots__ = ("_dead", "_open", "_settled", "_topology", "led_by", "taken")

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._open = array("i", topology.in_counts)
        self.taken: dict[int, list[int]] = {}
        """Taken edges, by the node that they lead to, until it has started."""
        self.led_by: dict[int, tuple[int, Failure]] = {}
        """Node -> the failed node whose failure led there, while it has edges to pass that on by.
        """
        # Joins that are settled although edges are still open -> whether the node is reached.
        self._settled: dict[int, bool] = {}
        # Dead in-edges of nodes whose join is a formula.
        self._dead: dict[int, list[int]] = {}

    def is_reached(self, node: int) -> bool:
        """Whether a node that can be decided may start."""
        settled = self._settled.get(node)
        if settled is not None:
            return settled
        return node in self.taken or not self._topology.in_counts[node]

    def resolve(self, edge: int, target: int, *, taken: bool, origin: Origin) -> bool:
        """An edge to a node that has not started is taken or dead. Whether the node can be decided
        by this.
        """
        self._open[target] -= 1
        if target in self._settled:
            return False
        if taken:
            self.taken.setdefault(target, []).append(edge)
            if origin is not None:
                self.led_by.setdefault(target, origin)
        join = self._topology.joins.get(target)
        if join is None:
            return self._open[target] == 0
        if not taken and join.formula is not None:
            self._dead.setdefault(target, []).append(edge)
        reached = self._outcome(target, join)
        if reached is not None:
            self._settled[target] = reached
        return reached is not None

    def resolve_late(self, target: int) -> bool:
        """An edge to a node that has not waited for it. Whether it was the last one."""
        self._open[target] -= 1
        return self._open[target] <= 0

    def leave(self, node: int) -> bool:
        """The node has started, or never will. Whether no edge to it is open."""
        self.taken.pop(node, None)
        self._settled.pop(node, None)
        self._dead.pop(node, None)
        return self._open[node] <= 0

    def begin_again(self, node: int) -> None:
        """Nothing has arrived in this iteration."""
        self._open[node] = self._topology.in_counts[node]
        for forgotten in (self.taken, self.led_by, self._settled, self._dead):
            forgotten.pop(node, None)

    def reach(self, header: int, back: Sequence[tuple[int, Origin]]) -> None:
        """The header of a loop is reached by edges that lead back, whatever its join says."""
        self.taken[header] = [edge for edge, _ in back]
        origin = next((origin for _, origin in back if origin is not None), None)
        if origin is not None:
            self.led_by[header] = origin
        self._open[header] = 0
        self._settled[header] = True

    def _outcome(self, node: int, join: Join) -> bool | None:
        sources = self._topology.sources
        taken = {sources[edge] for edge in self.taken.get(node, ())}
        if join.formula is None:
            if len(taken) >= join.count:
                return True
            return False if len(taken) + self._open[node] < join.count else None
        dead = [sources[edge] for edge in self._dead.get(node, ())]

        def status(source: int) -> bool | None:
            if source in taken:
                return True
            return False if dead.count(source) == join.edge_counts[source] else None

        return evaluate(join.formula, status)
