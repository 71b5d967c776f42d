"""The methods of `treadle.v1.RunService` that answer with a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from treadle.v1 import run_service_pb2 as messages
from treadle_server.api import checks, convert, requests
from treadle_server.api.group_methods import group_status
from treadle_server.runs.service import Runs


class WatchMethods:
    """One method per RPC, found by its name."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def WatchRun(
        self, request: messages.WatchRunRequest, _context: Any
    ) -> AsyncIterator[bytes]:
        """Streams events."""
        after_seq = checks.count("after_seq", request.after_seq, low=0, high=2**62)
        async for records in self._runs.watch(requests.reference(request), after_seq):
            yield convert.event_bytes(records, after_seq)

    async def WatchRuns(
        self, request: messages.WatchRunsRequest, _context: Any
    ) -> AsyncIterator[bytes]:
        """Streams the events of all runs."""
        after = checks.count("after_position", request.after_position, low=0, high=2**62)
        watched = self._runs.watch_all(
            checks.namespace(request.namespace),
            workflow=checks.identifier("workflow", request.workflow) or None,
            after_position=None if request.from_now else after,
        )
        async for found, position in watched:
            yield convert.watched(found, position).SerializeToString()

    async def WatchGroup(
        self, request: messages.WatchGroupRequest, _context: Any
    ) -> AsyncIterator[bytes]:
        """Streams how a group stands."""
        async for view in self._runs.watch_group(requests.reference(request)):
            response = messages.WatchGroupResponse(status=group_status(view))
            yield response.SerializeToString()
