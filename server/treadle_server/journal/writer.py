"""How units reach the journal: queued, committed in groups, and answered in order.

`ThreadWriter` commits on a thread of its own, so that a slow disk holds up nobody but those who
wait for it; while little is going on and the disk is quick, it saves itself the way there.
`InlineWriter` always commits on the event loop, for simulations on virtual time. What a unit means
and what follows from its outcome is the business of `runs`; when a commit begins is in `pace`.

**Failure.** If a commit raises, nobody knows what is on the disk. Whoever waits gets
`JournalError`, `on_failure` is called once, and nothing is accepted any more.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from time import perf_counter  # for the pace of commits; no time of the domain
from typing import Final, Protocol

from treadle_server.journal.intake import (
    Chore,
    Counters,
    Intake,
    JournalBusy,
    OnFailure,
    Waiting,
)
from treadle_server.journal.pace import Gathering, Pace
from treadle_server.journal.port import Journal, Unit
from treadle_server.journal.settled import Release, Settled

__all__ = ["Counters", "InlineWriter", "JournalBusy", "ThreadWriter", "Writer"]

MAX_QUEUED_UNITS: Final = 20_000
MAX_QUEUED_BYTES: Final = 128 * 1024 * 1024
"""Beyond either, `submit` raises `JournalBusy`."""


class Writer(Protocol):
    """The only way to write to a journal while a server runs. Used from the event loop's thread."""

    counters: Counters

    def full(self, *, for_requests: bool = False) -> bool:
        """Whether `submit` would raise `JournalBusy` now, or, `for_requests`, whether what is left
        is kept for what nobody asked for. To be asked before anything is changed that only a commit
        makes true.
        """
        ...

    def submit(self, unit: Unit, release: Release | None = None) -> Settled:
        """Queues a unit; the future tells its outcome after the commit, in order of submission.
        Before anybody who waits is woken, `release` is called for each unit of the commit that has
        one, in the same order; with None if the outcome is unknown, as the journal has failed: then
        the future raises `JournalError`.

        Raises `JournalBusy` if the queue is full, `JournalError` if the writer has failed or is
        closed.
        """
        ...

    def carry_out(self, chore: Callable[[Journal], int]) -> asyncio.Future[int]:
        """Does something between two commits, on their thread, and tells what it gives: trims, or
        deletes runs. Raises as `submit` does, but never `JournalBusy`.
        """
        ...

    async def close(self) -> None:
        """Commits what is queued and ends. The journal stays open. Calling it twice is no error."""
        ...


