"""What of a record's body may stand where the deletion of its run does not reach: its outline.

An outline has the most frequent kinds of events as they are framed, with the names that stand in
definitions, those of workers, retry policies and timeouts: nothing that a caller, an activity or
code has said. It is listed what an outline has, not what it lacks, so that a new field of an event
is not in it by oversight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

from treadle_server.engine import events as e
from treadle_server.engine.values import Payload
from treadle_server.journal.codec import decode_batch, encode_batch

_ATTEMPT: Final = ("key", "lease", "attempt", "type", "identity")

KEPT: Final[Mapping[type[e.Event], tuple[str, ...]]] = {
    e.RunStarted: ("workflow", "version", "rules"),
    e.RunCompleted: ("workflow",),
    e.ActivityScheduled: (
        "key",
        "type",
        "queue",
        "retry",
        "start_to_close_timeout",
        "schedule_to_start_timeout",
        "schedule_to_close_timeout",
        "heartbeat_timeout",
        "priority",
        "hold_on_failure",
        "local",
    ),
    e.AttemptStarted: (*_ATTEMPT, "session_id", "build_id"),
    e.ActivityCompleted: _ATTEMPT,
    e.DecisionCompleted: (*_ATTEMPT, "build_id", "first_index", "keeps"),
    e.TransitionTaken: ("key", "cause", "transitions", "entered", "active", "settled"),
}
"""By event, the fields that stay, beside `seq` and `time`. Keys are made of a definition's names
and of numbers.
"""

_NAMED_BY_CODE: Final = frozenset({"queue", "type"})
"""What code asks for may be called anything: after a customer, say."""

_NOTHING: Final = Payload(b"")


def outline_of(body: bytes) -> bytes:
    """The outline of a record's body, as a body; empty if it has none of the frequent events.
    Raises what `decode_batch` and `encode_batch` raise.
    """
    return encode_batch([_outline(one) for one in decode_batch(body) if type(one) in KEPT])


def _outline(event: e.Event) -> e.Event:
    kept = {"seq", "time", *KEPT[type(event)]}
    if _is_commands(getattr(event, "key", "")):
        kept -= _NAMED_BY_CODE
    changes: dict[str, Any] = {
        field.name: _nothing(getattr(event, field.name))
        for field in fields(event)
        if field.name not in kept
    }
    if isinstance(event, e.ActivityScheduled):
        changes["retry"] = replace(event.retry, retry_on=(), non_retryable_kinds=())
    return replace(event, **changes)


def _is_commands(key: str) -> bool:
    """Whether it is a command's of code."""
    return key[:1] == "c" and key[1:].isdigit()


def _nothing(value: Any) -> Any:
    """What says nothing in its place."""
    if value is None:
        return None
    return _NOTHING if isinstance(value, Payload) else type(value)()
