"""Connections to the journal's file, and what SQLite is told about it.

Durability is WAL with `synchronous=FULL`: `COMMIT` returns after the fsync of the log. Checkpoints
are SQLite's own, inside a commit after 4 MiB of log: measured, anything cleverer either lets the
log grow without bound or is safe only with a newer SQLite.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog

from treadle_server.journal.port import JournalError

OLDEST_SQLITE: Final = (3, 37, 0)
"""Has STRICT tables."""

WAL_RESET_FIXED: Final = (3, 51, 3)

READER_BUSY_TIMEOUT_SECONDS: Final = 10.0
"""How long a reader waits for recovery or a checkpoint to let it in."""

CACHE_KIBIBYTES: Final = 65_536

PAGE_BYTES: Final = 2_048
"""Of a new file; others keep what they have. A commit changes a few bytes on each of many pages and
logs them whole, so half of SQLite's default is half of what is written. With 1,024 it is hardly
less, and bodies of a megabyte take half as long again.
"""

CHECKPOINT_BYTES: Final = 4 * 1024 * 1024
"""Of log; a checkpoint of more makes its commit longer than callers should feel."""

LOG_BYTES: Final = CHECKPOINT_BYTES * 5 // 4
"""Of the log's file from the start on. After each checkpoint SQLite writes it over from its
beginning, so it has that length soon anyway; until then each fsync would have to make a longer file
durable too, for twice the time (ext4: 0.22 ms in place of 0.10).
"""

_PART_BYTES: Final = 64 * 1024
"""Once megabytes at once were freed, the C library keeps more of all that is freed later."""

_log = structlog.get_logger(__name__)


def to_write(path: Path) -> sqlite3.Connection:
    """The one connection that writes; makes the file if need be. Raises `JournalError`, and what
    `os` and `sqlite3` raise.
    """
    # -wal and -shm get the mode of the database's file.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # heard only while nothing is in the file
    (mode,) = writer.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalError(f"{path} cannot have a write-ahead log (mode is {mode})")
    writer.execute("PRAGMA synchronous = FULL")
    writer.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    writer.execute("PRAGMA mmap_size = 0")
    # What is deleted is overwritten, as many builds of SQLite do by themselves; no slower.
    writer.execute("PRAGMA secure_delete = ON")
    (page_bytes,) = writer.execute("PRAGMA page_size").fetchone()
    writer.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_BYTES // page_bytes}")
    return writer


def fill_log(path: Path) -> None:
    """Gives the log that SQLite has begun its length, in zeros, which are no frames of it whatever
    comes before them. Not by `fallocate`: what was never written has its price when it is.
    """
    log = path.with_name(path.name + "-wal")
    with contextlib.suppress(OSError), log.open("r+b") as file:  # a full disk: it grows as it can
        zeros = bytes(_PART_BYTES)
        for _ in range(file.seek(0, os.SEEK_END), LOG_BYTES, _PART_BYTES):
            file.write(zeros)
        file.flush()
        os.fsync(file.fileno())


def to_read(path: Path) -> sqlite3.Connection:
    """A connection for reading; whoever closes it may be another thread."""
    reader = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=READER_BUSY_TIMEOUT_SECONDS,
    )
    reader.execute("PRAGMA query_only = ON")
    return reader


def check_version() -> None:
    """Raises `JournalError` if this SQLite is too old, and warns of one that must not be shared."""
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise JournalError(f"this Python has SQLite {version}; Treadle needs {oldest} or later")
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        _log.warning(
            "SQLite before 3.51.3 can corrupt a database that two processes write to or checkpoint"
            " at the same moment. The server's lock keeps other servers out; do not let anything"
            " else write to the file (no sqlite3 shell, no Litestream) while it runs.",
            sqlite_version=version,
        )
