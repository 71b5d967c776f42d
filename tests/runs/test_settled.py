"""Waiting for a commit."""

from __future__ import annotations

import asyncio

import pytest

from tests.journal.make import start
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import Outcome
from treadle_server.journal.writer import InlineWriter, ThreadWriter
from treadle_server.runs.turns import until_settled


@pytest.mark.parametrize("kind", [InlineWriter, ThreadWriter])
async def test_who_waits_for_one_unit_finds_the_whole_commit_released(
    kind: type[InlineWriter] | type[ThreadWriter],
) -> None:
    journal = MemoryJournal()
    journal.open()
    failures: list[BaseException] = []
    writer = kind(journal, on_failure=failures.append)
    released: list[asyncio.Future[Outcome]] = []
    units = [writer.submit(start(number)) for number in range(1, 21)]
    for unit in units:
        unit.add_done_callback(released.append)
    assert await until_settled(units[0])
    assert released == units
    await writer.close()
    assert failures == []
