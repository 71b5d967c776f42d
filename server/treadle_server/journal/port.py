"""The journal port: the few things that Treadle asks of its storage.

A journal keeps *records* (one per turn, the events of that turn), a *run row* per run, and a few
ordered tables of small rows. It knows no rules. Methods are synchronous; `commit` is called on one
thread only, the reading methods on others. One conformance suite (`tests/journal/conformance.py`)
defines what an implementation must do.

Save before send: whoever hands a `Unit` to `commit` says nothing about it to anybody until its
`Outcome` is COMMITTED.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from treadle_server.engine.values import Instant

Key = tuple[str | int | bytes, ...]
"""Ordered as tuples of their parts; `TABLES` says what the parts are."""


class Table(enum.StrEnum):
    """The tables of small rows. `get`, `scan`, puts and deletes work on these."""

    DEFINITION = "definition"
    """(namespace, workflow, version) -> stored definition, with its summary."""
    DEFINITION_HASH = "definition_hash"
    """(namespace, workflow, content_hash) -> version as decimal text."""
    WORKFLOW = "workflow"
    """(namespace, workflow) -> its current version and the states of its versions, as JSON; only of
    workflows whose versions are numbered by their code."""
    READY = "ready"
    """(namespace, queue, type, priority, ready_time, run_id, key) -> nothing. Work that no worker
    has taken yet, one lane per activity type."""
    INBOX = "inbox"
    """(receiver, sender, seq, number) -> what is on its way from one run to another: written with
    the sender's events, deleted with the receiver's."""
    WAIT = "wait"
    """(namespace, event, run_id, key) -> nothing. Open waits for an external event of that name."""
    HELD = "held"
    """(namespace, start_time, run_id) -> what the run is held for, as `treadle.v1.Held`. One row of
    each run that waits for a person; its value is also the `held` of `RunRow`."""
    REQUEST = "request"
    """(namespace, method, request_id) -> answer of a call that was carried out; `expire_time` says
    how long."""
    META = "meta"
    """(name,) -> value: the secret of task tokens, the exporter's cursor, the server's time."""


TABLES: Final[Mapping[Table, tuple[tuple[str, type], ...]]] = {
    Table.DEFINITION: (("namespace", str), ("workflow", str), ("version", int)),
    Table.DEFINITION_HASH: (("namespace", str), ("workflow", str), ("content_hash", bytes)),
    Table.WORKFLOW: (("namespace", str), ("workflow", str)),
    Table.READY: (
        ("namespace", str),
        ("queue", str),
        ("type", str),
        ("priority", int),
        ("ready_time", int),
        ("run_id", bytes),
        ("key", str),
    ),
    Table.INBOX: (("receiver", str), ("sender", bytes), ("seq", int), ("number", int)),
    Table.WAIT: (("namespace", str), ("event", str), ("run_id", bytes), ("key", str)),
    Table.HELD: (("namespace", str), ("start_time", int), ("run_id", bytes)),
    Table.REQUEST: (("namespace", str), ("method", str), ("request_id", str)),
    Table.META: (("name", str),),
}
"""Name and type of each part of a table's keys."""


@dataclass(slots=True)
class Row:
    """One row of a table. `expire_time` lets `trim` find rows that nobody needs any more."""

    table: Table
    key: Key
    value: bytes = b""
    expire_time: Instant | None = None


@dataclass(slots=True, kw_only=True)
class RunRow:
    """What can be known of a run without folding its records.

    `state` is a number of `treadle.v1.RunState`. A run without `end_time` is open. `workflow_id` is
    not empty, and an open run holds it exclusively within the namespace; a `request_id` that is not
    empty belongs to one run of the namespace, open or not. A second one is a CONFLICT. `wake_time`
    is never later than the run's earliest due time. `last_seq` is filled in from the records when
    read, and `held` from the run's row in `Table.HELD`, if it has one; neither is written.

    Only `state`, `end_time`, `wake_time` and `recorded_seq` change in the life of a run; an ended
    run is never open again.
    """

    run_id: bytes
    namespace: str
    workflow_id: str
    workflow: str
    version: int
    state: int
    start_time: Instant
    end_time: Instant | None = None
    wake_time: Instant | None = None
    request_id: str = ""
    request_hash: bytes = b""
    recorded_seq: int = 0
    """Of the newest event that holds the run's whole state: the first of its record. 0: none."""
    last_seq: int = 0
    held: bytes = b""


DAMAGED: Final = b"\x07"
"""The body of a record whose bytes are not those that were written, as far as the storage can tell:
no message begins so, and whoever decodes it is told.
"""


@dataclass(slots=True)
class Record:
    """The events of one turn of one run: `count` of them from `base_seq` on, encoded as one
    `treadle.v1.EventBatch`.

    `(run_id, base_seq)` is unique: that is the guard against two histories of one run. `position`
    is given by the journal: in commit order, gap-free but for what was deleted. A commit fills it
    in where the unit was committed.
    """

    run_id: bytes
    base_seq: int
    count: int
    time: Instant
    body: bytes
    position: int = 0


