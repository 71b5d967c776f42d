"""The client for asyncio: `Client` and `RunHandle`.

What each verb sends and reads is in `requests` and `values`; `blocking` has the same verbs without
asyncio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Unpack

import grpc
import grpc.aio

from treadle._client import requests, retry, statuses, values
from treadle._client.asynchronous_groups import StartsGroups
from treadle._client.requests import (
    ConflictPolicy,
    HasDocument,
    NamedVersion,
    ReusePolicy,
    Start,
    StartEvent,
    StartOptions,
    VersionState,
)
from treadle._client.values import (
    Definition,
    NodeExecution,
    Run,
    RunDescription,
    RunEvent,
    RunState,
    StartedRun,
)
from treadle.errors import RequestError
from treadle.v1 import definition_service_pb2, event_pb2, run_service_pb2


class Client(StartsGroups):
    """Deploys workflows, starts runs, looks at them and steers them, from asyncio.

        async with treadle.Client() as client:
            print(await client.run("order_processing", {"id": 17}))

    Args:
        address: host and port; `TREADLE_ADDRESS` if None, and 127.0.0.1:7400 without that.
        namespace: whose workflows and runs.
        call_timeout_seconds: how long one call may take (a deploy, and a call that waits, longer).
        retry_seconds: for how long an unreachable server is tried again before `ServerUnavailable`
            is raised.
        connection: a channel of your own (with credentials, say) instead of one to `address`;
            `close` closes it too.

    Every method raises errors of `treadle.errors`, never gRPC's own.
    """

    # --- definitions ---------------------------------------------------------------------------

    async def deploy(
        self,
        document: Mapping[str, object] | HasDocument | str,
        *,
        request_id: str | None = None,
        validate_only: bool = False,
    ) -> Definition:
        """Stores a document (mapping, `Graph` or JSON text) as its workflow's next version.

        Raises `InvalidRequest` with every fault's path; then nothing is stored. With
        `validate_only` nothing is stored either way.
        """
        request = requests.deploy(document, self.namespace, request_id, validate_only)
        response = await self._call(
            self._definitions.DeployDefinition, request, requests.EXTRA_DEPLOY_SECONDS
        )
        return values.deployed(response)

    async def update_version(
        self,
        workflow: str,
        version: int,
        *,
        state: VersionState | None = None,
        make_current: bool = False,
        force: bool = False,
    ) -> Definition:
        """Says what a version is for.

        Args:
            workflow: its name.
            version: its number.
            state: "active", "deprecated" (no new runs) or "retired" (no runs at all).
            make_current: new runs that name no version take this one.
            force: retire it although runs of it are open; they are paused.

        Raises `NotFound`, and `Conflict` if open runs are in the way.
        """
        request = definition_service_pb2.UpdateVersionRequest(
            namespace=self.namespace,
            workflow=workflow,
            version=version,
            state=requests.version_state(state),
            make_current=make_current,
            force=force,
        )
        response = await self._call(self._definitions.UpdateVersion, request)
        return values.definition(response.definition)

    async def get_definition(self, workflow: str, version: int = 0) -> Definition:
        """Reads one version; 0 is the current one. Raises `NotFound`."""
        request = definition_service_pb2.GetDefinitionRequest(
            namespace=self.namespace, workflow=workflow, version=version
        )
        response = await self._call(self._definitions.GetDefinition, request)
        return values.definition(response.definition)

    async def list_definitions(
        self, *, workflow: str | None = None, page_size: int = 0
    ) -> AsyncIterator[Definition]:
        """All versions by workflow name and number, without their documents."""
        request = definition_service_pb2.ListDefinitionsRequest(
            namespace=self.namespace, workflow=workflow or "", page_size=page_size
        )
        while True:
            response = await self._call(self._definitions.ListDefinitions, request)
            for message in response.definitions:
                yield values.definition(message)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    # --- starting ------------------------------------------------------------------------------

    async def start(
        self,
        workflow: str | NamedVersion,
        input: object = None,  # noqa: A002
        *,
        workflow_id: str | None = None,
        version: int = 0,
        request_id: str | None = None,
        run_timeout: timedelta | float | None = None,
        begin: datetime | timedelta | None = None,
        conflict_policy: ConflictPolicy | None = None,
        reuse_policy: ReusePolicy | None = None,
        events: Sequence[StartEvent] = (),
    ) -> RunHandle:
        """Starts a run; when this returns, the start is on disk.

        Args:
            workflow: the workflow, or its name.
            input: anything `treadle.payload.encode` takes.
            workflow_id: your own key; at most one open run has it. Made by the server if None.
            version: 0 is that of `workflow`, or the current one.
            request_id: the same id again gets the same run. A new one is made if None.
            run_timeout: seconds or a timedelta; as the definition says if None.
            begin: when, or after how long, the run is to do its first thing; it exists at once. Its
                run timeout counts from there.
            conflict_policy: what to do if an open run has the workflow id; "fail" if None.
            reuse_policy: what to do if an ended run has it; "allow_duplicate" if None.
            events: external events that the run has from its first moment; with the conflict policy
                "use_existing", an open run that has the workflow id is sent them.

        Raises `NotFound` (no such workflow), `AlreadyExists` (its `run_id` is the run in the way),
        `InvalidRequest`.
        """
        item = Start(
            workflow=workflow,
            input=input,
            workflow_id=workflow_id,
            version=version,
            request_id=request_id,
            run_timeout=run_timeout,
            begin=begin,
            conflict_policy=conflict_policy,
            reuse_policy=reuse_policy,
            events=events,
        )
        response = await self._call(self._runs.StartRun, requests.start(item, self.namespace))
        return RunHandle(self, response.run_id, values.started(response))

    async def run(
        self,
        workflow: str | NamedVersion,
        input: object = None,  # noqa: A002
        *,
        timeout: float | None = None,
        **options: Unpack[StartOptions],
    ) -> object:
        """Starts a run and waits for its output: `start` and `RunHandle.result`, in one call of the
        server's as a rule. If the connection breaks meanwhile, it waits for the same run again.

        Args:
            workflow: the workflow, or its name.
            input: anything `treadle.payload.encode` takes.
            timeout: seconds to wait at most; without limit if None.
            options: those of `start`.

        Raises what `start` and `RunHandle.result` raise.
        """
        item = Start(workflow=workflow, input=input, **options)
        return await self._run(requests.start(item, self.namespace), timeout)

    async def start_many(self, items: Iterable[Start]) -> list[RunHandle | RequestError]:
        """Starts many runs, up to 1,000 per call.

        Returns, in the order of `items`, a handle or the error that refused that one.
        """
        outcomes: list[RunHandle | RequestError] = []
        for request in list(requests.batches(items, self.namespace)):  # all are checked first
            response = await self._call(self._runs.BatchStartRuns, request)
            for item in response.items:
                if item.status.code:
                    outcomes.append(statuses.from_item(item.status))
                else:
                    outcomes.append(RunHandle(self, item.run.run_id, values.started(item.run)))
        return outcomes

    # --- looking -------------------------------------------------------------------------------

    def get_handle(self, run_id: str) -> RunHandle:
        """A handle for a run that was started elsewhere; asks the server nothing."""
        return RunHandle(self, run_id)

    async def list_runs(
        self,
        *,
        workflow: str | None = None,
        state: RunState | str | None = None,
        held: bool = False,
        page_size: int = 0,
    ) -> AsyncIterator[Run]:
        """Runs, newest first; pages are fetched as they are needed. `held`: only those that wait
        for a person, which are RUNNING.
        """
        request = run_service_pb2.ListRunsRequest(
            namespace=self.namespace,
            workflow=workflow or "",
            state=requests.run_state(state),
            held=held,
            page_size=page_size,
        )
        while True:
            response = await self._call(self._runs.ListRuns, request)
            for message in response.runs:
                yield values.run(message)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def list_nodes(
        self, run_id: str | None = None, *, workflow_id: str | None = None, page_size: int = 0
    ) -> AsyncIterator[NodeExecution]:
        """What happened to each node, in the order in which they began: times, attempts, input and
        output; each iteration of a loop and each item of a map for itself. Raises `NotFound`.
        """
        request = run_service_pb2.ListRunNodesRequest(
            namespace=self.namespace,
            page_size=page_size,
            **requests.named_run(run_id, workflow_id),
        )
        while True:
            response = await self._call(self._runs.ListRunNodes, request)
            for message in response.executions:
                yield values.execution(message)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def history(
        self, run_id: str | None = None, *, workflow_id: str | None = None, after_seq: int = 0
    ) -> AsyncIterator[event_pb2.Event]:
        """The events a run has now, in order, those after `after_seq`. Raises `NotFound`."""
        request = run_service_pb2.GetRunHistoryRequest(
            namespace=self.namespace,
            run_id=await self._resolve(run_id, workflow_id),
            after_seq=after_seq,
        )
        while True:
            response = await self._call(self._runs.GetRunHistory, request)
            for event in response.events:
                yield event
            if not response.next_after_seq:
                return
            request.after_seq = response.next_after_seq

    async def watch(
        self, run_id: str | None = None, *, workflow_id: str | None = None, after_seq: int = 0
    ) -> AsyncIterator[event_pb2.Event]:
        """A run's events, old ones first, then new ones as they happen; ends with the run.

        A lost connection is made again and the stream goes on after the last event seen: none is
        missing, none comes twice. Raises `NotFound`, and `ServerUnavailable` once the server was
        away for `retry_seconds`.
        """
        request = run_service_pb2.WatchRunRequest(
            namespace=self.namespace,
            run_id=await self._resolve(run_id, workflow_id),
            after_seq=after_seq,
        )
        backoff = retry.Backoff(self._retry_seconds)
        while True:
            stream = self._runs.WatchRun(request)
            try:
                async for response in stream:
                    backoff = retry.Backoff(self._retry_seconds)
                    for event in response.events:
                        if event.seq > request.after_seq:
                            request.after_seq = event.seq
                            yield event
                return
            except grpc.aio.AioRpcError as error:
                await self._wait_or_raise(error, backoff)
            finally:
                stream.cancel()

    async def watch_runs(
        self, *, workflow: str | None = None, after_position: int | None = None
    ) -> AsyncIterator[RunEvent]:
        """The events of all runs as they happen, also over restarts of the server.

        `workflow`: only its runs. `after_position`: what came after an event that was seen before;
        0 is from the beginning, None from now on.
        """
        request = run_service_pb2.WatchRunsRequest(
            namespace=self.namespace,
            workflow=workflow or "",
            after_position=after_position or 0,
            from_now=after_position is None,
        )
        backoff = retry.Backoff(self._retry_seconds)
        while True:
            stream = self._runs.WatchRuns(request)
            try:
                async for response in stream:
                    backoff = retry.Backoff(self._retry_seconds)
                    before = request.after_position
                    request.from_now, request.after_position = False, response.position
                    for event in values.run_events(response, before):
                        yield event
                return
            except grpc.aio.AioRpcError as error:
                await self._wait_or_raise(error, backoff)
            finally:
                stream.cancel()


class RunHandle:
    """One run.

    `started` is the server's answer to the start; None for a handle made by `Client.get_handle`.
    """

    def __init__(self, client: Client, run_id: str, started: StartedRun | None = None) -> None:
        self._client = client
        self.run_id = run_id
        self.started = started

    def __repr__(self) -> str:
        return f"<RunHandle {self.run_id}>"

    async def result(self, timeout: float | None = None) -> object:
        """Waits until the run has ended and returns its output.

        Args:
            timeout: seconds to wait at most; without limit if None.

        Raises `RunFailed`, `RunCancelled`, `RunTimedOut` or `RunTerminated` if it did not complete,
        `TimeoutError` if it has not ended in time; it goes on then.
        """
        return await self._client._result(self.run_id, timeout)

    async def describe(self, *, include_nodes: bool = False) -> RunDescription:
        """Describes the run as it is now. Raises `NotFound`."""
        return await self._client.get_run(self.run_id, include_nodes=include_nodes)

    def history(self, after_seq: int = 0) -> AsyncIterator[event_pb2.Event]:
        """The events the run has now, those after `after_seq`."""
        return self._client.history(self.run_id, after_seq=after_seq)

    def watch(self, after_seq: int = 0) -> AsyncIterator[event_pb2.Event]:
        """Events as they happen, until the run ends; see `Client.watch`."""
        return self._client.watch(self.run_id, after_seq=after_seq)

    async def cancel(self, reason: str = "") -> Run:
        """Asks the run to end. Raises `Conflict` if it has."""
        return await self._client.cancel(self.run_id, reason=reason)

    async def terminate(self, reason: str = "") -> Run:
        """Ends the run at once. Raises `Conflict` if it has ended."""
        return await self._client.terminate(self.run_id, reason=reason)

    async def update(
        self,
        name: str,
        input: object = None,  # noqa: A002
        *,
        update_id: str | None = None,
        timeout: float | None = None,
    ) -> object:
        """Asks the run's code to do something and waits for its answer; see `Client.update`."""
        return await self._client.update(
            name, input, run_id=self.run_id, update_id=update_id, timeout=timeout
        )

    async def send_event(
        self, name: str, payload: object = None, *, event_id: str | None = None
    ) -> Run:
        """Sends the run an external event; see `Client.send_event`."""
        return await self._client.send_event(name, payload, run_id=self.run_id, event_id=event_id)
