"""The threads of plain functions.

Not `concurrent.futures`: its threads are waited for when the interpreter ends, so one function that
never returns would keep the process from leaving. These are daemons.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable

Job = Callable[[], Callable[[], None]]
"""Runs in a thread; what it returns is then called on the event loop. Must not raise."""


class Threads:
    """Threads made when they are needed and used again. Called from the event loop's thread only.

    There is no queue to speak of: the runner never hands out more jobs than `limit`.
    """

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        self.limit = limit
        self._loop = loop
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._count = 0
        self._busy = 0
        # A loop on virtual time (the test kit's) must know of work that it cannot see.
        self._note_work: Callable[[int], None] = getattr(loop, "note_outside_work", _ignore)

    @property
    def free(self) -> int:
        """How many more jobs can be taken."""
        return self.limit - self._busy

    def run(self, job: Job) -> None:
        """Runs a job in a thread that is idle, or in a new one."""
        self._busy += 1
        self._note_work(1)
        if self._busy > self._count:
            self._count += 1
            name = f"treadle-activity-{self._count}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put(job)

    def close(self) -> None:
        """Ends the threads that are idle; a busy one ends with its function."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            then = job()
            # The loop is closed if the worker has left without waiting for this function.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._finished, then)
            del job, then  # keep nothing of the last activity alive while waiting for the next

    def _finished(self, then: Callable[[], None]) -> None:
        self._busy -= 1
        self._note_work(-1)
        then()


def _ignore(change: int) -> None:
    """Nobody counts."""
