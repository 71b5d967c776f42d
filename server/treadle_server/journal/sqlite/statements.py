"""The SQL of the journal, and how rows of the database and of the port become each other.

Small rows live in one typed table each, not in one generic table with encoded keys: SQLite then
compares the parts of a key itself, at C speed and in the same order as Python compares tuples
(integers by value, text by code point, blobs by byte), a scan with a prefix as its bound is one
comparison of row values, and people can read the tables with any SQLite tool.

A run whose workflow id is its run id, as it is for all that are started without one, has '' in that
column. Two indexes are spared a row for each such run, and it is found by the run id that its name
is. Other runs may have that name too, as the next of a chain, say: they have it in full, and all
of them begin after the run whose own id it is, as nobody knows that before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

from treadle_server.engine.ids import run_id_text
from treadle_server.journal.port import DAMAGED, TABLES, Key, Record, Row, RunRow, Table
from treadle_server.journal.sqlite.packing import Contents, unpacked

INSERT_RECORD: Final = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)"

INSERT_RUN: Final = "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

# Only the columns named in SET cost their indices a write: an open run's row touches one of six.
UPDATE_OPEN_RUN: Final = (
    "UPDATE run SET state = ?, wake_time = ?, recorded_seq = ?"
    " WHERE run_id = ? AND end_time IS NULL"
)
UPDATE_ENDED_RUN: Final = (
    "UPDATE run SET state = ?, wake_time = ?, recorded_seq = ?, end_time = ? WHERE run_id = ?"
)

_RECORD: Final = "SELECT run_id, base_seq, count, time, body, position, checksum FROM record"

RECORDS_OF_RUN: Final = f"{_RECORD} WHERE run_id = ? AND base_seq >= ? ORDER BY base_seq"

# The record that holds a seq is the last one that does not begin after it.
RECORDS_AFTER_SEQ: Final = f"""{_RECORD}
    WHERE run_id = :run_id
        AND base_seq >= ifnull(
            (SELECT max(base_seq) FROM record WHERE run_id = :run_id AND base_seq <= :seq + 1), 0)
        AND base_seq + count > :seq + 1
    ORDER BY base_seq"""

RECORDS_AFTER_POSITION: Final = f"{_RECORD} WHERE position > ? ORDER BY position LIMIT ?"

LAST_POSITION: Final = (
    "SELECT max(position, ifnull((SELECT max(position) FROM record), 0)) FROM deleted"
)

ENDED_RUNS: Final = "SELECT run_id FROM run WHERE end_time < ? ORDER BY end_time, run_id LIMIT ?"
RECORDS_OF_ENDED_RUN: Final = """SELECT count(*), max(position) FROM record
    WHERE run_id = ? AND EXISTS (SELECT 1 FROM run WHERE run_id = ?1 AND end_time IS NOT NULL)"""
CUT_RECORDS: Final = """SELECT position FROM record
    WHERE run_id = :run_id AND base_seq < min(:seq, ifnull(
        (SELECT recorded_seq FROM run WHERE run_id = :run_id AND end_time IS NULL), 0))
    ORDER BY base_seq LIMIT :limit"""
DELETE_RECORD: Final = "DELETE FROM record WHERE position = ?"
DELETE_RECORDS: Final = "DELETE FROM record WHERE run_id = ?"
DELETE_RUN: Final = "DELETE FROM run WHERE run_id = ?"
NOTE_DELETED: Final = "UPDATE deleted SET records = records + ?, position = max(position, ?)"

LAST_SEQ: Final = (
    "SELECT base_seq + count - 1 FROM record WHERE run_id = ? ORDER BY base_seq DESC LIMIT 1"
)

_RUN_COLUMNS: Final = """SELECT run.run_id, run.namespace, workflow_id, workflow, version, state,
    run.start_time, end_time, wake_time, request_id, request_hash, recorded_seq,
    ifnull((SELECT base_seq + count - 1 FROM record WHERE record.run_id = run.run_id
        ORDER BY base_seq DESC LIMIT 1), 0),"""

_RUN: Final = f"""{_RUN_COLUMNS}
    ifnull((SELECT value FROM held WHERE (held.namespace, held.start_time, held.run_id)
        = (run.namespace, run.start_time, run.run_id)), x'')
    FROM run"""

# CROSS JOIN has SQLite go through the few rows of `held`, in the order of its key, and look each
# run up.
_HELD_RUN: Final = f"""{_RUN_COLUMNS} value
    FROM held CROSS JOIN run ON run.run_id = held.run_id"""

RUN: Final = f"{_RUN} WHERE run_id = ?"

_NAMED: Final = "WHERE namespace = ? AND workflow_id = ? AND workflow_id <> ''"
_NEWEST_ENDED: Final = "AND end_time IS NOT NULL ORDER BY start_time DESC, run_id DESC LIMIT 1"
_OWN: Final = "WHERE namespace = ? AND run_id = ? AND workflow_id = ''"

OPEN_RUN_OF_WORKFLOW_ID: Final = f"{_RUN} {_NAMED} AND end_time IS NULL"
ENDED_RUN_OF_WORKFLOW_ID: Final = f"{_RUN} {_NAMED} {_NEWEST_ENDED}"
ENDED_STATE_OF_WORKFLOW_ID: Final = f"SELECT state FROM run {_NAMED} {_NEWEST_ENDED}"

RUN_OF_OWN_ID: Final = f"{_RUN} {_OWN}"
ENDED_STATE_OF_OWN_ID: Final = f"SELECT state FROM run {_OWN} AND end_time IS NOT NULL"
OPEN_OF_OWN_ID: Final = f"SELECT 1 FROM run {_OWN} AND end_time IS NULL"

RUN_OF_REQUEST: Final = f"{_RUN} WHERE namespace = ? AND request_id = ? AND request_id <> ''"

DUE: Final = (
    "SELECT wake_time, run_id FROM run WHERE wake_time <= ? ORDER BY wake_time, run_id LIMIT ?"
)

COUNTS: Final = """SELECT
    (SELECT max(position, ifnull((SELECT max(position) FROM record), 0)) - records FROM deleted),
    (SELECT count(*) FROM run),
    (SELECT count(*) FROM run WHERE end_time IS NULL), (SELECT count(*) FROM ready)"""


def list_runs(*, workflow: bool, state: bool, before: bool, held: bool) -> str:
    """The page of runs with these filters; parameters in the order of the port, then the limit."""
    chosen, table = (_HELD_RUN, "held") if held else (_RUN, "run")
    clauses = [
        f"{table}.namespace = ?",
        *(["workflow = ?"] if workflow else []),
        *(["state = ?"] if state else []),
        *([f"({table}.start_time, {table}.run_id) < (?, ?)"] if before else []),
    ]
    return (
        f"{chosen} WHERE {' AND '.join(clauses)}"
        f" ORDER BY {table}.start_time DESC, {table}.run_id DESC LIMIT ?"
    )


def run_parameters(row: RunRow) -> tuple[Any, ...]:
    """For `INSERT_RUN`."""
    return (
        row.run_id,
        row.namespace,
        "" if row.workflow_id == run_id_text(row.run_id) else row.workflow_id,
        row.workflow,
        row.version,
        row.state,
        row.start_time,
        row.end_time,
        row.wake_time,
        row.request_id,
        row.request_hash,
        row.recorded_seq,
    )


def to_record(columns: tuple[Any, ...], contents: Contents) -> Record:
    """From a row of the statements that read records; `contents` are those of dictionaries."""
    run_id, base_seq, count, time, body, position, checksum = columns
    # A flipped bit may still be an event: of another amount, say.
    whole = unpacked(body, contents) if crc32(body) == checksum else DAMAGED
    return Record(run_id, base_seq, count, time, whole, position)


def to_run(columns: tuple[Any, ...]) -> RunRow:
    """From a row of the statements that read runs."""
    return RunRow(
        run_id=columns[0],
        namespace=columns[1],
        workflow_id=columns[2] or run_id_text(columns[0]),
        workflow=columns[3],
        version=columns[4],
        state=columns[5],
        start_time=columns[6],
        end_time=columns[7],
        wake_time=columns[8],
        request_id=columns[9],
        request_hash=columns[10],
        recorded_seq=columns[11],
        last_seq=columns[12],
        held=columns[13],
    )


@dataclass(slots=True, frozen=True)
class SmallRows:
    """The statements of one table of small rows."""

    table: Table
    put: str
    delete: str
    get: str
    trim: str

    @classmethod
    def of(cls, table: Table) -> SmallRows:
        """Made from the parts of the table's key."""
        parts = [f'"{name}"' for name, _ in TABLES[table]]
        columns, marks = ", ".join(parts), ", ".join("?" * len(parts))
        return cls(
            table=table,
            put=f"INSERT OR REPLACE INTO {table} VALUES ({marks}, ?, ?)",
            delete=f"DELETE FROM {table} WHERE ({columns}) = ({marks})",
            get=f"SELECT value, expire_time FROM {table} WHERE ({columns}) = ({marks})",
            trim=(
                f"DELETE FROM {table} WHERE ({columns}) IN (SELECT {columns} FROM {table}"
                f" WHERE expire_time < ? ORDER BY expire_time, {columns} LIMIT ?)"
            ),
        )

    def scan(self, low: Key, high: Key) -> tuple[str, tuple[Any, ...]]:
        """Rows between two bounds, with parameters but the limit.

        A bound may have fewer parts than a key, and a key that begins with them sorts after it: so
        comparing as many parts as the bound has gives the same answer as comparing whole keys. If
        it has more parts than a key, a key that is its beginning sorts before it.
        """
        parts = [f'"{name}"' for name, _ in TABLES[self.table]]
        clauses = ["1" if high else "0"]
        for bound, short, long in ((low, ">=", ">"), (high, "<", "<=")):
            if bound:
                compared = parts[: len(bound)]
                comparison = long if len(bound) > len(parts) else short
                marks = ", ".join("?" * len(compared))
                clauses.append(f"({', '.join(compared)}) {comparison} ({marks})")
        columns = ", ".join(parts)
        sql = (
            f"SELECT {columns}, value, expire_time FROM {self.table}"
            f" WHERE {' AND '.join(clauses)} ORDER BY {columns} LIMIT ?"
        )
        return sql, (*low[: len(parts)], *high[: len(parts)])

    def to_row(self, columns: tuple[Any, ...]) -> Row:
        """From a row of `scan`."""
        return Row(self.table, columns[:-2], columns[-2], columns[-1])


SMALL_ROWS: Final = {table: SmallRows.of(table) for table in Table}
