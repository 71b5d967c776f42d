"""One server after the other on one journal: everything of the real server below gRPC, with a
clock, ids, a writer and a journal of the simulation.

A crash forgets all that is in memory, in the middle of anything: units that wait for their commit
are lost, and a commit may have happened without anybody having been told.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from tests.simulation.clock import VirtualClock
from treadle._ids import uuid7
from treadle_server.engine.values import Instant
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import Info, Journal, JournalError, Outcome, Unit
from treadle_server.journal.writer import InlineWriter
from treadle_server.runs.service import Runs

_COMMIT_SECONDS = 0.002
_SECRET = b"simulated secret of task tokens!"


class Ids:
    """Ids out of the world's randomness."""

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def run_id(self, now: Instant) -> bytes:
        """See `treadle_server.ids.IdSource`."""
        return uuid7(now // 1_000, self._random.randbytes(10))


class _Door:
    """One incarnation's way to the journal: shut for good when it crashes.

    `commit_may_crash` is drawn before each commit: the machine dies right before it or right after.
    """

    def __init__(self, journal: MemoryJournal, source: random.Random, crash_share: float) -> None:
        self._journal = journal
        self._random = source
        self._crash_share = crash_share
        self.shut = False

    def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Commits, or dies trying."""
        self._must_be_open()
        if self._random.random() < self._crash_share:
            if self._random.random() < 0.5:
                self._journal.commit(units)
            self.shut = True
            raise JournalError("the machine died at a commit")
        return self._journal.commit(units)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._must_be_open()
            return getattr(self._journal, name)(*arguments, **named)

        return call

    def _must_be_open(self) -> None:
        if self.shut:
            raise JournalError("this process is dead")


_incarnation: contextvars.ContextVar[Incarnation | None] = contextvars.ContextVar(
    "incarnation", default=None
)


class Incarnation:
    """One life of the server, from its start to its crash."""

    def __init__(
        self,
        journal: MemoryJournal,
        info: Info,
        source: random.Random,
        crash_share: float,
        queue_units: int,
        died: Callable[[], None],
    ) -> None:
        self._door = _Door(journal, source, crash_share)
        self._queue_units = queue_units
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._context = contextvars.copy_context()
        self._context.run(_incarnation.set, self)
        self.dead = asyncio.Event()
        self._died = died
        self.runs = self._context.run(self._start, info, Ids(source))

    def _start(self, info: Info, ids: Ids) -> Runs:
        journal = cast(Journal, self._door)
        writer = InlineWriter(
            journal,
            on_failure=lambda error: None if self.dead.is_set() else self._died(),
            delay_seconds=_COMMIT_SECONDS,
            max_units=self._queue_units,
        )
        runs = Runs(
            clock=VirtualClock(), ids=ids, journal=journal, writer=writer, token_secret=_SECRET
        )
        runs.start_serving(info)
        return runs

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A call that this process serves: it ends with the process."""
        return asyncio.get_running_loop().create_task(work, context=self._context)

    def note(self, task: asyncio.Task[Any]) -> None:
        """A task was made inside this process."""
        self._tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task)
        if self.dead.is_set() and not task.cancelled():
            task.exception()  # what fails in a dead process tells nothing

    def crash(self) -> None:
        """`kill -9`: what its tasks still do while they are cancelled reaches no journal."""
        self._door.shut = True
        self.dead.set()
        for task in list(self._tasks):
            task.cancel()


class Server:
    """The server's machine: starts it, kills it, starts it again."""

    def __init__(
        self,
        journal: MemoryJournal,
        source: random.Random,
        say: Callable[[str], None],
    ) -> None:
        self.journal = journal
        self._random = source
        self._say = say
        self.crash_share = 0.0
        """How many of the commits are the last one."""
        self.queue_units = 10_000
        """How many units may wait for their commit: with few, the server is often busy."""
        self.incarnation: Incarnation | None = None
        self.starts: list[Instant] = []
        self.crashes = 0
        asyncio.get_running_loop().set_task_factory(_note_task)

    def start(self) -> None:
        """A new process: opens the journal, recovers, serves."""
        info = self.journal.open()
        self.starts.append(VirtualClock().now())
        self.incarnation = Incarnation(
            self.journal,
            info,
            self._random,
            self.crash_share,
            self.queue_units,
            self.crash,
        )
        self._say("server starts")

    def crash(self) -> None:
        """The process is gone."""
        if self.incarnation is None:
            return
        incarnation, self.incarnation = self.incarnation, None
        incarnation.crash()
        self.journal.crash()
        self.crashes += 1
        self._say("server dies")


def _note_task(
    loop: asyncio.AbstractEventLoop,
    work: Any,
    context: contextvars.Context | None = None,
    **options: Any,
) -> asyncio.Task[Any]:
    """Whatever a process spawns, by whatever way, dies with it."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context, **options)
    owner = _incarnation.get() if context is None else context.get(_incarnation)
    if owner is not None:
        owner.note(task)
    return task
