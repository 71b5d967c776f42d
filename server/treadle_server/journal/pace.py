"""When a commit begins, and on which thread.

One fsync costs as much as forty records, so commits want company; but a lone caller wants its
answer. So what is submitted is gathered until the event loop has gone round once without anything
new: whatever came together (a report of a hundred results, which others may interrupt; the starts
of a hundred callers) has been put in by then, and whoever comes later would have to be waited for.
A commit that began earlier would gain nothing: while the loop works, the writer's thread does not
get Python's lock, has its first few units half written, and everybody waits for these first. Where
the loop is never without something new, the gathering ends after `LONGEST_GATHERING_SECONDS`
(decision 22).

While there is little to do, or units come one by one, the commit is best made on the event loop
itself: to wake the writer's thread, and to be woken by it, takes a tenth of a step's time, and of
the server's CPU. The loop stands still meanwhile, so only where commits were short of late; where
the disk is slow, the thread waits for it (decision 21).
"""

from __future__ import annotations

import math
from typing import Final

LONGEST_GATHERING_SECONDS: Final = 0.025
LOOP_UNITS_PER_SECOND: Final = 1_200.0
"""Up to which the event loop commits."""
LONE_UNITS: Final = 1.1
"""A commit on average, up to which the event loop commits at any rate. A lone caller on a quick
machine says 2,000 a second, each when the one before is answered: nobody comes meanwhile. With two
callers it is more.
"""
RATE_WINDOW_SECONDS: Final = 0.1
LOOP_COMMIT_SECONDS: Final = 0.003
"""Commits that take longer on average are not for the event loop. A quick disk needs a tenth to a
half of it.
"""
LOOP_COMMIT_BYTES: Final = 256 * 1024
"""One of 8 MiB, say, takes 0.1 s and is soon forgotten by the average."""

_WEIGHT: Final = 0.0625
"""Of the last commit, in the averages of their lengths and of their units. A checkpoint now and
then, ten times as long as a commit, does not carry the lengths over their bound.
"""


class Gathering:
    """What has come since the first unit of the next commit, looked at once in each round of the
    loop.
    """

    def __init__(self) -> None:
        self._since = 0.0
        self._waiting = 0

    def begins(self, now: float, waiting: int) -> None:
        """The first unit has come; with it, `waiting` units wait."""
        self._since, self._waiting = now, waiting

    def is_over(self, now: float, waiting: int) -> bool:
        """Whether the round brought nothing, or it is time; asked once in each."""
        came, self._waiting = waiting != self._waiting, waiting
        return not came or now - self._since >= LONGEST_GATHERING_SECONDS


class Pace:
    """How many units are committed a second, averaged with exponentially fading weight, how many at
    a time, and how long commits take.
    """

    def __init__(self) -> None:
        self._rate = 0.0
        self._began = -math.inf
        self._length_seconds = 0.0
        self._units = 1.0

    def suits_loop(self, now: float, waiting: int, size: int) -> bool:
        """Whether the event loop may commit `waiting` units of `size` bytes itself, at once."""
        short = self._length_seconds <= LOOP_COMMIT_SECONDS and size <= LOOP_COMMIT_BYTES
        lone = waiting == 1 and self._units <= LONE_UNITS
        return short and (lone or self._rate_with(now, waiting) < LOOP_UNITS_PER_SECOND)

    def begins(self, now: float, units: int) -> None:
        """A commit of so many units begins."""
        self._rate = self._rate_with(now, units)
        self._began = now
        self._units += (units - self._units) * _WEIGHT

    def ends(self, now: float) -> None:
        """The commit that was begun last is done."""
        self._length_seconds += (now - self._began - self._length_seconds) * _WEIGHT

    def _rate_with(self, now: float, units: int) -> float:
        faded = self._rate * math.exp((self._began - now) / RATE_WINDOW_SECONDS)
        return faded + units / RATE_WINDOW_SECONDS
