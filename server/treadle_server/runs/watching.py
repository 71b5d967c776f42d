"""Following what happens: to a run, to all of them, to a group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from treadle_server.engine.transitions import ENDED
from treadle_server.journal.port import Journal, Record, RunRow
from treadle_server.runs.errors import Stopping
from treadle_server.runs.groups import Groups
from treadle_server.runs.hot import HotRuns
from treadle_server.runs.log_end import LogEnd
from treadle_server.runs.model import GroupView, RunReference
from treadle_server.runs.query import WATCH_BYTES, Queries

LOG_PAGE = 200

GROUP_EVERY_SECONDS = 0.1
"""A group's watcher is told of changes no more often than this."""


class Watching:
    """See the module's docstring. All of it ends when `queries` is stopping."""

    def __init__(
        self,
        *,
        journal: Journal,
        hot: HotRuns,
        queries: Queries,
        groups: Groups,
        log_end: LogEnd,
    ) -> None:
        self._journal = journal
        self._hot = hot
        self._queries = queries
        self._groups = groups
        self._log_end = log_end

    async def run(self, reference: RunReference, after_seq: int) -> AsyncIterator[list[Record]]:
        """Records as they are committed; ends with the run."""
        run_id = self._queries.find(reference).run_id
        with self._hot.watched(run_id) as changed:
            while not self._queries.stopping:
                changed.clear()
                # Whether it has ended is asked before reading: what comes between is read in the
                # next round.
                [row] = self._journal.get_runs([run_id])
                while records := self._journal.read_run(run_id, after_seq, WATCH_BYTES):
                    after_seq = records[-1].base_seq + records[-1].count - 1
                    yield records
                if row is None or row.end_time is not None:
                    return
                await changed.wait()
        raise Stopping("the server is stopping; watch again with the last seq")

    async def all_runs(
        self, namespace: str, *, workflow: str | None, after_position: int | None
    ) -> AsyncIterator[tuple[list[tuple[RunRow, Record]], int]]:
        """Records of all runs as they are committed, with the position that was come to; None:
        from now on. Gives nothing but the position if what came is not of interest.
        """
        position = self._log_end.position if after_position is None else after_position
        yield [], position  # who began with "from now on" and is interrupted misses nothing
        with self._log_end.watched() as changed:
            while not self._queries.stopping:
                changed.clear()
                records = self._journal.read_log(position, LOG_PAGE)
                for part in _parts(records):
                    position = part[-1].position
                    yield self._of(namespace, workflow, part), position
                if records:
                    await asyncio.sleep(0)
                else:
                    yield [], position
                    await changed.wait()
        raise Stopping("the server is stopping; watch again with the last position")

    async def group(self, reference: RunReference) -> AsyncIterator[GroupView]:
        """How the group stands whenever that changes; ends with the group."""
        run_id = self._queries.find(reference).run_id
        before: GroupView | None = None
        with self._hot.watched(run_id) as changed:
            while not self._queries.stopping:
                changed.clear()
                view = await self._groups.view(reference)
                if before is None or _standing(view) != _standing(before):
                    yield view
                if view.stage in ENDED:
                    return
                before = view
                await changed.wait()
                await asyncio.sleep(GROUP_EVERY_SECONDS)
        raise Stopping("the server is stopping; watch again")

    def _of(
        self, namespace: str, workflow: str | None, records: list[Record]
    ) -> list[tuple[RunRow, Record]]:
        run_ids = list(dict.fromkeys(record.run_id for record in records))
        rows = dict(zip(run_ids, self._journal.get_runs(run_ids), strict=True))
        found: list[tuple[RunRow, Record]] = []
        for record in records:
            row = rows[record.run_id]
            if row is not None and row.namespace == namespace and workflow in (None, row.workflow):
                found.append((row, record))
        return found


def _parts(records: list[Record]) -> Iterator[list[Record]]:
    """The records in answers of a size that their readers take."""
    part: list[Record] = []
    size = 0
    for record in records:
        size += len(record.body)
        if part and size > WATCH_BYTES:
            yield part
            part, size = [], len(record.body)
        part.append(record)
    if part:
        yield part


def _standing(view: GroupView) -> tuple[Any, ...]:
    return view.stage, view.counts, view.running, view.reason
