"""The gRPC server: listens, with reflection and health on. What it serves is in `handlers`."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from treadle_server.api.conversation import RECEIVE_BYTES
from treadle_server.api.handlers import handlers
from treadle_server.api.local_socket import LocalSocket
from treadle_server.clock import Clock
from treadle_server.runs.service import Runs

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
        local_socket: LocalSocket | None = None,
    ) -> None:
        self._runs = runs
        self._clock = clock
        self._address = address
        self._page_secret = page_secret
        self._sampling_ratio = sampling_ratio
        self._local_socket = local_socket
        self._health = health.aio.HealthServicer()
        self._names: list[str] = []

    async def start(self) -> str:
        """Listens; gives the address. Health says NOT_SERVING until `set_serving`. Raises
        `AddressUnusable`.
        """
        self._server = grpc.aio.server(options=_OPTIONS)
        services = handlers(
            self._runs,
            self._clock,
            self._page_secret,
            sampling_ratio=self._sampling_ratio,
            local_socket=self._local_socket,
        )
        for name, methods in services.items():
            self._names.append(name)
            generic = grpc.method_handlers_generic_handler(name, methods)
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
        if self._local_socket is not None:
            await self._local_socket.start()
        await self._server.start()
        return f"{host}:{bound}"

    async def set_serving(self, serving: bool) -> None:
        """What health says."""
        states = health_pb2.HealthCheckResponse
        await self._set_health(states.SERVING if serving else states.NOT_SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Takes no new calls; open ones may end within the grace."""
        ends = [self._server.stop(grace_seconds)]
        if self._local_socket is not None:
            ends.append(self._local_socket.close(grace_seconds))
        await asyncio.gather(*ends)

    async def _set_health(self, state: Any) -> None:
        for name in ("", *self._names):
            await self._health.set(name, state)
