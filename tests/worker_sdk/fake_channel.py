"""Plays the server for one blocking client, on gRPC's fake channel."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
import grpc_testing
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2

from treadle import BlockingClient
from treadle.v1 import definition_service_pb2, run_service_pb2

RUNS = run_service_pb2.DESCRIPTOR.services_by_name["RunService"]
DEFINITIONS = definition_service_pb2.DESCRIPTOR.services_by_name["DefinitionService"]


class Server:
    """Plays the server for one client: takes a call, looks at it, answers it."""

    def __init__(self, retry_seconds: float = 20.0) -> None:
        clock = grpc_testing.strict_real_time()
        self.channel = grpc_testing.channel([RUNS, DEFINITIONS], clock)
        self.client = BlockingClient(connection=self.channel, retry_seconds=retry_seconds)
        self._threads = ThreadPoolExecutor(1)

    def call(self, verb: Callable[[], Any]) -> Future[Any]:
        return self._threads.submit(verb)

    def take(self, service: Any, method: str) -> tuple[Any, Any]:
        _, request, rpc = self.channel.take_unary_unary(service.methods_by_name[method])
        rpc.send_initial_metadata(())
        return request, rpc

    def answer(self, service: Any, method: str, response: Message) -> Any:
        request, rpc = self.take(service, method)
        rpc.terminate(response, (), grpc.StatusCode.OK, "")
        return request

    def refuse(
        self, service: Any, method: str, code: grpc.StatusCode, text: str, *details: Message
    ) -> None:
        status = status_pb2.Status(code=code.value[0], message=text)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        _, rpc = self.take(service, method)
        trailing = (("grpc-status-details-bin", status.SerializeToString()),)
        rpc.terminate(None, trailing, code, text)

    def close(self) -> None:
        self._threads.shutdown()
