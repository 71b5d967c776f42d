"""The life of a worker: opens, runs, drains, leaves.

    open      resources first: without them no task may be taken
    run       poller, reporter and heartbeats, until asked to stop or one of them gives up
    drain     asks for nothing more, gives back what has not begun, lets the rest end and be
              reported, for at most `drain_seconds`; the poll stays parked so that leases live
    leave     stops what still runs, says goodbye (leases go to others at once), closes resources

Asked a second time, it leaves without draining.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from treadle._worker import resources
from treadle._worker.connection import Connection
from treadle._worker.heartbeats import Heartbeats
from treadle._worker.poller import Poller
from treadle._worker.reporter import Reporter
from treadle._worker.runner import Runner
from treadle._worker.session import Session
from treadle._worker.settings import Settings
from treadle._worker.threads import Threads
from treadle._worker.watchdog import Watchdog
from treadle.activities import Activity
from treadle.errors import RequestError
from treadle.v1 import worker_service_pb2 as messages

_log = logging.getLogger("treadle.worker")


class Life:
    """One run of a worker, from opening to leaving; made on the loop that it runs on."""

    def __init__(
        self,
        settings: Settings,
        activities: Mapping[str, Activity[..., Any]],
        factories: Mapping[str, resources.Factory],
    ) -> None:
        self._settings = settings
        self._activities = activities
        self._factories = factories
        self._session = Session(settings.slots)
        self._drain_asked = asyncio.Event()
        self._leave_asked = asyncio.Event()

    def stop(self) -> None:
        """Asks to drain; asked again, to leave at once."""
        if self._drain_asked.is_set():
            self._leave_asked.set()
        self._drain_asked.set()

    async def run(self) -> None:
        """Runs until stopped. Raises what opening a resource raises, or what ended the poller."""
        settings, session = self._settings, self._session
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            connection = Connection(settings.address, settings.call_timeout_seconds)
            stack.push_async_callback(connection.close)
            opened = await resources.open_all(self._factories, stack)

            threads = Threads(settings.threads, loop)
            stack.callback(threads.close)
            heartbeats = Heartbeats(session, connection, settings.namespace, loop)
            runner = Runner(session, heartbeats, threads, self._activities, opened)
            poller = Poller(session, connection, settings, self._activity_types())
            reporter = Reporter(session, connection, settings.namespace)
            session.begin, session.slots_changed = runner.begin, poller.reconsider
            watchdog = Watchdog(loop, settings.blocked_seconds, Runner.run_async.__code__)
            watchdog.start()
            stack.callback(watchdog.stop)

            _log.info(
                "session %s: queue %r at %s, %d activities, %d slots",
                session.session_id,
                settings.queue,
                settings.address,
                len(self._activities),
                settings.slots,
            )
            parts = _start(poller.run(), reporter.run(), heartbeats.run())
            try:
                await self._until(self._drain_asked.wait(), parts)
                await self._drain(runner, poller, parts)
            finally:
                await self._leave(runner, connection, parts)

    async def _drain(
        self, runner: Runner, poller: Poller, parts: Sequence[asyncio.Task[None]]
    ) -> None:
        session = self._session
        _log.info(
            "draining: %d activities run, and have %.0f s",
            len(session.attempts),
            self._settings.drain_seconds,
        )
        session.slots.open = False
        runner.return_waiting()
        poller.reconsider()

        async def settled() -> None:
            await session.quiet.wait()
            await session.all_reported.wait()

        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._until(_first(settled(), self._leave_asked.wait()), parts)
        except TimeoutError:
            _log.warning("the drain took too long: %d activities run", len(session.attempts))

    async def _leave(
        self, runner: Runner, connection: Connection, parts: Sequence[asyncio.Task[None]]
    ) -> None:
        session = self._session
        running = list(session.attempts.values())
        for attempt in running:
            _log.warning("left while it runs: %s", attempt, extra=attempt.log_fields())
        runner.leave()
        session.slots.open = False
        try:
            async with asyncio.timeout(self._settings.leave_seconds):
                ending = [a.running for a in running if a.running is not None]
                if ending:
                    await asyncio.wait(ending)
                await session.all_reported.wait()
        except TimeoutError:
            pass  # what an activity does with its cancellation is not waited for any longer
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        request = messages.EndSessionRequest(
            namespace=self._settings.namespace, session_id=session.session_id
        )
        try:
            await connection.end_session(request, self._settings.leave_seconds)
        except RequestError as error:
            _log.info("the server was not told: its leases end by themselves: %s", error)
        if session.unreported:
            _log.warning("%d results were not delivered", len(session.unreported))
        _log.info("session %s has ended", session.session_id)

    async def _until(
        self, condition: Coroutine[Any, Any, object], parts: Sequence[asyncio.Task[None]]
    ) -> None:
        """Waits for a condition; raises what a part raised if one ends before."""
        waiting = asyncio.ensure_future(condition)
        try:
            await asyncio.wait([waiting, *parts], return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()
        finally:
            waiting.cancel()

    def _activity_types(self) -> list[messages.ActivityType]:
        return [
            messages.ActivityType(name=activity.name, description=activity.description)
            for activity in self._activities.values()
        ]


def _start(*parts: Coroutine[Any, Any, None]) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(part) for part in parts]


async def _first(*conditions: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(condition) for condition in conditions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
