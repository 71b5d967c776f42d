"""Old request ids are forgotten, on virtual time."""

from __future__ import annotations

import asyncio

from tests.simulation.clock import VirtualClock
from treadle.testing import run_in_virtual_time
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import Row, Table, Unit
from treadle_server.journal.writer import InlineWriter
from treadle_server.runs.trimming import AT_ONCE, EVERY_SECONDS, Trimmer

HOUR = 3_600 * 1_000_000


def test_what_has_expired_goes_and_the_rest_stays() -> None:
    async def world() -> list[int]:
        journal = MemoryJournal()
        journal.open()
        clock = VirtualClock()
        writer = InlineWriter(journal, on_failure=lambda error: None)
        old = [
            Row(Table.REQUEST, ("default", "CancelRun", f"old-{number}"), b"", clock.now() + 1)
            for number in range(2 * AT_ONCE + 5)
        ]
        new = Row(Table.REQUEST, ("default", "CancelRun", "new"), b"", clock.now() + HOUR)
        await writer.submit(Unit(puts=[*old, new]))
        trimmer = Trimmer(clock, writer)
        trimmer.start()
        counts = []
        for _ in range(2):
            counts.append(len(journal.scan(Table.REQUEST, ("",), ("\U0010ffff",), 10_000)))
            await asyncio.sleep(EVERY_SECONDS + 1)
        await trimmer.stop()
        left = journal.scan(Table.REQUEST, ("",), ("\U0010ffff",), 10_000)
        assert [row.key for row in left] == [new.key]
        return [*counts, len(left)]

    assert run_in_virtual_time(world()) == [2 * AT_ONCE + 6, 1, 1]
