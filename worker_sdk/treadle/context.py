"""`Context`: what an activity knows about the attempt it runs in, and what it can tell the worker.

A function gets it by a parameter annotated as `Context`, or anywhere below it by
`current_context()`. What is not here: sending heartbeats (`_worker/heartbeats.py`).
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from treadle import payload
from treadle.errors import ActivityCancelled
from treadle.memory import RunMemory
from treadle.v1 import payload_pb2, worker_service_pb2

_TRACEPARENT = re.compile(
    "[0-9a-f]{2}-(?P<trace_id>[0-9a-f]{32})-(?P<span_id>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
)

NO_RESOURCES: Mapping[str, Any] = MappingProxyType({})

_current: ContextVar[Context] = ContextVar("treadle.context")


def current_context() -> Context:
    """The context of the attempt that this code runs in. Raises `LookupError` outside of one."""
    try:
        return _current.get()
    except LookupError:
        raise LookupError(
            "no activity is running here: current_context() works inside one"
        ) from None


def enter(context: Context) -> None:
    """Makes a context the current one; for the worker, inside the attempt's own `contextvars`."""
    _current.set(context)


@dataclass(frozen=True, slots=True)
class Trace:
    """Where this attempt is in its run's OpenTelemetry trace: the span the server makes of it."""

    trace_id: str
    """32 hex digits; empty if the server sent no trace."""
    span_id: str
    sampled: bool


class Context:
    """One attempt at an activity, as the activity sees it; usable from any thread."""

    def __init__(
        self,
        task: worker_service_pb2.Task,
        *,
        resources: Mapping[str, Any] = NO_RESOURCES,
        on_heartbeat: Callable[[bytes, payload_pb2.Payload | None], None] | None = None,
    ) -> None:
        self._task = task
        self._on_heartbeat = on_heartbeat
        self._stop_asked = False
        self._waits: dict[None, threading.Event] = {}
        """What `wait_cancelled` waits for; few activities do."""
        self.skipped = False
        """See `skip`."""
        self.run_id = task.run_id
        self.workflow_id = task.workflow_id
        self.workflow = task.workflow
        self.activity_type = task.activity_type
        self.key = task.key
        """The activity's name in its run; in a graph the node."""
        self.attempt = task.attempt
        """From 1."""
        self.max_attempts = task.max_attempts
        """0: without limit."""
        self.resources = resources
        """What the worker opened for all its activities, by name."""

    def __repr__(self) -> str:
        return f"<Context {self.activity_type} run={self.run_id} key={self.key} #{self.attempt}>"

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at this activity, and for nothing else: hand it to services
        that know idempotency keys, so that a repeated attempt has one effect.
        """
        return f"{self.run_id}/{self.key}"

    @property
    def deadline(self) -> datetime | None:
        """When this attempt is timed out, by the server's clock; None: never."""
        if not self._task.HasField("deadline"):
            return None
        return self._task.deadline.ToDatetime(UTC)

    # --- heartbeats and cancellation -----------------------------------------------------------

    def heartbeat(self, details: object = None) -> None:
        """Says that the attempt is alive and how far it is. Cheap: the worker sends some of them.

        `details` come back as `heartbeat_details` of the next attempt if this one does not succeed.
        Raises `PayloadError` if they cannot be written.
        """
        if self._on_heartbeat is not None:
            written = None if details is None else payload.encode(details)
            self._on_heartbeat(self._task.task_token, written)

    @property
    def heartbeat_details(self) -> Any:
        """What the last heartbeat of an earlier attempt carried; None if there was none."""
        if not self._task.HasField("heartbeat_details"):
            return None
        return payload.decode(self._task.heartbeat_details)

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was asked to stop; async activities get a `CancelledError` too."""
        return self._stop_asked

    def raise_if_cancelled(self) -> None:
        """Raises `ActivityCancelled` if the attempt was asked to stop: for plain functions."""
        if self._stop_asked:
            raise ActivityCancelled(f"activity {self.activity_type!r} was asked to stop")

    def wait_cancelled(self, seconds: float) -> bool:
        """Sleeps in a plain function, but wakes when asked to stop; returns whether that was so."""
        # First the event, then the look at what was asked before it was there.
        asked = self._waits.setdefault(None, threading.Event())
        return self._stop_asked or asked.wait(seconds)

    def ask_to_stop(self) -> None:
        """Sets the flag; for the worker and for tests."""
        self._stop_asked = True
        for asked in list(self._waits.values()):
            asked.set()

    def skip(self) -> None:
        """Says that there was nothing to do: what the activity returns counts, but its node shows
        as skipped.
        """
        self.skipped = True

    # --- memory, logs, trace -------------------------------------------------------------------

    @cached_property
    def memory(self) -> RunMemory:
        """The run's memory."""
        return RunMemory(self._task.memory)

    def memory_operations(self) -> list[payload_pb2.MemoryOperation]:
        """The changes collected so far; for the worker."""
        memory = self.__dict__.get("memory")  # not even made if the activity never touched it
        return memory.operations if isinstance(memory, RunMemory) else []

    @cached_property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry the ids of the run, the activity and the trace."""
        return _ActivityLog(
            logging.getLogger(f"treadle.activity.{self.activity_type}"),
            {
                "run_id": self.run_id,
                "workflow_id": self.workflow_id,
                "workflow": self.workflow,
                "activity": self.activity_type,
                "key": self.key,
                "attempt": self.attempt,
                "trace_id": self.trace.trace_id,
                "span_id": self.trace.span_id,
            },
        )

    @property
    def traceparent(self) -> str:
        """The W3C trace context of this attempt, for calls to other services; empty if unknown."""
        return self._task.traceparent

    @cached_property
    def trace(self) -> Trace:
        """The parts of `traceparent`."""
        form = _TRACEPARENT.match(self._task.traceparent)
        if form is None:
            return Trace("", "", False)
        return Trace(form["trace_id"], form["span_id"], bool(int(form["flags"], 16) & 1))


class _ActivityLog(logging.LoggerAdapter[logging.Logger]):
    """Adds its extra to the call's own, where the standard adapter replaces it (before 3.13)."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs
