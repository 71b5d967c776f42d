"""What the server counts: plain integers.

Every attribute that a user's names can fill is bounded: a counter keeps 200 sets of values, and
what comes after counts under the attribute `otel.metric.overflow`, as the specification has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from treadle_server.engine.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptFailed,
    AttemptStarted,
    DecisionCompleted,
    Event,
    RunCancelled,
    RunCompleted,
    RunContinued,
    RunFailed,
    RunHeld,
    RunStarted,
    RunTerminated,
    RunTimedOut,
)
from treadle_server.telemetry.spans import OUTCOMES, RUN_STATES

LABEL_SETS_LIMIT = 200

_OVERFLOW: tuple[str, ...] = ()


class LabelledCounter:
    """A number per set of attribute values; it only grows."""

    __slots__ = ("_totals", "labels")

    def __init__(self, *labels: str) -> None:
        self.labels = labels
        self._totals: dict[tuple[str, ...], int] = {}

    def add(self, values: tuple[str, ...], amount: int = 1) -> None:
        """Counts for these values, one for each label in order."""
        totals = self._totals
        if values not in totals and len(totals) >= LABEL_SETS_LIMIT:
            values = _OVERFLOW
        totals[values] = totals.get(values, 0) + amount

    def totals(self) -> list[tuple[dict[str, str | bool], int]]:
        """The attributes and the number of each set, as of now; safe on any thread."""
        # One step for the interpreter: the event loop cannot add a set in between.
        totals = list(self._totals.items())
        return [(self._attributes(values), total) for values, total in totals]

    def _attributes(self, values: tuple[str, ...]) -> dict[str, str | bool]:
        if values == _OVERFLOW:
            return {"otel.metric.overflow": True}
        return dict(zip(self.labels, values, strict=True))


@dataclass(slots=True)
class Metrics:
    """All counters of one server. The journal and the exporter add to their plain fields."""

    runs_started: LabelledCounter = field(
        default_factory=lambda: LabelledCounter("treadle.workflow")
    )
    runs_ended: LabelledCounter = field(
        default_factory=lambda: LabelledCounter("treadle.workflow", "treadle.run.state")
    )
    attempts_started: LabelledCounter = field(
        default_factory=lambda: LabelledCounter("treadle.activity.type")
    )
    attempts_ended: LabelledCounter = field(
        default_factory=lambda: LabelledCounter("treadle.activity.type", "treadle.activity.outcome")
    )
    queue_wait_microseconds: LabelledCounter = field(
        default_factory=lambda: LabelledCounter("treadle.activity.type")
    )
    runs_held: int = 0
    journal_commits: int = 0
    journal_units: int = 0
    journal_commit_microseconds: int = 0
    spans_sent: int = 0
    spans_refused: int = 0
    export_failures: int = 0

    def count(self, events: Iterable[Event]) -> None:
        """Counts what was committed: call it with the events of a turn, once, after its commit."""
        for event in events:
            match event:
                case AttemptStarted():
                    self.attempts_started.add((event.type,))
                    self.queue_wait_microseconds.add((event.type,), event.time - event.ready_time)
                case ActivityCompleted() | AttemptFailed() | ActivityFailed() | ActivityCancelled():
                    if event.started_time is not None:
                        self.attempts_ended.add((event.type, OUTCOMES[type(event)]))
                case DecisionCompleted():
                    if not event.keeps:
                        self.attempts_ended.add((event.type, OUTCOMES[type(event)]))
                case RunStarted():
                    self.runs_started.add((event.workflow,))
                case (
                    RunCompleted()
                    | RunContinued()
                    | RunFailed()
                    | RunCancelled()
                    | RunTimedOut()
                    | RunTerminated()
                ):
                    self.runs_ended.add((event.workflow, RUN_STATES[type(event)]))
                case RunHeld():
                    self.runs_held += 1
