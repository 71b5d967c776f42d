"""What the server counts (`counters`), read by OpenTelemetry instruments when somebody asks.

Counting is an addition on the path of every event, so no instrument of the SDK stands there; its
observable instruments read the numbers at each export (`register`), on a thread of their own.
Names, units and attributes are listed in `docs/reference/telemetry.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource

from treadle_server.engine.values import MICROSECONDS_PER_SECOND
from treadle_server.telemetry.counters import LABEL_SETS_LIMIT, LabelledCounter, Metrics


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
        "treadle.run.held",
        "{run}",
        "Times that a run began to wait for a person",
        lambda metrics, _: [Observation(metrics.runs_held)],
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
