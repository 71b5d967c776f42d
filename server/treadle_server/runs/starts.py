"""Starting runs: optimistic, because the journal itself refuses a workflow id or request id that is
taken.

So a start costs no look-up; only one that was refused is looked into.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from treadle_server.clock import Clock
from treadle_server.definitions.compiled import Compiled
from treadle_server.definitions.errors import DefinitionInvalid
from treadle_server.engine.errors import RunEnded
from treadle_server.engine.events import ChildRequested, RunContinued
from treadle_server.engine.ids import run_id_text
from treadle_server.engine.inputs import ReceiveEvent, StartRun
from treadle_server.engine.transitions import ENDED, RunStage
from treadle_server.engine.values import Failure, FailureKind, Instant, Payload
from treadle_server.ids import IdSource
from treadle_server.journal.port import Journal, Key, RunRow, Table
from treadle_server.runs.definitions import Definitions
from treadle_server.runs.errors import (
    AlreadyExists,
    NotFound,
    RequestIdReused,
    RunCompletedAlready,
    RunOpen,
    Stopping,
    VersionNotActive,
)
from treadle_server.runs.hot import HotRun
from treadle_server.runs.model import (
    ConflictPolicy,
    RetryRequest,
    ReusePolicy,
    Started,
    StartRequest,
)
from treadle_server.runs.query import Queries
from treadle_server.runs.retrying import outcomes
from treadle_server.runs.settled import until_settled
from treadle_server.runs.turns import Turns

_TRIES = 3

_NOT_AFTER: Final[Mapping[ReusePolicy, frozenset[int]]] = {
    ReusePolicy.ALLOW_DUPLICATE: frozenset(),
    ReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY: frozenset({int(RunStage.COMPLETED)}),
    ReusePolicy.REJECT_DUPLICATE: frozenset(int(stage) for stage in ENDED),
}
"""States of the newest ended run of a workflow id after which there is no other."""


class Starts:
    """See the module's docstring."""

    def __init__(
        self,
        *,
        clock: Clock,
        ids: IdSource,
        journal: Journal,
        definitions: Definitions,
        queries: Queries,
        turns: Turns,
        send: Callable[[bytes, ReceiveEvent], Awaitable[RunRow]],
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._journal = journal
        self._definitions = definitions
        self._queries = queries
        self._turns = turns
        self._send = send

    async def start(self, requests: list[StartRequest]) -> list[Started | Exception]:
        """Starts each; one that is refused does not touch the others."""
        # All are staged before any is waited for, so that they share a commit.
        staged = [await self._stage(request) for request in requests]
        return [
            await self._finish(request, one) for request, one in zip(requests, staged, strict=True)
        ]

    async def _stage(self, request: StartRequest) -> HotRun | Started | Exception:
        try:
            if request.reuse_policy is not ReusePolicy.ALLOW_DUPLICATE and request.workflow_id:
                self._check_reuse(request)
            compiled, version = await self._edition(
                request.namespace, request.workflow, partial(self._version, request)
            )
            return self._begin(request, compiled, version)
        except Exception as error:  # noqa: BLE001 - becomes the item's answer
            return self._earlier(request) or error

    async def _version(self, request: StartRequest) -> int:
        """The version that a start takes. Raises `NotFound`, `VersionNotActive`."""
        namespace, workflow, version = request.namespace, request.workflow, request.version
        if not version:
            return await self._definitions.current(namespace, workflow)
        if not request.retry_of:
            await self._definitions.must_be_startable(namespace, workflow, version)
        return version

    async def _edition(
        self, namespace: str, workflow: str, choose: Callable[[], Awaitable[int]]
    ) -> tuple[Compiled, int]:
        """A version, ready to run, and its number. Raises `NotFound`, and what `choose` raises.

        What was chosen before others had the loop, as the version was compiled, is chosen again:
        meanwhile it may have been retired.
        """
        while True:
            version = await choose()
            compiled = self._definitions.cached(namespace, workflow, version)
            if compiled is not None:
                return compiled, version
            await self._definitions.compiled(namespace, workflow, version)

    def _begin(self, request: StartRequest, compiled: Compiled, version: int) -> HotRun:
        completed = compiled.complete_input(request.input)
        now = self._clock.now()
        run_id = self._ids.run_id(now)
        workflow_id = request.workflow_id or run_id_text(run_id)
        row = RunRow(
            run_id=run_id,
            namespace=request.namespace,
            workflow_id=workflow_id,
            workflow=request.workflow,
            version=version,
            state=int(RunStage.RUNNING),
            start_time=now,
            request_id=request.request_id,
            request_hash=request.content_hash,
        )
        hot = HotRun(row, compiled.new_state(run_id), compiled)
        # Looked at before, too: but the run that has the id may be about to end.
        self._turns.apply(
            hot,
            [self._input(request, compiled, version, workflow_id, completed, now)],
            new=True,
            not_after=_NOT_AFTER[request.reuse_policy],
        )
        return hot

    @staticmethod
    def _input(
        request: StartRequest,
        compiled: Compiled,
        version: int,
        workflow_id: str,
        completed: Payload,
        now: Instant,
    ) -> StartRun:
        begin_time = now + request.begin_delay if request.begin_delay else request.begin_time
        return StartRun(
            workflow=request.workflow,
            version=version,
            workflow_id=workflow_id,
            rules=compiled.rules,
            input=completed,
            run_timeout=request.run_timeout or compiled.definition.run_timeout,
            begin_time=begin_time,
            traceparent=request.traceparent,
            actor=request.actor,
            request_id=request.request_id,
            retry_of=request.retry_of,
            seed=request.seed,
            events=request.events,
        )

    async def retry(self, request: RetryRequest) -> Started:
        """Starts a run of the same workflow id and version that begins with what the old one did.
        Raises `NotFound`, `RunOpen`, `RunCompletedAlready`, and what a start raises.
        """
        earlier = self._earlier(request)
        if isinstance(earlier, Exception):
            raise earlier
        if earlier is not None:
            return earlier
        old = self._queries.find(request.reference)
        run_id = run_id_text(old.run_id)
        if old.end_time is None:
            raise RunOpen(f"run {run_id} has not ended; cancel it first", run_id=run_id)
        if old.state == RunStage.COMPLETED:
            raise RunCompletedAlready(
                f"run {run_id} has completed; start a new one instead", run_id=run_id
            )
        compiled = await self._definitions.compiled(old.namespace, old.workflow, old.version)
        [loaded] = self._journal.load([old.run_id])
        assert loaded is not None, "its row was there"
        state = compiled.new_state(old.run_id)
        try:
            seed = outcomes(state, loaded[1], request.from_key)
        except (KeyError, ValueError):
            raise NotFound(
                f"run {run_id} has nothing with the key {request.from_key!r}",
                key=request.from_key,
            ) from None
        [answer] = await self.start(
            [
                StartRequest(
                    namespace=old.namespace,
                    workflow=old.workflow,
                    version=old.version,
                    workflow_id=old.workflow_id,
                    input=state.input if request.input is None else request.input,
                    request_id=request.request_id,
                    content_hash=request.content_hash,
                    traceparent=request.traceparent,
                    actor=request.actor,
                    retry_of=old.run_id,
                    seed=seed,
                )
            ]
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def start_child(
        self,
        namespace: str,
        parent_run_id: bytes,
        requested: ChildRequested,
        deletes: Sequence[tuple[Table, Key]],
    ) -> Failure | None:
        """Starts a run that another run asked for, unless that was done before; why it cannot be
        started. `deletes` go with it. Raises `Busy`, `Stopping`.
        """
        for _ in range(_TRIES):
            try:
                hot = await self._stage_child(namespace, parent_run_id, requested, deletes)
            except (NotFound, VersionNotActive, DefinitionInvalid) as error:
                return not_started(str(error))
            if await until_settled(hot.settled):
                return None
            [there] = self._journal.get_runs([requested.run_id])
            if there is not None:
                self._turns.discard(deletes)
                return None
            other = self._journal.find_run(namespace, requested.workflow_id)
            if other is not None and other.end_time is None:
                break
        return not_started(f"workflow id {requested.workflow_id!r} belongs to another open run")

    async def _stage_child(
        self,
        namespace: str,
        parent_run_id: bytes,
        requested: ChildRequested,
        deletes: Sequence[tuple[Table, Key]],
    ) -> HotRun:
        compiled, version = await self._edition(
            namespace, requested.workflow, partial(self._child_version, namespace, requested)
        )
        completed = compiled.complete_input(requested.input)
        row = RunRow(
            run_id=requested.run_id,
            namespace=namespace,
            workflow_id=requested.workflow_id,
            workflow=requested.workflow,
            version=version,
            state=int(RunStage.RUNNING),
            start_time=self._clock.now(),
        )
        start = StartRun(
            workflow=requested.workflow,
            version=version,
            workflow_id=requested.workflow_id,
            rules=compiled.rules,
            input=completed,
            run_timeout=compiled.definition.run_timeout,
            parent_run_id=parent_run_id,
            parent_key=requested.key,
            depth=requested.depth,
        )
        hot = HotRun(row, compiled.new_state(requested.run_id), compiled)
        self._turns.apply(hot, [start], new=True, deletes=deletes, asked=False)
        return hot

    async def _child_version(self, namespace: str, requested: ChildRequested) -> int:
        """One that its parent names is a part of the parent, whatever it is for by now."""
        return requested.version or await self._definitions.current(namespace, requested.workflow)

    async def start_next(
        self,
        namespace: str,
        run_id: bytes,
        continued: RunContinued,
        deletes: Sequence[tuple[Table, Key]],
    ) -> bool:
        """Starts the run that takes the place of `run_id`, which continued; False: once more, as
        somebody else has its workflow id for the moment. Raises `NotFound`, `Busy`, `Stopping`.
        """
        workflow = continued.workflow
        compiled, version = await self._edition(
            namespace, workflow, partial(self._next_version, namespace, run_id, continued)
        )
        row = RunRow(
            run_id=continued.next_run_id,
            namespace=namespace,
            workflow_id=continued.workflow_id,
            workflow=workflow,
            version=version,
            state=int(RunStage.RUNNING),
            start_time=self._clock.now(),
        )
        start = StartRun(
            workflow=workflow,
            version=version,
            workflow_id=continued.workflow_id,
            rules=compiled.rules,
            input=continued.input,
            run_timeout=compiled.definition.run_timeout,
            parent_run_id=continued.parent_run_id,
            parent_key=continued.parent_key,
            depth=continued.depth,
            events=continued.events,
        )
        hot = HotRun(row, compiled.new_state(continued.next_run_id), compiled)
        self._turns.apply(hot, [start], new=True, deletes=deletes, asked=False)
        if await until_settled(hot.settled):
            return True
        [there] = self._journal.get_runs([continued.next_run_id])
        if there is not None:
            self._turns.discard(deletes)
        return there is not None

    async def _next_version(self, namespace: str, run_id: bytes, continued: RunContinued) -> int:
        """The one it asked for, or the current one; if none is, that of the run before: to continue
        is to go on, which runs that are open may.
        """
        try:
            return continued.next_version or await self._definitions.current(
                namespace, continued.workflow
            )
        except VersionNotActive:
            [row] = self._journal.get_runs([run_id])
            if row is None:
                raise
            return row.version

    async def _finish(self, request: StartRequest, staged: Any) -> Started | Exception:
        if not isinstance(staged, HotRun):
            assert isinstance(staged, Started | Exception)
            return staged
        try:
            for _ in range(_TRIES):
                if await until_settled(staged.settled):
                    row = staged.row
                    return Started(
                        run_id=row.run_id,
                        workflow_id=row.workflow_id,
                        version=row.version,
                        started=True,
                    )
                explained = self._explain(request)
                if isinstance(explained, Started):
                    explained = await self._send_events(request, explained)
                if explained is not None:
                    return explained
                # What stood in the way is gone: the other run has ended meanwhile.
                again = await self._stage(request)
                if not isinstance(again, HotRun):
                    return again
                staged = again
        except Exception as error:  # noqa: BLE001 - becomes the item's answer
            return error
        return Stopping(
            "the run could not be started, because its workflow id keeps changing hands; try again"
        )

    async def _send_events(self, request: StartRequest, there: Started) -> Started | None:
        """Gives the run that is there what came with the start; None if it has ended meanwhile.
        A repeat of the start that began it finds the events there.
        """
        for event in request.events:
            received = ReceiveEvent(
                event_id=event.event_id,
                name=event.name,
                payload=event.payload,
                actor=request.actor,
            )
            try:
                await self._send(there.run_id, received)
            except RunEnded:
                return there if self._is_of(request, there) else None
        return there

    def _is_of(self, request: StartRequest, there: Started) -> bool:
        """Whether this very request started the run."""
        [row] = self._journal.get_runs([there.run_id])
        return row is not None and bool(request.request_id) and row.request_id == request.request_id

    def _explain(self, request: StartRequest) -> Started | Exception | None:
        """Why the journal refused it; None if there is no reason any more."""
        earlier = self._earlier(request)
        if earlier is not None:
            return earlier
        if not request.workflow_id:
            return None
        other = self._journal.find_run(request.namespace, request.workflow_id)
        if other is None or other.end_time is not None:
            return None
        if request.conflict_policy is ConflictPolicy.USE_EXISTING:
            return _existing(other)
        run_id = run_id_text(other.run_id)
        return AlreadyExists(
            f"workflow id {request.workflow_id!r} belongs to the open run {run_id}; wait for "
            f"it, cancel it, or start "
            "with conflict policy USE_EXISTING",
            run_id=run_id,
            workflow_id=request.workflow_id,
        )

    def _earlier(self, request: StartRequest | RetryRequest) -> Started | Exception | None:
        """What this request id was answered with before."""
        if not request.request_id:
            return None
        asked = request if isinstance(request, StartRequest) else request.reference
        earlier = self._journal.find_request(asked.namespace, request.request_id)
        if earlier is None:
            return None
        if earlier.request_hash == request.content_hash:
            return _existing(earlier)
        return RequestIdReused(
            f"request id {request.request_id!r} started another run with other content; "
            f"take a new one",
            run_id=run_id_text(earlier.run_id),
        )

    def _check_reuse(self, request: StartRequest) -> None:
        other = self._journal.find_run(request.namespace, request.workflow_id)
        if other is None or other.end_time is None:
            return
        if other.state in _NOT_AFTER[request.reuse_policy]:
            run_id = run_id_text(other.run_id)
            raise AlreadyExists(
                f"workflow id {request.workflow_id!r} was used by the run {run_id}, and the "
                f"reuse policy forbids another",
                run_id=run_id,
                workflow_id=request.workflow_id,
            )


def not_started(message: str) -> Failure:
    """Of a child: why it is not there."""
    return Failure(kind=FailureKind.CHILD_FAILED, message=message, non_retryable=True)


def _existing(row: RunRow) -> Started:
    return Started(
        run_id=row.run_id, workflow_id=row.workflow_id, version=row.version, started=False
    )
