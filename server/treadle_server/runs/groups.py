"""Run groups: starting one, and how it stands."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from treadle_server.definitions.errors import InputInvalid, Violation
from treadle_server.definitions.group.decider import GROUP
from treadle_server.engine.group import GroupProgress
from treadle_server.engine.transitions import ENDED
from treadle_server.engine.values import Payload
from treadle_server.runs.definitions import Definitions
from treadle_server.runs.errors import NotFound, RunNotFound
from treadle_server.runs.hot import HotRun
from treadle_server.runs.model import (
    GroupItem,
    GroupRequest,
    GroupView,
    RunReference,
    Started,
    StartRequest,
)
from treadle_server.runs.query import Queries

MAX_INPUT_BYTES = 2 * 1024 * 1024


class Groups:
    """See the module's docstring."""

    def __init__(
        self,
        *,
        definitions: Definitions,
        queries: Queries,
        start: Callable[[list[StartRequest]], Awaitable[list[Started | Exception]]],
    ) -> None:
        self._definitions = definitions
        self._queries = queries
        self._start = start
        self._ended: GroupView | None = None
        """The last one that was looked at and had ended: its members are read page by page."""

    async def start(self, request: GroupRequest) -> Started:
        """Starts a group. Raises `InputInvalid`, also for a workflow that is not deployed, and what
        a start raises.
        """
        await self._check(request)
        given: dict[str, Any] = {
            "items": [_item(item) for item in request.items],
            "quota": request.quota,
            "counts_ended": request.counts_ended,
            "leaves": request.leaves,
        }
        if request.duration is not None:
            given["duration"] = request.duration
        try:
            data = json.dumps(given, separators=(",", ":"), ensure_ascii=False).encode()
        except (UnicodeEncodeError, RecursionError):
            fault = Violation("items", "hold what is no valid Unicode, or nested too deeply")
            raise InputInvalid([fault]) from None
        if len(data) > MAX_INPUT_BYTES:
            raise InputInvalid(
                [
                    Violation(
                        "items", f"are {len(data):,} bytes in all; {MAX_INPUT_BYTES:,} are possible"
                    )
                ]
            )
        [answer] = await self._start(
            [
                StartRequest(
                    namespace=request.namespace,
                    workflow=GROUP,
                    version=1,
                    workflow_id=request.workflow_id,
                    input=Payload(data),
                    request_id=request.request_id,
                    content_hash=request.content_hash,
                    traceparent=request.traceparent,
                )
            ]
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _check(self, request: GroupRequest) -> None:
        checked: set[tuple[str, int]] = set()
        for number, item in enumerate(request.items):
            if (item.workflow, item.version) in checked:
                continue
            checked.add((item.workflow, item.version))
            try:
                version = item.version or await self._definitions.current(
                    request.namespace, item.workflow
                )
                await self._definitions.compiled(request.namespace, item.workflow, version)
                if item.version:
                    await self._definitions.must_be_startable(
                        request.namespace, item.workflow, version
                    )
            except NotFound as error:
                raise InputInvalid(
                    [Violation(f"items[{number}].workflow", error.message)]
                ) from None

    async def view(self, reference: RunReference) -> GroupView:
        """How a group stands. Raises `NotFound`."""
        run_id = self._queries.find(reference).run_id
        if self._ended is not None and self._ended.run_id == run_id:
            return self._ended
        view = _view(await self._queries.settled(run_id))
        if view.stage in ENDED:
            self._ended = view
        return view


def _item(item: GroupItem) -> dict[str, Any]:
    found: dict[str, Any] = {"workflow": item.workflow, "input": item.input}
    if item.version:
        found["version"] = item.version
    if item.workflow_id:
        found["workflow_id"] = item.workflow_id
    return found


def _view(hot: HotRun) -> GroupView:
    group = hot.state.progress
    if not isinstance(group, GroupProgress):
        raise RunNotFound(f"run {hot.run_id.hex()} is no group; it runs {hot.row.workflow!r}")
    total = 0 if group.started is None else group.started.total
    return GroupView(
        run_id=hot.run_id,
        stage=hot.state.stage,
        total=total,
        quota=0 if group.started is None else group.started.quota,
        counts=dict(group.ended),
        running=group.open,
        not_started=total - len(group.members),
        reason=group.reason,
        members=list(group.members),
    )
