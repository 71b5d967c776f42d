"""What `check` looks at: the file itself, and that its rows agree with each other."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from typing import Final

from treadle_server.journal.port import Finding
from treadle_server.journal.record_check import check_record
from treadle_server.journal.sqlite import dictionaries
from treadle_server.journal.sqlite.statements import to_record

_DELETED: Final = "SELECT records, position FROM deleted"
_COUNTED: Final = "SELECT count(*), ifnull(max(position), 0) FROM record"

_POSITIONS: Final = """SELECT before, position FROM (
    SELECT position, lag(position, 1, 0) OVER (ORDER BY position) AS before FROM record)
    WHERE position <> before + 1"""

# A run's first record begins with seq 1, or not after its newest recorded state.
_SEQS: Final = """SELECT record.run_id, ifnull(expected, 1), base_seq FROM (
    SELECT run_id, base_seq,
        lag(base_seq + count, 1) OVER (PARTITION BY run_id ORDER BY base_seq) AS expected
    FROM record) AS record
    LEFT JOIN run ON run.run_id = record.run_id
    WHERE base_seq <> expected
        OR (expected IS NULL AND base_seq > max(1, ifnull(recorded_seq, 1)))"""

_RUNS_WITHOUT_RECORDS: Final = """SELECT run_id FROM run
    WHERE NOT EXISTS (SELECT 1 FROM record WHERE record.run_id = run.run_id)"""

_RECORDS_WITHOUT_RUN: Final = """SELECT DISTINCT run_id FROM record
    WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.run_id = record.run_id)"""

_READY_WITHOUT_OPEN_RUN: Final = """SELECT ready.namespace, queue, ready.run_id, key
    FROM ready LEFT JOIN run ON run.run_id = ready.run_id
    WHERE run.run_id IS NULL OR run.end_time IS NOT NULL"""

_BODIES: Final = "SELECT run_id, base_seq, count, time, body, position, checksum FROM record"


def check(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Everything there is to say against the file; may take minutes for a large one."""
    for (message,) in connection.execute("PRAGMA integrity_check"):
        if message != "ok":
            yield Finding("file", "database", f"{message}; restore a backup")
    yield from _missing(connection)
    for run_id, expected, base_seq in connection.execute(_SEQS):
        message = f"events {expected} to {base_seq - 1} are missing or there twice"
        yield Finding("seq-gap", f"run {run_id.hex()}", message)
    for (run_id,) in connection.execute(_RUNS_WITHOUT_RECORDS):
        yield Finding("run-row", f"run {run_id.hex()}", "has a run row but no records")
    for (run_id,) in connection.execute(_RECORDS_WITHOUT_RUN):
        yield Finding("run-row", f"run {run_id.hex()}", "has records but no run row")
    for namespace, queue, run_id, key in connection.execute(_READY_WITHOUT_OPEN_RUN):
        subject = f"ready {key!r} of run {run_id.hex()}, queue {queue!r} of {namespace!r}"
        yield Finding("ready", subject, "its run is unknown or has ended")
    known = dictionaries.KnownDictionaries().seen_by(connection)
    lost: set[int] = set()

    def contents(number: int) -> bytes | None:
        content = known(number)
        if content is None:
            lost.add(number)
        return content

    for *columns, checksum in connection.execute(_BODIES):
        found = zlib.crc32(columns[4])
        record = to_record((*columns, found), contents)  # as it is: what else is wrong with it
        if found != checksum:
            subject = f"position {record.position}, run {record.run_id.hex()}"
            yield Finding("checksum", subject, "the body is not what was written")
        yield from check_record(record)
    for number in sorted(lost | set(dictionaries.damaged(connection))):
        message = "is missing or damaged: what was packed against it cannot be read"
        yield Finding("dictionary", f"dictionary {number}", f"{message}; restore a backup")


def _missing(connection: sqlite3.Connection) -> Iterator[Finding]:
    deleted, last_deleted = connection.execute(_DELETED).fetchone()
    records, last = connection.execute(_COUNTED).fetchone()
    if not deleted:
        for before, position in connection.execute(_POSITIONS):
            message = f"follows {before}: records are missing"
            yield Finding("position", f"position {position}", message)
    elif records + deleted != max(last, last_deleted):
        missing = max(last, last_deleted) - deleted - records
        message = f"{missing} more records are missing than were deleted"
        yield Finding("position", f"position {last}", message)
