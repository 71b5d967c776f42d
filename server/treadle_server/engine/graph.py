"""The structure of a graph and how far a run of it has come.

A `Topology` belongs to a version and is shared by its runs; a `GraphProgress` belongs to one run.
What follows from structure alone happens here, while events are folded: an unguarded edge of a
completed node is taken, an error edge of a completed node dies. What needs an expression is decided
elsewhere and arrives as an event. These are rules number 1 (`RULES`); runs keep the number they
started with.

A failure has a way through the graph: the error edge that took it, and the edges taken from there
on. `failure_behind` says which failure led to a node.

Cost: a closed node costs its out-edges, a node that leaves PENDING costs its in-edges and what it
reads. Nothing here looks at the whole graph after a run has started.
"""

from __future__ import annotations

import enum
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from treadle_server.engine import events as e
from treadle_server.engine.values import NULL, Failure, Payload

RULES = 1


class NodeState(enum.IntEnum):
    """How a node stands; numbers of `treadle.v1.NodeState`."""

    PENDING = 1
    RUNNING = 2
    COMPLETED = 3
    FAILED = 4
    SKIPPED = 5
    UNREACHED = 6
    CANCELLED = 7


AWAITS_DECISION = 0x80
"""Set beside a closed node's state until EdgesDecided says which of its edges are taken."""


@dataclass(slots=True, kw_only=True)
class Topology:
    """The structure of one version. Nodes and edges are numbered in the order of the document.

    `out_edges` and `error_edges` are the numbers of a node's edges for success and for failure.
    `guarded` and `error_guarded` say whether an expression is needed to tell which of them are
    taken. `reads[n]` names the nodes whose outcome node n may read when it starts; `reader_counts`
    are the totals, plus one that is never given back for outcomes that the run's own output needs.
    """

    names: Sequence[str]
    targets: Sequence[int]
    out_edges: Sequence[tuple[int, ...]]
    error_edges: Sequence[tuple[int, ...]]
    in_counts: array[int]
    guarded: bytes
    error_guarded: bytes
    continue_on_failure: bytes
    default_outputs: dict[int, Payload]
    reads: Sequence[tuple[int, ...]]
    reader_counts: array[int]
    index: dict[str, int] = field(init=False)
    roots: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.index = {name: number for number, name in enumerate(self.names)}
        self.roots = tuple(number for number, count in enumerate(self.in_counts) if count == 0)