@dataclass(slots=True, kw_only=True)
class Unit:
    """What must become durable together, or not at all."""

    records: Sequence[Record] = ()
    run: RunRow | None = None
    """Inserted together with the record that begins with seq 1; otherwise the row of a run that
    exists, of which what may change is replaced."""
    puts: Sequence[Row] = ()
    deletes: Sequence[tuple[Table, Key]] = ()
    """Applied before `puts`. Deleting what is not there is no error."""
    not_after: frozenset[int] = frozenset()
    """A CONFLICT if the newest run of the row's workflow id that has ended is in one of these
    states. For a unit that begins a run."""


class Outcome(enum.Enum):
    """What became of a unit."""

    COMMITTED = "committed"
    CONFLICT = "conflict"
    """A record's seq does not follow the run's last one; the run's open workflow id or its request
    id is taken, or `not_after` forbids it; a run row without records, or the reverse; an open row
    for an ended run. Nothing of the unit was written; the other units of the commit are not
    touched."""


@dataclass(slots=True)
class Finding:
    """Something that `check` found wrong: which rule, about what, and what it means."""

    rule: str
    subject: str
    message: str


@dataclass(slots=True, kw_only=True)
class Stats:
    """Sizes, for people and gauges. Counts may be estimates."""

    records: int
    runs: int
    open_runs: int
    ready: int
    file_bytes: int
    wal_bytes: int


@dataclass(slots=True, kw_only=True)
class Info:
    """What `open` found."""

    engine: str
    engine_version: str
    schema_version: int
    position: int
    """Of the newest record there ever was; 0 for a new journal."""


class JournalError(Exception):
    """The storage failed; what it holds is unknown until it is opened again. The server stops
    (fail-stop)."""


class JournalLocked(JournalError):
    """Another process has this journal open."""


class Journal(Protocol):
    """See the module's docstring. Any `JournalError` means: stop, and recover by opening again."""

    def open(self) -> Info:
        """Takes the exclusive lock, migrates forward, and is ready. Raises `JournalLocked`,
        `JournalError`."""
        ...

    def close(self) -> None:
        """Lets go of everything; further calls are errors. Calling it twice is not."""
        ...

    def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Writes the units in order in one durable transaction (fsync before it returns); one
        outcome each. A unit sees what the units before it wrote."""
        ...

    def load(self, run_ids: Sequence[bytes]) -> list[tuple[RunRow, list[Record]] | None]:
        """Each run's row with its records in order, from `recorded_seq` on; None for a run that
        does not exist."""
        ...

    def read_run(self, run_id: bytes, after_seq: int, max_bytes: int) -> list[Record]:
        """Records that hold events after `after_seq`, in order; at least one if there are any, and
        as many more as keep the sum of their bodies within `max_bytes`."""
        ...

    def read_log(self, after_position: int, limit: int) -> list[Record]:
        """Records of all runs in commit order."""
        ...

    def get_runs(self, run_ids: Sequence[bytes]) -> list[RunRow | None]:
        """Run rows without their records."""
        ...

    def find_run(self, namespace: str, workflow_id: str) -> RunRow | None:
        """The newest run of a workflow id (an open one before any ended one)."""
        ...

    def find_request(self, namespace: str, request_id: str) -> RunRow | None:
        """The run that was started with this request id."""
        ...

    def due(self, until: Instant, limit: int) -> list[tuple[Instant, bytes]]:
        """(wake_time, run_id) of runs whose wake_time is not later than `until`, earliest first."""
        ...

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
        """Newest first by (start_time, run_id); `before` continues after that key. `held`: only
        runs that have a row in `Table.HELD`, at the cost of those alone."""
        ...

    def get(self, table: Table, keys: Sequence[Key]) -> list[Row | None]:
        """Rows by key."""
        ...

    def scan(self, table: Table, low: Key, high: Key, limit: int) -> list[Row]:
        """Rows with low <= key < high in key order. A bound may be a prefix of a key; it sorts
        before its extensions, so that an empty `low` is before all keys. It may be an extension
        of a key too: `(*key, "")` comes right after `key`."""
        ...

    def trim(self, table: Table, before: Instant, limit: int) -> int:
        """Deletes up to `limit` rows whose `expire_time` is before `before`, the oldest first; says
        how many. Commit thread only."""
        ...

    def ended_runs(self, before: Instant, limit: int) -> list[bytes]:
        """Ids of runs that ended before `before`; the one that ended first comes first."""
        ...

    def delete_runs(self, run_ids: Sequence[bytes]) -> int:
        """Deletes those of the runs that have ended, row and records, in one durable transaction;
        says how many. Their positions are never given again: the log has gaps there. Commit thread
        only."""
        ...

    def delete_records(self, run_id: bytes, before_seq: int, limit: int) -> int:
        """Deletes up to `limit` records of an open run that begin before `before_seq`, the oldest
        first, and none that `load` gives; says how many. Their positions are never given again.
        Commit thread only."""
        ...

    def stats(self) -> Stats:
        """Sizes."""
        ...

    def check(self) -> Iterator[Finding]:
        """Storage-level integrity: file, seq gaps, positions, run rows without records, and the
        like."""
        ...

    def backup(self, target: Path) -> None:
        """A consistent copy that `open` accepts, taken while the server works. Raises
        `FileExistsError` rather than overwrite."""
        ...
