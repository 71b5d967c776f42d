"""The journal in plain dicts and lists: what the port means, short enough to be believed.

Tests compare the other implementations with this one, and simulations run on it. It is slow where
that keeps it plain: `list_runs` and `check` look at every run.

What `commit` returned is durable: `crash` and `close` lose nothing, and `open` gives it back, as
long as the object lives. A simulation that wants a crash with an unknown outcome calls `crash`
before or after a `commit` whose result it drops.
"""

from __future__ import annotations

import dataclasses
import pickle
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from treadle_server.engine.values import Instant
from treadle_server.journal.port import (
    TABLES,
    Finding,
    Info,
    JournalError,
    JournalLocked,
    Key,
    Outcome,
    Record,
    Row,
    RunRow,
    Stats,
    Table,
    Unit,
)
from treadle_server.journal.record_check import check_record

SCHEMA_VERSION = 1

_READY_PARTS = [name for name, _ in TABLES[Table.READY]]


@dataclass(slots=True)
class _Rows:
    """One table: rows by key, and the keys in order."""

    by_key: dict[Key, Row] = field(default_factory=dict)
    keys: list[Any] = field(default_factory=list)

    def put(self, row: Row) -> None:
        if row.key not in self.by_key:
            insort(self.keys, row.key)
        self.by_key[row.key] = replace(row)

    def delete(self, key: Key) -> None:
        if self.by_key.pop(key, None) is not None:
            del self.keys[bisect_left(self.keys, key)]


@dataclass(slots=True)
class _Stored:
    """All that is durable."""

    log: list[Record] = field(default_factory=list)
    """By position."""
    position: int = 0
    """The last one that was given."""
    records: dict[bytes, list[Record]] = field(default_factory=dict)
    runs: dict[bytes, RunRow] = field(default_factory=dict)
    wakes: dict[bytes, Instant] = field(default_factory=dict)
    tables: dict[Table, _Rows] = field(default_factory=lambda: {table: _Rows() for table in Table})

    def last_seq(self, run_id: bytes) -> int:
        records = self.records.get(run_id)
        return records[-1].base_seq + records[-1].count - 1 if records else 0


