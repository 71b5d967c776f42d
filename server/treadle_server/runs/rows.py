"""How a turn is written: its records, and the keys of the small rows that go with it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from treadle_server.engine.entities import QueuePlace
from treadle_server.engine.events import Event, StateRecorded
from treadle_server.engine.values import Instant
from treadle_server.journal.codec import encode_batch
from treadle_server.journal.port import Key, Record, RunRow
from treadle_server.runs.hot import HotRun


def records_of(run_id: bytes, events: Sequence[Event], now: Instant) -> list[Record]:
    """One record for a turn; a recorded state begins one of its own, which can be the first."""
    cuts = [n for n, event in enumerate(events) if n and isinstance(event, StateRecorded)]
    if not cuts:
        return [Record(run_id, events[0].seq, len(events), now, encode_batch(events))]
    return [
        Record(run_id, events[first].seq, end - first, now, encode_batch(events[first:end]))
        for first, end in itertools.pairwise([0, *cuts, len(events)])
    ]


def ready_key(hot: HotRun, place: QueuePlace) -> Key:
    """The key of a waiting task's row."""
    queue, type_name, priority, ready_time, key = place
    return (hot.namespace, queue, type_name, priority, ready_time, hot.run_id, key)


def kept_key(namespace: str, cache_key: str) -> Key:
    """The key of the row that keeps a result for others."""
    return (namespace, "kept result", cache_key)


def copy_row(row: RunRow) -> RunRow:
    """The row as it is now: the staged one goes on changing while this one is on its way."""
    return RunRow(  # a third of the time that `dataclasses.replace` takes
        run_id=row.run_id,
        namespace=row.namespace,
        workflow_id=row.workflow_id,
        workflow=row.workflow,
        version=row.version,
        state=row.state,
        start_time=row.start_time,
        end_time=row.end_time,
        wake_time=row.wake_time,
        request_id=row.request_id,
        request_hash=row.request_hash,
        recorded_seq=row.recorded_seq,
        last_seq=row.last_seq,
    )


def wait_key(hot: HotRun, key: str, event: str) -> Key:
    """The key of the row of an open wait."""
    return (hot.namespace, event, hot.run_id, key)
