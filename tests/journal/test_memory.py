"""The journal in memory keeps what the port promises, also across a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journal.conformance import Conformance
from tests.journal.make import record, run_id, start
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import JournalError, Outcome, Row, Table, Unit


class MemoryPlace:
    def __init__(self) -> None:
        self._journal = MemoryJournal()

    def journal(self) -> MemoryJournal:
        return self._journal

    def restored(self, backup: Path) -> MemoryJournal:
        return MemoryJournal(backup)


class TestMemory(Conformance):
    @pytest.fixture
    def place(self) -> MemoryPlace:
        return MemoryPlace()


def test_a_crash_keeps_what_was_committed() -> None:
    journal = MemoryJournal()
    journal.open()
    journal.commit([start(1)])
    journal.crash()
    with pytest.raises(JournalError):
        journal.commit([Unit(records=[record(1, 2)])])
    assert journal.open().position == 1
    assert len(journal.read_run(run_id(1), 0, 10)) == 1
    assert journal.commit([Unit(records=[record(1, 2)])]) == [Outcome.COMMITTED]


@pytest.mark.parametrize(
    "unit",
    [
        Unit(records=[record(1, 1)], puts=[Row(Table.META, ("m", "n"))]),
        Unit(deletes=[(Table.READY, ("namespace", "queue", "type", "3", 0, b"", ""))]),
    ],
)
def test_a_key_of_the_wrong_shape_is_a_mistake_that_changes_nothing(unit: Unit) -> None:
    journal = MemoryJournal()
    journal.open()
    with pytest.raises(TypeError, match="is not a key of"):
        journal.commit([start(2), unit])
    assert journal.stats().records == 0
