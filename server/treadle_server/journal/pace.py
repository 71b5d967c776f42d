"""When a commit may begin, and on which thread.

One fsync costs as much as forty records, so commits want company; but a lone caller wants its
answer. Taking whatever is queued each time ("eager") disappoints under load: each tiny commit costs
a switch of threads and a wake-up of the loop, so groups never form. Hence two regimes, by the rate
of units over the last tenth of a second: below `EAGER_UNITS_PER_SECOND` a commit begins as soon as
there is something to commit, above it commits begin some time apart, which grows with the rate:
about a millisecond for each 1,000 units a second, and never more than `LONGEST_SPACING_SECONDS`.
Who comes in between waits for it, so it is long only where a caller waits longer for his turn.
Measured on two cores, with everything else that a server does: at 5,000 units a second, 3 instead
of 1.5 ms take a twentieth off the server's CPU and a tenth off the bytes that it writes.

In the first regime a commit is best made on the event loop itself: to wake the writer's thread, and
to be woken by it, takes a tenth of a step's time, and of the server's CPU. The loop stands still
meanwhile, so only where commits were short of late; where the disk is slow, the thread waits for it
(decision 21).
"""

from __future__ import annotations

import math
from typing import Final

EAGER_UNITS_PER_SECOND: Final = 1_200.0
SPACING_SECONDS_PER_RATE: Final = 0.9e-6
LONGEST_SPACING_SECONDS: Final = 0.003
RATE_WINDOW_SECONDS: Final = 0.1
LOOP_COMMIT_SECONDS: Final = 0.003
"""Commits that take longer on average are not for the event loop. A quick disk needs a tenth to a
half of it.
"""
LOOP_COMMIT_BYTES: Final = 256 * 1024
"""One of 8 MiB, say, takes 0.1 s and is soon forgotten by the average."""

_LENGTH_WEIGHT: Final = 0.0625
"""Of the last commit, in the average of their lengths. A checkpoint now and then, ten times as long
as a commit, does not carry it over the bound.
"""


class Pace:
    """When the next commit may begin: see the module.

    The rate is that of units committed, averaged with exponentially fading weight, plus what waits.
    """

    def __init__(self) -> None:
        self._rate = 0.0
        self._began = -math.inf
        self._length_seconds = 0.0

    def suits_loop(self, now: float, waiting: int, size: int) -> bool:
        """Whether the event loop may commit `waiting` units of `size` bytes itself, at once."""
        short = self._length_seconds <= LOOP_COMMIT_SECONDS and size <= LOOP_COMMIT_BYTES
        return short and self._rate_with(now, waiting) < EAGER_UNITS_PER_SECOND

    def pause(self, now: float, waiting: int) -> float:
        """Seconds until `waiting` units may be committed; 0 or less: at once."""
        rate = self._rate_with(now, waiting)
        if rate < EAGER_UNITS_PER_SECOND:
            return 0.0
        spacing = min(rate * SPACING_SECONDS_PER_RATE, LONGEST_SPACING_SECONDS)
        return self._began + spacing - now

    def begins(self, now: float, units: int) -> None:
        """A commit of so many units begins."""
        self._rate = self._rate_with(now, units)
        self._began = now

    def ends(self, now: float) -> None:
        """The commit that was begun last is done."""
        self._length_seconds += (now - self._began - self._length_seconds) * _LENGTH_WEIGHT

    def _rate_with(self, now: float, units: int) -> float:
        faded = self._rate * math.exp((self._began - now) / RATE_WINDOW_SECONDS)
        return faded + units / RATE_WINDOW_SECONDS
