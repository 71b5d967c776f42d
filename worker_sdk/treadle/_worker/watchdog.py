"""Notices when the event loop stands still, and says which activity is to blame.

An async activity that blocks (a plain `time.sleep`, a long computation, a driver that is not async)
stops everything else on the loop. The loop cannot report that itself, so a thread watches a number
that the loop keeps moving.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from types import CodeType

from treadle._worker.session import Attempt

_log = logging.getLogger("treadle.worker")

_MAX_FRAMES = 30

_ADVICE = (
    "While it blocks, no other activity of this worker goes on, and no poll, heartbeat or result "
    "goes out; after 30 s without a poll the server gives this worker's tasks to others. Write the "
    "activity as a plain `def`, which runs in a thread, or await instead of blocking "
    "(`asyncio.sleep`, `asyncio.to_thread`, an async driver)."
)


class Watchdog:
    """Watches the loop it was started on. `looks` are called with `blocked_seconds` at each look:
    they may know what can be stopped.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        blocked_seconds: float,
        attempt_code: CodeType,
        looks: Sequence[Callable[[float], None]] = (),
    ) -> None:
        self._loop = loop
        self._blocked_seconds = blocked_seconds
        self._attempt_code = attempt_code
        self._looks = looks
        self._loop_thread = threading.get_ident()
        self._interval_seconds = blocked_seconds / 4
        self._beat = time.monotonic()
        self._stopped = threading.Event()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to watch; on the loop's thread."""
        self._tick()
        threading.Thread(target=self._watch, name="treadle-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Ends the watch."""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._beat = time.monotonic()
        self._timer = self._loop.call_later(self._interval_seconds, self._tick)

    def _watch(self) -> None:
        reported_beat = None
        while not self._stopped.wait(self._interval_seconds):
            for look in self._looks:
                look(self._blocked_seconds)
            beat = self._beat
            if reported_beat is not None and beat != reported_beat:
                _log.warning(
                    "the event loop moves again",
                    extra={"blocked_seconds": round(beat - reported_beat, 3)},
                )
                reported_beat = None
            blocked = time.monotonic() - beat - self._interval_seconds
            if blocked > self._blocked_seconds and reported_beat is None:
                reported_beat = beat
                self._report(blocked)

    def _report(self, blocked_seconds: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:
            return  # the thread has just ended
        stack = list(traceback.walk_stack(frame))  # innermost first
        attempt: Attempt | None = None
        for depth, (outer, _) in enumerate(stack):
            if outer.f_code is self._attempt_code:
                attempt = outer.f_locals.get("attempt")
                stack = stack[:depth]  # the activity's own frames
                break
        lines = traceback.StackSummary.extract(reversed(stack[:_MAX_FRAMES])).format()
        _log.error(
            "%s has blocked the event loop for %.1f s. %s\nIt is here:\n%s",
            f"activity {attempt.context.activity_type!r}" if attempt else "something",
            blocked_seconds,
            _ADVICE,
            "".join(lines),
            extra=attempt.log_fields() if attempt else {},
        )
