"""Ends: the runs, one or many, that one caller waits for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from treadle_server.engine.errors import Refusal
from treadle_server.journal.port import Journal
from treadle_server.runs.errors import RunNotFound, Stopping, TooManyWaits
from treadle_server.runs.hot import HotRun, HotRuns, Watcher
from treadle_server.runs.model import RunEnd
from treadle_server.runs.turns import until_settled

MAX_WAITED_FOR = 100_000
"""By one caller; about 300 bytes each."""


@dataclass(slots=True, eq=False)
class _Wait:
    run_id: bytes
    watcher: Watcher
    hot: HotRun | None = None
    """The run that has ended, until it is looked at."""


class Ends:
    """The runs that one caller waits for. To be closed. A run is told once, then forgotten.

    Those that are not in memory stay on the disk: they are told when something happens to them.
    """

    def __init__(
        self, namespace: str, journal: Journal, hot: HotRuns, stopping: Callable[[], bool]
    ) -> None:
        self._namespace = namespace
        self._journal = journal
        self._hot = hot
        self._stopping = stopping
        self._waits: dict[bytes, _Wait] = {}
        self._changed: dict[bytes, None] = {}
        """Runs to look at, in the order in which something happened to them."""
        self._something = asyncio.Event()
        self._complete = False
        self._failure: Exception | None = None

    def add(self, run_id: bytes) -> None:
        """Waits for a run; naming it again changes nothing. Raises `TooManyWaits`."""
        if run_id in self._waits:
            return
        if len(self._waits) >= MAX_WAITED_FOR:
            raise TooManyWaits(
                f"one stream waits for at most {MAX_WAITED_FOR} runs; open another one"
            )

        def watcher(hot: HotRun | None) -> None:
            if hot is None or hot.state.ended:
                wait.hot = hot
                self._look_at(run_id)

        wait = self._waits[run_id] = _Wait(run_id, watcher)
        # First the watch, then the look: whatever comes in between is seen by one of the two.
        self._hot.watch(run_id, watcher)
        self._look_at(run_id)

    def forget(self, run_id: bytes) -> None:
        """Waits for it no more."""
        wait = self._waits.pop(run_id, None)
        if wait is not None:
            self._hot.unwatch(run_id, wait.watcher)
            self._changed.pop(run_id, None)

    def no_more(self, failure: Exception | None = None) -> None:
        """Nothing will be added. `next` raises the failure, or ends with the last run."""
        self._complete, self._failure = True, failure
        self._something.set()

    def close(self) -> None:
        """Waits for nothing more."""
        for run_id in list(self._waits):
            self.forget(run_id)

    async def next(self) -> dict[bytes, RunEnd | Refusal]:
        """The runs that have ended since the last call, or why there is nothing to wait for; waits
        until there is one. Nothing: there will be none. Raises `Stopping`.
        """
        found: dict[bytes, RunEnd | Refusal] = {}
        while not found and not (self._complete and not self._waits):
            await self._something.wait()
            self._something.clear()
            if self._failure is not None:
                raise self._failure
            if self._stopping():
                raise Stopping("the server is stopping; wait again")
            changed, self._changed = self._changed, {}
            for run_id in changed:
                wait = self._waits.get(run_id)
                if wait is None:
                    continue
                try:
                    end = await self._end(wait)
                except Refusal as refusal:
                    found[run_id] = refusal
                else:
                    if end is None:
                        continue
                    found[run_id] = end
                self.forget(run_id)
        return found

    def _look_at(self, run_id: bytes) -> None:
        self._changed[run_id] = None
        self._something.set()

    async def _end(self, wait: _Wait) -> RunEnd | None:
        """How a run has ended; None if it has not, as far as the disk knows."""
        # What was told stays told: a run that has ended has left memory meanwhile, and to bring it
        # back would be to read and fold its whole history.
        hot, wait.hot = wait.hot, None
        if hot is None or hot.dropped:
            hot = self._hot.get(wait.run_id)
        if hot is None:
            [row] = self._journal.get_runs([wait.run_id])
            if row is not None and row.end_time is None:
                return None
            hot = await self._hot.load(wait.run_id)
        if hot.namespace != self._namespace:
            run_id = uuid.UUID(bytes=wait.run_id)
            raise RunNotFound(f"there is no run {run_id} in namespace {self._namespace!r}")
        if not hot.state.ended or not await until_settled(hot.settled):
            return None
        ending = hot.state.ending
        failure = None if ending is None else ending.failure
        return RunEnd(hot.row, hot.state.output, failure, hot.state.next_run_id)
