"""Forgets what has served its time: answers kept for repeated request ids, runs that ended long
ago, what came before the recorded states of long-lived ones.

Ended runs go by the time they ended, not began, as a long run may just have ended (the bug of
dbos-transact-golang#469); in small batches, as others wait for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import methodcaller
from typing import Final

import structlog

from treadle_server.clock import Clock
from treadle_server.engine.values import Duration
from treadle_server.journal.port import Journal, JournalError, Table
from treadle_server.journal.writer import Writer
from treadle_server.runs.cuts import Cuts

EVERY_SECONDS: Final = 60.0
ROWS_AT_ONCE: Final = 1_000
RUNS_AT_ONCE: Final = 50

_log = structlog.get_logger(component="runs")


class Upkeep:
    """Looks once a minute, and goes on while there is more. `retention` None: runs stay.

    A run of which `still_speaks` is true has messages on their way, which need its history.
    """

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        writer: Writer,
        retention: Duration | None,
        cuts: Cuts,
        still_speaks: Callable[[bytes], bool] = lambda run_id: False,
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._writer = writer
        self._retention = retention
        self._cuts = cuts
        self._still_speaks = still_speaks
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins."""
        self._tasks = [
            asyncio.create_task(self._run(), name="upkeep"),
            asyncio.create_task(self._cuts.keep_cutting(), name="cuts"),
        ]

    async def stop(self) -> None:
        """Ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self._forget_requests()
                await self._delete_runs()
            except JournalError:
                return  # the server is stopping
            except Exception as error:  # noqa: BLE001 - it is tried again in a minute
                _log.error("what has served its time could not be forgotten", exc_info=error)

    async def _forget_requests(self) -> None:
        now = self._clock.now()
        count = ROWS_AT_ONCE
        while count == ROWS_AT_ONCE:
            count = await self._writer.carry_out(
                lambda journal: journal.trim(Table.REQUEST, now, ROWS_AT_ONCE)
            )

    async def _delete_runs(self) -> None:
        if self._retention is None:
            return
        before = self._clock.now() - self._retention
        total = 0
        while found := self._journal.ended_runs(before, RUNS_AT_ONCE):
            run_ids = [run_id for run_id in found if not self._still_speaks(run_id)]
            if not run_ids:
                break
            total += await self._writer.carry_out(methodcaller("delete_runs", run_ids))
        if total:
            _log.info("deleted runs that ended long ago", runs=total)
