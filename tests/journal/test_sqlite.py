"""The journal in SQLite: the port, and what is particular about a file."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.journal.conformance import Conformance
from tests.journal.make import COMPLETED, end, forget_held_rows, record, row, run_id, start
from treadle_server.engine.ids import run_id_text
from treadle_server.journal.codec import CodecError, decode_batch
from treadle_server.journal.port import TABLES, JournalError, JournalLocked, Outcome, Table, Unit
from treadle_server.journal.sqlite import SqliteJournal, migrations
from treadle_server.journal.sqlite import statements as sql_statements
from treadle_server.journal.sqlite.connections import LOG_BYTES, PAGE_BYTES
from treadle_server.journal.sqlite.earlier import EarlierRuns
from treadle_server.runs.rows import HELD_SEARCH


class SqlitePlace:
    def __init__(self, path: Path) -> None:
        self.path = path

    def journal(self) -> SqliteJournal:
        return SqliteJournal(self.path)

    def restored(self, backup: Path) -> SqliteJournal:
        return SqliteJournal(backup)


class TestSqlite(Conformance):
    @pytest.fixture
    def place(self, tmp_path: Path) -> SqlitePlace:
        return SqlitePlace(tmp_path / "journal.db")


# --- the file ------------------------------------------------------------------------------------


def test_only_the_owner_may_read_the_files(journal: SqliteJournal, path: Path) -> None:
    journal.commit([start(1)])
    files = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert files == dict.fromkeys(
        ["journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"], 0o600
    )


def test_a_backup_is_one_file_that_only_the_owner_may_read(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    journal.commit([start(1)])
    journal.backup(folder / "copy.db")
    assert [file.name for file in folder.iterdir()] == ["copy.db"]
    assert (folder / "copy.db").stat().st_mode & 0o777 == 0o600


def test_commits_are_synced_to_the_log(journal: SqliteJournal) -> None:
    """On the connection that writes: `synchronous` belongs to a connection, not to the file."""
    writer = journal._writing()
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)
    assert writer.execute("PRAGMA wal_autocheckpoint").fetchone() == (2_048,)


def test_the_log_has_its_length_from_the_start(
    journal: SqliteJournal, path: Path, tmp_path: Path
) -> None:
    """A log that grows makes each fsync twice as long. A copy is what a kill leaves."""
    length = journal.stats().wal_bytes
    assert length >= LOG_BYTES
    for number in range(1, 101):
        journal.commit([start(number)])
    assert journal.stats().wal_bytes == length
    copied = tmp_path / "copied.db"
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copied}{suffix}")
    again = SqliteJournal(copied)
    again.open()
    assert [row is not None for row in again.get_runs([run_id(1), run_id(100), run_id(101)])] == [
        True,
        True,
        False,
    ]
    assert (list(again.check()), again.stats().wal_bytes) == ([], length)
    again.close()


def test_of_a_run_that_is_deleted_nothing_stays_in_the_file(path: Path) -> None:
    """Whatever the build of SQLite does by itself."""
    journal = SqliteJournal(path)
    journal.open()
    runs = range(1, 200)
    journal.commit([start(run, f"customer-{run}") for run in runs])
    journal.commit([end(run, 2, f"customer-{run}") for run in runs])
    journal.delete_runs([run_id(run) for run in runs if run % 10])
    journal.close()
    left = path.read_bytes()
    assert b"customer-120" in left
    assert b"customer-123" not in left


def test_a_file_keeps_the_size_of_its_pages(journal: SqliteJournal, tmp_path: Path) -> None:
    """Files from before keep SQLite's 4,096 bytes, and are checkpointed after as much log."""
    older = tmp_path / "older.db"
    with contextlib.closing(sqlite3.connect(older)) as connection:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("PRAGMA user_version = 0")
        connection.execute("VACUUM")
    kept = SqliteJournal(older)
    kept.open()
    kept.commit([start(1)])
    found = [
        (opened._writing().execute("PRAGMA page_size").fetchone()[0], pages)
        for opened in (journal, kept)
        for pages in opened._writing().execute("PRAGMA wal_autocheckpoint").fetchone()
    ]
    kept.close()
    assert found == [(2_048, 2_048), (4_096, 1_024)]


