"""What the world was told: who was promised what. Held against the journal, soon and in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from treadle_server.engine import events as e
from treadle_server.journal.codec import decode_batch
from treadle_server.journal.memory import MemoryJournal
from treadle_server.runs.model import Result, Started, StartRequest, TaskView

Attempt = tuple[bytes, str, int]
"""(run id, key, lease)."""


@dataclass(slots=True)
class Journey:
    """Promises made to clients and workers, and what was wrong with them."""

    journal: MemoryJournal
    faults: list[str] = field(default_factory=list)
    started: dict[str, bytes] = field(default_factory=dict)
    """Request id of a start that was answered -> run."""
    completed: dict[Attempt, bytes] = field(default_factory=dict)
    """Completions that were answered with yes -> their output."""
    reports: int = 0
    _done: set[tuple[bytes, str]] = field(default_factory=set)
    _tokens: dict[bytes, Attempt] = field(default_factory=dict)

    def fault(self, text: str) -> None:
        """Something that must not be."""
        self.faults.append(text)

    # --- told by the network, in the moment an answer leaves the server ---------------------------

    def answered(self, method: str, arguments: tuple[Any, ...], answer: Any) -> None:
        """Save before send: whatever is said is in the journal already."""
        if method == "start":
            for request, one in zip(arguments[0], answer, strict=True):
                if isinstance(one, Started):
                    self._start_answered(request, one)
        elif method == "poll":
            for task in answer.tasks:
                self._handed_over(task)
        elif method == "complete":
            for result, refusal in zip(arguments[0].results, answer.refusals, strict=True):
                if refusal is None:
                    self._accepted(result)
            for task in answer.tasks:
                self._handed_over(task)

    def _start_answered(self, request: StartRequest, answer: Started) -> None:
        [row] = self.journal.get_runs([answer.run_id])
        if row is None:
            self.fault(f"{request.request_id} was acknowledged before its run was written down")
        earlier = self.started.setdefault(request.request_id, answer.run_id)
        if earlier != answer.run_id:
            self.fault(f"request id {request.request_id} started two runs")

    def _handed_over(self, task: TaskView) -> None:
        attempt = (task.run_id, task.key, task.lease)
        self._tokens[task.token] = attempt
        if not any(
            isinstance(event, e.AttemptStarted)
            and (event.key, event.lease) == (task.key, task.lease)
            for event in self.events(task.run_id)
        ):
            self.fault(f"{_named(attempt)} was handed over before its lease was written down")

    def _accepted(self, result: Result) -> None:
        attempt = self._tokens[result.token]
        run_id, key, lease = attempt
        self.reports += 1
        if not any(
            getattr(event, "lease", 0) == lease
            and getattr(event, "key", "") == key
            and not isinstance(event, e.AttemptStarted)
            for event in self.events(run_id)
        ):
            self.fault(f"the result of {_named(attempt)} was accepted and not written down")
        if result.output is not None:
            self.completed[attempt] = result.output.data
            self._done.add((run_id, key))

    # --- told by workers --------------------------------------------------------------------------

    def begins(self, task: TaskView) -> None:
        """A worker begins to work."""
        if (task.run_id, task.key) in self._done:
            attempt = (task.run_id, task.key, task.lease)
            self.fault(f"{_named(attempt)} runs although its result was accepted before")

    # --- reading ----------------------------------------------------------------------------------

    def events(self, run_id: bytes) -> list[e.Event]:
        """All of a run's history."""
        records = self.journal.read_run(run_id, 0, 1 << 40)
        return [event for record in records for event in decode_batch(record.body)]


def _named(attempt: Attempt) -> str:
    run_id, key, lease = attempt
    return f"{key} of run {run_id.hex()[-8:]} (lease {lease})"
