"""One state for as many reads as it takes, while a server goes on writing."""

from __future__ import annotations

from pathlib import Path

from tests.journal.make import end, start
from treadle_server.journal.sqlite import SqliteJournal


def test_frozen_reads_see_one_state(tmp_path: Path) -> None:
    writer = SqliteJournal(tmp_path / "treadle.db")
    writer.open()
    writer.commit([start(1)])
    reader = SqliteJournal(tmp_path / "treadle.db", read_only=True)
    reader.open()

    with reader.frozen():
        writer.commit([end(1, 2), start(2)])
        frozen = (
            reader.stats().runs,
            len(reader.read_log(0, 100)),
            [row.end_time for row in reader.get_runs([b"\0" * 15 + b"\1"]) if row],
            [run and len(run[1]) for run in reader.load([b"\0" * 15 + b"\1"])],
        )
    later = (reader.stats().runs, len(reader.read_log(0, 100)))
    reader.close()
    writer.close()

    assert frozen == (1, 1, [None], [1])
    assert later == (2, 3)
