"""What the server counts: plain integers, read by OpenTelemetry instruments when somebody asks.

Counting is an addition on the path of every event, so no instrument of the SDK stands there; its
observable instruments read these numbers at each export (`register`), on a thread of their own.
Names, units and attributes are listed in `docs/reference/telemetry.md`.

Every attribute that a user's names can fill is bounded: a counter keeps 200 sets of values, and
what comes after counts under the attribute `otel.metric.overflow`, as the specification has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource

from treadle_server.engine.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptFailed,
    AttemptStarted,
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunStarted,
    RunTerminated,
    RunTimedOut,
)
from treadle_server.engine.values import MICROSECONDS_PER_SECOND
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
    """All counters of one server. The journal and the exporter add to the plain fields."""

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
                case RunStarted():
                    self.runs_started.add((event.workflow,))
                case (
                    RunCompleted() | RunFailed() | RunCancelled() | RunTimedOut() | RunTerminated()
                ):
                    self.runs_ended.add((event.workflow, RUN_STATES[type(event)]))


@dataclass(slots=True, frozen=True, kw_only=True)
class Gauges:
    """How to read what others hold. Called on the metrics' thread: each must be a plain look."""

    loaded_runs: Callable[[], int]
    parked_polls: Callable[[], int]
    waiting_tasks: Callable[[], Mapping[str, int]]
    """By queue."""
    unexported_records: Callable[[], int]


@dataclass(slots=True, frozen=True)
class Instrument:
    """One line of the table of all instruments."""

    name: str
    unit: str
    description: str
    observe: Callable[[Metrics, Gauges], Iterable[Observation]]
    grows: bool = True


def register(meter: Meter, metrics: Metrics, gauges: Gauges) -> None:
    """Makes the instruments that read these numbers whenever the meter's provider exports."""
    for instrument in INSTRUMENTS:
        create = (
            meter.create_observable_counter if instrument.grows else meter.create_observable_gauge
        )
        create(
            instrument.name,
            callbacks=[_callback(instrument, metrics, gauges)],
            unit=instrument.unit,
            description=instrument.description,
        )


def open_meter_provider(resource: Resource, *, compress: bool = False) -> MeterProvider:
    """Exports over OTLP each minute, or as OTEL_METRIC_EXPORT_INTERVAL has it, from now on.

    Its `shutdown` sends once more and blocks: for so long as its timeout says, if nobody listens.
    """
    # Here, not above: what nobody asked for is not loaded.
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    from treadle_server.telemetry.otlp import compression

    exporter = OTLPMetricExporter(compression=compression(compress=compress))
    return MeterProvider(
        metric_readers=[PeriodicExportingMetricReader(exporter)], resource=resource
    )


def _callback(
    instrument: Instrument, metrics: Metrics, gauges: Gauges
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return instrument.observe(metrics, gauges)

    return observe


def _labelled(counter: LabelledCounter, scale: float = 1) -> Iterator[Observation]:
    for attributes, total in counter.totals():
        yield Observation(total if scale == 1 else total / scale, attributes)


INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument(
        "treadle.run.started",
        "{run}",
        "Runs started",
        lambda metrics, _: _labelled(metrics.runs_started),
    ),
    Instrument(
        "treadle.run.ended",
        "{run}",
        "Runs ended, by how",
        lambda metrics, _: _labelled(metrics.runs_ended),
    ),
    Instrument(
        "treadle.attempt.started",
        "{attempt}",
        "Attempts handed to workers",
        lambda metrics, _: _labelled(metrics.attempts_started),
    ),
    Instrument(
        "treadle.attempt.ended",
        "{attempt}",
        "Attempts ended, by how",
        lambda metrics, _: _labelled(metrics.attempts_ended),
    ),
    Instrument(
        "treadle.queue.wait_time",
        "s",
        "Time that started attempts had waited for a worker, summed",
        lambda metrics, _: _labelled(metrics.queue_wait_microseconds, MICROSECONDS_PER_SECOND),
    ),
    Instrument(
        "treadle.journal.commits",
        "{commit}",
        "Transactions of the journal",
        lambda metrics, _: [Observation(metrics.journal_commits)],
    ),
    Instrument(
        "treadle.journal.units",
        "{unit}",
        "Units that these transactions made durable",
        lambda metrics, _: [Observation(metrics.journal_units)],
    ),
    Instrument(
        "treadle.journal.commit_time",
        "s",
        "Time spent in these transactions, summed",
        lambda metrics, _: [
            Observation(metrics.journal_commit_microseconds / MICROSECONDS_PER_SECOND)
        ],
    ),
    Instrument(
        "treadle.trace.spans_sent",
        "{span}",
        "Spans that the collector took",
        lambda metrics, _: [Observation(metrics.spans_sent)],
    ),
    Instrument(
        "treadle.trace.spans_refused",
        "{span}",
        "Spans that the collector refused for good",
        lambda metrics, _: [Observation(metrics.spans_refused)],
    ),
    Instrument(
        "treadle.trace.failures",
        "{request}",
        "Requests that the collector did not take",
        lambda metrics, _: [Observation(metrics.export_failures)],
    ),
    Instrument(
        "treadle.trace.lag",
        "{record}",
        "Committed records whose spans are not yet exported",
        lambda _, gauges: [Observation(gauges.unexported_records())],
        grows=False,
    ),
    Instrument(
        "treadle.run.loaded",
        "{run}",
        "Runs whose state is in memory",
        lambda _, gauges: [Observation(gauges.loaded_runs())],
        grows=False,
    ),
    Instrument(
        "treadle.poll.parked",
        "{poll}",
        "Polls of workers that wait for a task",
        lambda _, gauges: [Observation(gauges.parked_polls())],
        grows=False,
    ),
    Instrument(
        "treadle.queue.waiting",
        "{task}",
        "Tasks that wait for a worker, by queue",
        lambda _, gauges: [
            Observation(count, {"treadle.queue": queue})
            for queue, count in list(gauges.waiting_tasks().items())[:LABEL_SETS_LIMIT]
        ],
        grows=False,
    ),
)
