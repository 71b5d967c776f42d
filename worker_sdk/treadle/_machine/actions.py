"""What a state or a transition of a machine does, as parts of its document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from treadle._graph.document import duration, without_absent
from treadle._graph.policies import Retry, Time
from treadle._graph.recording import record
from treadle.activities import Activity

Formula = str | Callable[..., object] | Mapping[str, Any] | list[Any]
"""CEL as text, or a function that is recorded as CEL; in objects and lists, text is CEL."""

_WORDS = frozenset(
    {"params", "memory", "event", "result", "error", "run", "active", "now", "prepared", "executed"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """An activity, with what a definition can say of one."""

    activity: Activity[..., Any] | str
    input: Formula | None = None
    queue: str | None = None
    retry: Retry | None = None
    start_to_close: Time | None = None
    schedule_to_start: Time | None = None
    schedule_to_close: Time | None = None
    heartbeat: Time | None = None
    priority: int | None = None
    on_failure: Literal["hold", "retry"] | None = None
    compensate: Activity[..., Any] | Do | str | None = None

    def document(self, *, first: bool = True) -> dict[str, object]:
        """As a part of a document. `first`: nothing is handed on to it, so its parameters are
        words and memory keys.
        """
        given = self.input
        if given is None and first and isinstance(self.activity, Activity):
            given = _arguments(self.activity)
        undo = self.compensate
        return without_absent(
            activity=_activity_name(self.activity),
            queue=self.queue,
            retry=self.retry.document() if self.retry else None,
            start_to_close=duration(self.start_to_close),
            schedule_to_start=duration(self.schedule_to_start),
            schedule_to_close=duration(self.schedule_to_close),
            heartbeat=duration(self.heartbeat),
            priority=self.priority,
            on_failure=self.on_failure,
            compensate=None if undo is None else _undo(undo),
        ) | formula("input", given)


@dataclass(frozen=True, slots=True)
class Child:
    """A run of another workflow, as a state's task."""

    workflow: str
    input: Formula | None = None
    version: int | None = None
    workflow_id: Formula | None = None
    on_parent_end: Literal["terminate", "cancel", "abandon"] | None = None

    def document(self) -> dict[str, object]:
        """As a part of a document."""
        return (
            without_absent(
                workflow=self.workflow, version=self.version, on_parent_end=self.on_parent_end
            )
            | formula("input", self.input)
            | formula("workflow_id", self.workflow_id)
        )


@dataclass(frozen=True, slots=True)
class Assign:
    """Memory keys, and what each is to hold: CEL."""

    values: Mapping[str, Formula]

    def document(self) -> dict[str, object]:
        """As a part of a document."""
        return {"assign": {key: cel(value) for key, value in self.values.items()}}


@dataclass(frozen=True, slots=True)
class Raise:
    """An event for the machine itself, before all that come from outside."""

    event: str
    payload: Formula | None = None

    def document(self) -> dict[str, object]:
        """As a part of a document."""
        return {"raise": self.event} | formula("payload", self.payload)


@dataclass(frozen=True, slots=True)
class Send:
    """An external event, to the run that holds a workflow id (`to`), or to all that wait."""

    event: str
    payload: Formula | None = None
    to: Formula | None = None

    def document(self) -> dict[str, object]:
        """As a part of a document."""
        where = {"to_all": True} if self.to is None else formula("to", self.to)
        return {"send": self.event} | where | formula("payload", self.payload)


def _activity_name(activity: Activity[..., Any] | str) -> str:
    return activity if isinstance(activity, str) else activity.name


def _undo(undo: Activity[..., Any] | Do | str) -> dict[str, object]:
    if isinstance(undo, Do):
        return undo.document()
    return {"activity": _activity_name(undo)}


def _arguments(activity: Activity[..., Any]) -> str | dict[str, str] | None:
    """What the parameters of an activity stand for: words by their names, else memory keys."""
    found = {name: name if name in _WORDS else f"memory.{name}" for name in activity.parameters}
    if not found:
        return None
    # The only parameter is the whole input.
    return next(iter(found.values())) if len(found) == 1 else found


def cel(value: Formula) -> object:
    """CEL as it stands in a document."""
    if callable(value):
        return record(value)[0].text
    return value


def formula(name: str, value: Formula | None, *, guard: bool = False) -> dict[str, object]:
    """A key with its expression; nothing if there is none."""
    if value is None:
        return {}
    if callable(value):
        return {name: record(value, guard=guard)[0].text}
    return {name: value}
