"""The event loop of one run: first in, first out, on journaled time, without IO.

A timer of any length is a durable one. Tasks and futures hash by the order in which they were made,
so that a set of them is iterated in the same order at each replay. Above the bits that decide that
order, the hash has some of the run's id: asyncio keeps the tasks of all loops in one set, where the
first task of each run would else be in the way of every other run's.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import sys
import zlib
from abc import ABC, abstractmethod
from asyncio import events
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from treadle._code.mismatch import Suspended
from treadle._code.run import Run
from treadle.errors import NotDeterministic

_REFUSED = {
    "call_soon_threadsafe": "a call from another thread",
    "run_in_executor": "a thread (run_in_executor, asyncio.to_thread)",
    "getaddrinfo": "the network",
    "create_connection": "the network",
    "create_server": "the network",
    "create_datagram_endpoint": "the network",
    "create_unix_connection": "the network",
    "create_unix_server": "the network",
    "subprocess_exec": "another process",
    "subprocess_shell": "another process",
    "add_signal_handler": "a signal handler",
    "run_until_complete": "a loop inside the loop",
}

_NUMBER_BITS = 20
"""A set of fewer tasks than 2 ** 19 is ordered by these alone."""

_LATEST = 253_402_300_799_000_000
"""The last second of the year 9999 in microseconds, behind which no timer can be due."""

if TYPE_CHECKING:
    _Loop: Any
else:
    # Not a subclass at run time: what it does not have itself is refused by name.
    _Loop = object


class WorkflowFuture(asyncio.Future[Any]):
    """A future that hashes by its number."""

    def __init__(self, *, loop: WorkflowLoop) -> None:
        self._hash = loop.high_bits + next(loop.numbers)
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._hash


class WorkflowTask(asyncio.Task[Any]):
    """A task that hashes by its number."""

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        *,
        loop: WorkflowLoop,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> None:
        number = next(loop.numbers)
        self._hash = loop.high_bits + number
        super().__init__(coroutine, loop=loop, name=name or f"task-{number}", context=context)

    def __hash__(self) -> int:
        return self._hash


class WorkflowTimer(asyncio.TimerHandle):
    """A timer of the run; `index` is its command's number."""

    __slots__ = ("index",)
    index: int | None


class _Gone:
    """Stands where a run was that has been let go of."""

    dead = stopped = True

    def __call__(self, *_: object) -> None:
        raise Suspended

    def __getattr__(self, name: str) -> None:
        raise Suspended


