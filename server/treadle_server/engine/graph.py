"""How far one run of a graph has come.

What follows from structure alone happens here, while events are folded: an unguarded edge of a
completed node is taken, an error edge of a completed node dies. What needs an expression is decided
elsewhere and arrives as an event. Loops are counted in `loops.py`, items of maps in `maps.py`.

A failure has a way through the graph: the error edge that took it, and the edges taken from there
on. `failure_behind` says which failure led to a node.

Cost: a closed node costs its out-edges, a node that leaves PENDING costs its in-edges and what it
reads, a loop that turns costs its body. Nothing here looks at the whole graph after the start.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from treadle_server.engine import events as e
from treadle_server.engine.arrivals import Arrivals
from treadle_server.engine.facts import MAY_COME_TWICE, Fact, FactKind
from treadle_server.engine.loops import LoopProgress, Origin
from treadle_server.engine.maps import MapProgress, item_of
from treadle_server.engine.progress import Progress
from treadle_server.engine.topology import NodeState, Topology
from treadle_server.engine.values import NULL, Failure, FailureKind, Payload

AWAITS_DECISION = 0x80
"""Set beside a closed node's state until EdgesDecided says which of its edges are taken."""


class GraphProgress(Progress):
    """A byte and an int per node, and dictionaries for what is alive."""

    __slots__ = (
        "_candidates",
        "_readers",
        "_states",
        "arrivals",
        "failed",
        "failures",
        "first_failure",
        "live",
        "loops",
        "maps",
        "news",
        "outputs",
        "topology",
        "unhandled",
        "weight",
    )

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.weight = len(topology.names) // 8  # about what it costs to keep
        self._states = bytearray([NodeState.PENDING]) * len(topology.names)
        self._readers = array("i", topology.reader_counts)
        # Facts that may need a decision, with the node's iteration; some are dealt with since.
        self._candidates: deque[tuple[FactKind, int, int]] = deque()
        self.arrivals = Arrivals(topology)
        self.loops = LoopProgress(topology) if topology.loops else None
        self.maps: dict[int, MapProgress] = {}
        self.outputs: dict[int, Payload] = {}
        self.failures: dict[int, Failure] = {}
        # Failures that expressions may ask for by name, for the run's life: one for each node.
        self.failed: dict[int, Failure] = {}
        self.first_failure: tuple[str, Failure] | None = None
        self.live = 0
        self.news = False
        self.unhandled: tuple[str, Failure] | None = None

    # --- what the decider asks --------------------------------------------------------------------

    def state(self, node: int) -> NodeState:
        """How a node stands."""
        return NodeState(self._states[node] & ~AWAITS_DECISION)

    def is_reached(self, node: int) -> bool:
        """Whether a node whose START is to be decided may start."""
        return self.arrivals.is_reached(node)

    def taken_into(self, node: int) -> Sequence[int]:
        """The taken edges by which a node is reached."""
        return self.arrivals.taken.get(node, ())

    def key_of(self, node: int, *, later: int = 0) -> str:
        """What the node is called in its present iteration, or `later` ones."""
        again = later if self.loops is None else self.loops.began_again.get(node, 0) + later
        name = self.topology.names[node]
        return f"{name}#{again + 1}" if again else name

    def take_undecided(self, limit: int) -> list[Fact]:
        """Takes up to `limit` facts that need a decision now, each once, oldest first."""
        found: list[Fact] = []
        several: set[Fact] = set()
        candidates = self._candidates
        while candidates and len(found) < limit:
            candidate = candidates.popleft()
            if not self._counts(candidate):
                continue
            fact = candidate[:2]
            if fact[0] in MAY_COME_TWICE:
                if fact in several:
                    continue
                several.add(fact)
            found.append(fact)
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

    def _note(self, kind: FactKind, number: int) -> None:
        self._candidates.append((kind, number, self._iteration(kind, number)))

    def _iteration(self, kind: FactKind, number: int) -> int:
        """What was noted in an earlier iteration must not stand for the present one."""
        if self.loops is None:
            return 0
        node = self.topology.loops[number].header if kind is FactKind.TURN else number
        return self.loops.began_again.get(node, 0)

    def _counts(self, candidate: tuple[FactKind, int, int]) -> bool:
        """Whether a candidate still says something."""
        kind, number, iteration = candidate
        if iteration != self._iteration(kind, number):
            return False
        match kind:
            case FactKind.START:
                return self._states[number] == NodeState.PENDING
            case FactKind.LEAVE:
                return bool(self._states[number] & AWAITS_DECISION)
            case FactKind.TURN:
                return self.loops is not None and self.loops.turns_back(number)
            case FactKind.MAP:
                return self._map_moves(number)
            case _:
                return self._states[number] == NodeState.RUNNING

    def _map_moves(self, node: int) -> bool:
        running = self.maps.get(node)
        if running is None:
            return False
        return running.moves(over=self.map_is_over(node), window=self.topology.windows[node])

    def map_is_over(self, node: int) -> bool:
        """Whether more items of a running map have failed than may."""
        return self.maps[node].over(self.topology.tolerated.get(node, (0, 0.0)))

    def failure_behind(self, node: int) -> tuple[str, Failure] | None:
        """The failed node and its failure that led to this node; else the run's first failure."""
        origin = self.arrivals.led_by.get(node)
        if origin is None:
            return self.first_failure
        return self.topology.names[origin[0]], origin[1]

    @property
    def at_rest(self) -> bool:
        """Whether nothing runs and nothing is to be decided: then the run is over."""
        return self.live == 0 and not self.undecided

    # --- folding: nodes that run ------------------------------------------------------------------

    def start(self) -> None:
        """RunStarted: nodes without in-edges can run."""
        self._candidates.extend((FactKind.START, root, 0) for root in self.topology.roots)

    def node_started(self, key: str) -> None:
        """The node runs: it has an activity, a timer, a wait or a child of this key."""
        node = self.topology.node_of(key)
        if self._states[node] == NodeState.RUNNING:
            self.maps[node].item_started()
            if self._map_moves(node):
                self._note(FactKind.MAP, node)
            return
        self._states[node] = NodeState.RUNNING
        self.live += 1
        self._stop_reading(node)

    def node_succeeded(
        self, key: str, output: Payload, state: NodeState = NodeState.COMPLETED
    ) -> None:
        """What ran has succeeded."""
        if not self._is_item(key, lambda running, item: running.item_done(item, output)):
            self.live -= 1
            self._succeed(self.topology.node_of(key), state, output)

    def node_failed_running(self, key: str, failure: Failure) -> None:
        """What ran has failed, after all its attempts."""
        if not self._is_item(key, lambda running, item: running.item_failed(item, failure)):
            self.live -= 1
            self._fail(self.topology.node_of(key), failure)

    def node_stopped(self, key: str) -> None:
        """What ran was stopped: for good if the run is ending, else because nobody needs it."""
        if not self._is_item(key, lambda running, item: running.item_cancelled(item)):
            self.live -= 1
            self._cancel(self.topology.node_of(key))

    def asked_to_stop(self, key: str) -> None:
        """What runs has yet to answer that."""
        self._is_item(key, lambda running, item: running.stopping.add(item))

    def _is_item(self, key: str, tell: Callable[[MapProgress, int], None]) -> bool:
        """Whether the key names an item; its map is told, if it has not ended without it."""
        item = item_of(key)
        if item is None:
            return False
        node = self.topology.node_of(key)
        running = self.maps.get(node)
        # Else it is of a map that has ended without it, perhaps to begin again.
        if running is not None and key.startswith(f"{self.key_of(node)}["):
            tell(running, item)
            self._note(FactKind.MAP, node)
        return True

    def nodes_abandoned(self, keys: Iterable[str]) -> None:
        """The run has ended without them; nothing follows any more."""
        for key in keys:
            self._states[self.topology.node_of(key)] = NodeState.CANCELLED
        for node in self.maps:
            self._states[node] = NodeState.CANCELLED
        self.maps.clear()
        self.live = 0

    def event_may_match(self, key: str) -> None:
        """An external event is there that this wait may be waiting for."""
        self._note(FactKind.WAIT, self.topology.node_of(key))

    def wait_timed_out(self, key: str) -> None:
        """No event came: the edges for that are taken; without such edges it counts as done, with
        null.
        """
        node = self.topology.node_of(key)
        edges = self.topology.timeout_edges.get(node)
        self.live -= 1
        if edges is None:
            self._succeed(node, NodeState.COMPLETED, NULL)
            return
        if self._readers[node] > 0:
            self.outputs[node] = NULL
        self._states[node] = NodeState.COMPLETED
        self._kill(self.topology.error_edges[node])
        self._kill(self.topology.out_edges[node])
        self._take(edges, origin=self.arrivals.led_by.pop(node, None))
        self._closed(node)

    def map_started(self, event: e.MapStarted) -> None:
        """The items are known."""
        node = self.topology.node_of(event.node)
        self._states[node] = NodeState.RUNNING
        self.live += 1
        self._stop_reading(node)
        self.maps[node] = MapProgress(event.items, event.time)
        self._note(FactKind.MAP, node)

    def map_ended(self, event: e.MapEnded) -> None:
        """All its items are over."""
        node = self.topology.node_of(event.node)
        ended = self.maps.pop(node)
        self.live -= 1
        if event.failure is None:
            batched = node in self.topology.batched
            self._succeed(node, NodeState.COMPLETED, ended.result(batched=batched))
        elif event.failure.kind == FailureKind.CANCELLED:
            self._cancel(node)
        else:
            self._fail(node, event.failure)

    # --- folding: nodes that do not run -----------------------------------------------------------

    def node_done(self, key: str, output: Payload, state: NodeState) -> None:
        """The node is done without having run: skipped, computed, or taken over."""
        node = self.topology.node_of(key)
        self._stop_reading(node)
        self._succeed(node, state, output)

    def node_failed(self, event: e.NodeFailed) -> None:
        """The node failed without having run; or its loop has turned too often."""
        node = self.topology.node_of(event.node)
        closed = self._states[node] != NodeState.PENDING
        if closed and event.failure.kind == FailureKind.LOOP_BOUND_REACHED:
            # Not of a `fail` node of this kind, which has not begun.
            self._fail_at_bound(node, event.failure)
            return
        self._stop_reading(node)
        self._fail(node, event.failure)

    def nodes_unreached(self, event: e.NodesUnreached) -> None:
        """Death is passed on along every edge. Of a node that is done, a loop has lost a race."""
        for key in event.nodes:
            node = self.topology.node_of(key)
            if self._states[node] != NodeState.PENDING and self.loops is not None:
                self._leave_loop(self.loops.turn_no_more(node))
                continue
            self._states[node] = NodeState.UNREACHED
            self._stop_reading(node)
            self._kill_all(node)
            self._closed(node)

    def edges_decided(self, event: e.EdgesDecided) -> None:
        """What the guards said."""
        topology = self.topology
        node = topology.node_of(event.node)
        self._states[node] &= ~AWAITS_DECISION
        failed = self._states[node] == NodeState.FAILED
        taken = {decided.edge for decided in event.edges if decided.taken}
        by_error = failed and not taken.isdisjoint(topology.error_edges[node])
        origin = (node, self.failed[node]) if by_error else self.arrivals.led_by.get(node)
        for decided in event.edges:
            if decided.taken:
                self._take((decided.edge,), origin=origin)
            else:
                self._kill((decided.edge,))
        if by_error:
            self.outputs.pop(node, None)  # it does not count as done
        if failed and not taken and not topology.continue_on_failure[node]:
            self._leave_unhandled(node)
        self.arrivals.led_by.pop(node, None)
        self._closed(node)

    def loop_turned(self, event: e.LoopTurned) -> None:
        """The body begins again; its header is reached by the edges that led back."""
        assert self.loops is not None, "only graphs with loops turn"
        topology = self.topology
        header = topology.index[event.header]
        loop = topology.loop_of[header]
        back = self.loops.turn(loop)
        for node in topology.loops[loop].body:
            self._states[node] = NodeState.PENDING
            self._readers[node] = topology.reader_counts[node]
            self.arrivals.begin_again(node)
            self.outputs.pop(node, None)
            self.failures.pop(node, None)
        self.arrivals.reach(header, back)
        self._note(FactKind.START, header)

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
            self._kill(topology.timeout_edges.get(node, ()))
            self._states[node] = NodeState.FAILED | AWAITS_DECISION
            self._note(FactKind.LEAVE, node)
            return
        self._states[node] = NodeState.FAILED
        self._kill(topology.out_edges[node])
        self._kill(topology.timeout_edges.get(node, ()))
        if error_edges:
            # Of error edges the first that matches is taken.
            self._take(error_edges[:1], origin=(node, failure))
            self._kill(error_edges[1:])
        else:
            self._leave_unhandled(node)
        self.arrivals.led_by.pop(node, None)
        self._closed(node)

    def _leave(self, node: int, state: NodeState) -> None:
        """Done: the normal edges are taken, or have their guards evaluated first."""
        self._kill(self.topology.timeout_edges.get(node, ()))
        if self.topology.guarded[node]:
            self._states[node] = state | AWAITS_DECISION
            self._note(FactKind.LEAVE, node)
            return
        self._states[node] = state
        self._take(self.topology.out_edges[node], origin=self.arrivals.led_by.pop(node, None))
        self._closed(node)

    def _cancel(self, node: int) -> None:
        self._states[node] = NodeState.CANCELLED
        self.arrivals.led_by.pop(node, None)
        self._kill_all(node)
        self._closed(node)

    def _leave_unhandled(self, node: int) -> None:
        if self.unhandled is not None:
            return
        failure, earlier = self.failed[node], self.arrivals.led_by.get(node)
        if earlier is not None and failure.cause is None:
            # What was done about a failure has failed too: the first one is kept.
            failure = replace(failure, cause=earlier[1])
        self.unhandled = (self.topology.names[node], failure)

    def _closed(self, node: int) -> None:
        """The node is closed and its edges are decided: its loop may be at rest."""
        if self.loops is not None:
            loop = self.loops.node_closed(node)
            if loop is not None:
                self._loop_rests(loop)

    def _loop_rests(self, loop: int) -> None:
        assert self.loops is not None, "a loop rests"
        if self.loops.turns_back(loop):
            self._note(FactKind.TURN, loop)
        else:
            self._leave_loop(loop)

    def _leave_loop(self, loop: int) -> None:
        assert self.loops is not None, "a loop is left"
        for source in self.topology.loops[loop].reads_on_exit:
            self._give_back(source)
        held, around = self.loops.leave(loop)
        for edge, taken, origin in held:
            if not self.loops.keep(edge, taken=taken, origin=origin, after=loop):
                self._resolve(edge, taken=taken, origin=origin)
        if around is not None:
            self._loop_rests(around)

    def _fail_at_bound(self, node: int, failure: Failure) -> None:
        """The loop may not turn again: the node that would have led back fails. Only an error edge
        that leads out of the loop and has no `when` can handle that; the body does not run again.
        """
        assert self.loops is not None, "only loops have bounds"
        topology = self.topology
        loop = self.loops.turning_back_from(node)
        self._states[node] = NodeState.FAILED
        self.outputs.pop(node, None)
        self.failures[node] = self.failed[node] = failure
        if self.first_failure is None:
            self.first_failure = (topology.names[node], failure)
        edges = frozenset(topology.out_edges[node] + topology.error_edges[node])
        handler = topology.loops[loop].bound_edges.get(node)
        self.loops.give_up(loop, edges, handler, (node, failure))
        if handler is None:
            self._leave_unhandled(node)
        self._leave_loop(loop)

    def _take(self, edges: Iterable[int], *, origin: Origin) -> None:
        for edge in edges:
            if self.loops is None or not self.loops.keep(edge, taken=True, origin=origin):
                self._resolve(edge, taken=True, origin=origin)

    def _kill(self, edges: Iterable[int]) -> None:
        for edge in edges:
            if self.loops is None or not self.loops.keep(edge, taken=False, origin=None):
                self._resolve(edge, taken=False, origin=None)

    def _kill_all(self, node: int) -> None:
        topology = self.topology
        self._kill(topology.out_edges[node])
        self._kill(topology.error_edges[node])
        self._kill(topology.timeout_edges.get(node, ()))

    def _resolve(self, edge: int, *, taken: bool, origin: Origin) -> None:
        target = self.topology.targets[edge]
        arrivals = self.arrivals
        if self._states[target] == NodeState.PENDING:
            if arrivals.resolve(edge, target, taken=taken, origin=origin):
                self._note(FactKind.START, target)
        elif arrivals.resolve_late(target):
            # It failed before, by a guard on its way in, or started without waiting for all.
            self._forget_what_it_read(target)

    def _stop_reading(self, node: int) -> None:
        """The node has read its inputs, or never will."""
        if self.arrivals.leave(node):
            self._forget_what_it_read(node)

    def _forget_what_it_read(self, node: int) -> None:
        for source in self.topology.reads[node]:
            self._give_back(source)

    def _give_back(self, source: int) -> None:
        """Outcomes that nobody else reads are forgotten."""
        self._readers[source] -= 1
        if self._readers[source] == 0:
            self.outputs.pop(source, None)
            self.failures.pop(source, None)
