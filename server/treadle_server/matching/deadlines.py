"""When parked polls are answered at the latest.

There may be ten thousand of them, and a timer each would be half a kilobyte each: those that end at
about the same time share one.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final

from treadle_server.engine.values import Duration
from treadle_server.matching.polls import Taker

SHARED_SECONDS: Final = 0.25
"""A poll may be answered so much sooner than it asked for, never later."""

EXACT: Duration = 2 * 1_000_000
"""Who waits for less than this means it."""


class Deadlines:
    """Polls by the moment of the loop's clock at which they are woken."""

    def __init__(self) -> None:
        self._polls: dict[float, dict[Taker, None]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return sum(len(polls) for polls in self._polls.values())

    def add(self, taker: Taker, wait: Duration) -> float:
        """Has the poll woken when it has waited so long; what `remove` is to be given."""
        loop = asyncio.get_running_loop()
        at = loop.time() + wait / 1_000_000
        if wait >= EXACT:
            at = math.floor(at / SHARED_SECONDS) * SHARED_SECONDS
        if at not in self._polls:
            self._polls[at] = {}
            self._timers[at] = loop.call_at(at, self._wake, at)
        self._polls[at][taker] = None
        return at

    def remove(self, taker: Taker, at: float) -> None:
        """The poll does not wait any more."""
        polls = self._polls[at]
        del polls[taker]
        if not polls:
            del self._polls[at]
            self._timers.pop(at).cancel()

    def _wake(self, at: float) -> None:
        for taker in self._polls[at]:
            taker.wake()
