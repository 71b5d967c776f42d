"""Deletes ended runs when somebody says so."""

from __future__ import annotations

import structlog

from treadle_server.journal.writer import Writer
from treadle_server.runs.errors import Busy, RunOpen
from treadle_server.runs.hot import HotRuns
from treadle_server.runs.messages import Messages
from treadle_server.runs.model import RunReference
from treadle_server.runs.query import Queries
from treadle_server.runs.settled import until_settled

_log = structlog.get_logger(component="runs")


class Deletion:
    """See the module's docstring."""

    def __init__(self, writer: Writer, hot: HotRuns, queries: Queries, messages: Messages) -> None:
        self._writer = writer
        self._hot = hot
        self._queries = queries
        self._messages = messages

    async def delete(self, reference: RunReference, *, actor: str, reason: str) -> None:
        """Deletes a run and its history for good. Raises `NotFound`, `RunOpen`,
        `Busy`.

        Nothing of the run is left that could say who did it, so that goes to the log.
        """
        run_id = self._queries.find(reference).run_id
        hot = self._hot.get(run_id)
        if hot is not None:
            await until_settled(hot.settled)
        if self._messages.sends(run_id):
            # A letter names its sender's event: without it, nobody could read it after a crash.
            raise Busy("what the run has said to others is on its way; try again in a moment")
        if not await self._writer.carry_out(lambda journal: journal.delete_runs([run_id])):
            self._queries.find(RunReference(namespace=reference.namespace, run_id=run_id))
            raise RunOpen(f"run {run_id.hex()} has not ended; cancel or terminate it first")
        _log.info("deleted a run", run_id=run_id.hex(), actor=actor, reason=reason)
