"""When parked polls, and waits for the ends of runs, are answered at the latest.

There may be ten thousand of them, and a timer each would be half a kilobyte each: those that end at
about the same time share one.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final, Protocol

from treadle_server.engine.values import Duration

SHARED_SECONDS: Final = 0.25
"""Who waits may be answered so much sooner than he asked for, never later."""

EXACT: Duration = 2 * 1_000_000
"""Who waits for less than this means it."""


class Waiter(Protocol):
    """A poll, or whoever else waits."""

    def wake(self) -> None:
        """It has waited for so long."""
        ...


class Deadlines:
    """Who waits, by the moment of the loop's clock at which he is woken."""

    def __init__(self) -> None:
        self._waiters: dict[float, dict[Waiter, None]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return sum(len(waiters) for waiters in self._waiters.values())

    def add(self, waiter: Waiter, wait: Duration) -> float:
        """Has it woken when it has waited so long; what `remove` is to be given."""
        loop = asyncio.get_running_loop()
        at = loop.time() + wait / 1_000_000
        if wait >= EXACT:
            at = math.floor(at / SHARED_SECONDS) * SHARED_SECONDS
        if at not in self._waiters:
            self._waiters[at] = {}
            self._timers[at] = loop.call_at(at, self._wake, at)
        self._waiters[at][waiter] = None
        return at

    def remove(self, waiter: Waiter, at: float) -> None:
        """It does not wait any more; it may have been woken."""
        waiters = self._waiters.get(at)
        if waiters is None or waiter not in waiters:
            return
        del waiters[waiter]
        if not waiters:
            del self._waiters[at]
            self._timers.pop(at).cancel()

    def _wake(self, at: float) -> None:
        # Whoever comes at the same moment, but later, needs a timer that has not fired.
        del self._timers[at]
        for waiter in self._waiters.pop(at):
            waiter.wake()
