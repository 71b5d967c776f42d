"""The trace of a hand-made run, exported to a real Jaeger and read back through its query API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import pytest

from tests.jaeger import Jaeger, JaegerSpan
from tests.telemetry import story
from tests.telemetry.story import RUN_ID, at
from treadle_server.engine.events import Event
from treadle_server.telemetry import ids
from treadle_server.telemetry.counters import Metrics
from treadle_server.telemetry.environment import read_environment
from treadle_server.telemetry.exporter import ExportRecord, TraceExporter, open_trace_exporter
from treadle_server.telemetry.otlp import resource_of_process


class Journal:
    """A log of one run, a record for each event."""

    def __init__(self, run_id: bytes, events: Sequence[Event]) -> None:
        self.records = [
            ExportRecord(position, run_id, [event]) for position, event in enumerate(events, 1)
        ]
        self.cursor = 0
        self.end = len(self.records)

    async def read(self, after_position: int, limit: int) -> list[ExportRecord]:
        return self.records[after_position : min(self.end, after_position + limit)]

    async def save(self, position: int) -> None:
        self.cursor = position

    def exporter(self) -> TraceExporter:
        return open_trace_exporter(
            self.read,
            self.save,
            self.cursor,
            settings=read_environment(os.environ),
            resource=resource_of_process({}),
            version="1",
            metrics=Metrics(),
        )

    async def export(self) -> None:
        exporter = self.exporter()
        exporter.start()
        await exporter.close(flush_seconds=60)
        assert self.cursor == self.end


@pytest.fixture
def to_jaeger(jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch) -> Jaeger:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", jaeger.endpoint)
    return jaeger


def seconds(span: JaegerSpan) -> tuple[float, float]:
    return round((span.start - at(0)) / 1e6, 3), round((span.end - at(0)) / 1e6, 3)


async def read_back(jaeger: Jaeger, run_id: bytes, count: int) -> list[JaegerSpan]:
    return await asyncio.to_thread(
        jaeger.wait_for, ids.trace_id(run_id).hex(), lambda spans: len(spans) >= count
    )


async def test_a_run_with_its_waits_and_attempts(to_jaeger: Jaeger) -> None:
    await Journal(RUN_ID, story.order(paid=False)).export()
    spans = await read_back(to_jaeger, RUN_ID, 9)
    assert sorted((span.name, *seconds(span)) for span in spans) == [
        ("backoff charge", 2, 3),
        ("charge", 1, 2),
        ("charge", 3.5, 4),
        ("order", 0, 4),
        ("run order", 0, 0),
        ("validate", 0.25, 1),
        ("wait charge", 1, 1),
        ("wait charge", 3, 3.5),
        ("wait validate", 0, 0.25),
    ]
    [root] = [span for span in spans if span.parent_id is None]
    assert root.name == "run order"
    assert {span.parent_id for span in spans if span is not root} == {root.span_id}
    assert root.links == [("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")]
    assert {span.service for span in spans} == {"treadle"}
    assert not [span for span in spans if span.warnings]
    assert "treadle" in await asyncio.to_thread(to_jaeger.services)
    errors = [span for span in spans if span.tags.get("error")]
    assert sorted(span.name for span in errors) == ["charge", "charge", "order"]
    for span in errors:
        assert span.tags["error.type"] == "Declined"
        assert span.logs[0]["exception.message"] == "card refused"


async def test_a_run_can_be_looked_at_while_it_runs(to_jaeger: Jaeger) -> None:
    run_id = (77).to_bytes(16, "big")
    journal = Journal(run_id, story.order())
    for end in range(1, len(journal.records) + 1):
        journal.end = end
        await journal.export()
        spans = await read_back(to_jaeger, run_id, 1)
        known = {span.span_id for span in spans}
        assert all(span.parent_id in known for span in spans if span.parent_id is not None)
        assert [span.name for span in spans if span.parent_id is None] == ["run order"]


async def test_spans_that_come_twice_are_seen_once(to_jaeger: Jaeger) -> None:
    """What a crash between sending and saving the cursor does to the people who look."""
    run_id = (78).to_bytes(16, "big")
    journal = Journal(run_id, story.order())
    await journal.export()
    journal.cursor = 3
    await journal.export()
    spans = await read_back(to_jaeger, run_id, 9)
    assert len(spans) == len({span.span_id for span in spans}) == 9
