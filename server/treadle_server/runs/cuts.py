"""Cuts the histories of runs that live for years: what came before a recorded state is deleted once
nobody reads it any more.

What is to be cut is remembered in memory only. After a restart nothing is cut until the run's state
is recorded again; then all that came before is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import Final

from treadle_server.engine.events import Event, StateRecorded
from treadle_server.journal.port import JournalError
from treadle_server.journal.writer import Writer

RECORDS_AT_ONCE: Final = 1_000
"""Others wait for each batch: about 5 ms."""

PAUSE_SECONDS: Final = 5.0
EVERYTHING: Final = 2**62


class Cuts:
    """See the module's docstring. A run of which `still_speaks` is true has messages on their way,
    which need its history. `exported`: up to which position the log was read by the trace exporter.
    """

    def __init__(self, writer: Writer, still_speaks: Callable[[bytes], bool]) -> None:
        self._writer = writer
        self._still_speaks = still_speaks
        self.exported: Callable[[], int] = lambda: EVERYTHING
        self._wanted: dict[bytes, tuple[int, int]] = {}
        """Run -> (what came before this seq can go, the position that was then)."""
        self._some = asyncio.Event()

    def note(self, run_id: bytes, events: Sequence[Event], position: int) -> None:
        """These were committed."""
        for event in events:
            if isinstance(event, StateRecorded) and event.keeps_from:
                self._wanted[run_id] = event.keeps_from, position
                self._some.set()

    async def keep_cutting(self) -> None:
        """Cuts whenever there is something to cut, with a pause in between; ends when the journal
        does.
        """
        while True:
            await self._some.wait()
            self._some.clear()
            try:
                await self.carry_out()
            except JournalError:
                return
            if self._wanted:  # what could not go yet
                self._some.set()
            await asyncio.sleep(PAUSE_SECONDS)

    async def carry_out(self) -> int:
        """Deletes what can go now; says how many records that were. Raises `JournalError`."""
        total = 0
        for run_id, (before_seq, position) in list(self._wanted.items()):
            if self._still_speaks(run_id) or self.exported() < position:
                continue
            count = RECORDS_AT_ONCE
            while count == RECORDS_AT_ONCE:
                delete = methodcaller("delete_records", run_id, before_seq, RECORDS_AT_ONCE)
                count = await self._writer.carry_out(delete)
                total += count
            if self._wanted.get(run_id) == (before_seq, position):
                del self._wanted[run_id]
        return total
