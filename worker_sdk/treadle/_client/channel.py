"""Where the server is, and how a channel to it is set up."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import cast

import grpc.aio

from treadle._client.conversation import ConversingChannel
from treadle._client.local_socket import RECEIVE_BYTES

DEFAULT_ADDRESS = "127.0.0.1:7400"
ADDRESS_VARIABLE = "TREADLE_ADDRESS"

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", RECEIVE_BYTES),
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


_in_this_process: dict[str, Callable[[], grpc.aio.Channel]] = {}


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to the server at this address; nothing is connected yet."""
    opener = _in_this_process.get(address)
    if opener is not None:
        return opener()
    channel = ConversingChannel(grpc.aio.insecure_channel(address, options=OPTIONS))
    return cast(grpc.aio.Channel, channel)


def answer_in_this_process(address: str, opener: Callable[[], grpc.aio.Channel]) -> None:
    """From now on, who opens a channel to this address gets one of these: for the test kit."""
    _in_this_process[address] = opener


def forget(address: str) -> None:
    """Ends `answer_in_this_process`."""
    del _in_this_process[address]
