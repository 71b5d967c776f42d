"""How a turn is written: its records, and the keys of the small rows that go with it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from treadle_server.engine.entities import QueuePlace
from treadle_server.engine.events import Event, StateRecorded
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Instant
from treadle_server.journal.codec import encode_batch, encode_held
from treadle_server.journal.port import Key, Record, Row, RunRow, Table
from treadle_server.runs.hot import HotRun, open_waits

INCIDENT_CHARACTERS: Final = 200
"""Of an incident, in its run's row: a page of 1,000 runs must stay within what clients take."""

HELD_SEARCH: Final = ("held_search",)
"""The key of a row of `Table.META`: up to which position, as decimal text, the log may have runs
that are held and have no row, as in a journal from before there were such rows.
"""


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
        held=row.held,
    )


def wait_key(hot: HotRun, key: str, event: str) -> Key:
    """The key of the row of an open wait."""
    return (hot.namespace, event, hot.run_id, key)


def changed_waits(hot: HotRun) -> tuple[list[Key], list[Key]]:
    """Keys of rows of waits that began and that are over since the rows were written."""
    if not hot.waits and not hot.state.waits and hot.compiled.kind != "machine":
        return [], []
    before, hot.waits = hot.waits, open_waits(hot.state, hot.compiled)
    begun = [wait_key(hot, *one) for one in hot.waits.items() - before.items()]
    over = [wait_key(hot, *one) for one in before.items() - hot.waits.items()]
    return sorted(begun), sorted(over)


def held_key(row: RunRow) -> Key:
    """The key of the row of a run that is held."""
    return (row.namespace, row.start_time, row.run_id)


def held_value(state: RunState) -> bytes:
    """The value of the row of a run that is held; empty for one that is not."""
    held = state.held
    if held is None:
        return b""
    if len(held.incident) > INCIDENT_CHARACTERS:
        held = replace(held, incident=held.incident[: INCIDENT_CHARACTERS - 1] + "…")
    return encode_held(held)


def changed_held(hot: HotRun) -> tuple[list[Row], list[tuple[Table, Key]]]:
    """The row to put, or the key to delete, if the run is held otherwise than its row has it."""
    row = hot.row
    if not row.held and not hot.state.incidents:
        return [], []
    before, row.held = row.held, held_value(hot.state)
    if row.held == before:
        return [], []
    if not row.held:
        return [], [(Table.HELD, held_key(row))]
    return [Row(Table.HELD, held_key(row), row.held)], []
