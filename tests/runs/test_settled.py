"""Waiting for a commit."""

from __future__ import annotations

from functools import partial

import pytest

from tests.journal.make import start
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import Outcome
from treadle_server.journal.writer import InlineWriter, ThreadWriter
from treadle_server.runs.settled import until_settled


@pytest.mark.parametrize("kind", [InlineWriter, ThreadWriter])
async def test_who_waits_for_one_unit_finds_the_whole_commit_released(
    kind: type[InlineWriter] | type[ThreadWriter],
) -> None:
    journal = MemoryJournal()
    journal.open()
    failures: list[BaseException] = []
    writer = kind(journal, on_failure=failures.append)
    released: list[tuple[int, Outcome | None]] = []

    def release(number: int, outcome: Outcome | None) -> None:
        released.append((number, outcome))

    units = [writer.submit(start(number), partial(release, number)) for number in range(1, 21)]
    assert await until_settled(units[0])
    assert released == [(number, Outcome.COMMITTED) for number in range(1, 21)]
    await writer.close()
    assert failures == []
