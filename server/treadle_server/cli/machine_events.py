"""Events of state machines and run groups in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle.v1 import event_pb2 as pb
from treadle_server.cli import values
from treadle_server.cli.machine_progress import transition_words
from treadle_server.cli.wording import Wording, joined, span

REASONS = {
    "all": "all have ended",
    "quota": "enough of them have ended as wanted",
    "unreachable": "so many cannot complete any more",
    "duration": "the time is up",
}
"""Why the waiting of a group is over."""


def _transition_taken(message: pb.TransitionTaken, wording: Wording) -> str:
    is_raised = message.cause == pb.TRANSITION_CAUSE_RAISED
    return joined(
        transition_words(message),
        "raised by the machine itself" if is_raised else "",
        # One state is what the transition's words end with.
        _now_in(message.active) if message.settled and len(message.active) > 1 else "",
        f"event {message.event_id}" if message.event_id and wording.width is None else "",
    )


def _now_in(active: Any) -> str:
    return f"now in {', '.join(active)}"


def _configuration_settled(message: pb.ConfigurationSettled, wording: Wording) -> str:
    if message.failed and not message.moved:
        return f"failed, still in {', '.join(message.active)}"
    return joined("failed" if message.failed else "", _now_in(message.active))


def _event_ignored(message: pb.EventIgnored, wording: Wording) -> str:
    if message.key:
        return "nothing here waits for its outcome"
    return f"{message.name}: nothing here waits for it"


def _event_raised(message: pb.EventRaised, wording: Wording) -> str:
    is_null = values.is_null(message.payload)
    return joined(message.name, "" if is_null else wording.value(message.payload))


def _memory_changed(message: pb.MemoryChanged, wording: Wording) -> str:
    if wording.width is not None:
        return ", ".join(operation.key for operation in message.operations)
    return ", ".join(
        f"{operation.key} = {wording.value(operation.set)}"
        if operation.HasField("set")
        else operation.key
        for operation in message.operations
    )


def _state_recorded(message: pb.StateRecorded, wording: Wording) -> str:
    if not message.keeps_from:
        return ""
    return f"what came before event {message.keeps_from:,} is not kept"


def _group_started(message: pb.GroupStarted, wording: Wording) -> str:
    return joined(
        f"{message.total:,} runs",
        f"until {message.quota:,} of them are done" if message.quota else "",
        f"at most {span(message.duration)}" if message.HasField("duration") else "",
    )


def _group_closed(message: pb.GroupClosed, wording: Wording) -> str:
    return REASONS.get(message.reason, message.reason)


MACHINE_DETAILS: dict[str, Callable[[Any, Wording], str]] = {
    "transition_taken": _transition_taken,
    "configuration_settled": _configuration_settled,
    "event_ignored": _event_ignored,
    "event_raised": _event_raised,
    "memory_changed": _memory_changed,
    "state_recorded": _state_recorded,
    "group_started": _group_started,
    "group_closed": _group_closed,
}
