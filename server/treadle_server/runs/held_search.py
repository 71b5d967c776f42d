"""Finds runs that were held when the journal had no rows for them yet.

A journal from before is brought forward with a note of how far its log may speak of such runs. The
log is read up to there once, in the background and in small pieces; then the note goes. If the
server stops before, it begins anew: a run that has its row is passed over.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from treadle_server.engine.events import RunHeld, StateRecorded
from treadle_server.engine.inputs import Continue
from treadle_server.journal.codec import CodecError, has_any
from treadle_server.journal.port import Journal, JournalError, Record, Table
from treadle_server.journal.settled import Settled
from treadle_server.runs.errors import Busy, Stopping
from treadle_server.runs.hot import HotRun, HotRuns
from treadle_server.runs.rows import HELD_SEARCH
from treadle_server.runs.settled import until_settled
from treadle_server.runs.turns import Turns

RECORDS_AT_ONCE: Final = 200
"""Others wait for each batch: about 1 ms."""

BUSY_SECONDS: Final = 0.1

_log = structlog.get_logger(component="runs")


class HeldSearch:
    """See the module's docstring."""

    def __init__(self, journal: Journal, hot: HotRuns, turns: Turns) -> None:
        self._journal = journal
        self._hot = hot
        self._turns = turns
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins, if there is anything to look for."""
        [note] = self._journal.get(Table.META, [HELD_SEARCH])
        if note is not None:
            self._task = asyncio.create_task(self._run(int(note.value)), name="held-search")

    async def stop(self) -> None:
        """Ends; what is left is looked for after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, until: int) -> None:
        try:
            found = await self._search(until)
            self._turns.discard([(Table.META, HELD_SEARCH)])
        except (Busy, JournalError, Stopping):
            return  # the server is stopping, or too busy to strike the note out: next time, then
        except Exception as error:  # noqa: BLE001 - nothing else depends on it
            _log.error("runs that were held before the upgrade were not found", exc_info=error)
            return
        _log.info("looked for runs that were held before the upgrade", runs=found)

    async def _search(self, until: int) -> int:
        """Gives those that are held by now their rows; says how many."""
        total = position = 0
        while position < until:
            records = self._journal.read_log(position, RECORDS_AT_ONCE)
            if not records:
                break
            position = records[-1].position
            begun: list[Settled] = []
            for run_id in dict.fromkeys(one.run_id for one in records if _may_hold(one)):
                settled = await self._look_at(run_id)
                if settled is not None:
                    begun.append(settled)
            for settled in begun:
                total += await until_settled(settled)
            await asyncio.sleep(0)
        return total

    async def _look_at(self, run_id: bytes) -> Settled | None:
        """Writes the run's row if it is held and has none; the unit that does."""
        [row] = self._journal.get_runs([run_id])
        if row is None or row.end_time is not None or row.held:
            return None
        while True:
            hot = await self._loaded(run_id)
            if hot is None or hot.state.held is None:
                return None
            try:
                # A turn in which nothing happens brings the rows up to date.
                return self._turns.apply(hot, [Continue()]).settled
            except Busy:
                await asyncio.sleep(BUSY_SECONDS)

    async def _loaded(self, run_id: bytes) -> HotRun | None:
        """The run if it is open and can be read."""
        try:
            return await self._hot.load_open(run_id)
        except (JournalError, Stopping):
            raise
        except Exception as error:  # noqa: BLE001 - one broken run must not hide the others
            _log.error("a run could not be read", run_id=run_id.hex(), exc_info=error)
            return None


def _may_hold(record: Record) -> bool:
    """Whether its run may be held after it: of a history that was cut, a recorded state says so."""
    try:
        return has_any(record.body, (RunHeld, StateRecorded))
    except CodecError:  # its run cannot be loaded; `treadle journal check` says why
        return False
