"""`Worker`: takes tasks from a queue; runs activities and the code of workflows.

    worker = Worker([charge, refund, onboarding], resources={"database": open_pool})
    worker.run_blocking()

What is not here: how it does that (`_worker`, whose docstring says who owns what).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import os
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from treadle._client import channel
from treadle._importing import must_not_import
from treadle._worker.lifecycle import Life
from treadle._worker.resources import Factory
from treadle._worker.settings import DECISION_SLOTS, Settings
from treadle.activities import Activity
from treadle.errors import DefinitionError
from treadle.workflows import Workflow

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Worker:
    """Runs the activities of one queue, and the code of workflows. Its workflows are deployed when
    it begins.

    Args:
        work: functions decorated with `@activity` or `@workflow`; at least one.
        address: host and port of the server; `TREADLE_ADDRESS` if None, 127.0.0.1:7400 without it.
        namespace: whose runs.
        queue: where the tasks of its activities come from. Those of its workflows come from where
            their decorator says: `@workflow(queue=...)`.
        slots: how many activities and steps run at a time; also for how many runs of code it
            decides at a time, if that is more than 100.
        threads: how many of them may be plain functions, each in a thread; as many as slots if
            None.
        resources: by name, functions that return a context manager, async or plain. Each is entered
            once before the first task and left after the last; activities find what it gives in
            `Context.resources`.
        identity: for people, which worker this is; "host/pid" if None.
        build_id: which edition of the code it runs: shown where a run does not fit it. Made of the
            workflows' source files if empty.
        drain_seconds: how long running activities may go on once the worker was asked to stop.
        cached_runs: how many runs of code stay in memory between their decisions, with some 8 kB
            each and what is in their variables; the others are replayed from their histories.

    Raises `DefinitionError` if it is put together wrongly.
    """

    def __init__(
        self,
        work: Iterable[Activity[..., Any] | Workflow[..., Any]],
        *,
        address: str | None = None,
        namespace: str = "default",
        queue: str = "default",
        slots: int = 100,
        threads: int | None = None,
        resources: Mapping[str, Factory] | None = None,
        identity: str | None = None,
        build_id: str = "",
        drain_seconds: float = 30.0,
        cached_runs: int = 1_000,
    ) -> None:
        work = list(work)
        self._activities = _by_name(one for one in work if not isinstance(one, Workflow))
        self._workflows = _by_version(one for one in work if isinstance(one, Workflow))
        if not work:
            raise DefinitionError("a worker needs at least one activity or workflow")
        self._resources = dict(resources or {})
        if slots < 1 or (threads is not None and threads < 1):
            raise DefinitionError("a worker needs at least one slot, and at least one thread")
        decision_slots = max(DECISION_SLOTS, slots)  # a step keeps its run's decision
        threads = min(slots, slots if threads is None else threads)
        plain = not any(activity.is_async for activity in self._activities.values())
        if plain and not self._workflows:
            slots = threads  # more tasks than threads would only wait here instead of elsewhere
        self.settings = Settings(
            address=channel.resolve_address(address),
            namespace=namespace,
            queue=queue,
            identity=identity or f"{socket.gethostname()}/{os.getpid()}",
            build_id=build_id or _build_of(self._workflows.values()),
            slots=slots,
            threads=threads,
            drain_seconds=drain_seconds,
            decision_slots=decision_slots,
            cached_runs=cached_runs,
        )
        self._life: Life | None = None

    @classmethod
    def from_module(cls, name: str, **options: Any) -> Self:
        """A worker for every activity and workflow of a module, and for what its `resources` name.

        Args:
            name: the module, as `import` takes it.
            options: arguments of `Worker`.

        Raises `ImportError` if there is no such module, `DefinitionError` if it has no activities.
        """
        module = importlib.import_module(name)
        found = [
            value for value in vars(module).values() if isinstance(value, (Activity, Workflow))
        ]
        if not found:
            raise DefinitionError(
                f"module {name!r} has no activities and no workflows; decorate its functions with "
                "@treadle.activity or @treadle.workflow"
            )
        options.setdefault("resources", getattr(module, "resources", None))
        return cls(found, **options)

    @property
    def activities(self) -> tuple[Activity[..., Any], ...]:
        """The activities that it runs."""
        return tuple(self._activities.values())

    @property
    def workflows(self) -> tuple[Workflow[..., Any], ...]:
        """The workflows whose code it runs."""
        return tuple(self._workflows.values())

    async def run(self) -> None:
        """Takes and runs tasks until `stop` is called, then drains. Cancelled: leaves at once.

        Goes on through lost connections and server restarts. Raises `InvalidRequest` or
        `NotPermitted` if the server will not have this worker, and what opening a resource raises.
        """
        if self._life is not None:
            raise RuntimeError("this worker is running already")
        self._life = Life(self.settings, self._activities, self._workflows, self._resources)
        try:
            await self._life.run()
        finally:
            self._life = None

    def stop(self) -> None:
        """Asks a running worker to drain and end; asked again, to leave at once.

        To be called on the loop that runs the worker.
        """
        if self._life is not None:
            self._life.stop()

    def run_blocking(self) -> None:
        """Runs the worker until SIGTERM or SIGINT: the first drains, the second leaves at once.

        For a program's main thread. Uses uvloop where it is installed. Raises `DefinitionError`
        while a command imports the module.
        """
        must_not_import()

        async def run() -> None:
            loop = asyncio.get_running_loop()
            for number in _STOP_SIGNALS:
                loop.add_signal_handler(number, self.stop)
            try:
                await self.run()
            finally:
                for number in _STOP_SIGNALS:
                    loop.remove_signal_handler(number)

        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run())


def _by_name(activities: Iterable[Activity[..., Any]]) -> dict[str, Activity[..., Any]]:
    by_name: dict[str, Activity[..., Any]] = {}
    for activity in activities:
        if not isinstance(activity, Activity):
            raise DefinitionError(
                f"{activity!r} is neither an activity nor a workflow; decorate it with @activity "
                "or @workflow"
            )
        other = by_name.setdefault(activity.name, activity)
        if other is not activity:
            raise DefinitionError(
                f"two activities are named {activity.name!r}: {_place(other)} and "
                f"{_place(activity)}; give one another name with @activity(name=...)"
            )
    return by_name


def _by_version(
    workflows: Iterable[Workflow[..., Any]],
) -> dict[tuple[str, int], Workflow[..., Any]]:
    by_version: dict[tuple[str, int], Workflow[..., Any]] = {}
    for workflow in workflows:
        other = by_version.setdefault((workflow.name, workflow.version), workflow)
        if other is not workflow:
            raise DefinitionError(
                f"two workflows are {workflow.name!r} version {workflow.version}: {_place(other)} "
                f"and {_place(workflow)}; give one another version with @workflow(version=...)"
            )
    for workflow in list(by_version.values()):
        for version in workflow.continues:
            by_version.setdefault((workflow.name, version), workflow)
    return by_version


def _build_of(workflows: Iterable[Workflow[..., Any]]) -> str:
    """A name for the code of workflows: it changes when one of their files does."""
    digest = hashlib.blake2b(digest_size=6)
    files = {workflow.function.__code__.co_filename for workflow in workflows}
    for file in sorted(files):
        with contextlib.suppress(OSError):
            digest.update(Path(file).read_bytes())
    return digest.hexdigest() if files else ""


def _place(work: Activity[..., Any] | Workflow[..., Any]) -> str:
    function = work.function
    return f"{function.__module__}.{function.__qualname__}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
