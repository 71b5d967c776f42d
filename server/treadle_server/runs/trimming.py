"""Forgets what has served its time: answers kept for repeated request ids."""

from __future__ import annotations

import asyncio

import structlog

from treadle_server.clock import Clock
from treadle_server.journal.port import JournalError, Table
from treadle_server.journal.writer import Writer

EVERY_SECONDS = 60.0
AT_ONCE = 1_000
"""Rows in one transaction: others wait for it."""

_log = structlog.get_logger(component="runs")


class Trimmer:
    """Looks once a minute, and goes on while there is more."""

    def __init__(self, clock: Clock, writer: Writer) -> None:
        self._clock = clock
        self._writer = writer
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._task = asyncio.create_task(self._run(), name="trimmer")

    async def stop(self) -> None:
        """Ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                count = AT_ONCE
                while count == AT_ONCE:
                    count = await self._writer.trim(Table.REQUEST, self._clock.now(), AT_ONCE)
            except JournalError:
                return  # the server is stopping
            except Exception as error:  # noqa: BLE001 - it is tried again in a minute
                _log.error("old request ids could not be forgotten", exc_info=error)
