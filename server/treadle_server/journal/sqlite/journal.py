"""The journal in SQLite: transactions, reads, and stopping when the storage fails.

Exactly one connection writes and checkpoints, on the thread that calls `commit` and `trim`; a file
lock keeps every other process from opening the journal for writing. Readers are read-only, one
connection for each reading thread. This is more than tidiness: SQLite before 3.51.3 can corrupt a
WAL database when two connections write or checkpoint at the same moment.

A commit is one transaction, before which another may store what its bodies are packed against. Its
units are grouped by statement (`plan`); if the database refuses a group, the group is undone and
tried again in two halves, down to the single unit that is at fault. Every other error is the
storage's: after one failed fsync SQLite would happily take the next commit, but what is on the disk
is unknown, so the journal refuses everything until it is opened again.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from treadle_server.engine.ids import run_id_of_text
from treadle_server.engine.values import Instant
from treadle_server.journal.port import (
    Finding,
    Info,
    JournalError,
    Key,
    Outcome,
    Record,
    Row,
    RunRow,
    Stats,
    Table,
    Unit,
)
from treadle_server.journal.sqlite import (
    backup,
    connections,
    dictionaries,
    integrity,
    migrations,
    statements,
)
from treadle_server.journal.sqlite.dictionaries import KnownDictionaries, Packer
from treadle_server.journal.sqlite.earlier import EarlierRuns
from treadle_server.journal.sqlite.lock import FileLock
from treadle_server.journal.sqlite.plan import Plan, Verdict


class _Refused(Exception):
    """The database does not take a group of units as it is."""


class SqliteJournal:
    """A journal in the file `path` (and `path`-wal, -shm, .lock beside it), created with mode 0600.

    `read_only` opens the file of a running or stopped server for `check`, `backup` and the reading
    methods, without the lock; `commit` and `trim` raise.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        # One file has one lock, whichever links lead to it.
        self._path = Path(os.path.realpath(path))
        self._read_only = read_only
        self._lock = FileLock(self._path.with_name(self._path.name + ".lock"))
        self._writer: sqlite3.Connection | None = None
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._generation = 0
        self._stopped: str | None = "the journal is not open"
        self._position = 0
        self._earlier: EarlierRuns
        self._dictionaries = KnownDictionaries()
        self._packer = Packer(None)

    # --- life ---------------------------------------------------------------------------------

    def open(self) -> Info:
        if self._stopped is None:
            raise JournalError(f"{self._path.name} is open already")
        self.close()
        connections.check_version()
        try:
            if not self._read_only:
                self._lock.acquire()
                self._writer = connections.to_write(self._path)
                self._earlier = EarlierRuns(self._writer)
            self._stopped = None
            schema_version = self._open_layout()
            (self._position,) = self._read_one(statements.LAST_POSITION)
            self._dictionaries = KnownDictionaries()
            self._packer = dictionaries.packer_of(self._reader())
        except BaseException as error:
            self.close()
            if isinstance(error, OSError | sqlite3.Error):
                raise JournalError(f"cannot open the journal {self._path}: {error}") from error
            raise
        return Info(
            engine="sqlite",
            engine_version=sqlite3.sqlite_version,
            schema_version=schema_version,
            position=self._position,
        )

    def _open_layout(self) -> int:
        if self._writer is not None:
            taken = migrations.migrate(self._writer)
            connections.fill_log(self._path)
            return taken
        taken, known = migrations.applied(self._reader()), migrations.known()
        if taken < known:
            raise JournalError(
                f"the layout of {self._path.name} is at step {taken} of {known}; start the server"
                " on it once, which brings it forward"
            )
        return taken

    def close(self) -> None:
        self._stopped = self._stopped or "the journal is closed"
        self._generation += 1
        with self._readers_lock:
            readers, self._readers = self._readers, []
        for reader in readers:
            reader.close()
        if self._writer is not None:
            # The last connection to go: it checkpoints the log into the file.
            self._writer.close()
            self._writer = None
        self._lock.release()

    def _check(self) -> None:
        if self._stopped is not None:
            raise JournalError(self._stopped)

    @contextmanager
    def _stopping(self, what: str) -> Iterator[None]:
        """Turns an error of the storage into `JournalError`, the last thing this journal says."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            if self._stopped is None:
                self._stopped = f"the journal stopped: {what} failed with {name}: {error}"
            raise JournalError(self._stopped) from error

    # --- writing ------------------------------------------------------------------------------

    def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        writer = self._writing()
        position = self._position
        with self._stopping("a commit"):
            self._packer.renew(writer, self._position + 1)
            writer.execute("BEGIN IMMEDIATE")
            try:
                outcomes = self._write(writer, units)
            except sqlite3.Error:
                raise
            except BaseException:
                # A unit that no database could take, say: nothing of the commit is written.
                self._undo(writer, "ROLLBACK", position)
                raise
            writer.execute("COMMIT")
        for unit, outcome in zip(units, outcomes, strict=True):
            if outcome is Outcome.COMMITTED:
                for record in unit.records:
                    position += 1
                    record.position = position
        return outcomes

    def _writing(self) -> sqlite3.Connection:
        self._check()
        if self._writer is None:
            raise JournalError("the journal was opened for reading only")
        return self._writer

    def _write(self, writer: sqlite3.Connection, units: Sequence[Unit]) -> list[Outcome]:
        """Writes the units inside the transaction that is open, or, if the database refuses them,
        inside the next one.
        """
        before = self._position
        try:
            return self._write_grouped(writer, units)
        except _Refused:
            self._undo(writer, "ROLLBACK", before)
            writer.execute("BEGIN IMMEDIATE")
            return self._write_in_halves(writer, units)

    def _write_in_halves(self, writer: sqlite3.Connection, units: Sequence[Unit]) -> list[Outcome]:
        """Each half with a savepoint, which would cost every commit a copy of the pages that it
        changes, a tenth of what it writes; so it is for those that have been refused.
        """
        if len(units) == 1:
            return [Outcome.CONFLICT]
        outcomes = []
        half = len(units) // 2
        for part in (units[:half], units[half:]):
            before = self._position
            writer.execute("SAVEPOINT part")
            try:
                outcomes += self._write_grouped(writer, part)
            except _Refused:
                self._undo(writer, "ROLLBACK TO part", before)
                outcomes += self._write_in_halves(writer, part)
            writer.execute("RELEASE part")
        return outcomes

    def _undo(self, writer: sqlite3.Connection, statement: str, position: int) -> None:
        """Takes back what has been written, in the database and in memory."""
        writer.execute(statement)
        self._position = position
        self._earlier.forget()

    def _write_grouped(self, writer: sqlite3.Connection, units: Sequence[Unit]) -> list[Outcome]:
        outcomes = []
        plan = self._plan()
        for unit in units:
            verdict = plan.add(unit)
            if verdict is Verdict.SEPARATE:
                self._execute(writer, plan)
                plan = self._plan()
                verdict = plan.add(unit)
            outcomes.append(Outcome.COMMITTED if verdict is Verdict.ADDED else Outcome.CONFLICT)
        self._execute(writer, plan)
        return outcomes

    def _plan(self) -> Plan:
        return Plan(self._earlier, self._position, self._packer.packed)

    def _execute(self, writer: sqlite3.Connection, plan: Plan) -> None:
        try:
            if plan.open_runs:
                _update(writer, statements.UPDATE_OPEN_RUN, plan.open_run_parameters())
            if plan.ended_runs:
                _update(writer, statements.UPDATE_ENDED_RUN, plan.ended_run_parameters())
            if plan.new_runs:
                writer.executemany(statements.INSERT_RUN, plan.new_run_parameters())
            writer.executemany(statements.INSERT_RECORD, plan.records)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname in _CONFLICTS and "record.position" not in str(error):
                raise _Refused from error
            raise
        for table, rows in plan.small_rows.items():
            small = statements.SMALL_ROWS[table]
            deletes = [key for key, row in rows.items() if row is None]
            puts = [(*k, row.value, row.expire_time) for k, row in rows.items() if row is not None]
            if deletes:
                writer.executemany(small.delete, deletes)
            if puts:
                writer.executemany(small.put, puts)
        self._position = plan.position
        self._earlier.remember(plan.last_seqs)

    def trim(self, table: Table, before: Instant, limit: int) -> int:
        writer = self._writing()
        with self._stopping("trimming"):
            return writer.execute(statements.SMALL_ROWS[table].trim, (before, limit)).rowcount

    def delete_runs(self, run_ids: Sequence[bytes]) -> int:
        writer = self._writing()
        count = 0
        with self._stopping("a deletion"):
            writer.execute("BEGIN IMMEDIATE")
            for run_id in run_ids:
                records, last = writer.execute(
                    statements.RECORDS_OF_ENDED_RUN, (run_id,)
                ).fetchone()
                if records:
                    writer.execute(statements.DELETE_RECORDS, (run_id,))
                    writer.execute(statements.DELETE_RUN, (run_id,))
                    writer.execute(statements.NOTE_DELETED, (records, last))
                    self._earlier.forget(run_id)
                    count += 1
            writer.execute(dictionaries.DELETE_UNUSED)
            writer.execute("COMMIT")
        return count

    def delete_records(self, run_id: bytes, before_seq: int, limit: int) -> int:
        writer = self._writing()
        wanted = {"run_id": run_id, "seq": before_seq, "limit": limit}
        with self._stopping("a deletion"):
            writer.execute("BEGIN IMMEDIATE")
            found = writer.execute(statements.CUT_RECORDS, wanted).fetchall()
            writer.executemany(statements.DELETE_RECORD, found)
            if found:
                writer.execute(statements.NOTE_DELETED, (len(found), max(found)[0]))
                writer.execute(dictionaries.DELETE_UNUSED)
            writer.execute("COMMIT")
        return len(found)

    # --- reading ------------------------------------------------------------------------------

    def _reader(self) -> sqlite3.Connection:
        """This thread's connection for reading."""
        self._check()
        if getattr(self._local, "generation", None) == self._generation:
            connection: sqlite3.Connection = self._local.connection
            return connection
        connection = connections.to_read(self._path)
        with self._readers_lock:
            self._readers.append(connection)
        self._local.connection, self._local.generation = connection, self._generation
        return connection

    def _read(self, sql: str, parameters: Any = ()) -> list[Any]:
        with self._stopping("a read"):
            return self._reader().execute(sql, parameters).fetchall()

    def _read_one(self, sql: str, parameters: Any = ()) -> Any:
        with self._stopping("a read"):
            return self._reader().execute(sql, parameters).fetchone()

    def _read_run(self, sql: str, *parameters: Any) -> RunRow | None:
        found = self._read_one(sql, parameters)
        return statements.to_run(found) if found else None

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads that see one state."""
        with self._stopping("a read"):
            reader = self._reader()
            if reader.in_transaction:  # within `frozen`
                yield reader
                return
            reader.execute("BEGIN")
            try:
                yield reader
            finally:
                reader.execute("ROLLBACK")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All reads of this thread see one state, while a server goes on writing.

        Meanwhile its log cannot be checkpointed and grows.
        """
        with self._snapshot() as reader:
            reader.execute(statements.LAST_POSITION).fetchone()  # BEGIN alone fixes nothing yet
            yield

    def load(self, run_ids: Sequence[bytes]) -> list[tuple[RunRow, list[Record]] | None]:
        loaded: list[tuple[RunRow, list[Record]] | None] = []
        with self._snapshot() as reader:
            for run_id in run_ids:
                row = reader.execute(statements.RUN, (run_id,)).fetchone()
                if row is None:
                    loaded.append(None)
                    continue
                run = statements.to_run(row)
                records = reader.execute(statements.RECORDS_OF_RUN, (run_id, run.recorded_seq))
                loaded.append((run, self._records(reader, records)))
        return loaded

    def read_run(self, run_id: bytes, after_seq: int, max_bytes: int) -> list[Record]:
        found: list[Record] = []
        size = 0
        parameters = {"run_id": run_id, "seq": after_seq}
        with self._snapshot() as reader:
            contents = self._dictionaries.seen_by(reader)
            cursor = reader.execute(statements.RECORDS_AFTER_SEQ, parameters)
            for columns in cursor:
                record = statements.to_record(columns, contents)
                size += len(record.body)
                if found and size > max_bytes:
                    break
                found.append(record)
            cursor.close()
        return found

    def read_log(self, after_position: int, limit: int) -> list[Record]:
        with self._snapshot() as reader:
            rows = reader.execute(statements.RECORDS_AFTER_POSITION, (after_position, limit))
            return self._records(reader, rows)

    def _records(self, reader: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> list[Record]:
        contents = self._dictionaries.seen_by(reader)
        return [statements.to_record(columns, contents) for columns in rows]

    def get_runs(self, run_ids: Sequence[bytes]) -> list[RunRow | None]:
        return [self._read_run(statements.RUN, run_id) for run_id in run_ids]

    def find_run(self, namespace: str, workflow_id: str) -> RunRow | None:
        with self._snapshot():
            name = (namespace, workflow_id)
            found = self._read_run(statements.OPEN_RUN_OF_WORKFLOW_ID, *name)
            found = found or self._read_run(statements.ENDED_RUN_OF_WORKFLOW_ID, *name)
            if found is None and (own := run_id_of_text(workflow_id)) is not None:
                found = self._read_run(statements.RUN_OF_OWN_ID, namespace, own)
            return found

    def find_request(self, namespace: str, request_id: str) -> RunRow | None:
        return self._read_run(statements.RUN_OF_REQUEST, namespace, request_id)

    def due(self, until: Instant, limit: int) -> list[tuple[Instant, bytes]]:
        return self._read(statements.DUE, (until, limit))

    def ended_runs(self, before: Instant, limit: int) -> list[bytes]:
        return [run_id for (run_id,) in self._read(statements.ENDED_RUNS, (before, limit))]

    def list_runs(
        self,
        namespace: str,
        *,
        workflow: str | None,
        state: int | None,
        before: tuple[Instant, bytes] | None,
        limit: int,
        held: bool = False,
    ) -> list[RunRow]:
        sql = statements.list_runs(
            workflow=workflow is not None,
            state=state is not None,
            before=before is not None,
            held=held,
        )
        chosen = [value for value in (workflow, state) if value is not None]
        rows = self._read(sql, (namespace, *chosen, *(before or ()), limit))
        return [statements.to_run(columns) for columns in rows]

    def get(self, table: Table, keys: Sequence[Key]) -> list[Row | None]:
        sql = statements.SMALL_ROWS[table].get
        found = [self._read_one(sql, key) for key in keys]
        return [
            Row(table, key, *columns) if columns else None
            for key, columns in zip(keys, found, strict=True)
        ]

    def scan(self, table: Table, low: Key, high: Key, limit: int) -> list[Row]:
        small = statements.SMALL_ROWS[table]
        sql, parameters = small.scan(low, high)
        rows = self._read(sql, (*parameters, limit))
        return [small.to_row(columns) for columns in rows]

    # --- care ---------------------------------------------------------------------------------

    def stats(self) -> Stats:
        records, runs, open_runs, ready = self._read_one(statements.COUNTS)
        return Stats(
            records=records,
            runs=runs,
            open_runs=open_runs,
            ready=ready,
            file_bytes=_size(self._path),
            wal_bytes=_size(self._path.with_name(self._path.name + "-wal")),
        )

    def check(self) -> Iterator[Finding]:
        with self._stopping("a check"):
            yield from integrity.check(self._reader())

    def backup(self, target: Path) -> None:
        with self._stopping("a backup"):
            backup.copy(self._reader(), target)


_CONFLICTS: Final = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})


def _update(writer: sqlite3.Connection, sql: str, parameters: list[tuple[Any, ...]]) -> None:
    """Each must find its row: a missing one is a run that does not exist, or ended."""
    if writer.executemany(sql, parameters).rowcount != len(parameters):
        raise _Refused


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
