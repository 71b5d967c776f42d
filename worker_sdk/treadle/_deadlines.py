"""Deadlines that are hardly ever reached: of calls that a conversation carries, of steps that a
decision waits for.

They have one timer between them and not one each: it is set for the earliest deadline that there
was at the time, and when that is past, for the earliest that is left.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)

_LOOK_SECONDS: Final = 0.05
"""Between two looks at all of them; so much later one may be told."""


class Deadlines(Generic[_Key]):
    """By whatever has one; `expire` is called with each whose time is over."""

    def __init__(self, expire: Callable[[_Key], None]) -> None:
        self._expire = expire
        self._at: dict[_Key, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def add(self, key: _Key, at: float) -> None:
        """Its time is over at this time of the loop's."""
        self._at[key] = at
        if at < self._next:
            self._set(at)

    def remove(self, key: _Key) -> None:
        """It has none any more."""
        self._at.pop(key, None)

    def clear(self) -> None:
        """None has."""
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
        for key in [key for key, at in self._at.items() if at <= now]:
            del self._at[key]
            self._expire(key)
        if self._at:
            self._set(max(min(self._at.values()), now + _LOOK_SECONDS))
