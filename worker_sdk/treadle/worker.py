"""`Worker`: takes tasks from a queue and runs activities.

    worker = Worker([charge, refund], resources={"database": open_pool})
    worker.run_blocking()

What is not here: how it does that (`_worker`, whose docstring says who owns what).
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from treadle._client import channel
from treadle._worker.lifecycle import Life
from treadle._worker.resources import Factory
from treadle._worker.settings import Settings
from treadle.activities import Activity
from treadle.errors import DefinitionError

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Worker:
    """Runs activities for one queue.

    Args:
        activities: functions decorated with `@activity`; at least one.
        address: host and port of the server; `TREADLE_ADDRESS` if None, 127.0.0.1:7400 without it.
        namespace: whose runs.
        queue: where the tasks come from.
        slots: how many activities run at a time.
        threads: how many of them may be plain functions, each in a thread; as many as slots if
            None.
        resources: by name, functions that return a context manager, async or plain. Each is entered
            once before the first task and left after the last; activities find what it gives in
            `Context.resources`.
        identity: for people, which worker this is; "host/pid" if None.
        build_id: for people, which edition of the code it runs.
        drain_seconds: how long running activities may go on once the worker was asked to stop.

    Raises `DefinitionError` if it is put together wrongly.
    """

    def __init__(
        self,
        activities: Iterable[Activity[..., Any]],
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
    ) -> None:
        self._activities = _by_name(activities)
        self._resources = dict(resources or {})
        if slots < 1 or (threads is not None and threads < 1):
            raise DefinitionError("a worker needs at least one slot, and at least one thread")
        threads = min(slots, slots if threads is None else threads)
        if not any(activity.is_async for activity in self._activities.values()):
            slots = threads  # more tasks than threads would only wait here instead of elsewhere
        self.settings = Settings(
            address=channel.resolve_address(address),
            namespace=namespace,
            queue=queue,
            identity=identity or f"{socket.gethostname()}/{os.getpid()}",
            build_id=build_id,
            slots=slots,
            threads=threads,
            drain_seconds=drain_seconds,
        )
        self._life: Life | None = None

    @classmethod
    def from_module(cls, name: str, **options: Any) -> Self:
        """A worker for every activity of a module, and for what its `resources` name.

        Args:
            name: the module, as `import` takes it.
            options: arguments of `Worker`.

        Raises `ImportError` if there is no such module, `DefinitionError` if it has no activities.
        """
        module = importlib.import_module(name)
        found = [value for value in vars(module).values() if isinstance(value, Activity)]
        if not found:
            raise DefinitionError(
                f"module {name!r} has no activities; decorate its functions with @treadle.activity"
            )
        options.setdefault("resources", getattr(module, "resources", None))
        return cls(found, **options)

    @property
    def activities(self) -> tuple[Activity[..., Any], ...]:
        """What it runs."""
        return tuple(self._activities.values())

    async def run(self) -> None:
        """Takes and runs tasks until `stop` is called, then drains. Cancelled: leaves at once.

        Goes on through lost connections and server restarts. Raises `InvalidRequest` or
        `NotPermitted` if the server will not have this worker, and what opening a resource raises.
        """
        if self._life is not None:
            raise RuntimeError("this worker is running already")
        self._life = Life(self.settings, self._activities, self._resources)
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

        For a program's main thread. Uses uvloop where it is installed.
        """

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
            raise DefinitionError(f"{activity!r} is not an activity; decorate it with @activity")
        other = by_name.setdefault(activity.name, activity)
        if other is not activity:
            raise DefinitionError(
                f"two activities are named {activity.name!r}: {_place(other)} and "
                f"{_place(activity)}; give one another name with @activity(name=...)"
            )
    if not by_name:
        raise DefinitionError("a worker needs at least one activity")
    return by_name


def _place(activity: Activity[..., Any]) -> str:
    function = activity.function
    return f"{function.__module__}.{function.__qualname__}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
