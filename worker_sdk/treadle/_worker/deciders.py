"""Where the code of workflows runs: on a thread of its own, until it is known to be quick; then on
the worker's own loop while there is little to do, which spares a decision the two wakes of another
thread. In a crowd the thread goes through many decisions for each wake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from treadle._code.replayer import Decision, Replayer
from treadle._worker.decider_thread import DeciderThread, Feed
from treadle._worker.feeds import Blocked, bearable
from treadle._worker.loop_feeds import LoopFeeds
from treadle._worker.quickness import QUICK_SECONDS, Quickness
from treadle.v1 import event_pb2, payload_pb2

_EVENTS_ON_LOOP = 100
"""What brings more is a replay, which takes long, whatever the code."""

_FEW = 10
"""Decisions that make no crowd."""


class Deciders:
    """Feeds replayers. `under_way` tells how many decisions the worker has; `inline`: on the
    caller's own thread, for a loop on virtual time.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        under_way: Callable[[], int],
        *,
        inline: bool = False,
    ) -> None:
        self._loop = loop
        self._under_way = under_way
        self._inline = inline
        self._thread: DeciderThread | None = None
        self._quickness = Quickness()
        self._on_loop = LoopFeeds()

    async def feed(self, replayer: Replayer, events: Sequence[event_pb2.Event]) -> Decision:
        """What the code wants then. Raises `Blocked`, and what `Replayer.feed` does."""
        quick = len(events) <= _EVENTS_ON_LOOP and self._is_quick(replayer)
        return await self._run(replayer, partial(replayer.feed, events), quick=quick)

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

        return await self._run(replayer, work, quick=self._is_quick(replayer)), sure

    def _is_quick(self, replayer: Replayer) -> bool:
        return self._under_way() <= _FEW and self._quickness.is_known(replayer.info)

    async def _run(
        self, replayer: Replayer, work: Callable[[], object], *, quick: bool
    ) -> Decision:
        if self._inline:
            return _feed_inline(replayer, work)
        if quick:
            return self._feed_on_loop(replayer, work)
        if self._thread is None:
            self._thread = DeciderThread(self._loop, self._given_up)
        future: asyncio.Future[Decision] = self._loop.create_future()
        took = partial(self._quickness.note, replayer.info)
        self._thread.put((future, replayer, work, took))
        return await future

    def _feed_on_loop(self, replayer: Replayer, work: Callable[[], object]) -> Decision:
        try:
            decision, seconds = self._on_loop.feed(replayer, work)
        except Blocked:
            self._quickness.forget(replayer.info)
            raise
        if seconds >= QUICK_SECONDS:
            self._quickness.forget(replayer.info)
        return decision

    def look(self, blocked_seconds: float) -> None:
        """From any thread: code that has run on the loop for longer is stopped."""
        self._on_loop.look(blocked_seconds)

    def close(self) -> None:
        """Ends the thread."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None

    def _given_up(self, thread: DeciderThread, left: list[Feed]) -> None:
        """The thread hangs: another one takes what it has not begun."""
        if self._thread is not thread:
            return
        self._thread = DeciderThread(self._loop, self._given_up)
        for feed in left:
            self._thread.put(feed)


def _feed_inline(replayer: Replayer, work: Callable[[], object]) -> Decision:
    error: Exception | None = None
    try:
        work()
    except KeyboardInterrupt:
        raise
    except BaseException as raised:  # noqa: BLE001 - whoever waits is told, as by a thread
        error = bearable(raised)
    if error is not None:
        raise error
    return replayer.take()
