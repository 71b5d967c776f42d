"""When a commit may begin.

One fsync costs as much as forty records, so commits want company; but a lone caller wants its
answer. Taking whatever is queued each time ("eager") disappoints under load: each tiny commit costs
a switch of threads and a wake-up of the loop, so groups never form. Hence two regimes, by the rate
of units over the last tenth of a second: below `EAGER_UNITS_PER_SECOND` a commit begins as soon as
there is something to commit, above it commits begin at least `SPACING_SECONDS` apart. Measured on
two cores, with everything else that a server does: 4,000 instead of 2,200 starts a second, and
still 5 ms for three steps at low load. Three milliseconds between commits give no more than one and
a half, and who comes in between waits for them.
"""

from __future__ import annotations

import math
from typing import Final

EAGER_UNITS_PER_SECOND: Final = 1_200.0
SPACING_SECONDS: Final = 0.0015
RATE_WINDOW_SECONDS: Final = 0.1


class Pace:
    """When the next commit may begin: see the module.

    The rate is that of units committed, averaged with exponentially fading weight, plus what waits.
    """

    def __init__(self) -> None:
        self._rate = 0.0
        self._began = -math.inf

    def pause(self, now: float, waiting: int) -> float:
        """Seconds until `waiting` units may be committed; 0 or less: at once."""
        if self._faded(now) + waiting / RATE_WINDOW_SECONDS < EAGER_UNITS_PER_SECOND:
            return 0.0
        return self._began + SPACING_SECONDS - now

    def begins(self, now: float, units: int) -> None:
        """A commit of so many units begins."""
        self._rate = self._faded(now) + units / RATE_WINDOW_SECONDS
        self._began = now

    def _faded(self, now: float) -> float:
        return self._rate * math.exp((self._began - now) / RATE_WINDOW_SECONDS)
