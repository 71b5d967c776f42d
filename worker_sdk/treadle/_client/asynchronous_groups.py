"""Run groups, from asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import grpc.aio

from treadle._client import groups, retry
from treadle._client.asynchronous_steering import SteersRuns
from treadle._client.groups import GroupMember, GroupResult, GroupStatus
from treadle._client.requests import Start
from treadle.v1 import run_service_pb2

_PAGE = 1_000


class StartsGroups(SteersRuns):
    """The part of a client that starts many runs at once, and waits for them."""

    async def start_group(
        self,
        items: Iterable[Start],
        *,
        quota: int = 0,
        duration: timedelta | float | None = None,
        count_ended: bool = False,
        leave_rest: bool = False,
        workflow_id: str | None = None,
        request_id: str | None = None,
    ) -> GroupHandle:
        """Starts many runs as one group, which waits for them: a run of its own, on disk when this
        returns, that goes on whoever else comes and goes.

        Args:
            items: at most 20,000 runs, of whatever workflows; their `workflow`, `version`,
                `workflow_id` and `input` count.
            quota: wait until so many have completed; 0: for all. The wait is also over as soon as
                so many cannot complete any more.
            duration: wait no longer than this, seconds or a timedelta.
            count_ended: runs that failed or were cancelled count for the quota, too.
            leave_rest: what has not ended then goes on by itself; it is cancelled otherwise.
            workflow_id: your own key of the group; at most one open run has it.
            request_id: the same id again gets the same group. A new one is made if None.

        Raises `InvalidRequest`, also if the quota is more than there are runs or a workflow is not
        deployed: then nothing is started.
        """
        request = groups.start(
            items,
            self.namespace,
            quota=quota,
            duration=duration,
            count_ended=count_ended,
            leave_rest=leave_rest,
            workflow_id=workflow_id,
            request_id=request_id,
        )
        response = await self._call(self._runs.StartGroup, request)
        return GroupHandle(self, response.run_id)

    def get_group(self, run_id: str) -> GroupHandle:
        """A handle for a group that was started elsewhere; asks the server nothing."""
        return GroupHandle(self, run_id)


class GroupHandle:
    """One run group; `run_id` is its own."""

    def __init__(self, client: StartsGroups, run_id: str) -> None:
        self._client = client
        self.run_id = run_id

    def __repr__(self) -> str:
        return f"<GroupHandle {self.run_id}>"

    async def status(self) -> GroupStatus:
        """How many of its runs are in which state. Raises `NotFound`."""
        response = await self._client._call(self._client._runs.GetGroup, self._request())
        return groups.status(response.status)

    async def members(self) -> AsyncIterator[GroupMember]:
        """What became of each run that was started, in the order of the starts."""
        request = self._request()
        request.include_members, request.page_size = True, _PAGE
        while True:
            response = await self._client._call(self._client._runs.GetGroup, request)
            for message in response.members:
                yield groups.member(message)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def watch(self) -> AsyncIterator[GroupStatus]:
        """How it stands now, and whenever that changes; ends with the group."""
        request = run_service_pb2.WatchGroupRequest(
            namespace=self._client.namespace, run_id=self.run_id
        )
        backoff = retry.Backoff(self._client._retry_seconds)
        while True:
            stream = self._client._runs.WatchGroup(request)
            try:
                async for response in stream:
                    backoff = retry.Backoff(self._client._retry_seconds)
                    yield groups.status(response.status)
                return
            except grpc.aio.AioRpcError as error:
                await self._client._wait_or_raise(error, backoff)
            finally:
                stream.cancel()

    async def wait(self, timeout: float | None = None) -> GroupResult:
        """Waits until the waiting is over, and what was left has ended or was left to itself.

        Args:
            timeout: seconds to wait at most; without limit if None.

        Failed runs are no error here: see the result. Raises `RunCancelled` if the group was
        cancelled, `TimeoutError` if it has not ended in time; it goes on then.
        """
        await self._client._result(self.run_id, timeout)
        return GroupResult(await self.status(), tuple([one async for one in self.members()]))

    async def cancel(self, *, reason: str = "") -> None:
        """Cancels the runs that have not ended, and the group."""
        await self._client.cancel(self.run_id, reason=reason)

    def _request(self) -> run_service_pb2.GetGroupRequest:
        return run_service_pb2.GetGroupRequest(namespace=self._client.namespace, run_id=self.run_id)