class GraphProgress:
    """How far one run has come: a byte and an int per node, and dictionaries for what is alive."""

    __slots__ = (
        "_candidates",
        "_led_by",
        "_open_edges",
        "_readers",
        "_states",
        "failed",
        "failures",
        "first_failure",
        "live",
        "outputs",
        "taken",
        "topology",
        "unhandled",
    )

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self._states = bytearray([NodeState.PENDING]) * len(topology.names)
        self._open_edges = array("i", topology.in_counts)
        self._readers = array("i", topology.reader_counts)
        # Nodes that may need a decision, oldest first: `n` to be fired, `~n` to have its guards
        # evaluated. Entries that a later event has dealt with stay until they are looked at: after
        # a fold there are many, and each is looked at once. The two kinds of entry differ so that
        # an old one of the first kind cannot stand for the second, which would change the order.
        self._candidates: deque[int] = deque()
        # Node -> the failed node whose failure led there, while it has edges to pass that on by.
        self._led_by: dict[int, int] = {}
        self.taken: dict[int, list[int]] = {}
        self.outputs: dict[int, Payload] = {}
        self.failures: dict[int, Failure] = {}
        # Failures that expressions may still ask for by name: all of them, for the run's life. A
        # run in which very many nodes fail is over soon, unless they fail by design; so this is the
        # one thing that grows with what has failed.
        self.failed: dict[int, Failure] = {}
        self.first_failure: tuple[str, Failure] | None = None
        self.live = 0
        self.unhandled: tuple[str, Failure] | None = None

    # --- what the decider asks --------------------------------------------------------------------

    def state(self, node: int) -> NodeState:
        """How a node stands."""
        return NodeState(self._states[node] & ~AWAITS_DECISION)

    def awaits_decision(self, node: int) -> bool:
        """Whether the node is closed and its guards are not yet evaluated."""
        return bool(self._states[node] & AWAITS_DECISION)

    def take_undecided(self, limit: int) -> list[int]:
        """Takes up to `limit` nodes that need a decision now, oldest first."""
        found: list[int] = []
        candidates = self._candidates
        while candidates and len(found) < limit:
            entry = candidates.popleft()
            if self._counts(entry):
                found.append(entry if entry >= 0 else ~entry)
        return found

    @property
    def undecided(self) -> bool:
        """Whether there is anything to decide."""
        candidates = self._candidates
        while candidates:
            if self._counts(candidates[0]):
                return True
            candidates.popleft()
        return False

    def _counts(self, entry: int) -> bool:
        """Whether an entry of the candidates still says something."""
        if entry >= 0:
            return self._states[entry] == NodeState.PENDING
        return bool(self._states[~entry] & AWAITS_DECISION)

    def failure_behind(self, node: int) -> tuple[str, Failure] | None:
        """The failed node and its failure that led to this node; else the run's first failure."""
        failed = self._led_by.get(node)
        if failed is None:
            return self.first_failure
        return self.topology.names[failed], self.failed[failed]

    @property
    def at_rest(self) -> bool:
        """Whether nothing runs and nothing is to be decided: then the run is over."""
        return self.live == 0 and not self.undecided

    # --- folding ----------------------------------------------------------------------------------

    def start(self) -> None:
        """RunStarted: nodes without in-edges can run."""
        self._candidates.extend(self.topology.roots)

    def activity_scheduled(self, event: e.ActivityScheduled) -> None:
        """The node of that name runs."""
        node = self.topology.index[event.key]
        self._states[node] = NodeState.RUNNING
        self.live += 1
        self._stop_reading(node)

    def activity_completed(self, event: e.ActivityCompleted) -> None:
        """The node succeeded."""
        node = self.topology.index[event.key]
        self.live -= 1
        self._succeed(node, NodeState.COMPLETED, event.output)

    def activity_failed(self, event: e.ActivityFailed) -> None:
        """The node failed after all its attempts."""
        node = self.topology.index[event.key]
        self.live -= 1
        self._fail(node, event.failure)

    def activity_cancelled(self, event: e.ActivityCancelled) -> None:
        """The node was stopped; that happens to runs that are ending, so its edges no longer
        matter.
        """
        self.activity_abandoned(event.key)

    def activity_abandoned(self, key: str) -> None:
        """The run has no further use for it."""
        self.live -= 1
        self._states[self.topology.index[key]] = NodeState.CANCELLED

    def node_skipped(self, event: e.NodeSkipped) -> None:
        """Counts as done."""
        node = self.topology.index[event.node]
        self._stop_reading(node)
        self._succeed(node, NodeState.SKIPPED, event.output)

    def node_failed(self, event: e.NodeFailed) -> None:
        """The node failed without having run."""
        node = self.topology.index[event.node]
        self._stop_reading(node)
        self._fail(node, event.failure)

    def nodes_unreached(self, event: e.NodesUnreached) -> None:
        """Death is passed on along every edge."""
        topology = self.topology
        for name in event.nodes:
            node = topology.index[name]
            self._states[node] = NodeState.UNREACHED
            self._stop_reading(node)
            self._kill(topology.out_edges[node])
            self._kill(topology.error_edges[node])

    def edges_decided(self, event: e.EdgesDecided) -> None:
        """What the guards said."""
        topology = self.topology
        node = topology.index[event.node]
        self._states[node] &= ~AWAITS_DECISION
        failed = self._states[node] == NodeState.FAILED
        taken = {decided.edge for decided in event.edges if decided.taken}
        by_error = failed and not taken.isdisjoint(topology.error_edges[node])
        origin = node if by_error else self._led_by.get(node)
        for decided in event.edges:
            if decided.taken:
                self._take((decided.edge,), origin=origin)
            else:
                self._kill((decided.edge,))
        if by_error:
            self.outputs.pop(node, None)  # it does not count as done
        if failed and not taken and not topology.continue_on_failure[node]:
            self._leave_unhandled(node)
        self._led_by.pop(node, None)

    # --- inside -----------------------------------------------------------------------------------

    def _succeed(self, node: int, state: NodeState, output: Payload) -> None:
        if self._readers[node] > 0:
            self.outputs[node] = output
        self._kill(self.topology.error_edges[node])
        self._leave(node, state)

    def _fail(self, node: int, failure: Failure) -> None:
        topology = self.topology
        error_edges = topology.error_edges[node]
        self.failures[node] = self.failed[node] = failure
        if self.first_failure is None:
            self.first_failure = (topology.names[node], failure)
        undecided = bool(error_edges) and topology.error_guarded[node]
        if topology.continue_on_failure[node] and (undecided or not error_edges):
            # It counts as done, unless an error edge is taken after all.
            if self._readers[node] > 0:
                self.outputs[node] = topology.default_outputs.get(node, NULL)
            else:
                del self.failures[node]
            if not error_edges:
                self._leave(node, NodeState.FAILED)
                return
        elif undecided:
            self._kill(topology.out_edges[node])
        if undecided:
            self._states[node] = NodeState.FAILED | AWAITS_DECISION
            self._candidates.append(~node)
            return
        self._states[node] = NodeState.FAILED
        self._kill(topology.out_edges[node])
        if error_edges:
            # Of error edges the first that matches is taken.
            self._take(error_edges[:1], origin=node)
            self._kill(error_edges[1:])
        else:
            self._leave_unhandled(node)
        self._led_by.pop(node, None)

    def _leave(self, node: int, state: NodeState) -> None:
        """Done: the normal edges are taken, or have their guards evaluated first."""
        if self.topology.guarded[node]:
            self._states[node] = state | AWAITS_DECISION
            self._candidates.append(~node)
            return
        self._states[node] = state
        self._take(self.topology.out_edges[node], origin=self._led_by.get(node))
        self._led_by.pop(node, None)

    def _leave_unhandled(self, node: int) -> None:
        if self.unhandled is not None:
            return
        failure, earlier = self.failed[node], self._led_by.get(node)
        if earlier is not None and failure.cause is None:
            # What was done about a failure has failed too: the first one is kept.
            failure = replace(failure, cause=self.failed[earlier])
        self.unhandled = (self.topology.names[node], failure)

    # An in-edge resolves once, taken or dead; the last one makes its target a candidate.

    def _take(self, edges: Iterable[int], *, origin: int | None) -> None:
        targets = self.topology.targets
        for edge in edges:
            target = targets[edge]
            if self._states[target] == NodeState.PENDING:
                self.taken.setdefault(target, []).append(edge)
                if origin is not None:
                    self._led_by.setdefault(target, origin)
            self._resolved(target)

    def _kill(self, edges: Iterable[int]) -> None:
        targets = self.topology.targets
        for edge in edges:
            self._resolved(targets[edge])

    def _resolved(self, target: int) -> None:
        self._open_edges[target] -= 1
        if self._open_edges[target] > 0:
            return
        if self._states[target] == NodeState.PENDING:
            self._candidates.append(target)
        else:
            # It failed before, by a guard on its way in: the other guards have been evaluated now.
            self._forget_what_it_read(target)

    def _stop_reading(self, node: int) -> None:
        """The node has read its inputs, or never will."""
        self.taken.pop(node, None)
        if self._open_edges[node] <= 0:
            self._forget_what_it_read(node)

    def _forget_what_it_read(self, node: int) -> None:
        """Outcomes that nobody else reads are forgotten."""
        readers = self._readers
        for source in self.topology.reads[node]:
            readers[source] -= 1
            if readers[source] == 0:
                self.outputs.pop(source, None)
                self.failures.pop(source, None)
