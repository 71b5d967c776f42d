"""A server in the test's own process: everything of the real one but the socket and the disk.

Its journal is in memory and outlives a crash. Needs the package's `server` extra.
"""

from __future__ import annotations

import asyncio
import random
from datetime import datetime

from treadle._ids import uuid7
from treadle.testing.channel import Listener
from treadle_server.api.handlers import handlers
from treadle_server.engine.values import Instant
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.writer import InlineWriter
from treadle_server.runs.service import Runs

_SECRET = b"the test kit's secret for tokens"
_CENTURY = 100 * 365 * 86_400 * 1_000_000
"""Nothing in the server wakes up for its own sake: time can jump to what a run waits for."""


class VirtualClock:
    """The server's clock: the loop's time from a given moment on."""

    def __init__(self, start_time: datetime) -> None:
        elapsed = asyncio.get_running_loop().time()
        self._epoch = round((start_time.timestamp() - elapsed) * 1_000_000)

    def now(self) -> Instant:
        """See `treadle_server.clock.Clock`."""
        return self._epoch + round(asyncio.get_running_loop().time() * 1_000_000)


class _SeededIds:
    """The same run ids in the same order, so that a test repeats in everything."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def run_id(self, now: Instant) -> bytes:
        """See `treadle_server.ids.IdSource`."""
        return uuid7(now // 1_000, self._random.randbytes(10))


class InProcessServer:
    """Starts, crashes and starts again on one journal."""

    def __init__(self, start_time: datetime, seed: int) -> None:
        self._clock = VirtualClock(start_time)
        self._ids = _SeededIds(seed)
        self._journal = MemoryJournal()
        self.listener: Listener | None = None

    def now(self) -> Instant:
        """The server's time."""
        return self._clock.now()

    def start(self) -> None:
        """A new life: opens the journal, recovers, serves."""
        info = self._journal.open()
        self._writer = InlineWriter(self._journal, on_failure=self._failed)
        self._runs = Runs(
            clock=self._clock,
            ids=self._ids,
            journal=self._journal,
            writer=self._writer,
            token_secret=_SECRET,
            timer_horizon=2 * _CENTURY,
            upkeep=False,
        )
        served = handlers(self._runs, self._clock, _SECRET, longest_wait=_CENTURY)
        self.listener = Listener(served)
        self._runs.start_serving(info)

    async def crash(self) -> None:
        """`kill -9`: who waits for an answer gets none; what was acknowledged is on the journal."""
        if self.listener is None:
            return
        listener, self.listener = self.listener, None
        listener.die()
        await self._runs.stop()
        await self._writer.close()
        self._journal.crash()

    def _failed(self, error: BaseException) -> None:
        raise AssertionError("the kit's server failed") from error
