"""Feeds on the worker's own loop, which another thread stops if they hog it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic  # by itself: `time.monotonic` looks who calls it, once code runs here
from typing import Final

from treadle._code.mismatch import Suspended
from treadle._code.replayer import Decision, Replayer
from treadle._worker.feeds import Blocked, bearable, raise_in, stack_of

AGAIN_SECONDS: Final = 1.0
"""So much later it is asked for once more."""


class LoopFeeds:
    """One feed at a time, on the thread that made this.

    Stopping is an exception that another thread asks Python to raise in this one; it is raised some
    instructions later. It must not come once the feed is over, when it would hit anybody. So it is
    asked for under a lock, while a feed is marked as under way; and whoever takes the mark away
    under that lock withdraws what has not been raised yet. It is asked for again after a second:
    code may catch it and go on, and Python itself drops it in a `__del__`.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._under_way: Replayer | None = None
        self._began = 0.0
        self._stopped: Blocked | None = None
        self._asked = 0.0

    def feed(self, replayer: Replayer, work: Callable[[], object]) -> tuple[Decision, float]:
        """What the code wants then, and how many seconds that took. Raises `Blocked`, and what
        `work` does.
        """
        self._stopped = None
        self._began = monotonic()
        self._under_way = replayer
        decision: Decision | None = None
        error: BaseException | None = None
        try:
            try:
                work()
                decision = replayer.take()
            finally:
                self._end()
        except BaseException as raised:  # noqa: BLE001 - whoever waits is told
            error = raised
            self._end_surely()
        if self._stopped is not None:
            raise self._stopped
        if decision is not None:
            return decision, monotonic() - self._began
        assert error is not None, "there is one or the other"
        raise bearable(error)

    def _end_surely(self) -> None:
        """What stops the feed may come in the midst of this, or have come in the midst of `_end`;
        a process that is paused for seconds may find it asked for twice.
        """
        while True:
            try:
                self._end()
            except Suspended:
                continue
            return

    def _end(self) -> None:
        """From here on nothing is raised from outside."""
        with self._lock:
            self._under_way = None
            if self._stopped is not None:
                raise_in(self._thread, None)

    def look(self, blocked_seconds: float) -> None:
        """From another thread: stops a feed that has run for longer."""
        with self._lock:
            replayer, now = self._under_way, monotonic()
            if replayer is None or now - self._began < blocked_seconds:
                return
            if self._stopped is None:
                self._stopped = Blocked(stack_of(self._thread), blocked_seconds)
                replayer.dead = True
            elif now - self._asked < AGAIN_SECONDS:
                return
            self._asked = now
            raise_in(self._thread, Suspended)
