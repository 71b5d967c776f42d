"""The loop that wakes runs: how often it reads what is due."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.journal.make import start
from treadle_server.clock import SystemClock
from treadle_server.journal.sqlite import SqliteJournal
from treadle_server.timers.loop import HORIZON_ROWS, TimerLoop


async def test_more_wakes_at_one_moment_than_it_knows_do_not_keep_the_loop_busy(
    tmp_path: Path,
) -> None:
    clock = SystemClock()
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.open()
    due = clock.now() + 20_000_000
    journal.commit([start(n, wake_time=due + n) for n in range(1, HORIZON_ROWS + 501)])
    reads = 0

    def read_due(until: int, limit: int) -> list[tuple[int, bytes]]:
        nonlocal reads
        reads += 1
        return journal.due(until, limit)

    async def wake(_runs: list[bytes]) -> None:
        raise AssertionError("nothing is due")

    loop = TimerLoop(clock, wake, read_due)
    loop.start()
    await asyncio.sleep(1.0)
    await loop.stop()
    journal.close()
    assert reads == 1