def test_readers_cannot_write(journal: SqliteJournal) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        journal._reader().execute("DELETE FROM record")


def test_the_tables_have_the_keys_of_the_port(journal: SqliteJournal, path: Path) -> None:
    database = sqlite3.connect(path)
    types = {"TEXT": str, "INTEGER": int, "BLOB": bytes}
    for table, parts in TABLES.items():
        columns = database.execute(f"PRAGMA table_info({table})").fetchall()
        assert [(name, types[kind]) for _, name, kind, *_ in columns[:-2]] == list(parts)
        assert [name for _, name, *_ in columns[-2:]] == ["value", "expire_time"]
        key = {place: name for _, name, _, _, _, place in columns if place}
        assert [key[place] for place in sorted(key)] == [name for name, _ in parts]
    database.close()


def test_an_old_sqlite_is_warned_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version, expected in (((3, 51, 2), 1), ((3, 51, 3), 0)):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
        journal = SqliteJournal(path)
        with capture_logs() as logs:
            journal.open()
        journal.close()
        warnings = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
        assert len(warnings) == expected
        assert all("3.51.3" in warning for warning in warnings)


def test_a_sqlite_without_strict_tables_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(JournalError, match=r"needs 3\.37\.0"):
        SqliteJournal(path).open()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"dear diary, " * 1_000)
    with pytest.raises(JournalError, match="not a database"):
        SqliteJournal(path).open()
    assert path.read_bytes() == b"dear diary, " * 1_000


def test_a_database_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE diary (entry TEXT)")
    database.close()
    with pytest.raises(JournalError, match="not a journal of Treadle"):
        SqliteJournal(path).open()
    database = sqlite3.connect(path)
    assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("diary",)]
    database.close()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"cannot open the journal .*nowhere"):
        SqliteJournal(tmp_path / "nowhere" / "journal.db").open()


# --- layouts -------------------------------------------------------------------------------------


def test_a_file_of_a_later_version_is_refused_and_left_alone(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.open()
    journal.close()
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " VALUES ('treadle', '9999_future', 'then')"
    )
    connection.commit()
    connection.close()
    for read_only in (False, True):
        with pytest.raises(JournalError, match=r"later version of Treadle.*9999_future"):
            SqliteJournal(path, read_only=read_only).open()


class Killed(Exception):
    pass


class DyingConnection(sqlite3.Connection):
    """Lets so many statements through."""

    left = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        if self.left == 0:
            raise Killed
        self.left -= 1
        return super().execute(*arguments)


SCHEMA = """SELECT name, sql FROM sqlite_schema
    WHERE tbl_name <> '_sqlite_migrations' ORDER BY name"""
"""The library's own table is its own business: it may lack an index after a kill."""


def test_a_migration_that_is_killed_anywhere_is_completed_next_time(tmp_path: Path) -> None:
    expected: list[Any] | None = None
    killed_at = []
    for statements in range(500):
        path = tmp_path / f"{statements}.db"
        dying = sqlite3.connect(path, isolation_level=None, factory=DyingConnection)
        dying.left = statements
        try:
            migrations.migrate(dying)
        except Killed:
            killed_at.append(statements)
        dying.left = -1
        dying.close()
        connection = sqlite3.connect(path, isolation_level=None)
        assert migrations.migrate(connection) == migrations.known()
        schema = connection.execute(SCHEMA).fetchall()
        connection.close()
        expected = expected or schema
        assert schema == expected
        if killed_at[-1:] != [statements]:
            break
    assert len(killed_at) > 20


