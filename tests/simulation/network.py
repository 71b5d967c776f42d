"""Calls on their way: delayed, lost before or after they took effect, made twice.

Each answer is held against the journal in the moment it leaves the server: nobody may be told what
is not durable.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.server import Server
from treadle_server.journal.port import JournalError

Check = Callable[[str, tuple[Any, ...], Any], None]
"""Called with a method, its arguments and its answer."""

REPEATABLE = (
    *("start", "cancel", "terminate", "answer", "complete", "heartbeat"),
    *("pause", "resume", "send"),
)
"""What a network may deliver twice. A poll would be two polls, which no client makes."""


class ConnectionLost(Exception):
    """No answer came; nobody knows whether the call took effect."""


@dataclass(slots=True)
class Weather:
    """How bad the network is: shares of all calls."""

    lost_before: float = 0.0
    lost_after: float = 0.0
    twice: float = 0.0
    longest_delay_seconds: float = 0.001


class Network:
    """Between everybody and the server."""

    def __init__(self, server: Server, source: random.Random, check: Check) -> None:
        self._server = server
        self._random = source
        self._check = check
        self.weather = Weather()

    async def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """The server's answer. Raises `ConnectionLost`, and what the server refuses."""
        weather, draw = self.weather, self._random.random
        await self._under_way()
        incarnation = self._server.incarnation
        if incarnation is None or draw() < weather.lost_before:
            raise ConnectionLost(method)
        verb = getattr(incarnation.runs, method)
        task = incarnation.spawn(verb(*arguments, **named))
        again = None
        if method in REPEATABLE and draw() < weather.twice:
            again = incarnation.spawn(verb(*arguments, **named))
            again.add_done_callback(_forget)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()  # the caller is gone: gRPC cancels what it asked for
            task.add_done_callback(_forget)
            raise
        if task.cancelled() or isinstance(task.exception(), JournalError):
            raise ConnectionLost(method)
        if not incarnation.dead.is_set() and task.exception() is None:
            self._check(method, arguments, task.result())
        if draw() < weather.lost_after or incarnation.dead.is_set():
            _forget(task)
            raise ConnectionLost(method)
        await self._under_way()
        return task.result()

    async def _under_way(self) -> None:
        await asyncio.sleep(self._random.uniform(0.0, self.weather.longest_delay_seconds))


def _forget(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
