"""From a checked graph to the `Topology` that the engine folds with."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from treadle_server.definitions.expression import Expression
from treadle_server.definitions.graph.loops import LOOP_BOUND, FoundLoop
from treadle_server.definitions.graph.model import EdgePlan, NodePlan
from treadle_server.engine.joins import Join
from treadle_server.engine.topology import Loop, Topology
from treadle_server.engine.values import FailureKind


def build_topology(
    nodes: Sequence[NodePlan],
    edges: Sequence[EdgePlan],
    joins: dict[int, Join],
    loops: Sequence[FoundLoop],
    output: Expression | None,
    end_nodes: Sequence[int],
) -> Topology:
    """What the engine needs to fold events of such a graph."""
    return _Builder(nodes, edges, loops).build(joins, output, end_nodes)


class _Builder:
    def __init__(
        self, nodes: Sequence[NodePlan], edges: Sequence[EdgePlan], loops: Sequence[FoundLoop]
    ) -> None:
        self.nodes = nodes
        self.edges = edges
        self.found = loops
        self.index = {node.name: number for number, node in enumerate(nodes)}
        self.back_edges = {edge: n for n, loop in enumerate(loops) for edge in loop.back}
        self.loop_of: dict[int, int] = {}
        for number, loop in enumerate(loops):  # inner ones come first
            for node in loop.body:
                self.loop_of.setdefault(node, number)
        # Node -> what it reads when it starts; and what is read at other times.
        self.reads: list[dict[int, None]] = [{} for _ in nodes]
        self.late_reads: list[int] = []
        self.exit_reads: list[list[int]] = [[] for _ in loops]
        self.inner: list[list[int]] = [[] for _ in loops]
        for number, loop in enumerate(loops):
            if loop.parent >= 0:
                self.inner[loop.parent].append(number)

    def build(
        self, joins: dict[int, Join], output: Expression | None, end_nodes: Sequence[int]
    ) -> Topology:
        """All of it."""
        nodes, edges = self.nodes, self.edges
        count = len(nodes)
        out_edges: list[list[int]] = [[] for _ in nodes]
        error_edges: list[list[int]] = [[] for _ in nodes]
        timeout_edges: dict[int, list[int]] = {}
        in_counts = array("i", [0]) * count
        guarded = bytearray(node.compensation is not None for node in nodes)
        error_guarded = bytearray(count)
        for number, edge in enumerate(edges):
            if number not in self.back_edges:
                in_counts[edge.target] += 1
            if edge.on_timeout:
                timeout_edges.setdefault(edge.source, []).append(number)
                continue
            (error_edges if edge.on_error else out_edges)[edge.source].append(number)
            if edge.guarded:
                (error_guarded if edge.on_error else guarded)[edge.source] = 1
        for number, node in enumerate(nodes):
            if node.first_only and len(out_edges[number]) > 1:
                guarded[number] = 1
        reader_counts = self._count_readers(output, end_nodes)
        maps = [(n, node.map) for n, node in enumerate(nodes) if node.map is not None]
        return Topology(
            names=[node.name for node in nodes],
            sources=array("i", [edge.source for edge in edges]),
            targets=array("i", [edge.target for edge in edges]),
            out_edges=[tuple(out) for out in out_edges],
            error_edges=[tuple(out) for out in error_edges],
            timeout_edges={node: tuple(out) for node, out in timeout_edges.items()},
            in_counts=in_counts,
            guarded=bytes(guarded),
            error_guarded=bytes(error_guarded),
            continue_on_failure=bytes(node.continue_on_failure for node in nodes),
            default_outputs={
                n: node.default_output for n, node in enumerate(nodes) if node.continue_on_failure
            },
            reads=[tuple(sources) for sources in self.reads],
            reader_counts=reader_counts,
            joins=joins,
            loops=[self._loop(number, error_edges) for number in range(len(self.found))],
            loop_of=self.loop_of,
            back_edges=self.back_edges,
            leaving=self._leaving(),
            windows={n: spec.window for n, spec in maps},
            tolerated={n: spec.tolerated for n, spec in maps},
            batched=frozenset(n for n, spec in maps if spec.batch > 1),
        )

    # --- who reads what ---------------------------------------------------------------------------

    def _count_readers(self, output: Expression | None, end_nodes: Sequence[int]) -> array[int]:
        for number, edge in enumerate(self.edges):
            named = [edge.source]
            for expression in (edge.when, edge.map):
                named += self._named(expression)
            for source in named:
                if number in self.back_edges:
                    # Read when the loop turns, and then all of the body begins again.
                    self._read_in_loop(self.back_edges[number], source)
                else:
                    self._read(edge.target, source)
        for number, node in enumerate(self.nodes):
            named_at_start: tuple[Expression | None, ...] = (
                node.input if node.map is None else None,
                node.run_if,
                node.fail.message if node.fail else None,
                node.compute,
                node.timer.at if node.timer else None,
                node.start.at if node.start else None,
                node.send.to if node.send else None,
                node.child.workflow_id if node.child else None,
                node.map.over if node.map else None,
            )
            for expression in named_at_start:
                for source in self._named(expression):
                    self._read(number, source)
            self._read_late(number, node)
        counts = array("i", [0]) * len(self.nodes)
        for sources in [*self.reads, *self.exit_reads, self.late_reads]:
            for source in sources:
                counts[source] += 1
        for number in end_nodes if output is None else dict.fromkeys(self._named(output)):
            counts[number] += 1
        return counts

    def _read(self, node: int, source: int) -> None:
        """Node reads the outcome of source when it starts. In a loop that the source is not in, it
        does so in each iteration; so the outcome stays until that loop is left.
        """
        outermost, loop = -1, self.loop_of.get(node, -1)
        while loop >= 0 and source not in self.found[loop].body:
            outermost, loop = loop, self.found[loop].parent
        if outermost >= 0:
            self.exit_reads[outermost].append(source)
        else:
            self.reads[node][source] = None

    def _read_in_loop(self, loop: int, source: int) -> None:
        while self.found[loop].parent >= 0 and source not in self.found[loop].body:
            loop = self.found[loop].parent
        self.exit_reads[loop].append(source)

    def _read_late(self, number: int, node: NodePlan) -> None:
        """What is read while or after a node runs is kept for the run's life."""
        if node.compensation is not None:
            self.late_reads.append(number)
            self.late_reads += self._named(node.compensation.input)
        if node.map is not None:
            self.late_reads += self._named(node.input)
        if node.wait is not None:
            self.late_reads += self._named(node.wait.filter)

    def _named(self, expression: Expression | None) -> list[int]:
        if expression is None:
            return []
        index = self.index
        return [index[name] for name in expression.names if name in index]

    # --- loops ------------------------------------------------------------------------------------

    def _loop(self, number: int, error_edges: Sequence[Sequence[int]]) -> Loop:
        found = self.found[number]
        bounds = [self.edges[edge].max_iterations for edge in found.back]
        return Loop(
            header=found.header,
            body=tuple(sorted(found.body)),
            direct=tuple(sorted(node for node in found.body if self.loop_of[node] == number)),
            inner=tuple(self.inner[number]),
            parent=found.parent,
            bound=min((bound for bound in bounds if bound), default=LOOP_BOUND),
            reads_on_exit=tuple(self.exit_reads[number]),
            bound_edges=self._bound_edges(found, error_edges),
        )

    def _bound_edges(
        self, found: FoundLoop, error_edges: Sequence[Sequence[int]]
    ) -> dict[int, int]:
        handlers: dict[int, int] = {}
        for source in sorted({self.edges[edge].source for edge in found.back}):
            for number in error_edges[source]:
                edge = self.edges[number]
                if (
                    edge.target not in found.body
                    and edge.when is None
                    and (not edge.kinds or FailureKind.LOOP_BOUND_REACHED in edge.kinds)
                ):
                    handlers.setdefault(source, number)
        return handlers

    def _leaving(self) -> dict[int, tuple[int, ...]]:
        """The loops that each edge leads out of, inner ones first."""
        leaving: dict[int, tuple[int, ...]] = {}
        if not self.found:
            return leaving
        for number, edge in enumerate(self.edges):
            loops = []
            loop = self.loop_of.get(edge.source, -1)
            while loop >= 0 and edge.target not in self.found[loop].body:
                loops.append(loop)
                loop = self.found[loop].parent
            if loops:
                leaving[number] = tuple(loops)
        return leaving