def test_a_run_has_its_own_id_without_a_row_of_an_index(path: Path) -> None:
    """And rows that have it in full, as layouts before 10 wrote it, are found as they were."""
    journal = SqliteJournal(path)
    journal.open()
    own = [run_id_text(run_id(number)) for number in (1, 2)]
    journal.commit([start(1, own[0]), start(2, own[1])])
    journal.close()
    connection = sqlite3.connect(path)
    named = "SELECT workflow_id FROM run"
    assert connection.execute(named).fetchall() == [("",), ("",)]
    connection.execute("UPDATE run SET workflow_id = ? WHERE run_id = ?", (own[0], run_id(1)))
    connection.commit()
    connection.close()
    journal.open()
    assert journal.commit([start(3, own[0]), start(4, own[1])]) == [Outcome.CONFLICT] * 2
    assert journal.commit([end(1, 2, own[0]), end(2, 2, own[1])]) == [Outcome.COMMITTED] * 2
    found = [journal.find_run("default", one) for one in own]
    assert [row and row.workflow_id for row in found] == own
    after = [start(5, own[0]), start(6, own[1])]
    for unit in after:
        unit.not_after = frozenset({COMPLETED})
    assert journal.commit(after) == [Outcome.CONFLICT] * 2
    assert list(journal.check()) == []
    journal.close()


