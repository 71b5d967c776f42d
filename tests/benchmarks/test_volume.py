"""A file that was filled for a benchmark is a journal like any other."""

from __future__ import annotations

from pathlib import Path

from benchmarks.volume import fill
from tests.journal.make import end, start
from treadle_server.journal.sqlite.journal import SqliteJournal


def test_copies_of_a_run_are_runs_that_have_ended(tmp_path: Path) -> None:
    path = tmp_path / "treadle.db"
    journal = SqliteJournal(path)
    journal.open()
    journal.commit([start(1, start_time=10**15, request_id="r"), end(1, 2, start_time=10**15)])
    journal.close()
    assert fill(path, 2_000) == 1_000
    journal.open()
    stats = journal.stats()
    assert (stats.runs, stats.open_runs) == (1_001, 0)
    assert list(journal.check()) == []
    journal.close()
