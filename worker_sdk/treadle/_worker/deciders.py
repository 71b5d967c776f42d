"""Where workflow code runs: one thread of its own, so that code which hogs it stops nobody else.

A feed that takes too long is given up: its stack is logged and told to the server, the thread is
left behind with it (Python cannot end a thread), and another one goes on with the other runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from functools import partial

from treadle._code.mismatch import Mismatch, Suspended
from treadle._code.replayer import Decision, Replayer
from treadle.v1 import event_pb2, payload_pb2

BLOCKED_SECONDS = 2.0
"""Workflow code only decides. What takes longer than this is stuck, or belongs into a step."""

Feed = tuple["asyncio.Future[Decision]", Replayer, Callable[[], object]]


class Blocked(Exception):
    """The code did not come back; `stack` is where it was."""

    def __init__(self, stack: str) -> None:
        super().__init__(
            f"the workflow's code ran for {BLOCKED_SECONDS:g} s without waiting for anything; "
            "long work belongs into a step"
        )
        self.stack = stack


class Deciders:
    """Feeds replayers. `inline`: on the caller's own thread, for a loop on virtual time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, inline: bool = False) -> None:
        self._loop = loop
        self._inline = inline
        self._thread: _DeciderThread | None = None

    async def feed(self, replayer: Replayer, events: Sequence[event_pb2.Event]) -> Decision:
        """What the code wants then. Raises `Blocked`, and what `Replayer.feed` does."""
        return await self._run(replayer, partial(replayer.feed, events))

    async def foresee(
        self, replayer: Replayer, index: int, output: payload_pb2.Payload
    ) -> tuple[Decision, bool]:
        """What the code would want if this step had completed, and whether that is sure. Raises as
        `feed` does.
        """
        sure = False

        def work() -> None:
            nonlocal sure
            sure = replayer.foresee(index, output)

        return await self._run(replayer, work), sure

    async def _run(self, replayer: Replayer, work: Callable[[], object]) -> Decision:
        if self._inline:
            try:
                work()
            except (Mismatch, Suspended) as error:
                raise Faulty(error) from error
            return replayer.take()
        if self._thread is None:
            self._thread = _DeciderThread(self._loop, self._given_up)
        future: asyncio.Future[Decision] = self._loop.create_future()
        self._thread.put((future, replayer, work))
        return await future

    def close(self) -> None:
        """Ends the thread."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None

    def _given_up(self, thread: _DeciderThread, left: list[Feed]) -> None:
        """The thread hangs: another one takes what it has not begun."""
        if self._thread is not thread:
            return
        self._thread = _DeciderThread(self._loop, self._given_up)
        for feed in left:
            self._thread.put(feed)


class _DeciderThread:
    """One thread and what waits for it. All methods but `_work` are called on the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        given_up: Callable[[_DeciderThread, list[Feed]], None],
    ) -> None:
        self._loop = loop
        self._given_up = given_up
        self._feeds: queue.SimpleQueue[Feed | None] = queue.SimpleQueue()
        self._begun: Feed | None = None
        self._begun_at = 0.0
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
        frame = sys._current_frames().get(identity)
        stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
        # Code in Python is stopped by this; code in C is not, and keeps its thread.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(identity), ctypes.py_object(Suspended)
        )
        left: list[Feed] = []
        with contextlib.suppress(queue.Empty):
            while (waiting := self._feeds.get_nowait()) is not None:
                left.append(waiting)
        self._feeds.put(None)
        feed[1].dead = True
        if not feed[0].done():
            feed[0].set_exception(Blocked(stack))
        self._given_up(self, left)

    def _work(self) -> None:
        with contextlib.suppress(Suspended, RuntimeError):
            while (feed := self._feeds.get()) is not None:
                self._begun = feed
                future, replayer, work = feed
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
                self._loop.call_soon_threadsafe(_settle, future, decision, error)
                del feed, future, replayer, work, decision, error


def _settle(
    future: asyncio.Future[Decision], decision: Decision | None, error: BaseException | None
) -> None:
    if future.done():
        return
    if decision is not None:
        future.set_result(decision)
    elif error is not None:
        # A future cannot hold StopIteration, and tasks do not like foreign BaseExceptions.
        future.set_exception(error if isinstance(error, Exception) else Faulty(error))


class Faulty(Exception):
    """Carries a `BaseException` of the replayer to whoever fed it."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error
