"""A run as a list of nodes with their states: folded from its events, or from one description.

Work per event does not depend on the number of nodes; what is shown is chosen in `shown`. A state
machine's nodes are what it has done and does, `STATE/VISIT/ROLE`, and `machine` is where it is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from treadle.v1 import event_pb2, payload_pb2
from treadle.v1 import run_service_pb2 as runs_pb
from treadle_server.cli import states
from treadle_server.cli.machine_progress import CONCERNED, MachineProgress
from treadle_server.cli.moments import seconds_of
from treadle_server.cli.states import Look

OPEN = frozenset({Look.READY, Look.RUNNING, Look.BACKING_OFF, Look.CANCELLING, Look.HELD})
"""Work is to be done, or is being done."""

_RECENT = 200
_DONE_BY_A_MACHINE = 5
"""So much of what a machine has done is shown: it may have done it for years."""


@dataclass(slots=True)
class Node:
    """How a node, or an activity, stands. Times are seconds since the Unix epoch."""

    key: str
    look: Look = Look.PENDING
    type: str = ""
    queue: str = ""
    attempt: int = 0
    max_attempts: int = 1
    identity: str = ""
    scheduled: float | None = None
    started: float | None = None
    """Of the attempt that runs, or ran last."""
    ended: float | None = None
    next_attempt: float | None = None
    due: float | None = None
    """Of a timer, or of a wait that ends then."""
    failure: payload_pb2.Failure | None = None
    incident: str = ""
    compensates: str = ""
    """The key of what it undoes; empty: it undoes nothing."""


@dataclass(slots=True)
class RunProgress:
    """A run and its nodes."""

    run_id: str = ""
    workflow: str = ""
    version: int = 0
    workflow_id: str = ""
    state: runs_pb.RunState = runs_pb.RUN_STATE_RUNNING
    cancelling: bool = False
    started: float | None = None
    ended: float | None = None
    output: payload_pb2.Payload | None = None
    failure: payload_pb2.Failure | None = None
    failed_node: str = ""
    last_seq: int = 0
    machine: MachineProgress | None = None
    """Of a state machine only."""
    nodes: dict[str, Node] = field(default_factory=dict)
    counts: Counter[Look] = field(default_factory=Counter)
    _open: dict[str, Node] = field(default_factory=dict)
    _failed: dict[str, Node] = field(default_factory=dict)
    _recent: deque[Node] = field(default_factory=lambda: deque(maxlen=_RECENT))

    @property
    def look(self) -> Look:
        """How the run looks; one that is asked to end looks so."""
        if self.cancelling and self.state == runs_pb.RUN_STATE_RUNNING:
            return Look.CANCELLING
        return states.run_look(self.state)

    def expect(self, names: Iterable[str]) -> None:
        """Lists nodes that no event has named yet, in the definition's order."""
        for name in names:
            self._node(name)

    def expect_waits(self, response: runs_pb.GetRunResponse) -> None:
        """Lists timers and children that are open, as events of theirs would."""
        for timer in response.pending_timers:
            self._node(timer.key).due = seconds_of(timer.due_time)
            self._goes_on(timer.key, "timer")
        for child in response.pending_children:
            self._goes_on(child.key, "workflow")

    def apply(self, event: event_pb2.Event) -> None:
        """Takes the run's next event."""
        kind = event.WhichOneof("kind")
        self.last_seq = event.seq
        if kind in _HANDLERS:
            _HANDLERS[kind](self, getattr(event, kind), seconds_of(event.time))
        elif kind in CONCERNED:
            self.machine = self.machine or MachineProgress()
            self.machine.apply(kind, getattr(event, kind), seconds_of(event.time))

    def shown(self, limit: int) -> list[Node]:
        """All nodes if they fit, else the open ones, the failed, and the newest done. Of a machine
        the open ones and the newest.
        """
        if self.machine is not None:
            return self._newest(limit)
        if len(self.nodes) <= limit:
            return list(self.nodes.values())
        chosen: dict[str, Node] = {}
        for group in (self._open.values(), self._failed.values(), reversed(self._recent)):
            for node in islice(group, limit):
                if len(chosen) < limit:
                    chosen.setdefault(node.key, node)
        return list(chosen.values())

    def _newest(self, limit: int) -> list[Node]:
        going_on = list(islice(self._open.values(), limit))
        newest = islice(reversed(self.nodes.values()), len(going_on) + _DONE_BY_A_MACHINE)
        done = [node for node in newest if node.key not in self._open][: limit - len(going_on)]
        shown = [*reversed(done), *going_on]
        return sorted(shown, key=lambda node: node.scheduled or node.ended or 0.0)

    def change(self, node: Node, look: Look) -> None:
        """Changes a node's state, and what is counted by state."""
        self.counts[node.look] -= 1
        self.counts[look] += 1
        node.look = look
        if look in OPEN:
            self._open[node.key] = node
            return
        self._open.pop(node.key, None)
        if look is Look.FAILED:
            self._failed[node.key] = node
        else:
            self._recent.append(node)

    def _node(self, key: str) -> Node:
        node = self.nodes.get(key)
        if node is None:
            node = self.nodes[key] = Node(key)
            self.counts[Look.PENDING] += 1
        return node

    def _goes_on(self, key: str, word: str) -> Node:
        node = self._node(key)
        node.type = word
        self.change(node, Look.RUNNING)
        return node

    def _close(self, key: str, look: Look, at: float) -> Node:
        node = self._node(key)
        node.ended, node.next_attempt = at, None
        self.change(node, look)
        return node


