"""A connection, and the calls that every other verb is made of, blocking."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import grpc

from treadle._client import channel, requests, retry, statuses, values
from treadle._client.values import RunDescription
from treadle.errors import RunNotFound
from treadle.v1 import run_service_pb2
from treadle.v1.definition_service_pb2_grpc import DefinitionServiceStub
from treadle.v1.run_service_pb2_grpc import RunServiceStub

_Response = TypeVar("_Response")

_NEXT_RUN_SECONDS = 0.05

_SHORTEST_CALL_SECONDS = 1.0
"""What a caller without patience asks is heard by the server all the same."""


class ConnectedBlocking:
    """What the parts of a client have in common. The client says what the arguments are."""

    def __init__(
        self,
        address: str | None = None,
        *,
        namespace: str = "default",
        call_timeout_seconds: float = 30.0,
        retry_seconds: float = 20.0,
        connection: grpc.Channel | None = None,
    ) -> None:
        self.address = channel.resolve_address(address)
        self.namespace = namespace
        self._call_timeout_seconds = call_timeout_seconds
        self._retry_seconds = retry_seconds
        self._channel = connection or grpc.insecure_channel(self.address, options=channel.OPTIONS)
        self._definitions = DefinitionServiceStub(self._channel)
        self._runs = RunServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; calls that are under way are cancelled."""
        self._channel.close()

    def get_run(
        self,
        run_id: str | None = None,
        *,
        workflow_id: str | None = None,
        include_nodes: bool = False,
    ) -> RunDescription:
        """Describes a run; `workflow_id` names the newest run of it. Raises `NotFound`."""
        request = run_service_pb2.GetRunRequest(
            namespace=self.namespace,
            include_nodes=include_nodes,
            **requests.named_run(run_id, workflow_id),
        )
        return values.description(self._call(self._runs.GetRun, request))

    def _run(
        self, request: run_service_pb2.StartRunRequest, timeout_seconds: float | None
    ) -> object:
        """The output of a run that is started by this."""
        began = time.monotonic()
        wait = requests.ask_to_wait(request, timeout_seconds, requests.MAX_WAIT_SECONDS)
        try:
            response = self._call(self._runs.StartRun, request, wait, timeout_seconds)
        except TimeoutError:
            raise requests.not_heard_of(request.workflow) from None
        if response.end.ended and not response.end.next_run_id:
            return values.result(response.end)
        left = None if timeout_seconds is None else timeout_seconds - (time.monotonic() - began)
        return self._result(response.run_id, left)

    def _result(self, run_id: str, timeout_seconds: float | None) -> object:
        give_up_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        expected: set[str] = set()  # runs that go on in place of others, and begin in a moment
        while True:
            left = None if give_up_at is None else give_up_at - time.monotonic()
            try:
                response = self._wait(run_id, left)
            except RunNotFound:
                if run_id not in expected:
                    raise
                time.sleep(_NEXT_RUN_SECONDS)
                continue
            if response.ended and response.next_run_id:
                run_id = response.next_run_id
                expected.add(run_id)
            elif response.ended:
                return values.result(response)

    def _wait(self, run_id: str, left_seconds: float | None) -> run_service_pb2.WaitRunResponse:
        """The run's end, or that it has not come yet. Raises `TimeoutError`."""
        wait = requests.wait_seconds(left_seconds, requests.MAX_WAIT_SECONDS, run_id)
        request = run_service_pb2.WaitRunRequest(
            namespace=self.namespace, run_id=run_id, timeout=requests.duration(wait)
        )
        try:
            return self._call(self._runs.WaitRun, request, wait, left_seconds)
        except TimeoutError:
            raise requests.not_ended(run_id) from None

    def _resolve(self, run_id: str | None, workflow_id: str | None) -> str:
        # The newest run of a workflow id may be another one by the second page or the reconnect.
        if run_id and not workflow_id:
            return run_id
        return (self.get_run(run_id, workflow_id=workflow_id)).run_id

    def _call(
        self,
        method: Callable[..., _Response],
        request: Any,
        extra_seconds: float = 0.0,
        left_seconds: float | None = None,
    ) -> _Response:
        """Calls until there is an answer, once at least. Raises `TimeoutError` when the caller's
        patience is over, also while no server answers.
        """
        give_up_at = math.inf if left_seconds is None else time.monotonic() + left_seconds
        timeout = self._call_timeout_seconds + extra_seconds
        backoff = retry.Backoff(self._retry_seconds)
        while True:
            left = max(give_up_at - time.monotonic(), _SHORTEST_CALL_SECONDS)
            try:
                return method(request, timeout=min(timeout, left))
            except grpc.RpcError as error:
                if left < timeout and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise TimeoutError from None
                self._wait_or_raise(error, backoff, give_up_at)
            if time.monotonic() >= give_up_at:
                raise TimeoutError

    def _wait_or_raise(
        self, error: grpc.RpcError, backoff: retry.Backoff, give_up_at: float = math.inf
    ) -> None:
        delay = backoff.next_delay_seconds() if error.code() in retry.TRANSIENT else None
        if delay is None:
            # They are named tuples; the type stubs know only the names.
            trailing = cast("tuple[tuple[str, str | bytes], ...]", error.trailing_metadata())
            raise statuses.from_call(
                error.code(), error.details(), trailing, address=self.address
            ) from error
        time.sleep(max(0.0, min(delay, give_up_at - time.monotonic())))