class MemoryJournal:
    """See the module. The journal begins with the content of `source`, a file `backup` made."""

    def __init__(self, source: Path | None = None) -> None:
        self._source = source
        self._stored = _Stored()
        self._open: dict[tuple[str, str], bytes] = {}
        """Run that holds (namespace, workflow id)."""
        self._requests: dict[tuple[str, str], bytes] = {}
        """Run that was started with (namespace, request id)."""
        self._is_open = False
        self._lock = threading.Lock()

    # --- life ---------------------------------------------------------------------------------

    def open(self) -> Info:
        if self._is_open:
            raise JournalLocked("this journal is open already")
        if self._source is not None:
            self._stored = pickle.loads(self._source.read_bytes())
            self._source = None
        stored = self._stored
        self._open = {
            (row.namespace, row.workflow_id): row.run_id
            for row in stored.runs.values()
            if row.end_time is None
        }
        self._requests = {
            (row.namespace, row.request_id): row.run_id
            for row in stored.runs.values()
            if row.request_id
        }
        self._is_open = True
        return Info(
            engine="memory",
            engine_version="",
            schema_version=SCHEMA_VERSION,
            position=stored.position,
        )

    def close(self) -> None:
        self._is_open = False

    def crash(self) -> None:
        """As if the process had died: everything raises `JournalError` until `open`."""
        self._is_open = False

    @contextmanager
    def _locked(self) -> Iterator[_Stored]:
        """One caller at a time: commits and reads come from different threads."""
        with self._lock:
            if not self._is_open:
                raise JournalError("the journal is not open")
            yield self._stored

    # --- writing ------------------------------------------------------------------------------

    def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        for unit in units:
            for table, key in unit.deletes:
                _check_key(table, key)
            for row in unit.puts:
                _check_key(row.table, row.key)
        outcomes = []
        with self._locked():
            for unit in units:
                if self._conflicts(unit):
                    outcomes.append(Outcome.CONFLICT)
                else:
                    self._apply(unit)
                    outcomes.append(Outcome.COMMITTED)
        return outcomes

    def _conflicts(self, unit: Unit) -> bool:
        stored, row = self._stored, unit.run
        last_seqs: dict[bytes, int] = {}
        for record in unit.records:
            last = last_seqs.get(record.run_id, stored.last_seq(record.run_id))
            if record.base_seq != last + 1 or record.count < 1:
                return True
            last_seqs[record.run_id] = last + record.count
            if record.run_id not in stored.runs and (row is None or row.run_id != record.run_id):
                return True
        if row is None:
            return False
        before = stored.runs.get(row.run_id)
        if before is not None:
            return before.end_time is not None and row.end_time is None
        if row.run_id not in last_seqs:
            return True
        if row.request_id and (row.namespace, row.request_id) in self._requests:
            return True
        if unit.not_after and self._newest_ended_state(row) in unit.not_after:
            return True
        return row.end_time is None and (row.namespace, row.workflow_id) in self._open

    def _newest_ended_state(self, row: RunRow) -> int:
        """Of the runs with the row's workflow id; 0 if there is none."""
        same = [
            (one.start_time, one.run_id, one.state)
            for one in self._stored.runs.values()
            if (one.namespace, one.workflow_id) == (row.namespace, row.workflow_id)
            and one.end_time is not None
        ]
        return max(same)[2] if same else 0

    def _apply(self, unit: Unit) -> None:
        stored = self._stored
        for record in unit.records:
            record.position = stored.position = stored.position + 1
            kept = replace(record)
            stored.log.append(kept)
            stored.records.setdefault(record.run_id, []).append(kept)
        if unit.run is not None:
            self._write_run(unit.run)
        for table, key in unit.deletes:
            stored.tables[table].delete(key)
        for row in unit.puts:
            stored.tables[row.table].put(row)

    def _write_run(self, row: RunRow) -> None:
        stored = self._stored
        before = stored.runs.get(row.run_id, row)
        row = replace(
            before,
            state=row.state,
            end_time=row.end_time,
            wake_time=row.wake_time,
            recorded_seq=row.recorded_seq,
            last_seq=0,
        )
        stored.runs[row.run_id] = row
        name = (row.namespace, row.workflow_id)
        if row.end_time is None:
            self._open[name] = row.run_id
        elif self._open.get(name) == row.run_id:
            del self._open[name]
        if row.request_id:
            self._requests[row.namespace, row.request_id] = row.run_id
        if row.wake_time is None:
            stored.wakes.pop(row.run_id, None)
        else:
            stored.wakes[row.run_id] = row.wake_time

    def trim(self, table: Table, before: Instant, limit: int) -> int:
        with self._locked() as stored:
            rows = stored.tables[table]
            expired = sorted(
                (row.expire_time, key)
                for key, row in rows.by_key.items()
                if row.expire_time is not None and row.expire_time < before
            )
            for _, key in expired[:limit]:
                rows.delete(key)
        return len(expired[:limit])

    def delete_runs(self, run_ids: Sequence[bytes]) -> int:
        with self._locked() as stored:
            gone = {
                run_id
                for run_id in run_ids
                if (row := stored.runs.get(run_id)) is not None and row.end_time is not None
            }
            for run_id in gone:
                row = stored.runs.pop(run_id)
                del stored.records[run_id]
                self._requests.pop((row.namespace, row.request_id), None)
            stored.log = [record for record in stored.log if record.run_id not in gone]
        return len(gone)

    def delete_records(self, run_id: bytes, before_seq: int, limit: int) -> int:
        with self._locked() as stored:
            row = stored.runs.get(run_id)
            if row is None or row.end_time is not None:
                return 0
            before_seq = min(before_seq, row.recorded_seq)
            gone = [
                record.position for record in stored.records[run_id] if record.base_seq < before_seq
            ][:limit]
            positions = set(gone)
            for records in (stored.records[run_id], stored.log):
                records[:] = [one for one in records if one.position not in positions]
        return len(gone)

    # --- reading ------------------------------------------------------------------------------

    def load(self, run_ids: Sequence[bytes]) -> list[tuple[RunRow, list[Record]] | None]:
        with self._locked() as stored:
            return [
                (
                    row,
                    [
                        replace(record)
                        for record in stored.records[run_id]
                        if record.base_seq >= row.recorded_seq
                    ],
                )
                if (row := self._run(run_id)) is not None
                else None
                for run_id in run_ids
            ]

    def read_run(self, run_id: bytes, after_seq: int, max_bytes: int) -> list[Record]:
        found: list[Record] = []
        size = 0
        with self._locked() as stored:
            for record in stored.records.get(run_id, []):
                if record.base_seq + record.count - 1 <= after_seq:
                    continue
                size += len(record.body)
                if found and size > max_bytes:
                    break
                found.append(replace(record))
        return found

    def read_log(self, after_position: int, limit: int) -> list[Record]:
        with self._locked() as stored:
            first = bisect_right(stored.log, after_position, key=_position)
            return [replace(record) for record in stored.log[first : first + limit]]

    def get_runs(self, run_ids: Sequence[bytes]) -> list[RunRow | None]:
        with self._locked():
            return [self._run(run_id) for run_id in run_ids]

    def _run(self, run_id: bytes | None) -> RunRow | None:
        stored = self._stored
        row = stored.runs.get(run_id) if run_id is not None else None
        if row is None:
            return None
        held = stored.tables[Table.HELD].by_key.get((row.namespace, row.start_time, row.run_id))
        return replace(
            row, last_seq=stored.last_seq(row.run_id), held=b"" if held is None else held.value
        )

    def find_run(self, namespace: str, workflow_id: str) -> RunRow | None:
        with self._locked() as stored:
            run_id = self._open.get((namespace, workflow_id))
            if run_id is None:
                same = [
                    (row.start_time, row.run_id)
                    for row in stored.runs.values()
                    if (row.namespace, row.workflow_id) == (namespace, workflow_id)
                ]
                run_id = max(same)[1] if same else None
            return self._run(run_id)

    def find_request(self, namespace: str, request_id: str) -> RunRow | None:
        with self._locked():
            return self._run(self._requests.get((namespace, request_id)))

    def due(self, until: Instant, limit: int) -> list[tuple[Instant, bytes]]:
        with self._locked() as stored:
            due = [(time, run_id) for run_id, time in stored.wakes.items() if time <= until]
        return sorted(due)[:limit]

    def ended_runs(self, before: Instant, limit: int) -> list[bytes]:
        with self._locked() as stored:
            ended = [
                (row.end_time, row.run_id)
                for row in stored.runs.values()
                if row.end_time is not None and row.end_time < before
            ]
        return [run_id for _, run_id in sorted(ended)[:limit]]

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
        with self._locked() as stored:
            held_keys = stored.tables[Table.HELD].by_key
            found = [
                (row.start_time, row.run_id)
                for row in stored.runs.values()
                if row.namespace == namespace
                and workflow in (None, row.workflow)
                and state in (None, row.state)
                and (not held or (row.namespace, row.start_time, row.run_id) in held_keys)
                and (before is None or (row.start_time, row.run_id) < before)
            ]
            found.sort(reverse=True)
            return [row for _, run_id in found[:limit] if (row := self._run(run_id)) is not None]

    def get(self, table: Table, keys: Sequence[Key]) -> list[Row | None]:
        for key in keys:
            _check_key(table, key)
        with self._locked() as stored:
            rows = stored.tables[table].by_key
            return [replace(rows[key]) if key in rows else None for key in keys]

    def scan(self, table: Table, low: Key, high: Key, limit: int) -> list[Row]:
        with self._locked() as stored:
            rows = stored.tables[table]
            first, end = bisect_left(rows.keys, low), bisect_left(rows.keys, high)
            return [replace(rows.by_key[key]) for key in rows.keys[first:end][:limit]]

    # --- care ---------------------------------------------------------------------------------

    def stats(self) -> Stats:
        with self._locked() as stored:
            return Stats(
                records=len(stored.log),
                runs=len(stored.runs),
                open_runs=len(self._open),
                ready=len(stored.tables[Table.READY].keys),
                file_bytes=0,
                wal_bytes=0,
            )

    def check(self) -> Iterator[Finding]:
        with self._locked() as stored:
            return iter(list(_findings(stored)))

    def backup(self, target: Path) -> None:
        with self._locked() as stored, target.open("xb") as file:
            _Pickler(file).dump(stored)


