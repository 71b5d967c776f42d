"""What a run that says much at once owes to the others.

A map over 100,000 items keeps a server busy for minutes, and whatever another run says meanwhile
waits: for the loop, for Python's lock, for a processor. So while others are there, the loop rests
between slices of such a run's results, for a multiple of the time that a slice took. The map's
worker waits for its answers, so the server, its commits and that worker all have time to spare for
whoever comes. Alone, a map has everything; two maps owe each other nothing.
"""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet
from typing import Final

SLICE_RESULTS: Final = 8
"""About 1 ms of turns: others have the loop after so many in any case. Only a report of more is
much, so a map over a few items never rests.
"""

REST: Final = 4.0
"""So many times as long as its slice took. Measured beside a map on two cores: it keeps half to
four fifths of its rate, and others wait a third as long as without. With 6 it keeps half, for
little more.
"""

LONGEST_REST_SECONDS: Final = 0.02

LONGEST_REST_OF_REPORT_SECONDS: Final = 0.5
"""In all: a result that came in time must not be overtaken by its attempt's timeout."""

COMPANY_SECONDS: Final = 0.2
"""Others are there for so long after they were heard of."""


class Courtesy:
    """Who was heard of, and what follows for a crowd. Times are the event loop's, in seconds."""

    def __init__(self) -> None:
        self._crowds: dict[bytes, float] = {}
        """Runs that filled a slice by themselves, with the time, of the last moments."""
        self._others_time = -math.inf

    def heard(self, runs: AbstractSet[bytes], now: float) -> None:
        """These runs have said something, and nothing more is to come with it."""
        if self._crowds and not runs <= self._crowds.keys():
            self._others_time = now

    def rest_seconds(self, runs: AbstractSet[bytes], began: float, now: float) -> float:
        """How long to leave the loop to others after a slice of their results, if more follow."""
        if len(runs) > 1:
            self.heard(runs, now)
            return 0.0
        since = now - COMPANY_SECONDS
        self._crowds = {run: time for run, time in self._crowds.items() if time > since}
        self._crowds |= dict.fromkeys(runs, now)
        if now - self._others_time > COMPANY_SECONDS:
            return 0.0
        return min(REST * (now - began), LONGEST_REST_SECONDS)
