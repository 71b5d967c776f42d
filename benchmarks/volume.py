"""A server on a file that is full of ended runs, beside one on an empty file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from treadle_server.journal.port import Record, RunRow, Unit
from treadle_server.journal.sqlite.journal import SqliteJournal

EVENTS = 10_000_000
MARK = 0.9
"""Of the rate with an empty file."""
TURNS = 7
"""Of both files, one after the other; the median of their ratios counts."""
_RUNS_PER_COMMIT = 500


def fill(path: Path, events: int = EVENTS) -> int:
    """Copies the newest ended run of a stopped server's journal until it has so many events: each
    under ids of its own, a second older than the one before. How many runs there are then.
    """
    journal = SqliteJournal(path)
    journal.open()
    try:
        [row] = [
            row
            for row in journal.list_runs(
                "default", workflow=None, state=None, before=None, limit=1_000
            )
            if row.end_time is not None
        ][:1]
        [loaded] = journal.load([row.run_id])
        assert loaded is not None, "it was listed"
        records = loaded[1]
        per_run = sum(record.count for record in records)
        runs = events // per_run
        for number in range(0, runs, _RUNS_PER_COMMIT):
            count = min(_RUNS_PER_COMMIT, runs - number)
            journal.commit([unit for n in range(count) for unit in _copy(row, records, number + n)])
    finally:
        journal.close()
    os.sync()  # what is measured next is not to wait for gigabytes of others
    return runs


def _copy(row: RunRow, records: list[Record], number: int) -> Iterator[Unit]:
    """An ended run in one unit for its beginning and one for its end."""
    later = -(number + 1) * 1_000_000
    run_id = ((row.start_time + later) // 1_000).to_bytes(6, "big") + b"\x70" + os.urandom(9)
    name = run_id.hex()
    began = replace(
        row,
        run_id=run_id,
        workflow_id=name,
        request_id=name,
        start_time=row.start_time + later,
        state=1,
        end_time=None,
    )
    copies = [replace(record, run_id=run_id, time=record.time + later) for record in records]
    yield Unit(records=copies[:-1], run=began)
    assert row.end_time is not None, "it was chosen for that"
    ended = replace(began, state=row.state, end_time=row.end_time + later)
    yield Unit(records=copies[-1:], run=ended)


def timed_fill(path: Path, events: int = EVENTS) -> tuple[int, float]:
    """As `fill`; and how many seconds it took."""
    began = time.perf_counter()
    return fill(path, events), time.perf_counter() - began