class _Pickler(pickle.Pickler):
    """Has dataclasses made from their fields: those that are compiled are not made otherwise."""

    def reducer_override(self, thing: Any) -> Any:
        """See `pickle.Pickler`."""
        if isinstance(thing, type) or not dataclasses.is_dataclass(thing):
            return NotImplemented
        names = [one.name for one in dataclasses.fields(thing)]
        return _made, (type(thing), {name: getattr(thing, name) for name in names})


def _made(kind: Callable[..., Any], fields: dict[str, Any]) -> Any:
    return kind(**fields)


def _findings(stored: _Stored) -> Iterator[Finding]:
    before = 0
    for record in stored.log:
        if record.position <= before:
            yield Finding("position", f"position {record.position}", f"follows {before}")
        before = record.position
        yield from check_record(record)
    for run_id, records in stored.records.items():
        row = stored.runs.get(run_id)
        cut = row is not None and 1 < records[0].base_seq <= row.recorded_seq
        expected = records[0].base_seq if cut else 1
        for record in records:
            if record.base_seq != expected:
                yield Finding("seq-gap", f"run {run_id.hex()}", f"no events from {expected} on")
            expected = record.base_seq + record.count
    for run_id in stored.records.keys() ^ stored.runs.keys():
        yield Finding("run-row", f"run {run_id.hex()}", "a run row and no records, or reversed")
    for key in stored.tables[Table.READY].keys:
        run_id = dict(zip(_READY_PARTS, key, strict=True))["run_id"]
        row = stored.runs.get(run_id)
        if row is None or row.end_time is not None:
            yield Finding("ready", f"ready {key!r}", "its run is unknown or has ended")


def _position(record: Record) -> int:
    return record.position


def _check_key(table: Table, key: Key) -> None:
    """A key has the parts that `TABLES` says; a `TypeError` is a mistake of the caller."""
    parts = TABLES[table]
    if len(key) != len(parts) or any(
        not isinstance(part, kind) for part, (_, kind) in zip(key, parts, strict=True)
    ):
        raise TypeError(f"{key!r} is not a key of {table}: {[name for name, _ in parts]}")
