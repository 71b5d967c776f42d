"""An event loop whose time stands still while anything runs, and jumps when nothing does.

Timers fire in the order of their times, callbacks in the order they were made; nothing depends on
the machine. So a minute of waiting costs nothing, and the same seed gives the same world.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from treadle_server.engine.values import Instant

_Result = TypeVar("_Result")

EPOCH: Instant = 1_700_000_000 * 1_000_000
"""The simulated time at which every world begins."""


class Deadlock(Exception):
    """Everything waits, and nothing is coming."""


class _NoWaiting(selectors.DefaultSelector):
    """Instead of waiting for files, moves the time on."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock("all tasks wait for each other")
        self.time += max(timeout, 0.0)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """See the module's docstring. Threads and files cannot be used with it."""

    def __init__(self) -> None:
        self._virtual = _NoWaiting()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since the world began."""
        return self._virtual.time


class VirtualClock:
    """The server's clock in the simulated world."""

    def now(self) -> Instant:
        """See `treadle_server.clock.Clock`."""
        return EPOCH + round(asyncio.get_running_loop().time() * 1_000_000)


def run(world: Coroutine[Any, Any, _Result]) -> _Result:
    """Runs a coroutine from beginning to end in a time of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(world)
