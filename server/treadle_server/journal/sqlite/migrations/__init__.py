"""The layouts that a journal's file has had, oldest first: one numbered file for each step forward.

A file that was released is never edited. Each runs in one transaction together with the note that
it ran (sqlite-utils' `Migrations`, on the journal's own connection), so a kill in the middle leaves
the layout before it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib import resources
from typing import Final

from sqlite_utils import Database, Migrations

from treadle_server.journal.port import JournalError

APPLICATION_ID: Final = 0x5472646C
"""`PRAGMA application_id` of a journal's file: "Trdl"."""


def migrate(connection: sqlite3.Connection) -> int:
    """Brings the layout forward. Returns how many steps it has taken in its life.

    Raises `JournalError` as `applied` does; then nothing was changed.
    """
    if applied(connection) == 0:
        # First of all, so that a kill between two steps leaves a file that is known as ours.
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations = Migrations("treadle")
    for name, script in _steps().items():
        _register(migrations, name, script)
    migrations.apply(Database(connection))
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
    names = {step.name for step in Migrations("treadle").applied(Database(connection))}
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


def _register(migrations: Migrations, name: str, script: str) -> None:
    @migrations(name=name)
    def step(database: Database) -> None:
        for statement in _statements(script):
            database.conn.execute(statement)


def _statements(script: str) -> Iterator[str]:
    """One statement at a time: `executescript` would end the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