def from_description(response: runs_pb.GetRunResponse) -> RunProgress:
    """The run as the server describes it; node by node if the nodes were asked for."""
    run = response.run
    progress = RunProgress(
        run_id=run.run_id,
        workflow=run.workflow,
        version=run.version,
        workflow_id=run.workflow_id,
        state=run.state,
        cancelling=response.cancel_requested,
        started=seconds_of(run.start_time),
        ended=seconds_of(run.end_time) if run.HasField("end_time") else None,
        output=response.output if response.HasField("output") else None,
        failure=response.failure if response.HasField("failure") else None,
        last_seq=run.last_seq,
        machine=MachineProgress(tuple(response.active_states)) if response.active_states else None,
    )
    for status in response.nodes:
        node = progress._node(status.node)
        look = states.node_look(status.state)
        if look is not Look.PENDING:
            progress.change(node, look)
    for pending in response.pending_activities:
        node = progress._node(pending.key)
        _describe_pending(node, pending)
        if node.look is Look.HELD or states.activity_look(pending.state) is Look.HELD:
            node.incident = response.incident
        progress.change(node, states.activity_look(pending.state))
    return progress


def _describe_pending(node: Node, pending: runs_pb.PendingActivity) -> None:
    node.type, node.queue, node.identity = pending.type, pending.queue, pending.identity
    node.attempt, node.max_attempts = pending.attempt, pending.max_attempts
    node.compensates = pending.compensates
    if pending.HasField("scheduled_time"):
        node.scheduled = seconds_of(pending.scheduled_time)
    if pending.HasField("started_time"):
        node.started = seconds_of(pending.started_time)
    if pending.HasField("next_attempt_time"):
        node.next_attempt = seconds_of(pending.next_attempt_time)
    if pending.HasField("last_failure"):
        node.failure = pending.last_failure


# --- one handler per kind of event; `at` is the event's time -------------------------------------


def _run_started(run: RunProgress, event: event_pb2.RunStarted, at: float) -> None:
    run.workflow, run.version, run.workflow_id = event.workflow, event.version, event.workflow_id
    run.started = at


def _ended(state: runs_pb.RunState) -> Callable[[RunProgress, Any, float], None]:
    def handle(run: RunProgress, event: Any, at: float) -> None:
        run.state, run.ended = state, at
        if state == runs_pb.RUN_STATE_COMPLETED:
            run.output = event.output
        elif state == runs_pb.RUN_STATE_FAILED:
            run.failure, run.failed_node = event.failure, event.node
        # The run ended around them: nobody waits for what they would bring.
        for node in list(run._open.values()):
            run._close(node.key, Look.CANCELLED, at)

    return handle


def _cancel_requested(run: RunProgress, event: event_pb2.CancelRequested, at: float) -> None:
    run.cancelling = True


def _run_held(run: RunProgress, event: event_pb2.RunHeld, at: float) -> None:
    node = run._node(event.key)
    node.incident = event.incident
    run.change(node, Look.HELD)


def _incident_answered(run: RunProgress, event: event_pb2.IncidentAnswered, at: float) -> None:
    node = run._node(event.key)
    node.incident = ""
    if node.look is Look.HELD:
        run.change(node, Look.READY)


def _activity_scheduled(run: RunProgress, event: event_pb2.ActivityScheduled, at: float) -> None:
    node = run._node(event.key)
    node.type, node.queue, node.scheduled = event.type, event.queue, at
    node.max_attempts, node.compensates = event.retry.max_attempts, event.compensates
    run.change(node, Look.READY)


def _attempt_started(run: RunProgress, event: event_pb2.AttemptStarted, at: float) -> None:
    node = run._node(event.key)
    node.attempt, node.identity = event.attempt, event.identity
    node.started, node.next_attempt = at, None
    run.change(node, Look.RUNNING)


def _attempt_failed(run: RunProgress, event: event_pb2.AttemptFailed, at: float) -> None:
    node = run._node(event.key)
    node.failure = event.failure
    node.next_attempt = seconds_of(event.next_time) if event.HasField("next_time") else None
    run.change(node, Look.BACKING_OFF)


def _activity_requeued(run: RunProgress, event: event_pb2.ActivityRequeued, at: float) -> None:
    run.change(run._node(event.key), Look.READY)


