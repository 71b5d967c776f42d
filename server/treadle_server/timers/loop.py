"""The loop that wakes runs on time, at most `BATCH` between other inputs.

Memory holds the wakes of the near future only, up to a horizon; the rest are `wake_time`s of run
rows, which are read when the horizon moves on. So a million sleeping runs cost nothing here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from treadle_server.clock import Clock
from treadle_server.engine.values import Duration, Instant
from treadle_server.timers.schedule import Schedule

BATCH = 500
HORIZON: Duration = 60 * 1_000_000
HORIZON_ROWS = 10_000


class TimerLoop:
    """Calls `wake(run_ids)` with runs that are due.

    `read_due(until, limit)` gives (wake_time, run id) from the journal, earliest first.
    """

    def __init__(
        self,
        clock: Clock,
        wake: Callable[[list[bytes]], Awaitable[None]],
        read_due: Callable[[Instant, int], list[tuple[Instant, bytes]]],
        horizon: Duration = HORIZON,
    ) -> None:
        self._clock = clock
        self._wake = wake
        self._read_due = read_due
        self._schedule = Schedule()
        self._look_ahead = horizon
        self._horizon: Instant = 0
        self._margin: Duration = 0
        """So long before the horizon it is moved: half of what it was away when it was set."""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sleeps_until: Instant | None = None

    def start(self) -> None:
        """Begins; the first thing it does is to read what is due."""
        self._task = asyncio.create_task(self._run(), name="timers")

    async def stop(self) -> None:
        """Ends the loop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def arm(self, run_id: bytes, time: Instant | None) -> None:
        """The run is to be woken then. What lies beyond the horizon is left to its row."""
        if time is not None and time > self._horizon:
            time = None
        self._schedule.set(run_id, time)
        if time is not None and (self._sleeps_until is None or time < self._sleeps_until):
            self._changed.set()

    async def _run(self) -> None:
        while True:
            now = self._clock.now()
            due = self._schedule.take_due(now, BATCH)
            if not due and now + self._margin >= self._horizon:
                self._move_horizon(now)
                due = self._schedule.take_due(now, BATCH)
            if due:
                await self._wake(due)
                # Others first: a flood of timers must not keep requests waiting.
                await asyncio.sleep(0)
                continue
            await self._sleep(now)

    def _move_horizon(self, now: Instant) -> None:
        rows = self._read_due(now + self._look_ahead, HORIZON_ROWS)
        for time, run_id in rows:
            self._schedule.set(run_id, time)
        # With more rows than fit, the horizon is only as far as they reach.
        self._horizon = rows[-1][0] if len(rows) == HORIZON_ROWS else now + self._look_ahead
        self._margin = max(self._horizon - now, 0) // 2

    async def _sleep(self, now: Instant) -> None:
        next_time = self._schedule.next_time()
        look_again = self._horizon - self._margin
        until = look_again if next_time is None else min(next_time, look_again)
        self._sleeps_until = until
        self._changed.clear()
        try:
            async with asyncio.timeout(max(until - now, 0) / 1_000_000):
                await self._changed.wait()
        except TimeoutError:
            pass
        finally:
            self._sleeps_until = None
