"""How far the log of all runs has come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class LogEnd:
    """The position of the last committed record, and who is told when it moves."""

    def __init__(self) -> None:
        self.position = 0
        self._watchers: dict[asyncio.Event, None] = {}

    def committed(self, position: int) -> None:
        """The log has come so far."""
        self.position = max(self.position, position)
        self.wake()

    def wake(self) -> None:
        """Everybody looks again."""
        for watcher in self._watchers:
            watcher.set()

    @contextmanager
    def watched(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever the log grows, until the block ends."""
        changed = asyncio.Event()
        self._watchers[changed] = None
        try:
            yield changed
        finally:
            del self._watchers[changed]
