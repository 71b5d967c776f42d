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
from treadle._worker.decisions import Workflows
from treadle._worker.parts import ActivityPart, CodePart, Part
from treadle._worker.runner import Runner
from treadle._worker.session import Attempt, Session
from treadle._worker.settings import Settings
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
        workflows: Workflows,
        factories: Mapping[str, resources.Factory],
    ) -> None:
        self._settings = settings
        self._activities = activities
        self._workflows = workflows
        self._factories = factories
        self._parts: list[Part] = []
        self._drain_asked = asyncio.Event()
        self._leave_asked = asyncio.Event()

    def stop(self) -> None:
        """Asks to drain; asked again, to leave at once."""
        if self._drain_asked.is_set():
            self._leave_asked.set()
        self._drain_asked.set()

    async def run(self) -> None:
        """Runs until stopped. Raises what opening a resource raises, or what ended a poller."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            connection = Connection(settings.address, settings.call_timeout_seconds)
            stack.push_async_callback(connection.close)
            opened = await resources.open_all(self._factories, stack)
            self._parts = self._make_parts(connection, opened, loop)
            for part in self._parts:
                stack.callback(part.close)
            looks = [part.look for part in self._parts]
            watchdog = Watchdog(loop, settings.blocked_seconds, Runner.run_async.__code__, looks)
            watchdog.start()
            stack.callback(watchdog.stop)

            _log.info(
                "%s: queue %r at %s, %d activities, %d workflows, %d slots",
                ", ".join(f"session {part.session.session_id}" for part in self._parts),
                settings.queue,
                settings.address,
                len(self._activities),
                len(self._workflows),
                settings.slots,
            )
            tasks = [asyncio.create_task(work) for part in self._parts for work in part.running()]
            try:
                await self._until(self._drain_asked.wait(), tasks)
                await self._drain(tasks)
            finally:
                await self._leave(connection, tasks)

    def _make_parts(
        self,
        connection: Connection,
        opened: Mapping[str, Any],
        loop: asyncio.AbstractEventLoop,
    ) -> list[Part]:
        parts: list[Part] = []
        if self._activities:
            parts.append(ActivityPart(self._settings, connection, self._activities, opened, loop))
        queues: dict[str, dict[tuple[str, int], Any]] = {}
        for key, workflow in self._workflows.items():
            # Not the worker's queue: decisions wait where the deployed version says.
            queues.setdefault(workflow.queue, {})[key] = workflow
        for queue, workflows in queues.items():
            parts.append(CodePart(self._settings, connection, workflows, opened, loop, queue))
        return parts

    async def _drain(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        running = sum(len(part.session.attempts) for part in self._parts)
        _log.info("draining: %d tasks run, and have %.0f s", running, self._settings.drain_seconds)
        for part in self._parts:
            part.session.slots.open = False
            part.return_waiting()
            part.poller.reconsider()

        async def settled() -> None:
            for part in self._parts:
                await part.session.quiet.wait()
                await part.session.all_reported.wait()

        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._until(_first(settled(), self._leave_asked.wait()), tasks)
        except TimeoutError:
            running = sum(len(part.session.attempts) for part in self._parts)
            _log.warning("the drain took too long: %d tasks run", running)

    async def _leave(self, connection: Connection, tasks: Sequence[asyncio.Task[None]]) -> None:
        ending: list[asyncio.Task[None]] = []
        for part in self._parts:
            for held in list(part.session.attempts.values()):
                _log.warning("left while it runs: %s", held, extra=held.log_fields())
                if isinstance(held, Attempt) and held.running is not None:
                    ending.append(held.running)
            part.session.slots.open = False
            part.leave()
        try:
            async with asyncio.timeout(self._settings.leave_seconds):
                if ending:
                    await asyncio.wait(ending)
                for part in self._parts:
                    await part.session.all_reported.wait()
        except TimeoutError:
            pass  # what an activity does with its cancellation is not waited for any longer
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for part in self._parts:
            await self._say_goodbye(connection, part.session)

    async def _say_goodbye(self, connection: Connection, session: Session) -> None:
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


async def _first(*conditions: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(condition) for condition in conditions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