class ThreadWriter(Intake):
    """Commits on a thread of its own, or on the event loop whose futures it gives out, and on which
    it is made: see `pace`.

    `on_failure` is called on the loop's thread, once, with what a commit raised; it is to stop the
    process.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        on_failure: OnFailure,
        max_units: int = MAX_QUEUED_UNITS,
        max_bytes: int = MAX_QUEUED_BYTES,
    ) -> None:
        super().__init__(journal, on_failure, max_units, max_bytes)
        self._lock = threading.RLock()
        """Guards the journal while the thread is idle, the queue and what is below. It is taken by
        itself as a rule: through the condition it takes three times as long.
        """
        self._wakeup = threading.Condition(self._lock)
        self._pace = Pace()
        self._gathering = Gathering()
        self._looking = False
        """`_look` is called in the next round of the loop."""
        self._loop_may = False
        """The thread was idle when that was arranged. Had it been at something, the answers might
        still be on their way to the loop, which would tell of later units first.
        """
        self._due = False
        """What waits is to be committed by the thread."""
        self._idle = False
        self._closing = False
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._writing = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._writing.start()

    def submit(self, unit: Unit, release: Release | None = None) -> Settled:
        """See `Writer`."""
        with self._lock:
            future = self._add(unit, release)
            if not self._looking:
                self._gathering.begins(perf_counter(), len(self._queue.waiting))
                self._look_soon()
        return future

    def carry_out(self, chore: Callable[[Journal], int]) -> asyncio.Future[int]:
        """See `Writer`."""
        with self._lock:
            future = self._add_chore(chore)
            if not self._looking:
                self._wake()
        return future

    async def close(self) -> None:
        """See `Writer`."""
        with self._lock:
            self._refusal = self._refusal or "the journal's writer is closed"
            self._closing = True
            self._wakeup.notify()
        await asyncio.shield(self._ended)
        self._writing.join()

    def _wake(self) -> None:
        if self._idle:
            self._idle = False
            self._wakeup.notify()

    def _look_soon(self) -> None:
        self._looking, self._loop_may = True, self._idle
        self._loop.call_soon(self._look)

    def _look(self) -> None:
        """Once in each round of the loop, from the first unit until the commit."""
        with self._lock:
            now, queue = perf_counter(), self._queue
            if not self._gathering.is_over(now, len(queue.waiting)):
                self._look_soon()
                return
            self._looking = False
            if self._loop_may and self._pace.suits_loop(now, len(queue.waiting), queue.bytes):
                self._commit_on_loop(now)
            # What a release of the commit has just submitted is looked at in the next round, with
            # what comes meanwhile: the thread's answer to it must not be overtaken.
            if not self._looking and (queue.waiting or queue.chores):
                self._due = True
                self._wake()

    def _commit_on_loop(self, now: float) -> None:
        """The thread does nothing meanwhile: it needs the lock to begin."""
        if not self._idle:
            return  # it is about to end, and sees to it
        batch = self._queue.take()
        self._pace.begins(now, len(batch))
        answers = Answers()
        self._carry_out(batch, [], answers.post)
        self._pace.ends(perf_counter())
        answers.give()

    def _run(self) -> None:
        while True:
            batch, chores = self._next()
            if not (batch or chores) or not self._carry_out(batch, chores, self._post):
                break
            if not chores:
                self._pace.ends(perf_counter())
        self._post(_end, self._ended)

    def _next(self) -> tuple[list[Waiting], list[Chore]]:
        """Waits until there is something to do and takes it; nothing: the end."""
        queue = self._queue
        with self._wakeup:
            while not (self._due or queue.chores or self._closing):
                self._idle = True
                self._wakeup.wait()
            self._idle = False
            batch, chores = queue.take(), list(queue.chores)
            queue.chores.clear()
            # What had no room goes at once.
            self._due = bool(queue.waiting)
        self._pace.begins(perf_counter(), len(batch))
        return batch, chores

    def _post(self, callback: Callable[..., None], *arguments: object) -> None:
        """Calls back on the loop's thread; one wake-up for a whole commit."""
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            # The loop is closed: nobody is left to hear.
            if not self._loop.is_closed():
                raise

    def _give_up(self, error: BaseException, unknown: Sequence[Waiting | Chore]) -> None:
        with self._lock:
            super()._give_up(error, unknown)


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


class InlineWriter(Intake):
    """Commits on the event loop, `delay_seconds` after the first unit that waits.

    For simulations: no thread, and with a loop on virtual time nothing depends on the machine.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        on_failure: OnFailure,
        delay_seconds: float = 0.0,
        max_units: int = MAX_QUEUED_UNITS,
        max_bytes: int = MAX_QUEUED_BYTES,
    ) -> None:
        super().__init__(journal, on_failure, max_units, max_bytes)
        self._delay_seconds = delay_seconds
        self._timer: asyncio.TimerHandle | None = None

    def submit(self, unit: Unit, release: Release | None = None) -> Settled:
        """See `Writer`."""
        future = self._add(unit, release)
        self._arm()
        return future

    def carry_out(self, chore: Callable[[Journal], int]) -> asyncio.Future[int]:
        """See `Writer`."""
        future = self._add_chore(chore)
        self._arm()
        return future

    async def close(self) -> None:
        """See `Writer`."""
        self._refusal = self._refusal or "the journal's writer is closed"
        while self._timer is not None:
            self._timer.cancel()
            self._work()

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._delay_seconds, self._work)

    def _work(self) -> None:
        self._timer = None
        batch, chores = self._queue.take(), list(self._queue.chores)
        self._queue.chores.clear()
        answers = Answers()
        goes_on = self._carry_out(batch, chores, answers.post)
        answers.give()
        if goes_on and self._queue.waiting:
            self._arm()


class Answers:
    """What a commit on the event loop has to say, kept until it is over: what is done then is no
    part of it, neither of its length nor of how it fails.
    """

    def __init__(self) -> None:
        self._calls: list[tuple[Callable[..., None], tuple[object, ...]]] = []

    def post(self, callback: Callable[..., None], *arguments: object) -> None:
        """Calls back later."""
        self._calls.append((callback, arguments))

    def give(self) -> None:
        """Calls all back."""
        for callback, arguments in self._calls:
            callback(*arguments)
