"""Small runs, records and units for the journal's tests. Bodies are real: `check` reads them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from treadle_server.engine.events import ActivityCancelRequested
from treadle_server.journal.codec import encode_batch
from treadle_server.journal.port import Record, RunRow, Unit

RUNNING, COMPLETED, FAILED = 1, 2, 3


def run_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def record(run: int, base_seq: int, count: int = 1, *, key: str = "k", time: int = 0) -> Record:
    events = [
        ActivityCancelRequested(seq=seq, time=time, key=key)
        for seq in range(base_seq, base_seq + count)
    ]
    return Record(run_id(run), base_seq, count, time, encode_batch(events))


def row(run: int, workflow_id: str | None = None, **fields: Any) -> RunRow:
    """The row of an open run that nothing else is in the way of."""
    given: dict[str, Any] = {
        "namespace": "default",
        "workflow_id": f"workflow-{run}" if workflow_id is None else workflow_id,
        "workflow": "order",
        "version": 1,
        "state": RUNNING,
        "start_time": 1_000 + run,
    }
    return RunRow(run_id=run_id(run), **(given | fields))


def start(run: int, workflow_id: str | None = None, count: int = 1, **fields: Any) -> Unit:
    """The unit that begins a run."""
    return Unit(records=[record(run, 1, count)], run=row(run, workflow_id, **fields))


def end(run: int, base_seq: int, workflow_id: str | None = None, **fields: Any) -> Unit:
    """The unit that ends a run with one event."""
    ended: dict[str, Any] = {"state": COMPLETED, "end_time": 9_000, "wake_time": None}
    return Unit(records=[record(run, base_seq)], run=row(run, workflow_id, **(ended | fields)))


def forget_held_rows(path: Path) -> None:
    """Makes a closed journal's file one from before runs that are held had rows."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE held")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0011_held'")
