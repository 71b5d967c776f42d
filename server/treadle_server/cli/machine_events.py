"""Events of state machines and run groups in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle.v1 import event_pb2 as pb
from treadle_server.cli.wording import Wording, enum_words, joined, span


def _cause(cause: Any) -> str:
    return enum_words(pb.TransitionCause.Name(cause), "TRANSITION_CAUSE_")


def _transition_taken(message: pb.TransitionTaken, wording: Wording) -> str:
    ways = "; ".join(message.transitions) or " + ".join(message.entered)
    return joined(ways, f"by {_cause(message.cause)} {message.name or message.key}".rstrip())


def _configuration_settled(message: pb.ConfigurationSettled, wording: Wording) -> str:
    failed = "failed" if message.failed else ""
    return joined(failed, f"now in {' + '.join(message.active)}")


def _event_ignored(message: pb.EventIgnored, wording: Wording) -> str:
    return f"{message.name or message.key}: nothing here waits for it"


def _event_raised(message: pb.EventRaised, wording: Wording) -> str:
    return f"{message.name} {wording.value(message.payload)}"


def _memory_changed(message: pb.MemoryChanged, wording: Wording) -> str:
    return ", ".join(operation.key for operation in message.operations)


def _group_started(message: pb.GroupStarted, wording: Wording) -> str:
    return joined(
        f"{message.total:,} runs",
        f"until {message.quota:,} of them are done" if message.quota else "",
        f"at most {span(message.duration)}" if message.HasField("duration") else "",
    )


def _group_closed(message: pb.GroupClosed, wording: Wording) -> str:
    return message.reason


MACHINE_DETAILS: dict[str, Callable[[Any, Wording], str]] = {
    "transition_taken": _transition_taken,
    "configuration_settled": _configuration_settled,
    "event_ignored": _event_ignored,
    "event_raised": _event_raised,
    "memory_changed": _memory_changed,
    "group_started": _group_started,
    "group_closed": _group_closed,
}
