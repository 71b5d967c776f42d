"""`treadle journal`: proofs and numbers, without a server and beside one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Treadle
from tests.journal.make import start
from treadle_server.journal.sqlite import SqliteJournal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    """An open journal, as a server has it, in `tmp_path`."""
    journal = SqliteJournal(tmp_path / "treadle.db")
    journal.open()
    yield journal
    journal.close()


def test_an_empty_journal_is_clean(
    journal: SqliteJournal, treadle: Treadle, tmp_path: Path
) -> None:
    journal.close()

    result = treadle("journal", "check", "--data-dir", str(tmp_path))

    assert result.exit_code == 0
    assert result.stdout.startswith("clean: 0 runs (0 open), 0 records, ")
    assert "nothing found  the file" in result.stderr
    assert "nothing found  every run" in result.stderr


def test_a_journal_is_checked_while_its_server_has_it(
    journal: SqliteJournal, treadle: Treadle, tmp_path: Path
) -> None:
    result = treadle("journal", "check", "--data-dir", str(tmp_path), "-q")

    assert (result.exit_code, result.stderr) == (0, "")


def test_findings_are_listed_and_make_the_exit_code(
    journal: SqliteJournal, treadle: Treadle, tmp_path: Path
) -> None:
    journal.commit([start(7)])  # of a workflow that was never deployed
    journal.close()
    with sqlite3.connect(tmp_path / "treadle.db") as database:
        database.execute("UPDATE record SET body = CAST(body || x'ff' AS BLOB)")
    database.close()

    result = treadle("journal", "check", "--data-dir", str(tmp_path))

    assert result.exit_code == 1
    rules = {line.split()[0] for line in result.stdout.splitlines()[1:]}
    assert rules == {"checksum", "body", "definition"}
    assert "findings" in result.stderr


def test_machines_get_the_findings(
    journal: SqliteJournal, treadle: Treadle, tmp_path: Path
) -> None:
    journal.commit([start(7)])

    whole = treadle("journal", "check", "--data-dir", str(tmp_path), "-o", "json")
    lines = treadle("journal", "check", "--data-dir", str(tmp_path), "-o", "jsonl")

    found = json.loads(whole.stdout)
    assert (whole.exit_code, lines.exit_code) == (1, 1)
    assert found["clean"] is False
    assert found["stats"]["runs"] == 1
    assert found["findings"]
    assert [json.loads(line) for line in lines.stdout.splitlines()] == found["findings"]


def test_stats_count(journal: SqliteJournal, treadle: Treadle, tmp_path: Path) -> None:
    journal.commit([start(1), start(2)])

    shown = treadle("journal", "stats", "--data-dir", str(tmp_path)).stdout
    counted = json.loads(
        treadle("journal", "stats", "--data-dir", str(tmp_path), "-o", "json").stdout
    )

    assert counted["runs"] == counted["open_runs"] == counted["records"] == 2
    assert str(tmp_path / "treadle.db") in shown
    assert {line.split()[0]: line.split()[-1] for line in shown.splitlines()}["runs"] == "2"


def test_reading_changes_nothing(journal: SqliteJournal, treadle: Treadle, tmp_path: Path) -> None:
    journal.commit([start(1)])
    journal.close()
    before = (tmp_path / "treadle.db").read_bytes()

    treadle("journal", "check", "--data-dir", str(tmp_path))
    treadle("journal", "stats", "--data-dir", str(tmp_path))

    assert (tmp_path / "treadle.db").read_bytes() == before


def test_a_backup_is_a_journal_of_its_own_while_the_server_goes_on(
    journal: SqliteJournal, treadle: Treadle, tmp_path: Path
) -> None:
    journal.commit([start(1)])
    target = tmp_path / "restored" / "treadle.db"
    target.parent.mkdir()
    folder = ("--data-dir", str(tmp_path))

    made = treadle("journal", "backup", str(target), *folder)
    journal.commit([start(2)])  # what comes later is not in it
    again = treadle("journal", "backup", str(target), *folder)
    other = treadle("journal", "backup", str(tmp_path / "2.db"), *folder, "-o", "json")

    assert made.exit_code == 0
    assert made.stdout.startswith(f"{target}: ")
    counted = treadle("journal", "stats", "--data-dir", str(target.parent), "-o", "json")
    assert json.loads(counted.stdout)["runs"] == 1
    assert again.exit_code == 1
    assert "exists" in again.stderr
    assert json.loads(other.stdout) == {
        "file": str(tmp_path / "2.db"),
        "bytes": (tmp_path / "2.db").stat().st_size,
    }


def test_a_backup_that_cannot_be_written_says_so(
    journal: SqliteJournal, treadle: Treadle, tmp_path: Path
) -> None:
    target = tmp_path / "nowhere" / "copy.db"

    result = treadle("journal", "backup", str(target), "--data-dir", str(tmp_path))

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"no backup was written: No such file or directory: {target}" in result.stderr


def test_a_missing_journal_is_not_made(treadle: Treadle, tmp_path: Path) -> None:
    result = treadle("journal", "check", "--data-dir", str(tmp_path / "nowhere"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no journal" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_journal_is_said_to_be_none(treadle: Treadle, tmp_path: Path) -> None:
    (tmp_path / "treadle.db").write_bytes(b"not a database" * 100)

    result = treadle("journal", "check", "--data-dir", str(tmp_path))

    assert (result.exit_code, result.stdout) == (1, "")
    assert "treadle.db" in result.stderr


@pytest.mark.parametrize("variable", ["TREADLE_DATA_DIR", "XDG_DATA_HOME", "HOME"])
def test_the_folder_comes_from_the_environment(
    journal: SqliteJournal,
    treadle: Treadle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    journal.close()
    folders = {"TREADLE_DATA_DIR": ".", "XDG_DATA_HOME": "treadle", "HOME": ".local/share/treadle"}
    folder = tmp_path / "place" / folders[variable]
    folder.mkdir(parents=True)
    (tmp_path / "treadle.db").rename(folder / "treadle.db")
    for name in folders:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "place"))

    result = treadle("journal", "stats")

    assert result.exit_code == 0
    assert str(folder / "treadle.db") in result.stdout
