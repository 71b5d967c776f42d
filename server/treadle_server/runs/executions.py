"""What happened to each node of a run: read off its history when somebody asks.

A run keeps in memory what it needs to go on, which is little; how long a node waited, how often it
was tried and what it was given are in its events alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from treadle_server.engine import events as e
from treadle_server.engine.events import Event
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import ChildEnd, Failure, Instant, Payload


@dataclass(slots=True, kw_only=True)
class Execution:
    """One node in one iteration, one item of a map, or one undoing."""

    key: str
    kind: str
    """activity, timer, wait, child, map or server (what the server did by itself)."""
    state: NodeState = NodeState.RUNNING
    type: str = ""
    """Of an activity; for a child the workflow, for a wait the event."""
    attempts: int = 0
    scheduled_time: Instant | None = None
    started_time: Instant | None = None
    """Of the first attempt."""
    end_time: Instant | None = None
    input: Payload | None = None
    output: Payload | None = None
    failure: Failure | None = None
    """The last one; of a node that completed after a retry too."""
    worker: str = ""
    """Who had the last attempt."""
    compensates: str = ""
    """The key of what this undoes; empty: it undoes nothing."""

    @property
    def size(self) -> int:
        """About how many bytes it has."""
        details = None if self.failure is None else self.failure.details
        shown = (self.input, self.output, details)
        return sum([len(one.data) for one in shown if one is not None])


@dataclass(slots=True)
class Executions:
    """Folds events; `by_key` is in the order in which things began."""

    by_key: dict[str, Execution] = field(default_factory=dict)

    def add(self, events: Iterable[Event]) -> None:
        """The next events of the run."""
        for event in events:
            self._begin(event)
            self._go_on(event)

    def _begin(self, event: Event) -> None:
        match event:
            case e.ActivityScheduled():
                self._new(event, event.key, "activity", event.type, event.input)
                self.by_key[event.key].compensates = event.compensates
            case e.TimerStarted():
                self._new(event, event.key, "timer")
            case e.WaitStarted():
                self._new(event, event.key, "wait", event.name)
            case e.ChildRequested():
                self._new(event, event.key, "child", event.workflow, event.input)
            case e.EventSent():
                self._new(event, event.key, "server", event.name, event.payload)
                self._end(event, event.key, NodeState.COMPLETED, event.payload)
            case e.MapStarted():
                self._new(event, event.node, "map")
            case e.NodeCompleted():
                self._server(event, event.node, NodeState.COMPLETED, event.output)
            case e.NodeSkipped():
                self._server(event, event.node, NodeState.SKIPPED, event.output)
            case e.NodeFailed():
                self._server(event, event.node, NodeState.FAILED, failure=event.failure)
            case e.NodesUnreached():
                for node in event.nodes:
                    self._server(event, node, NodeState.UNREACHED)

    def _go_on(self, event: Event) -> None:
        match event:
            case e.AttemptStarted():
                if event.key not in self.by_key:  # of a history that was cut in between
                    self._new(event, event.key, "activity", event.type)
                    self.by_key[event.key].scheduled_time = event.ready_time
                one = self.by_key[event.key]
                one.attempts, one.worker = event.attempt, event.identity
                one.started_time = one.started_time or event.time
            case e.AttemptFailed() if event.key in self.by_key:
                self.by_key[event.key].failure = event.failure
            case e.DecisionCompleted() if not event.keeps:
                self._end(event, event.key, NodeState.COMPLETED)
            case e.ActivityCompleted():
                done = NodeState.SKIPPED if event.skipped else NodeState.COMPLETED
                self._end(event, event.key, done, event.output)
            case e.ActivityFailed():
                self._end(event, event.key, NodeState.FAILED, failure=event.failure)
            case e.ActivityOverridden():
                self._end(event, event.key, NodeState.SKIPPED, event.output)
            case e.TimerFired():
                self._end(event, event.key, NodeState.COMPLETED)
            case e.WaitSatisfied():
                self._end(event, event.key, NodeState.COMPLETED)
            case e.WaitTimedOut():
                self._end(event, event.key, NodeState.FAILED)
            case e.ActivityCancelled() | e.TimerCancelled() | e.WaitCancelled():
                self._end(event, event.key, NodeState.CANCELLED)
            case e.ChildEnded():
                well = event.end is ChildEnd.COMPLETED
                state = NodeState.COMPLETED if well else NodeState.FAILED
                self._end(event, event.key, state, event.output, event.failure)
            case e.MapEnded():
                state = NodeState.COMPLETED if event.failure is None else NodeState.FAILED
                self._end(event, event.node, state, failure=event.failure)
            case (
                e.RunCompleted()
                | e.RunFailed()
                | e.RunCancelled()
                | e.RunTimedOut()
                | e.RunTerminated()
                | e.RunContinued()
            ):
                for key, one in self.by_key.items():
                    if one.state is NodeState.RUNNING:
                        self._end(event, key, NodeState.CANCELLED)

    def _new(
        self, event: Event, key: str, kind: str, type_: str = "", given: Payload | None = None
    ) -> None:
        self.by_key[key] = Execution(
            key=key, kind=kind, type=type_, input=given, scheduled_time=event.time
        )

    def _server(
        self,
        event: Event,
        node: str,
        state: NodeState,
        output: Payload | None = None,
        failure: Failure | None = None,
    ) -> None:
        # What failed after it was done, at the bound of a loop say, is still the same execution.
        if node not in self.by_key or state is not NodeState.FAILED:
            self._new(event, node, "server")
        self._end(event, node, state, output, failure)

    def _end(
        self,
        event: Event,
        key: str,
        state: NodeState,
        output: Payload | None = None,
        failure: Failure | None = None,
    ) -> None:
        one = self.by_key.get(key)
        if one is None:
            return
        one.state, one.end_time = state, event.time
        one.output = output if output is not None else one.output
        one.failure = failure or one.failure
