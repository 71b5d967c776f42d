"""The journal in SQLite: the port, and what is particular about a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journal.conformance import Conformance
from treadle_server.journal.sqlite import SqliteJournal


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
