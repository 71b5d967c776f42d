"""Proves from a run's history alone that every task had one result, and none began too early.

The history is the server's journal, in the order in which things became true: an event counts from
its `seq` on. The graph that the server ran is not believed, only what happened; the dependencies
are those of the file. So each attempt must have begun (`AttemptStarted`) after the accepted result
(`ActivityCompleted`) of every parent, and each task must have exactly one accepted result, that of
an attempt that was open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from examples.wfformat.instance import Instance
from treadle.v1 import event_pb2

MAX_FAULTS = 20
"""Faults that are kept with their text; the others are counted."""

CLOSING = {"run_completed", "run_failed", "run_cancelled", "run_timed_out", "run_terminated"}
"""The kinds of event that end a run."""

_WITHOUT_RESULT = {
    "activity_failed",
    "activity_cancelled",
    "node_failed",
    "node_skipped",
}


@dataclass(slots=True)
class Proof:
    """What was checked, and what was found to be wrong."""

    tasks: int = 0
    edges: int = 0
    """Waits that were checked: for each task's first attempt, each of its parents."""
    attempts: int = 0
    events: int = 0
    makespan_seconds: float = 0.0
    """From the run's start to the last accepted result, by the server's clock."""
    fault_count: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def proved(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault_count == 0

    def fault(self, text: str) -> None:
        """Notes one more thing that is wrong."""
        self.fault_count += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(text)


def prove(instance: Instance, nodes: Mapping[str, str], events: Iterable[event_pb2.Event]) -> Proof:
    """Checks a whole history against the file's dependencies. `nodes`: task's id → node's id."""
    checker = _Checker(instance, nodes)
    for event in events:
        checker.look_at(event)
    return checker.conclude()


class _Checker:
    """Walks a history once, forward."""

    def __init__(self, instance: Instance, nodes: Mapping[str, str]) -> None:
        self.instance = instance
        self.task_of = {node: task for task, node in nodes.items()}
        self.proof = Proof(tasks=len(instance.tasks))
        self.accepted: dict[str, int] = {}
        self.attempted: set[str] = set()
        self.open: set[tuple[str, int]] = set()
        self.last_seq = 0
        self.closed_by = ""
        self.started_at = 0.0

    def look_at(self, event: event_pb2.Event) -> None:
        proof = self.proof
        proof.events += 1
        if event.seq != self.last_seq + 1:
            proof.fault(f"event {event.seq} follows {self.last_seq}: the history has a gap")
        self.last_seq = event.seq
        kind = event.WhichOneof("kind") or "unknown"
        if self.closed_by:
            proof.fault(f"event {event.seq}: {kind} after the run was closed by {self.closed_by}")
        if kind == "run_started":
            self.started_at = _seconds(event)
        elif kind in CLOSING:
            self.closed_by = kind
        elif kind == "attempt_started":
            self._attempt(event.seq, event.attempt_started)
        elif kind == "activity_completed":
            self._result(event, event.activity_completed)
        elif kind == "attempt_failed":
            self.open.discard((event.attempt_failed.key, event.attempt_failed.lease))
        elif kind == "activity_requeued":
            self.open.discard((event.activity_requeued.key, event.activity_requeued.lease))
        elif kind in _WITHOUT_RESULT:
            proof.fault(f"event {event.seq}: {kind}, so a task has no result")
        elif kind == "nodes_unreached":
            names = ", ".join(event.nodes_unreached.nodes[:3])
            proof.fault(f"event {event.seq}: tasks were never reached: {names}")

    def conclude(self) -> Proof:
        proof = self.proof
        if self.closed_by != "run_completed":
            proof.fault(f"the run did not complete (closed by {self.closed_by or 'nothing'})")
        for task in self.instance.tasks:
            if task not in self.accepted:
                proof.fault(f"{task}: has no accepted result")
        return proof

    def _attempt(self, seq: int, started: event_pb2.AttemptStarted) -> None:
        self.proof.attempts += 1
        task = self._task(seq, started.key)
        if task is None:
            return
        if task in self.accepted:
            self.proof.fault(
                f"event {seq}: an attempt at {task} began after its result was accepted "
                f"(event {self.accepted[task]})"
            )
        self.open.add((started.key, started.lease))
        parents = self.instance.tasks[task].parents
        if task not in self.attempted:
            self.attempted.add(task)
            self.proof.edges += len(parents)
        for parent in parents:
            if parent not in self.accepted:
                self.proof.fault(
                    f"event {seq}: an attempt at {task} began before the result of {parent}"
                )

    def _result(self, event: event_pb2.Event, completed: event_pb2.ActivityCompleted) -> None:
        task = self._task(event.seq, completed.key)
        if task is None:
            return
        if task in self.accepted:
            self.proof.fault(
                f"event {event.seq}: a second result of {task} (first: event {self.accepted[task]})"
            )
            return
        if (completed.key, completed.lease) not in self.open:
            self.proof.fault(f"event {event.seq}: the result of {task} is of no open attempt")
        self.open.discard((completed.key, completed.lease))
        self.accepted[task] = event.seq
        self.proof.makespan_seconds = _seconds(event) - self.started_at

    def _task(self, seq: int, key: str) -> str | None:
        task = self.task_of.get(key)
        if task is None:
            self.proof.fault(f"event {seq}: {key} is no task of the file")
        return task


def _seconds(event: event_pb2.Event) -> float:
    return event.time.seconds + event.time.nanos / 1e9
