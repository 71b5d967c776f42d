"""A thread of its own for the code of workflows, so that code which hogs it stops nobody else.

A feed that takes too long is given up: its stack is logged and told to the server, the thread is
left behind with it (Python cannot end a thread), and another one goes on with the other runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from treadle._code.mismatch import Suspended
from treadle._code.replayer import Decision, Replayer
from treadle._worker.feeds import Blocked, bearable, raise_in, stack_of

BLOCKED_SECONDS: Final = 2.0
"""Workflow code only decides. What takes longer than this is stuck, or belongs into a step."""

Feed = tuple["asyncio.Future[Decision]", Replayer, Callable[[], object], "Callable[[float], None]"]
"""Who waits, the run, what to call, and who is told how many seconds that took."""


class DeciderThread:
    """One thread and what waits for it. All methods but `_work` are called on the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        given_up: Callable[[DeciderThread, list[Feed]], None],
    ) -> None:
        self._loop = loop
        self._given_up = given_up
        self._feeds: queue.SimpleQueue[Feed | None] = queue.SimpleQueue()
        self._begun: Feed | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._lost = False
        self._thread = threading.Thread(target=self._work, name="treadle-workflows", daemon=True)
        self._thread.start()

    def put(self, feed: Feed) -> None:
        self._feeds.put(feed)
        if self._watch is None:
            self._watch = self._loop.call_later(BLOCKED_SECONDS / 2, self._look, None)

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._feeds.put(None)

    def _look(self, before: Feed | None) -> None:
        """Twice the same feed under way: it hangs."""
        now = self._begun
        self._watch = None
        if now is not None and now is before:
            self._give_up(now)
        elif now is not None or not self._feeds.empty():
            self._watch = self._loop.call_later(BLOCKED_SECONDS, self._look, now)

    def _give_up(self, feed: Feed) -> None:
        self._lost = True
        identity = self._thread.ident
        assert identity is not None, "it has begun something"
        stack = stack_of(identity)
        raise_in(identity, Suspended)  # code in C keeps its thread
        left: list[Feed] = []
        with contextlib.suppress(queue.Empty):
            while (waiting := self._feeds.get_nowait()) is not None:
                left.append(waiting)
        self._feeds.put(None)
        future, replayer, _, took = feed
        replayer.dead = True
        took(math.inf)
        if not future.done():
            future.set_exception(Blocked(stack, BLOCKED_SECONDS))
        self._given_up(self, left)

    def _work(self) -> None:
        with contextlib.suppress(Suspended, RuntimeError):
            while (feed := self._feeds.get()) is not None:
                self._begun = feed
                future, replayer, work, took = feed
                began = time.monotonic()
                decision: Decision | None = None
                error: BaseException | None = None
                try:
                    work()
                    decision = replayer.take()
                except BaseException as raised:  # noqa: BLE001 - whoever waits is told
                    error = raised
                self._begun = None
                if self._lost:
                    return
                took(time.monotonic() - began)
                self._loop.call_soon_threadsafe(_settle, future, decision, error)
                del feed, future, replayer, work, took, decision, error


def _settle(
    future: asyncio.Future[Decision], decision: Decision | None, error: BaseException | None
) -> None:
    if future.done():
        return
    if decision is not None:
        future.set_result(decision)
    elif error is not None:
        future.set_exception(bearable(error))
