"""Turns as text: every event with what it says, then what is to be done after the commit.

Left out is what a reader of a transcript knows: names that repeat the key, defaults, the times of
what an event closes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from tests.engine.run_driver import BEGINNING
from treadle_server.engine.emit import Turn, queue_changes
from treadle_server.engine.errors import Refusal
from treadle_server.engine.events import DecidedEdge, Event
from treadle_server.engine.inputs import Granted
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Failure, MemoryOperation, Payload, RetryPolicy

_SILENT = {"seq", "time", "workflow", "version", "workflow_id", "rules", "started_time"}
_SILENT |= {"scheduled_time", "ready_time", "identity", "build_id", "type", "retry"}
_TIMES = {"deadline", "until", "next_time", "waiting_since_time", "start_time", "due_time"}
_USUAL = {"queue": "default", "priority": 3, "start_to_close_timeout": 600 * 1_000_000}


def span(microseconds: int) -> str:
    """A duration: `1m30s`, `250ms`."""
    whole, rest = divmod(microseconds, 1_000_000)
    minutes, seconds = divmod(whole, 60)
    text = f"{minutes}m" * bool(minutes) + f"{seconds}s" * bool(seconds)
    text += f"{rest / 1000:g}ms" * bool(rest)
    return text or "0s"


def moment(time: int) -> str:
    """A time, counted from the beginning of the transcript."""
    return f"+{span(time - BEGINNING)}" if time >= BEGINNING else f"-{span(BEGINNING - time)}"


def render_turn(turn: Turn, state: RunState) -> Iterator[str]:
    """The lines of one turn."""
    for answer in turn.answers:
        if isinstance(answer, Refusal):
            yield f"refused {answer.reason}: {answer.message}"
        elif isinstance(answer, Granted):
            yield f"granted lease {answer.lease}, attempt {answer.attempt}"
    for event in turn.events:
        yield render_event(event)
    added, removed = queue_changes(state, turn)
    for sign, places in (("+", added), ("-", removed)):
        for queue, _type, _priority, ready_time, key in places:
            yield f"queue {queue}: {sign}{key}, ready {moment(ready_time)}"
    offers = [key for key in turn.offers if (one := state.activities.get(key)) and one.place]
    if offers and all(state.is_wanted(state.activities[key]) for key in offers):
        yield f"offer {', '.join(offers)}"
    for key, lease, _session in turn.stops:
        yield f"stop {key}, lease {lease}"
    if turn.unfinished:
        yield "unfinished"


def render_event(event: Event) -> str:
    """One event on one line."""
    parts = [f"{event.seq:>3} {moment(event.time)} {type(event).__name__}"]
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if field.name in ("key", "node") and value:
            parts.append(str(value))
        elif field.name not in _SILENT and value != _USUAL.get(field.name, field.default):
            parts += _render_field(field.name, value)
    return " ".join(parts)


def _render_field(name: str, value: Any) -> Iterator[str]:
    match value:
        case "" | None | ():
            pass
        case Payload():
            yield f"{name}={value.data.decode()}"
        case Failure():
            yield f"failure={render_failure(value)}"
        case IntEnum():
            yield value.name
        case int() if name in _TIMES:
            yield f"{name}={moment(value)}"
        case int() if name.endswith("_timeout"):
            yield f"{name}={span(value)}"
        case tuple():
            yield f"{name}=[{', '.join(_render_item(item) for item in value)}]"
        case RetryPolicy():
            pass
        case bytes():
            yield f"{name}={len(value)} bytes"
        case _:
            yield f"{name}={value}"


def _render_item(item: Any) -> str:
    match item:
        case DecidedEdge():
            return f"{item.edge}{' -> ' if item.taken else ' -x '}{item.to}"
        case MemoryOperation():
            return _render_operation(item)
        case bytes():
            return item.decode()
        case _:
            return str(item)


def _render_operation(operation: MemoryOperation) -> str:
    key = operation.key
    if operation.set is not None:
        return f"{key}={operation.set.data.decode()}"
    if operation.delete:
        return f"delete {key}"
    if operation.add is not None:
        return f"{key}+={operation.add:g}"
    swap = operation.compare_and_set
    assert swap is not None, "an operation does something"
    expected = "nothing" if swap.expected is None else swap.expected.data.decode()
    return f"{key}: {expected} => {swap.value.data.decode()}"


def render_failure(failure: Failure) -> str:
    """Kind, message, and the causes behind it."""
    kind = failure.kind
    if failure.timeout_kind:
        kind += f":{failure.timeout_kind.name}"
    text = f"{kind}({failure.message})"
    if failure.details is not None:
        text += f" details {failure.details.data.decode()}"
    return text + (f" because {render_failure(failure.cause)}" if failure.cause else "")


def render_state(state: RunState) -> Iterator[str]:
    """How the run and its nodes stand."""
    yield f"run {state.stage.name}" + (
        f", ending {state.ending.stage.name}" if state.ending else ""
    )
    progress = state.graph
    for number, name in enumerate(progress.topology.names):
        activity = state.activities.get(name)
        detail = ""
        if activity is not None:
            detail = f", {activity.stage.name}, attempt {activity.attempt}"
        yield f"node {name}: {progress.state(number).name}{detail}"
    for key, value in state.memory.items():
        yield f"memory {key}={value.data.decode()}"
    for key, incident in state.incidents.items():
        yield f"incident {key}: {incident}"
    held = state.held
    if held is not None:
        count = f", {held.incident_count} in all" if held.incident_count > 1 else ""
        yield f"held for {held.key} since {moment(held.since_time)}{count}"
