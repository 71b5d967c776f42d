"""Counters add up what was committed, and come out of OpenTelemetry's instruments as documented."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from tests.telemetry import story
from tests.telemetry.receiver import Receiver
from treadle_server.engine.events import DecisionCompleted, Event, RunContinued, RunHeld
from treadle_server.engine.values import NULL
from treadle_server.telemetry.counters import LABEL_SETS_LIMIT, Metrics
from treadle_server.telemetry.metrics import (
    INSTRUMENTS,
    Gauges,
    open_meter_provider,
    register,
)
from treadle_server.telemetry.otlp import resource_of_process

GAUGES = Gauges(
    loaded_runs=lambda: 3,
    parked_polls=lambda: 4,
    waiting_tasks=lambda: {"default": 5, "slow": 6},
    unexported_records=lambda: 7,
)

Points = dict[str, dict[frozenset[tuple[str, object]], float]]


def collect(metrics: Metrics, gauges: Gauges = GAUGES) -> Points:
    """The value of each set of attributes of each instrument, as an exporter would get them."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    register(provider.get_meter("test"), metrics, gauges)
    data = reader.get_metrics_data()
    assert data is not None
    points: Points = {}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        of_metric = points.setdefault(metric.name, {})
        for point in metric.data.data_points:
            assert isinstance(point, NumberDataPoint)
            of_metric[frozenset((point.attributes or {}).items())] = point.value
    provider.shutdown()
    return points


def labels(**values: str) -> frozenset[tuple[str, object]]:
    return frozenset((f"treadle.{key.replace('__', '.')}", value) for key, value in values.items())


def test_committed_events_are_counted() -> None:
    metrics = Metrics()
    metrics.count(story.order())
    metrics.count(story.order(paid=False))
    points = collect(metrics)
    assert points["treadle.run.started"] == {labels(workflow="order"): 2}
    assert points["treadle.run.ended"] == {
        labels(workflow="order", run__state="COMPLETED"): 1,
        labels(workflow="order", run__state="FAILED"): 1,
    }
    assert points["treadle.attempt.started"] == {
        labels(activity__type="validate"): 2,
        labels(activity__type="charge"): 4,
    }
    assert points["treadle.attempt.ended"] == {
        labels(activity__type="validate", activity__outcome="completed"): 2,
        labels(activity__type="charge", activity__outcome="retried"): 2,
        labels(activity__type="charge", activity__outcome="completed"): 1,
        labels(activity__type="charge", activity__outcome="failed"): 1,
    }
    assert points["treadle.queue.wait_time"] == {
        labels(activity__type="validate"): 0.5,
        labels(activity__type="charge"): 1.0,
    }


def test_work_that_nobody_took_is_no_attempt() -> None:
    metrics = Metrics()
    metrics.count([story.failed("charge", lease=0, attempt=0, begun=None, time=7)])
    assert collect(metrics).get("treadle.attempt.ended", {}) == {}


def test_a_decision_is_an_attempt_that_ends_once() -> None:
    decided = DecisionCompleted(
        time=story.at(2),
        key="decision",
        lease=1,
        attempt=1,
        seen_seq=3,
        first_index=0,
        commands=(),
        build_id="",
        started_time=story.at(1),
        scheduled_time=story.at(0),
        identity="me",
        type="workflow visit 1",
    )
    metrics = Metrics()
    metrics.count([replace(decided, keeps=True), decided])
    assert collect(metrics)["treadle.attempt.ended"] == {
        labels(activity__type="workflow visit 1", activity__outcome="decided"): 1
    }


def test_a_run_that_asks_a_person_is_counted() -> None:
    metrics = Metrics()
    metrics.count([RunHeld(time=story.at(1), incident="no attempt is left", key="charge")])
    assert collect(metrics)["treadle.run.held"] == {frozenset(): 1}


CONTINUED = RunContinued(
    time=story.at(9),
    next_run_id=b"",
    input=NULL,
    next_version=1,
    started_time=story.at(0),
    workflow="order",
    workflow_id="order-17",
    depth=0,
)


@pytest.mark.parametrize(
    "ending", [*story.endings(), CONTINUED], ids=lambda event: type(event).__name__
)
def test_every_ending_is_counted(ending: Event) -> None:
    metrics = Metrics()
    metrics.count([ending])
    assert sum(collect(metrics)["treadle.run.ended"].values()) == 1


def test_what_others_hold_is_read_when_asked() -> None:
    metrics = Metrics(journal_commits=2, journal_units=9, journal_commit_microseconds=2_500_000)
    points = collect(metrics)
    assert points["treadle.run.loaded"] == {frozenset(): 3}
    assert points["treadle.poll.parked"] == {frozenset(): 4}
    assert points["treadle.queue.waiting"] == {labels(queue="default"): 5, labels(queue="slow"): 6}
    assert points["treadle.trace.lag"] == {frozenset(): 7}
    assert points["treadle.journal.units"] == {frozenset(): 9}
    assert points["treadle.journal.commit_time"] == {frozenset(): 2.5}


def test_names_of_users_cannot_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(LABEL_SETS_LIMIT + 50):
        event = story.started()
        event.workflow = f"workflow-{number}"
        metrics.count([event])
    points = collect(metrics)["treadle.run.started"]
    assert len(points) == LABEL_SETS_LIMIT + 1
    assert points[frozenset({("otel.metric.overflow", True)})] == 50
    assert sum(points.values()) == LABEL_SETS_LIMIT + 50


async def test_metrics_go_out_over_otlp(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    await receiver.listen()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    metrics = Metrics()
    metrics.count(story.order())
    provider = open_meter_provider(resource_of_process({}))
    register(provider.get_meter("test"), metrics, GAUGES)
    await asyncio.to_thread(provider.shutdown)
    await receiver.leave()
    [request] = receiver.metrics
    exported = {m.name for m in request.resource_metrics[0].scope_metrics[0].metrics}
    assert exported == {instrument.name for instrument in INSTRUMENTS}


def test_the_reference_lists_every_instrument() -> None:
    page = Path("docs/reference/telemetry.md").read_text()
    listed = re.findall(r"^\| `(treadle\.[a-z_.]+)` \| (\S+) \| (counter|gauge) \|", page, re.M)
    assert listed == [
        (each.name, f"`{each.unit}`", "counter" if each.grows else "gauge") for each in INSTRUMENTS
    ]
