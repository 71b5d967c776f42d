"""The only clock of the server. Everything below `app` gets the time from here, or from a test's
double.
"""

from __future__ import annotations

import time
from typing import Protocol

from treadle_server.engine.values import Instant


class Clock(Protocol):
    """Gives the time in microseconds since the Unix epoch; never goes back."""

    def now(self) -> Instant:
        """The present instant."""
        ...


class SystemClock:
    """Wall time at the start plus the boot-time clock: what happens to the wall clock later does
    not matter.

    The boot-time clock goes on while the machine sleeps, so timers that fell due meanwhile fire on
    waking. `not_before` is the newest time in the journal: a machine whose wall clock was set back
    goes on from there.
    """

    def __init__(self, not_before: Instant = 0) -> None:
        self._offset = time.time_ns() // 1_000 - _boot_time()
        self._offset = max(self._offset, not_before - _boot_time())

    def now(self) -> Instant:
        """See `Clock`."""
        return self._offset + _boot_time()


def _boot_time() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
