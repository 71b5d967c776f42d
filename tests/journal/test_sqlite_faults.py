"""The journal in SQLite among other processes: its lock, a disk that fails, and kill -9."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journal.make import run_id, start
from treadle_server.journal.port import JournalLocked, Outcome, Table
from treadle_server.journal.sqlite import SqliteJournal

REPOSITORY = Path(__file__).parents[2]


LOGS_ASIDE = """
import structlog, sys
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
"""
"""What a child prints is read line by line, so its log must go elsewhere."""


@contextmanager
def child(source: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python process; what it prints can be read line by line. It is killed at the end."""
    command = [sys.executable, "-c", LOGS_ASIDE + source, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# --- the lock ------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from treadle_server.journal.sqlite import SqliteJournal
journal = SqliteJournal(Path(sys.argv[1]))
journal.open()
print("open", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_kept_out_until_the_first_is_gone(path: Path) -> None:
    with child(HOLD, path) as first:
        while line(first) != "open":
            assert first.poll() is None
        with pytest.raises(JournalLocked, match=rf"pid {first.pid}\b.*stop it"):
            SqliteJournal(path).open()
        first.kill()
        first.wait()
        journal = SqliteJournal(path)
        journal.open()
        assert journal.commit([start(1)]) == [Outcome.COMMITTED]
        journal.close()


# --- failing storage -----------------------------------------------------------------------------

FULL = """
import resource, signal, sys
from pathlib import Path
from tests.journal.make import start
from treadle_server.journal.port import JournalError, Outcome
from treadle_server.journal.sqlite import SqliteJournal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = SqliteJournal(Path(sys.argv[1]))
journal.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
number = 0
try:
    while True:
        number += 1
        assert journal.commit([start(number)]) == [Outcome.COMMITTED]
except JournalError as error:
    print(number - 1, error, flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for call in (lambda: journal.commit([start(9_999)]), lambda: journal.read_log(0, 1)):
    try:
        print("answered", call(), flush=True)
    except JournalError as error:
        print("refused", error, flush=True)
journal.close()
journal.open()
print(journal.stats().runs, flush=True)
journal.close()
"""


def test_after_a_write_that_failed_nothing_is_answered_any_more(path: Path) -> None:
    """The limit on file sizes makes a real write fail, in the middle of the log."""
    with child(FULL, path) as process:
        said = line(process)
        while not said[:1].isdigit():
            assert process.poll() is None
            said = line(process)
        acknowledged, reason = said.split(" ", 1)
        assert int(acknowledged) > 0
        assert "the journal stopped: a commit failed with SQLITE_" in reason
        assert line(process) == f"refused {reason}"
        assert line(process) == f"refused {reason}"
        said = line(process)
        while not said.isdigit():
            assert process.poll() is None
            said = line(process)
        assert int(said) >= int(acknowledged)
    journal = SqliteJournal(path)
    journal.open()
    assert list(journal.check()) == []
    journal.close()


# --- kill -9 -------------------------------------------------------------------------------------

WRITE = """
import random, sys
from pathlib import Path
from tests.journal.make import record, row, start
from treadle_server.journal.port import Outcome, Row, Table, Unit
from treadle_server.journal.sqlite import SqliteJournal
journal = SqliteJournal(Path(sys.argv[1]))
journal.open()
run = int(sys.argv[2]) * 1_000_000
while True:
    run += 1
    first = Unit(
        records=[record(run, 1)],
        run=row(run, wake_time=run),
        puts=[Row(Table.META, ("newest",), str(run).encode())],
    )
    more = [Unit(records=[record(run, seq)]) for seq in range(2, 2 + run % 7)]
    assert set(journal.commit([first, *more])) == {Outcome.COMMITTED}
    print(run, len(more) + 1, flush=True)
"""


def test_what_was_acknowledged_is_there_after_kill_9(path: Path) -> None:
    acknowledged: dict[int, int] = {}
    for life in range(1, 7):
        with child(WRITE, path, life) as process:
            # The warning about SQLite's version, if there is one, is not a number.
            goal = len(acknowledged) + 20 * life
            while len(acknowledged) < goal:
                said = line(process).split(" ")
                if said[0].isdigit():
                    acknowledged[int(said[0])] = int(said[1])
                assert process.poll() is None
            process.kill()
            process.wait()
            assert process.stdout is not None
            rest = process.stdout.read().splitlines()
            acknowledged |= {int(run): int(units) for run, units in map(str.split, rest)}
        # First as it was left, with a log that nobody has recovered.
        for journal in (SqliteJournal(path, read_only=True), SqliteJournal(path)):
            journal.open()
            loaded = journal.load([run_id(run) for run in acknowledged])
            counts = [None if found is None else len(found[1]) for found in loaded]
            assert counts == list(acknowledged.values())
            newest = journal.get(Table.META, [("newest",)])[0]
            assert newest is not None
            assert int(newest.value) >= max(acknowledged)
            assert list(journal.check()) == []
            journal.close()
