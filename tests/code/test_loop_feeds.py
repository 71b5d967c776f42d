"""Code that is known to be quick is fed on the worker's own loop, and stopped if it hogs that."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest

from treadle._code.replayer import Decision
from treadle._code.run import RunInfo
from treadle._worker import loop_feeds
from treadle._worker.deciders import Deciders
from treadle._worker.feeds import Blocked, Faulty
from treadle._worker.loop_feeds import LoopFeeds
from treadle._worker.quickness import QUICK_SECONDS, TRIALS, Quickness


class Fed:
    """Stands for a replayer."""

    dead = False

    def take(self) -> Decision:
        return Decision(1, 0)


def count(turns: int) -> None:
    for turn in range(turns):
        assert turn < turns


def spin() -> None:
    while True:
        pass


@contextmanager
def looked_at(feeds: LoopFeeds, seconds: float) -> Iterator[None]:
    """Another thread looks all the time."""
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            feeds.look(seconds)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def switching_often() -> Iterator[None]:
    """Threads take turns after a microsecond."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def fed(feeds: LoopFeeds, work: Callable[[], object]) -> tuple[Any, Fed]:
    """What comes of it: the decision, or what was raised."""
    replayer: Any = Fed()
    try:
        decision, _ = feeds.feed(replayer, work)
    except (Blocked, Faulty, ValueError) as error:
        return error, replayer
    return decision, replayer


def test_what_hogs_the_loop_is_stopped_and_its_place_is_told() -> None:
    feeds = LoopFeeds()
    with looked_at(feeds, 0.05):
        error, replayer = fed(feeds, spin)
    assert isinstance(error, Blocked)
    assert "in spin" in error.stack
    assert "0.05 s" in str(error)
    assert replayer.dead


def test_code_that_catches_everything_is_stopped_all_the_same() -> None:
    def stubborn() -> None:
        with suppress(BaseException):
            spin()

    feeds = LoopFeeds()
    with looked_at(feeds, 0.05):
        error, replayer = fed(feeds, stubborn)
    assert isinstance(error, Blocked)
    assert replayer.dead


def test_code_that_goes_on_catching_everything_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stubborn() -> None:
        for _ in range(3):
            with suppress(BaseException):
                spin()

    monkeypatch.setattr(loop_feeds, "AGAIN_SECONDS", 0.01)
    feeds = LoopFeeds()
    with looked_at(feeds, 0.05):
        error, replayer = fed(feeds, stubborn)
    assert isinstance(error, Blocked)
    assert replayer.dead


def test_nothing_is_stopped_once_its_feed_is_over() -> None:
    """Feeds that end at the very moment at which they are to be stopped."""
    feeds = LoopFeeds()
    outcomes: Counter[type] = Counter()
    with looked_at(feeds, 0.0), switching_often():
        while min(outcomes[Blocked], outcomes[Decision]) < 300:
            turns = outcomes.total() % 300
            outcome, _ = fed(feeds, partial(count, turns))
            outcomes[type(outcome)] += 1
            count(turns // 10)  # it would be raised here
    outcome, _ = fed(feeds, lambda: None)
    assert isinstance(outcome, Decision)


RAISED = [ValueError("no"), StopIteration(1), asyncio.CancelledError(), SystemExit(3)]


@pytest.mark.parametrize("error", [*RAISED, KeyboardInterrupt()])
def test_what_the_code_raises_comes_out_as_an_exception(error: BaseException) -> None:
    def raises() -> None:
        raise error

    outcome, replayer = fed(LoopFeeds(), raises)
    assert outcome is error or outcome.error is error
    assert not replayer.dead


@pytest.mark.parametrize("error", RAISED, ids=repr)
@pytest.mark.parametrize("inline", [True, False], ids=["inline", "thread"])
async def test_whoever_waits_hears_of_whatever_the_code_raises(
    error: BaseException, inline: bool
) -> None:
    class Raising(Fed):
        info = RunInfo("1", "w", "order", 1)

        def feed(self, _events: object) -> None:
            raise error

    replayer: Any = Raising()
    deciders = Deciders(asyncio.get_running_loop(), lambda: 1, inline=inline)
    try:
        async with asyncio.timeout(60):  # a future that cannot hold it waits for ever
            with pytest.raises((ValueError, Faulty)) as raised:
                await deciders.feed(replayer, [])
    finally:
        deciders.close()
    assert raised.value is error or getattr(raised.value, "error", None) is error


async def test_quick_code_leaves_its_thread_and_in_a_crowd_goes_back() -> None:
    on_loop: list[bool] = []
    loop_thread = threading.current_thread()

    class Noting(Fed):
        info = RunInfo("1", "w", "order", 1)

        def feed(self, _events: object) -> None:
            on_loop.append(threading.current_thread() is loop_thread)

    replayer: Any = Noting()
    under_way = 1
    deciders = Deciders(asyncio.get_running_loop(), lambda: under_way)
    try:
        for _ in range(TRIALS + 1):
            await deciders.feed(replayer, [])
        under_way = 100
        await deciders.feed(replayer, [])
    finally:
        deciders.close()
    assert on_loop == [*[False] * TRIALS, True, False]


def test_quick_is_what_was_quick_each_time_of_late() -> None:
    quickness = Quickness()
    info, other = RunInfo("1", "w", "order", 1), RunInfo("1", "w", "order", 2)
    for _ in range(TRIALS - 1):
        quickness.note(info, QUICK_SECONDS / 2)
    assert not quickness.is_known(info)
    quickness.note(info, QUICK_SECONDS / 2)
    assert quickness.is_known(info)
    assert not quickness.is_known(other)
    quickness.note(info, QUICK_SECONDS)
    assert not quickness.is_known(info)
    quickness.note(info, QUICK_SECONDS / 2)
    assert not quickness.is_known(info)
