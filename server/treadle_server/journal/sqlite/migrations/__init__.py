"""The layouts that a journal's file has had, oldest first: one numbered file for each step forward.

A file that was released is never edited. Each runs in one transaction together with the note that
it ran, so a kill in the middle leaves the layout before it. The notes are as sqlite-utils keeps
them, which was once used for this: it holds 3 MiB of every server for these few lines.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib import resources
from typing import Final

from treadle_server.journal.port import JournalError

APPLICATION_ID: Final = 0x5472646C
"""`PRAGMA application_id` of a journal's file: "Trdl"."""

_SET: Final = "treadle"
_NOTES: Final = (
    "CREATE TABLE IF NOT EXISTS _sqlite_migrations"
    " (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT)",
    "CREATE UNIQUE INDEX IF NOT EXISTS idx__sqlite_migrations_migration_set_name"
    " ON _sqlite_migrations (migration_set, name)",
)
_HAS_NOTES: Final = "SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'"
_NOTED: Final = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"
_NOTE: Final = (
    "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
    " VALUES (?, ?, strftime('%Y-%m-%d %H:%M:%f+00:00'))"
)


def migrate(connection: sqlite3.Connection) -> int:
    """Brings the layout forward. Returns how many steps it has taken in its life.

    Raises `JournalError` as `applied` does; then nothing was changed.
    """
    if applied(connection) == 0:
        # First of all, so that a kill between two steps leaves a file that is known as ours.
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for statement in _NOTES:
            connection.execute(statement)
    noted = _noted(connection)
    for name, script in _steps().items():
        if name not in noted:
            with connection:  # commits, or takes all of it back
                connection.execute("BEGIN IMMEDIATE")
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(_NOTE, (_SET, name))
    return applied(connection)


def known() -> int:
    """How many steps this version of Treadle knows."""
    return len(_steps())


def applied(connection: sqlite3.Connection) -> int:
    """How many steps the file's layout has taken; 0 for an empty file.

    Raises `JournalError` for a file of something else, or of a later version of Treadle: it may
    mean its rows otherwise than we do.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            raise JournalError("the file is an SQLite database, but not a journal of Treadle")
        return 0
    names = _noted(connection)
    if later := sorted(names - _steps().keys()):
        raise JournalError(
            f"the file was written by a later version of Treadle (its layout has {later[-1]});"
            " use that version, or a backup from before the upgrade"
        )
    return len(names)


def _steps() -> dict[str, str]:
    """The numbered files in order: name without suffix, and script."""
    files = (file for file in resources.files(__name__).iterdir() if file.name.endswith(".sql"))
    return {
        file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
        for file in sorted(files, key=lambda file: file.name)
    }


def _noted(connection: sqlite3.Connection) -> set[str]:
    """The names of the steps that were taken."""
    if connection.execute(_HAS_NOTES).fetchone() is None:
        return set()
    return {name for (name,) in connection.execute(_NOTED, (_SET,))}


def _statements(script: str) -> Iterator[str]:
    """One statement at a time: `executescript` would end the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
