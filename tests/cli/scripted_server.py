"""A gRPC server that answers from a script and remembers what it was asked.

The commands under test talk to it through the real client and a real connection; only what a real
server would know is made up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from treadle.v1.definition_service_pb2_grpc import add_DefinitionServiceServicer_to_server
from treadle.v1.run_service_pb2_grpc import add_RunServiceServicer_to_server

Answer = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is an error."""

    code: int
    message: str
    violations: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    def status(self) -> status_pb2.Status:
        status = status_pb2.Status(code=self.code, message=self.message)
        if self.violations:
            faults = error_details_pb2.BadRequest()
            for path, description in self.violations:
                faults.field_violations.add(field=path, description=description)
            status.details.append(_packed(faults))
        if self.reason:
            info = error_details_pb2.ErrorInfo(
                reason=self.reason, domain="treadle", metadata=self.metadata
            )
            status.details.append(_packed(info))
        return status


NOT_FOUND = Refusal(code_pb2.NOT_FOUND, "there is no such run")


def _packed(detail: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


@dataclass(slots=True)
class ScriptedServer:
    """Answers by method; an answer is a message, a `Refusal`, a list of them for a stream, or a
    function of the request that returns one of these.
    """

    address: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)

    def asked(self, method: str) -> list[Any]:
        """The requests of one method so far."""
        return [request for name, request in self.requests if name == method]

    def answer(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append((method, request))
        answer = self.answers[method]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Refusal):
            context.abort_with_status(rpc_status.to_status(answer.status()))
        return answer


class _Servicer:
    """Every method of both services, from the script."""

    def __init__(self, server: ScriptedServer, streams: Iterable[str] = ()) -> None:
        self._server = server
        self._streams = frozenset(streams)

    def __getattr__(self, method: str) -> Any:
        def unary(request: Any, context: grpc.ServicerContext) -> Any:
            return self._server.answer(method, request, context)

        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            for item in self._server.answer(method, request, context):
                if isinstance(item, Refusal):
                    context.abort_with_status(rpc_status.to_status(item.status()))
                yield item

        return stream if method in self._streams else unary


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """A server on a free port of the loopback interface."""
    scripted = ScriptedServer()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    servicer: Any = _Servicer(scripted, streams=["WatchRun"])
    add_DefinitionServiceServicer_to_server(servicer, server)
    add_RunServiceServicer_to_server(servicer, server)
    scripted.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield scripted
    finally:
        server.stop(grace=None).wait()
