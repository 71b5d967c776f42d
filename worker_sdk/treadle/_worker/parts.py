"""What a worker is made of: one part for activities, one for the code of workflows, each with a
session of its own, so that the slots of one never keep the other waiting.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from treadle._client.retry import Backoff
from treadle._worker.connection import Connection
from treadle._worker.deciders import Deciders
from treadle._worker.decisions import Decisions, Workflows
from treadle._worker.heartbeats import Heartbeats
from treadle._worker.poller import Poller
from treadle._worker.reporter import Reporter
from treadle._worker.runner import Runner
from treadle._worker.session import Session
from treadle._worker.settings import Settings
from treadle._worker.steps import Steps
from treadle._worker.threads import Threads
from treadle.activities import Activity
from treadle.errors import RequestNotServed
from treadle.v1 import definition_service_pb2
from treadle.v1 import worker_service_pb2 as messages

_log = logging.getLogger("treadle.worker")


class Part(Protocol):
    """A session and who works for it."""

    session: Session
    poller: Poller

    def running(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What goes on for as long as the worker lives."""
        ...

    def look(self, blocked_seconds: float) -> None:
        """From any thread: stops what has hogged the loop for longer, if it can be stopped."""
        ...

    def return_waiting(self) -> None:
        """Gives back what has not begun."""
        ...

    def leave(self) -> None:
        """Stops what can be stopped."""
        ...

    def close(self) -> None:
        """Ends its threads."""
        ...


class ActivityPart:
    """Runs activities."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        activities: Mapping[str, Activity[..., Any]],
        resources: Mapping[str, Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.session = session = Session(settings.slots)
        self._threads = Threads(settings.threads, loop)
        self._heartbeats = Heartbeats(session, connection, settings.namespace, loop)
        self._runner = Runner(session, self._heartbeats, self._threads, activities, resources)
        types = [
            messages.ActivityType(name=activity.name, description=activity.description)
            for activity in activities.values()
        ]
        self.poller = Poller(session, connection, settings, activity_types=types)
        self._reporter = Reporter(session, connection, settings.namespace)
        session.begin, session.slots_changed = self._runner.begin, self.poller.reconsider

    def running(self) -> Sequence[Coroutine[Any, Any, None]]:
        """See `Part`."""
        return [self.poller.run(), self._reporter.run(), self._heartbeats.run()]

    def look(self, blocked_seconds: float) -> None:
        """See `Part`: activities cannot be."""

    def return_waiting(self) -> None:
        """See `Part`."""
        self._runner.return_waiting()

    def leave(self) -> None:
        """See `Part`."""
        self._runner.leave()

    def close(self) -> None:
        """See `Part`."""
        self._threads.close()


class CodePart:
    """Runs the code of workflows of one queue, and its steps."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        workflows: Workflows,
        resources: Mapping[str, Any],
        loop: asyncio.AbstractEventLoop,
        queue: str,
    ) -> None:
        self.session = session = Session(settings.decision_slots)
        self._settings = settings
        self._connection = connection
        self._workflows = workflows
        self._threads = Threads(settings.threads, loop)
        self._heartbeats = Heartbeats(session, connection, settings.namespace, loop)
        steps = Steps(
            settings.slots, self._threads, resources, self._heartbeats.give, settings.stand_in
        )
        # A loop on virtual time (the test kit's) cannot see what another thread does.
        inline = hasattr(loop, "note_outside_work")
        self._deciders = Deciders(loop, lambda: session.slots.taken, inline=inline)
        self._decisions = Decisions(session, connection, settings, workflows, steps, self._deciders)
        types = [messages.WorkflowType(name=name, version=version) for name, version in workflows]
        self.poller = Poller(session, connection, settings, workflow_types=types, queue=queue)
        self._reporter = Reporter(session, connection, settings.namespace)
        session.begin, session.slots_changed = self._decisions.begin, self.poller.reconsider
        session.decided = self._decisions.reported

    def running(self) -> Sequence[Coroutine[Any, Any, None]]:
        """See `Part`."""
        return [self._deploy_and_poll(), self._reporter.run(), self._heartbeats.run()]

    async def _deploy_and_poll(self) -> None:
        backoff = Backoff()
        for workflow in dict.fromkeys(self._workflows.values()):
            deployed = False
            while not deployed:
                deployed = await self._deploy(workflow)
                await asyncio.sleep(0.0 if deployed else backoff.next_delay_seconds() or 0.0)
        await self.poller.run()

    async def _deploy(self, workflow: Any) -> bool:
        """Whether the server has the workflow. Raises what it refuses it with."""
        request = definition_service_pb2.DeployDefinitionRequest(
            namespace=self._settings.namespace, json=json.dumps(workflow.document())
        )
        try:
            response = await self._connection.deploy(request)
        except RequestNotServed as error:
            _log.warning("%r is not deployed yet: %s", workflow, error)
            return False
        said = definition_service_pb2.VersionState.Name(response.definition.state)
        state = said.removeprefix("VERSION_STATE_").lower()
        if state != workflow.state:
            _log.warning(
                "%s version %d is %s at the server, and %s in the code: the server's word holds",
                workflow.name,
                workflow.version,
                state,
                workflow.state,
            )
        if response.created:
            _log.info("deployed %s version %d", workflow.name, workflow.version)
        return True

    def look(self, blocked_seconds: float) -> None:
        """See `Part`."""
        self._deciders.look(blocked_seconds)

    def return_waiting(self) -> None:
        """See `Part`."""

    def leave(self) -> None:
        """See `Part`."""
        self._decisions.leave()

    def close(self) -> None:
        """See `Part`."""
        self._threads.close()
        self._deciders.close()
