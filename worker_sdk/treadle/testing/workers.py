"""Workers of a kit: the real ones, in the test's process, that can be made to die."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from treadle._client import channel as channels
from treadle.activities import Activity
from treadle.testing.channel import InProcessChannel
from treadle.testing.loop import NEVER_SECONDS
from treadle.worker import Worker
from treadle.workflows import Workflow

if TYPE_CHECKING:
    from treadle._code.steps import StepCall

_numbers = itertools.count(1)
_LONG_SECONDS = 1.5 * NEVER_SECONDS
_NOBODY_WATCHES_SECONDS = 8 * NEVER_SECONDS


class TestWorker:
    """One worker, and the next one after it has died."""

    __test__ = False  # for pytest: no test in spite of its name

    def __init__(
        self,
        work: Sequence[Activity[..., Any] | Workflow[..., Any]],
        open_channel: Callable[[], InProcessChannel],
        options: dict[str, Any],
        stand_in: Callable[[StepCall], Callable[..., Any]],
    ) -> None:
        self._work = work
        self._stand_in = stand_in
        self._open_channel = open_channel
        self._options = options
        self._deaths: set[asyncio.Task[None]] = set()

    @property
    def types(self) -> set[str]:
        """What it can run."""
        return {
            decision_type(one.name, one.version) if isinstance(one, Workflow) else one.name
            for one in self._work
        }

    def start(self) -> None:
        """A new worker process, so to speak."""
        self._address = f"kit-worker-{next(_numbers)}"
        channels.answer_in_this_process(self._address, self._open)
        self._worker = Worker(self._work, address=self._address, **self._options)
        # One poll lasts as long as the test, and nobody watches a loop that may stand still.
        self._worker.settings = dataclasses.replace(
            self._worker.settings,
            poll_wait_seconds=_LONG_SECONDS,
            blocked_seconds=_NOBODY_WATCHES_SECONDS,
            stand_in=self._stand_in,
        )
        self._running = asyncio.ensure_future(self._worker.run())

    def die(self) -> None:
        """Without a goodbye; another one is started right away."""
        self._channel.cut()
        self._running.cancel()
        death = asyncio.ensure_future(self._bury(self._running))
        self._deaths.add(death)
        death.add_done_callback(self._deaths.discard)
        self._end_address()
        self.start()

    async def stop(self) -> None:
        """Drains and ends. Raises what ended it before its time."""
        self._worker.stop()
        try:
            await self._running
        finally:
            self._end_address()

    def _open(self) -> Any:
        self._channel = self._open_channel()
        return self._channel

    def _end_address(self) -> None:
        channels.forget(self._address)

    async def _bury(self, dying: asyncio.Task[None]) -> None:
        await asyncio.gather(dying, return_exceptions=True)


def decision_type(workflow: str, version: int) -> str:
    """What the server calls the decisions of a version's runs."""
    return f"workflow {workflow} {version}"


@asynccontextmanager
async def working(worker: TestWorker) -> AsyncIterator[TestWorker]:
    """A worker that works until the block ends."""
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