class WorkflowLoop(_Loop):  # type: ignore[misc]
    """See the module's docstring. What has no place in workflow code raises `NotDeterministic`."""

    def __init__(self, run: Run) -> None:
        self.treadle_run = run
        self.start_timer: Callable[[WorkflowTimer, int], int]
        """Makes a timer durable; set by the replayer, as is what follows."""
        self.note_unhandled: Callable[[dict[str, Any]], None]
        self._failed: list[WorkflowTask] = []
        """Tasks that have failed, as long as nobody has asked them for their outcome."""
        self.numbers = itertools.count(1)
        self.high_bits = zlib.crc32(run.info.run_id.encode()) << _NUMBER_BITS
        """Of what tasks and futures hash to."""
        self.tasks: dict[WorkflowTask, None] = {}
        self._now_microseconds = 0
        self.asked_time = False
        """The code has asked what time it is; whoever wants to know sets it back."""
        self._ready: deque[asyncio.Handle] = deque()

    # --- running ----------------------------------------------------------------------------------

    def drain(self) -> None:
        """Runs what is ready, and what that makes ready, until nothing is."""
        self.run_here(self._run_ready)

    def _run_ready(self) -> None:
        ready, run = self._ready, self.treadle_run
        while ready and not run.stopped:
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def run_here(self, work: Callable[[], None]) -> None:
        """Calls it with this as the running loop, whatever loop the thread runs otherwise.

        The task that the thread is in is none of the code's: from Python 3.14 on a thread has one
        task at a time. An asynchronous generator that is given up ends there and then, as in a
        thread without a loop: the hooks of the thread's loop would have it end some time later.
        """
        outer, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
        task = None if outer is None else asyncio.current_task(outer)
        # All of it is within: what stops code that hogs the thread is raised at any moment.
        try:
            if outer is not None and task is not None:
                asyncio.tasks._leave_task(outer, task)
            if any(hooks):
                sys.set_asyncgen_hooks(None, None)
            events._set_running_loop(self)
            work()
        finally:
            try:
                _go_back(outer, task, hooks)
            except BaseException:
                _go_back(outer, task, hooks)
                raise

    def let_go(self) -> None:
        """Nothing runs here any more; what code still asks for, as it ends, is refused.

        Without what it refers to, a run goes at once, and not when Python looks for cycles.
        """
        self.tasks.clear()
        self._failed.clear()
        self._ready.clear()
        gone: Any = _Gone()
        self.treadle_run = gone
        self.start_timer = self.note_unhandled = gone

    @property
    def now_microseconds(self) -> int:
        """Since the epoch: the time of the newest event that the code has seen."""
        self.asked_time = True
        return self._now_microseconds

    @now_microseconds.setter
    def now_microseconds(self, now: int) -> None:
        self._now_microseconds = now

    def time(self) -> float:
        """Seconds since the epoch of the newest event that the code has seen."""
        return self.now_microseconds / 1e6

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Behind what is ready."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """A durable timer; at once if there is nothing to wait for."""
        due = self.now_microseconds + _microseconds(delay)
        return self._call_at(due, callback, args, context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As `call_later`."""
        return self._call_at(_microseconds(when), callback, args, context)

    def _call_at(
        self,
        due: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> asyncio.TimerHandle:
        due = min(due, _LATEST)
        timer = WorkflowTimer(due / 1e6, callback, list(args), self, context)
        if due <= self.now_microseconds:
            timer.index = None
            self._ready.append(timer)
        else:
            timer.index = self.start_timer(timer, due)
        return timer

    def fire(self, timer: WorkflowTimer) -> None:
        """Its time has come."""
        timer.index = None
        self._ready.append(timer)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        assert isinstance(handle, WorkflowTimer), "the loop makes no others"
        if handle.index is not None:
            index, handle.index = handle.index, None
            self.treadle_run.stop(index)

    # --- tasks and futures ------------------------------------------------------------------------

    def create_future(self) -> WorkflowFuture:
        """A future of this run."""
        return WorkflowFuture(loop=self)

    def create_task(
        self,
        coroutine: Any,
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **_options: Any,
    ) -> WorkflowTask:
        """A task of this run; takes anything that can be awaited."""
        if not asyncio.iscoroutine(coroutine):
            coroutine = _awaited(coroutine)
        task = WorkflowTask(coroutine, loop=self, name=name, context=context)
        self.tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        assert isinstance(task, WorkflowTask), "the loop makes no others"
        self.tasks.pop(task, None)
        if task._log_traceback:
            self._failed = [*self._unasked(), task]

    def _unasked(self) -> list[WorkflowTask]:
        return [one for one in self._failed if one._log_traceback]

    def note_failed(self) -> None:
        """Says which tasks have failed without anybody asking for their outcome: nobody will."""
        for task in self._unasked():
            message = f"{task.get_name()} has failed, and nobody awaited it"
            self.note_unhandled({"message": message, "exception": task.exception()})
        self._failed.clear()

    # --- what asyncio asks ------------------------------------------------------------------------

    def get_debug(self) -> bool:
        """Never: debugging looks at the clock."""
        return False

    def is_running(self) -> bool:
        """While it is fed."""
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        """It has nothing to close."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A callback has failed: said in the log."""
        # What asyncio has to say of a task or a future, it says while that is collected as garbage:
        # at any moment, in the midst of anything, and writing a traceback there has broken an
        # `ast.parse` that was under way (CPython before 3.11.8). `note_failed` says it in time.
        if "task" not in context and "future" not in context:
            self.note_unhandled(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """As `call_exception_handler`."""
        self.call_exception_handler(context)

    async def shutdown_asyncgens(self) -> None:
        """Asynchronous generators are closed with their run."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    def __getattr__(self, name: str) -> Any:
        # Everything else that a loop can do looks at the world or waits for it.
        if name.startswith("__"):
            raise AttributeError(name)
        what = _REFUSED.get(name, f"asyncio's {name}")
        raise NotDeterministic(
            f"{what} has no place in workflow code, which is replayed; do it in a step: "
            "await step(function, ...)"
        )


def _microseconds(seconds: float) -> int:
    """At most until the latest time there is: `math.inf` is for ever."""
    return _LATEST if seconds * 1e6 >= _LATEST else round(seconds * 1e6)


def _go_back(
    outer: asyncio.AbstractEventLoop | None, task: asyncio.Task[Any] | None, hooks: Any
) -> None:
    """The thread is as it was before; to be called again if something is raised in between."""
    events._set_running_loop(outer)
    if outer is not None and task is not None and asyncio.current_task(outer) is not task:
        asyncio.tasks._enter_task(outer, task)
    if any(hooks):
        sys.set_asyncgen_hooks(*hooks)


def _awaited(awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    async def wait() -> Any:
        return await awaitable

    return wait()


if TYPE_CHECKING:

    class _Awaitable(Coroutine[Any, Any, Any]):
        def send(self, value: Any, /) -> Any: ...
        def throw(self, *error: Any) -> Any: ...
        def close(self) -> None: ...
else:
    # The run's loop makes a task of anything that can be awaited; type checkers know coroutines.
    _Awaitable = ABC


class Awaiting(_Awaitable):
    """What can be awaited, by `_run`."""

    def __await__(self) -> Generator[Any, None, Any]:
        return self._run().__await__()

    @abstractmethod
    async def _run(self) -> Any:
        """Does it, and gives what it comes to."""
