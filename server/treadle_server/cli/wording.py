"""Values, lengths and lists in words, as events are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration

from treadle.v1 import payload_pb2
from treadle_server.cli import moments, values

SHORT = 60
"""How many characters of a payload or failure are shown unless all of it is asked for."""

_FAILURE_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Wording:
    """How to word events: `width` characters of a value (None: all of it), times in UTC or not."""

    width: int | None = SHORT
    utc: bool = False

    def value(self, payload: payload_pb2.Payload) -> str:
        """A value in one line."""
        return values.one_line(payload, self.width)

    def failure(self, failure: payload_pb2.Failure) -> str:
        """A failure in one line."""
        if self.width is None:
            return "; ".join(values.failure_lines(failure))
        return values.failure_line(failure, _FAILURE_WIDTH)


def joined(*parts: str) -> str:
    """What there is of these, with commas."""
    return ", ".join(part for part in parts if part)


def undoing(key: str, undone: str, name: str = "") -> str:
    """What an activity undoes, such as `undoes c0 (charge)`; empty if its key says so, as that of a
    graph's does.

    Args:
        key: the activity's.
        undone: the key of what it undoes; empty: it undoes nothing.
        name: what that is, if it is known and its key does not say so.
    """
    if not undone or key.startswith(f"{undone}!"):
        return ""
    return f"undoes {undone}" + (f" ({name})" if name and name not in undone else "")


def span(duration: Duration) -> str:
    """Such as 1.5s."""
    return moments.length(duration.seconds + duration.nanos / 1_000_000_000)


def enum_words(kinds: Any, number: int, prefix: str) -> str:
    """A value of an enum for people."""
    return values.enum_name(kinds, number, prefix).lower().replace("_", " ")
