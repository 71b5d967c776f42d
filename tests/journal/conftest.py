"""A journal in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from treadle_server.journal.sqlite import SqliteJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(path)
    journal.open()
    yield journal
    journal.close()
