"""Copies of a journal that is in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Writes a consistent copy of the database to a new file, which is complete or not there.

    In one step: the online backup API begins again whenever another connection has written between
    two steps, and a busy server always has. The write-ahead log cannot shrink meanwhile.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists; a backup never overwrites")
    partial = target.with_name(target.name + ".partial")
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(partial, isolation_level=None)) as copied:
            source.backup(copied)
            # One file, nothing beside it: `open` turns the write-ahead log on again.
            copied.execute("PRAGMA journal_mode = DELETE")
        _sync(partial)
        os.link(partial, target)
        _sync(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