def test_a_file_from_before_held_runs_had_rows_says_how_far_to_look(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.open()
    assert journal.get(Table.META, [HELD_SEARCH]) == [None], "there is nothing to look for"
    journal.commit([start(1), start(2)])
    journal.close()
    forget_held_rows(path)
    journal.open()
    [note] = journal.get(Table.META, [HELD_SEARCH])
    journal.close()
    assert note is not None
    assert note.value == b"2"


@pytest.mark.parametrize("workflow", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_held_runs_are_found_without_a_look_at_others(
    journal: SqliteJournal, workflow: bool, before: bool
) -> None:
    sql = sql_statements.list_runs(workflow=workflow, state=False, before=before, held=True)
    parameters = ["default", *["order"] * workflow, *[5, b"x"] * before, 100]
    plan = [step[3] for step in journal._reader().execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert plan[0].startswith("SEARCH held USING PRIMARY KEY (namespace=?")
    assert plan[1].startswith("SEARCH run USING PRIMARY KEY (run_id=?)")
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step]


# --- reading only --------------------------------------------------------------------------------


def test_a_file_can_be_read_while_its_server_works(journal: SqliteJournal, path: Path) -> None:
    journal.commit([start(1)])
    reader = SqliteJournal(path, read_only=True)
    assert reader.open().position == 1
    journal.commit([Unit(records=[record(1, 2)])])
    assert len(reader.read_log(0, 10)) == 2
    assert list(reader.check()) == []
    for write in (lambda: reader.commit([start(2)]), lambda: reader.trim(Table.META, 0, 1)):
        with pytest.raises(JournalError, match="reading only"):
            write()
    reader.close()
    assert journal.commit([start(3)]) == [Outcome.COMMITTED]


def test_a_missing_file_is_not_made_by_reading(path: Path) -> None:
    with pytest.raises(JournalError, match="unable to open"):
        SqliteJournal(path, read_only=True).open()
    assert list(path.parent.iterdir()) == []


def test_reading_only_does_not_migrate(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
    connection.close()
    with pytest.raises(JournalError, match="start the server"):
        SqliteJournal(path, read_only=True).open()


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_link_to_a_file_has_its_lock(tmp_path: Path, link: str) -> None:
    (tmp_path / "real").mkdir()
    first = SqliteJournal(tmp_path / "real" / "journal.db")
    first.open()
    if link == "file":
        path = tmp_path / "link.db"
        path.symlink_to(tmp_path / "real" / "journal.db")
    else:
        (tmp_path / "link").symlink_to(tmp_path / "real")
        path = tmp_path / "link" / "journal.db"
    second = SqliteJournal(path)
    with pytest.raises(JournalLocked):
        second.open()
    assert first.commit([start(1)]) == [Outcome.COMMITTED]
    first.close()
    second.open()
    assert second.commit([start(2)]) == [Outcome.COMMITTED]
    assert second.stats().wal_bytes > 0
    second.close()


def test_a_link_that_leads_nowhere_is_said(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.symlink_to(path)
    with pytest.raises(JournalError, match="cannot open the journal"):
        SqliteJournal(path).open()


# --- findings ------------------------------------------------------------------------------------

DAMAGES = {
    "DELETE FROM record WHERE position = 2": ["position", "seq-gap"],
    "DELETE FROM run WHERE workflow_id = 'workflow-1'": ["run-row"],
    "DELETE FROM record WHERE position = 4": ["run-row"],
    (
        "UPDATE record SET body = CAST(substr(body, 1, length(body) - 1) || 'x' AS BLOB)"
        " WHERE position = 1"
    ): ["checksum"],
    "UPDATE record SET base_seq = 2, position = 9 WHERE position = 4": [
        "position",
        "seq",
        "seq-gap",
    ],
    "DROP INDEX run_open": [],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_check_finds_what_somebody_else_did_to_the_file(path: Path, damage: str) -> None:
    journal = SqliteJournal(path)
    journal.open()
    journal.commit([start(1), *[Unit(records=[record(1, seq)]) for seq in (2, 3)], start(2)])
    assert list(journal.check()) == []
    journal.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(damage)
    connection.close()
    journal.open()
    assert sorted({finding.rule for finding in journal.check()}) == DAMAGES[damage]
    journal.close()


def test_a_body_that_is_not_what_was_written_is_not_served(path: Path) -> None:
    """Also where what it has become can be read. The records beside it are."""
    journal = SqliteJournal(path)
    journal.open()
    records = [record(1, 1, key="pay-100"), record(1, 2), record(2, 1)]
    journal.commit(
        [Unit(records=records[:2], run=row(1)), Unit(records=records[2:], run=row(2))],
    )
    journal.close()
    connection = sqlite3.connect(path, isolation_level=None)
    [(body,)] = connection.execute("SELECT body FROM record WHERE position = 1")
    changed = body.replace(b"100", b"900")
    assert decode_batch(changed) != decode_batch(body)
    connection.execute("UPDATE record SET body = ? WHERE position = 1", (changed,))
    connection.close()
    journal.open()
    [loaded] = journal.load([run_id(1)])
    assert loaded is not None
    for found in (loaded[1], journal.read_run(run_id(1), 0, 10**6), journal.read_log(0, 9)):
        with pytest.raises(CodecError, match="journal check"):
            decode_batch(found[0].body)
        assert [one.body for one in found[1:]] == [one.body for one in records[1 : len(found)]]
    assert [finding.rule for finding in journal.check()] == ["checksum"]
    journal.close()


def test_check_finds_a_damaged_page(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.open()
    journal.commit([start(number) for number in range(1, 400)])
    journal.close()
    content = bytearray(path.read_bytes())
    pages = len(content) // PAGE_BYTES
    # Where the cells of a page in the middle begin.
    content[pages // 2 * PAGE_BYTES + 5] ^= 0x5A
    path.write_bytes(content)
    damaged = SqliteJournal(path, read_only=True)
    damaged.open()
    rules: list[str] = []
    with contextlib.suppress(JournalError):
        rules.extend(finding.rule for finding in damaged.check())
    damaged.close()
    assert "file" in rules


# --- units and runs ----------------------------------------------------------------------------


def test_a_unit_that_no_database_takes_changes_nothing(journal: SqliteJournal) -> None:
    """A mistake of the caller, not of the storage: nothing of the commit is written."""
    huge = start(2, wake_time=2**63)
    with pytest.raises(OverflowError):
        journal.commit([start(1), huge])
    assert journal.stats().records == 0
    assert journal.commit([start(1), Unit(records=[record(1, 2)])]) == [Outcome.COMMITTED] * 2
    assert [found.position for found in journal.read_log(0, 9)] == [1, 2]


def test_runs_beyond_those_remembered_keep_their_guard(journal: SqliteJournal) -> None:
    journal._earlier = EarlierRuns(journal._writing(), known_runs=10)
    for number in range(1, 101):
        assert journal.commit([start(number)]) == [Outcome.COMMITTED]
    assert len(journal._earlier) <= 11
    for number in range(1, 101):
        units = [Unit(records=[record(number, seq)]) for seq in (1, 3, 2, 2, 3)]
        outcomes = [outcome is Outcome.COMMITTED for outcome in journal.commit(units)]
        assert outcomes == [False, False, True, False, True]
