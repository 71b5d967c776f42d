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
from treadle_server.engine.values import Duration, Instant
from treadle_server.journal.port import Journal, JournalError, Table
from treadle_server.journal.writer import Writer
from treadle_server.runs.cuts import EVERYTHING, Cuts

EVERY_SECONDS: Final = 60.0
ROWS_AT_ONCE: Final = 1_000
RUNS_AT_ONCE: Final = 50

_log = structlog.get_logger(component="runs")


class Upkeep:
    """Looks once a minute, and goes on while there is more. `retention` None: runs stay.

    A run of which `still_speaks` is true has messages on their way, which need its history. Those
    that the trace exporter has not read yet stay for as long again.
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
        now = self._clock.now()
        # A collector that stays away must not fill the disk: for so long again it is waited for.
        total = await self._delete_ended(now - 2 * self._retention, EVERYTHING)
        total += await self._delete_ended(now - self._retention, self._cuts.exported())
        if total:
            _log.info("deleted runs that ended long ago", runs=total)

    async def _delete_ended(self, before: Instant, exported: int) -> int:
        """Deletes those that ended before this time, and before this position of the log; says how
        many. Where the exporter has not come to the first of some, it has not come to others.
        """
        total = 0
        while found := self._journal.ended_runs(before, RUNS_AT_ONCE):
            run_ids = [run_id for run_id in found if not self._still_speaks(run_id)]
            if exported < EVERYTHING:
                run_ids = [one for one in run_ids if self._last_position(one) <= exported]
            if not run_ids:
                break
            total += await self._writer.carry_out(methodcaller("delete_runs", run_ids))
        return total

    def _last_position(self, run_id: bytes) -> int:
        [row] = self._journal.get_runs([run_id])
        if row is None:
            return 0  # somebody has just deleted it
        return self._journal.read_run(run_id, row.last_seq - 1, 1)[-1].position