def _activity_completed(run: RunProgress, event: event_pb2.ActivityCompleted, at: float) -> None:
    node = run._close(event.key, Look.COMPLETED, at)
    node.attempt = event.attempt or node.attempt


def _decision_completed(run: RunProgress, event: event_pb2.DecisionCompleted, at: float) -> None:
    if not event.keeps:
        run._close(event.key, Look.COMPLETED, at)


def _activity_failed(run: RunProgress, event: event_pb2.ActivityFailed, at: float) -> None:
    node = run._close(event.key, Look.FAILED, at)
    node.failure = event.failure


def _activity_cancel_requested(
    run: RunProgress, event: event_pb2.ActivityCancelRequested, at: float
) -> None:
    run.change(run._node(event.key), Look.CANCELLING)


def _activity_cancelled(run: RunProgress, event: event_pb2.ActivityCancelled, at: float) -> None:
    run._close(event.key, Look.CANCELLED, at)


def _node_skipped(run: RunProgress, event: event_pb2.NodeSkipped, at: float) -> None:
    run._close(event.node, Look.SKIPPED, at)


def _nodes_unreached(run: RunProgress, event: event_pb2.NodesUnreached, at: float) -> None:
    for name in event.nodes:
        run._close(name, Look.UNREACHED, at)


def _node_failed(run: RunProgress, event: event_pb2.NodeFailed, at: float) -> None:
    node = run._close(event.node, Look.FAILED, at)
    node.failure = event.failure


def _goes_on(word: str) -> Callable[[RunProgress, Any, float], None]:
    """Something that the server or another run does, without attempts."""

    def handle(run: RunProgress, event: Any, at: float) -> None:
        node = run._goes_on(getattr(event, "key", "") or event.node, word)
        node.scheduled = node.started = at
        for name in ("due_time", "until"):
            if name in event.DESCRIPTOR.fields_by_name and event.HasField(name):
                node.due = seconds_of(getattr(event, name))

    return handle


def _is_done(look: Look) -> Callable[[RunProgress, Any, float], None]:
    def handle(run: RunProgress, event: Any, at: float) -> None:
        run._close(getattr(event, "key", "") or event.node, look, at)

    return handle


def _event_sent(run: RunProgress, event: event_pb2.EventSent, at: float) -> None:
    run._close(event.key, Look.COMPLETED, at).type = f"send {event.name}"


def _child_ended(run: RunProgress, event: event_pb2.ChildEnded, at: float) -> None:
    completed = event.end == event_pb2.CHILD_END_COMPLETED
    node = run._close(event.key, Look.COMPLETED if completed else Look.FAILED, at)
    if event.HasField("failure"):
        node.failure = event.failure


def _map_ended(run: RunProgress, event: event_pb2.MapEnded, at: float) -> None:
    if not event.HasField("failure"):
        run._close(event.node, Look.COMPLETED, at)
        return
    node = run._close(event.node, Look.FAILED, at)
    node.failure = event.failure


_HANDLERS: dict[str, Callable[[RunProgress, Any, float], None]] = {
    "run_started": _run_started,
    "run_completed": _ended(runs_pb.RUN_STATE_COMPLETED),
    "run_failed": _ended(runs_pb.RUN_STATE_FAILED),
    "run_cancelled": _ended(runs_pb.RUN_STATE_CANCELLED),
    "run_timed_out": _ended(runs_pb.RUN_STATE_TIMED_OUT),
    "run_terminated": _ended(runs_pb.RUN_STATE_TERMINATED),
    "run_continued": _ended(runs_pb.RUN_STATE_CONTINUED),
    "cancel_requested": _cancel_requested,
    "run_held": _run_held,
    "incident_answered": _incident_answered,
    "activity_scheduled": _activity_scheduled,
    "attempt_started": _attempt_started,
    "attempt_failed": _attempt_failed,
    "activity_requeued": _activity_requeued,
    "activity_completed": _activity_completed,
    "decision_completed": _decision_completed,
    "activity_failed": _activity_failed,
    "activity_cancel_requested": _activity_cancel_requested,
    "activity_cancelled": _activity_cancelled,
    "node_skipped": _node_skipped,
    "nodes_unreached": _nodes_unreached,
    "node_failed": _node_failed,
    "activity_overridden": _is_done(Look.COMPLETED),
    "node_completed": _is_done(Look.COMPLETED),
    "timer_started": _goes_on("timer"),
    "timer_fired": _is_done(Look.COMPLETED),
    "timer_cancelled": _is_done(Look.CANCELLED),
    "wait_started": _goes_on("wait"),
    "wait_satisfied": _is_done(Look.COMPLETED),
    "wait_timed_out": _is_done(Look.FAILED),
    "wait_cancelled": _is_done(Look.CANCELLED),
    "event_sent": _event_sent,
    "child_requested": _goes_on("workflow"),
    "child_ended": _child_ended,
    "child_cancel_requested": _activity_cancel_requested,
    "map_started": _goes_on("map"),
    "map_ended": _map_ended,
}
