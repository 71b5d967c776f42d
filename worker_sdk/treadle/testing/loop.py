"""An event loop whose time stands still while anything runs, and jumps when everything waits.

So a timer of a year takes milliseconds, and the same test does the same things in the same order
every time. What the loop cannot look into goes at its own pace: while a thread works (a plain `def`
activity, `asyncio.to_thread`) or a socket is open, time passes as it does outside.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, Unpack

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")

NEVER_SECONDS = 50 * 365 * 86_400.0
"""What is not due for so long is not waited for: when nothing else is left, everything stands
still.
"""

_OWN_FILES = 1
"""The loop's own, by which threads wake it."""


class NothingWillHappen(Exception):
    """Everything waits, and nothing is coming."""


class _Selector(selectors.DefaultSelector):
    """Instead of waiting, moves the time on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.work_outside = 0
        self.stands_still: Callable[[], None]

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.work_outside or len(self.get_map()) > _OWN_FILES:
            began = time.monotonic()
            ready = super().select(timeout)
            self.now += time.monotonic() - began
        elif timeout is None:
            self.stands_still()
        else:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """See the module's docstring. `when_still`: called when nothing is coming any more; whoever is
    there may make something happen, and says so by True.
    """

    def __init__(self) -> None:
        self._virtual = _Selector()
        self._virtual.stands_still = self._stand_still
        self.when_still: list[Callable[[], bool]] = []
        super().__init__(self._virtual)
        # A nanosecond as of the system's clock is lost in a number of years: what is due exactly
        # now would never be run. There is no public way to say so.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._virtual.now

    def note_outside_work(self, change: int) -> None:
        """So much more work, or less, goes on where the loop cannot see it."""
        self._virtual.work_outside += change

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Arguments]], object],
        *args: *_Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `asyncio.AbstractEventLoop`. What is too far away to come is not even noted."""
        if when - self.time() > NEVER_SECONDS:
            return asyncio.TimerHandle(when, callback, args, self, context)
        return super().call_at(when, callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Arguments]], object],
        *args: *_Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `asyncio.AbstractEventLoop`."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[Unpack[_Arguments]], _Result],
        *args: *_Arguments,
    ) -> asyncio.Future[_Result]:
        """See `asyncio.AbstractEventLoop`."""
        future = super().run_in_executor(executor, func, *args)
        self.note_outside_work(1)
        future.add_done_callback(lambda _: self.note_outside_work(-1))
        return future

    async def shutdown_default_executor(self, *timeout: float | None) -> None:
        """See `asyncio.AbstractEventLoop`. A thread that has not ended yet is waited for."""
        self.note_outside_work(1)
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self.note_outside_work(-1)

    def _stand_still(self) -> None:
        for change_something in self.when_still:
            if change_something():
                return
        raise NothingWillHappen("all tasks wait for each other, or for what never comes")


def run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Runs a coroutine from beginning to end in a time of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)


def virtual_time(
    test: Callable[_Parameters, Coroutine[Any, Any, _Result]],
) -> Callable[_Parameters, _Result]:
    """Makes an `async def` test an ordinary one that runs in a time of its own; needs no plugin."""

    @functools.wraps(test)
    def run_test(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        return run(test(*args, **kwargs))

    # Plugins for async tests look behind the wrapper, and would run it a second time.
    run_test.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    del run_test.__wrapped__
    return run_test
