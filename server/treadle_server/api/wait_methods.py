"""The methods of `RunService` that wait for runs to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from treadle.v1 import run_service_pb2 as messages
from treadle_server.api import checks, convert, requests
from treadle_server.api.errors import invalid, item_status
from treadle_server.engine.errors import Refusal
from treadle_server.engine.values import Duration
from treadle_server.runs.ends import Ends
from treadle_server.runs.model import RunEnd
from treadle_server.runs.service import Runs

WAIT_DEFAULT: Duration = 20 * 1_000_000


class WaitMethods:
    """A part of `RunService`."""

    _runs: Runs
    _longest_wait: Duration

    async def WaitRun(
        self, request: messages.WaitRunRequest, _context: Any
    ) -> messages.WaitRunResponse:
        """Waits for a run's end."""
        timeout = WAIT_DEFAULT
        if request.HasField("timeout"):
            timeout = min(checks.duration("timeout", request.timeout), self._longest_wait)
        return convert.wait_response(await self._runs.wait(requests.reference(request), timeout))

    async def WaitRuns(
        self, asked: AsyncIterator[messages.WaitRunsRequest], _context: Any
    ) -> AsyncIterator[bytes]:
        """Waits for the ends of many runs."""
        first = await anext(asked, None)
        if first is None:
            return
        namespace = checks.namespace(first.namespace)
        ends = self._runs.ends(namespace)
        reading = asyncio.ensure_future(_read_waits(ends, namespace, first, asked))
        try:
            while found := await ends.next():
                yield _answer(found).SerializeToString()
        finally:
            reading.cancel()
            ends.close()


async def _read_waits(
    ends: Ends,
    namespace: str,
    first: messages.WaitRunsRequest,
    others: AsyncIterator[messages.WaitRunsRequest],
) -> None:
    try:
        _take_waits(ends, namespace, first)
        async for request in others:
            _take_waits(ends, namespace, request)
    except Exception as error:  # noqa: BLE001 - the call ends with it, from where it is answered
        ends.no_more(error)
    else:
        ends.no_more()


def _take_waits(ends: Ends, namespace: str, request: messages.WaitRunsRequest) -> None:
    if request.namespace not in ("", namespace):
        raise invalid("namespace", "must be empty or that of the first request")
    for number, run_id in enumerate(checks.batch("run_ids", request.run_ids)):
        ends.add(checks.run_id(f"run_ids[{number}]", run_id, required=True))
    for number, run_id in enumerate(request.forget_run_ids):
        ends.forget(checks.run_id(f"forget_run_ids[{number}]", run_id))


def _answer(ends: Mapping[bytes, RunEnd | Refusal]) -> messages.WaitRunsResponse:
    """Runs that have ended, and why others cannot be waited for."""
    response = messages.WaitRunsResponse()
    for run_id, end in ends.items():
        if isinstance(end, RunEnd):
            response.ends.add(run_id=convert.run_id_text(run_id), end=convert.wait_response(end))
        else:
            response.ends.add(run_id=convert.run_id_text(run_id), status=item_status(end))
    return response
