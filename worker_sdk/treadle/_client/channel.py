"""Where the server is, and how a channel to it is set up."""

from __future__ import annotations

import os

DEFAULT_ADDRESS = "127.0.0.1:7400"
ADDRESS_VARIABLE = "TREADLE_ADDRESS"

# A definition of a large graph is the largest answer: 64 MiB of JSON and a little around it.
_MAX_RECEIVE_BYTES = 72 * 1024 * 1024

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", _MAX_RECEIVE_BYTES),
    # gRPC waits up to two minutes between connection attempts; a restarted server is back in about
    # a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Notices a peer that vanished without closing the connection; the server permits a ping every
    # 20 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


def resolve_address(address: str | None) -> str:
    """The given address, else `TREADLE_ADDRESS`, else 127.0.0.1:7400."""
    return address or os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS
