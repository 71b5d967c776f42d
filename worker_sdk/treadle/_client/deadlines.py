"""When the calls of a conversation are over at the latest.

Nearly all are answered long before, so they have one timer between them and not one each: it is set
for the earliest deadline that there was at the time, and when that is past, for the earliest that
is left.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

_LOOK_SECONDS: Final = 0.05
"""Between two looks at all calls; so much later one may end."""


class Deadlines:
    """By the number of the call; `expire` is called with each whose time is over."""

    def __init__(self, expire: Callable[[int], None]) -> None:
        self._expire = expire
        self._at: dict[int, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def add(self, number: int, at: float) -> None:
        """The call is over at this time of the loop's."""
        self._at[number] = at
        if at < self._next:
            self._set(at)

    def remove(self, number: int) -> None:
        """It is over now."""
        self._at.pop(number, None)

    def clear(self) -> None:
        """All are."""
        self._at.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._next = None, math.inf

    def _set(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = at
        self._timer = asyncio.get_running_loop().call_at(at, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        self._timer, self._next = None, math.inf
        for number in [number for number, at in self._at.items() if at <= now]:
            del self._at[number]
            self._expire(number)
        if self._at:
            self._set(max(min(self._at.values()), now + _LOOK_SECONDS))
