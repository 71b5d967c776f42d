"""What has served its time is forgotten, on virtual time."""

from __future__ import annotations

import asyncio

from tests.journal.make import end, run_id, start
from tests.simulation.clock import VirtualClock
from treadle.testing import run_in_virtual_time
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import Row, Table, Unit
from treadle_server.journal.writer import InlineWriter
from treadle_server.runs.cuts import Cuts
from treadle_server.runs.upkeep import EVERY_SECONDS, ROWS_AT_ONCE, RUNS_AT_ONCE, Upkeep

HOUR = 3_600 * 1_000_000


def test_what_has_expired_goes_and_the_rest_stays() -> None:
    async def world() -> list[int]:
        journal = MemoryJournal()
        journal.open()
        clock = VirtualClock()
        writer = InlineWriter(journal, on_failure=lambda error: None)
        old = [
            Row(Table.REQUEST, ("default", "CancelRun", f"old-{number}"), b"", clock.now() + 1)
            for number in range(2 * ROWS_AT_ONCE + 5)
        ]
        new = Row(Table.REQUEST, ("default", "CancelRun", "new"), b"", clock.now() + HOUR)
        await writer.submit(Unit(puts=[*old, new]))
        upkeep = Upkeep(clock, journal, writer, None, Cuts(writer, lambda run_id: False))
        upkeep.start()
        counts = []
        for _ in range(2):
            counts.append(len(journal.scan(Table.REQUEST, ("",), ("\U0010ffff",), 10_000)))
            await asyncio.sleep(EVERY_SECONDS + 1)
        await upkeep.stop()
        left = journal.scan(Table.REQUEST, ("",), ("\U0010ffff",), 10_000)
        assert [row.key for row in left] == [new.key]
        return [*counts, len(left)]

    assert run_in_virtual_time(world()) == [2 * ROWS_AT_ONCE + 6, 1, 1]


def test_runs_go_when_they_ended_long_enough_ago() -> None:
    async def world() -> tuple[int, set[int]]:
        journal = MemoryJournal()
        journal.open()
        clock = VirtualClock()
        now = clock.now()
        writer = InlineWriter(journal, on_failure=lambda error: None)
        ended = 2 * RUNS_AT_ONCE + 3
        for number in range(1, ended + 1):
            await writer.submit(start(number, start_time=now - 9 * HOUR))
            await writer.submit(end(number, 2, end_time=now - 3 * HOUR))
        # One that began as long ago and has just ended, and one that is open.
        await writer.submit(start(ended + 1, start_time=now - 9 * HOUR))
        await writer.submit(end(ended + 1, 2, end_time=now - HOUR))
        await writer.submit(start(ended + 2, start_time=now - 9 * HOUR))
        upkeep = Upkeep(clock, journal, writer, 2 * HOUR, Cuts(writer, lambda run_id: False))
        upkeep.start()
        await asyncio.sleep(EVERY_SECONDS + 1)
        numbers = range(1, ended + 3)
        rows = journal.get_runs([run_id(number) for number in numbers])
        left = {n for n, row in zip(numbers, rows, strict=True) if row is not None}
        await asyncio.sleep(HOUR / 1_000_000)
        [row] = journal.get_runs([run_id(ended + 1)])
        assert row is None
        await upkeep.stop()
        return ended, left

    ended, left = run_in_virtual_time(world())
    assert left == {ended + 1, ended + 2}
