"""The gRPC server: raw bytes in, our own parsing, every error from one table. Reflection and health
are on.

gRPC's Python stack answers an undecodable message, and any exception of a handler, with UNKNOWN and
the exception's text. So handlers get bytes, parse them here, and let nothing out that is not from
`errors.CODES`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf import symbol_database
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from treadle.v1 import definition_service_pb2, run_service_pb2, worker_service_pb2
from treadle_server.api.definition_service import DefinitionService
from treadle_server.api.errors import abort, invalid
from treadle_server.api.pages import Pages
from treadle_server.api.run_service import RunService
from treadle_server.api.worker_service import WorkerService
from treadle_server.clock import Clock
from treadle_server.runs.service import Runs

RECEIVE_BYTES = 16 << 20
"""A definition of 64 MiB travels packed; everything else is far smaller and has limits of its own.
"""

_FILES = (definition_service_pb2, run_service_pb2, worker_service_pb2)
_OPTIONS = [
    # Calls that wait to be accepted: with gRPC's own bounds a burst of 2,000 polls loses some.
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 40_000),
    ("grpc.max_receive_message_length", RECEIVE_BYTES),
    ("grpc.max_metadata_size", 8_192),
    # Workers ping each 30 s while a poll is parked.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A second server on the same port must fail, not share it.
    ("grpc.so_reuseport", 0),
]


class AddressUnusable(Exception):
    """The server cannot listen there; the message says why and what to do."""


class ApiServer:
    """Serves `treadle.v1` on one address."""

    def __init__(
        self,
        runs: Runs,
        clock: Clock,
        address: str,
        page_secret: bytes,
        *,
        sampling_ratio: float = 1.0,
    ) -> None:
        self._runs = runs
        self._clock = clock
        self._address = address
        self._page_secret = page_secret
        self._sampling_ratio = sampling_ratio
        self._health = health.aio.HealthServicer()
        self._names: list[str] = []

    async def start(self) -> str:
        """Listens; gives the address. Health says NOT_SERVING until `set_serving`. Raises
        `AddressUnusable`.
        """
        self._server = grpc.aio.server(options=_OPTIONS)
        pages = Pages(self._page_secret)
        services: dict[str, Any] = {
            "DefinitionService": DefinitionService(self._runs, pages),
            "RunService": RunService(self._runs, pages, self._clock),
            "WorkerService": WorkerService(self._runs, self._sampling_ratio),
        }
        for file in _FILES:
            for name, descriptor in file.DESCRIPTOR.services_by_name.items():
                self._names.append(descriptor.full_name)
                handlers = _handlers(descriptor, services[name])
                generic = grpc.method_handlers_generic_handler(descriptor.full_name, handlers)
                self._server.add_generic_rpc_handlers((generic,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        listed = [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(listed, self._server)
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        host, _, port = self._address.rpartition(":")
        try:
            bound = self._server.add_insecure_port(self._address) if host and port.isdigit() else 0
        except RuntimeError:
            bound = 0
        if not bound:
            raise AddressUnusable(
                f"cannot listen on {self._address!r}: it is in use, not of this machine, or not "
                f"HOST:PORT; "
                "end the other server or choose another with --address"
            )
        await self._server.start()
        return f"{host}:{bound}"

    async def set_serving(self, serving: bool) -> None:
        """What health says."""
        states = health_pb2.HealthCheckResponse
        await self._set_health(states.SERVING if serving else states.NOT_SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Takes no new calls; open ones may end within the grace."""
        await self._server.stop(grace_seconds)

    async def _set_health(self, state: Any) -> None:
        for name in ("", *self._names):
            await self._health.set(name, state)


def _handlers(descriptor: Any, service: Any) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in descriptor.methods:
        request_type = symbol_database.Default().GetSymbol(method.input_type.full_name)
        function = getattr(service, method.name)
        if method.server_streaming:
            handlers[method.name] = grpc.unary_stream_rpc_method_handler(
                _streaming(function, request_type)
            )
        else:
            handlers[method.name] = grpc.unary_unary_rpc_method_handler(
                _unary(function, request_type)
            )
    return handlers


def _parse(request_type: Any, data: bytes) -> Any:
    try:
        return request_type.FromString(data)
    except (DecodeError, UnicodeDecodeError) as error:
        raise invalid("request", f"is no {request_type.DESCRIPTOR.full_name}: {error}") from None


def _unary(function: Callable[..., Any], request_type: Any) -> Callable[..., Any]:
    async def handle(data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        try:
            response = await function(_parse(request_type, data), context)
            return response if isinstance(response, bytes) else response.SerializeToString()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await abort(context, error)
            raise

    return handle


def _streaming(function: Callable[..., Any], request_type: Any) -> Callable[..., Any]:
    async def handle(
        data: bytes, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[bytes]:
        try:
            async for part in function(_parse(request_type, data), context):
                yield part
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - nothing may leave as UNKNOWN
            await abort(context, error)

    return handle
