"""Trace and span ids, derived from what they are about, and W3C trace context made of them.

A run is one trace, and everything that can become a span has an id before it happens: whoever knows
the run knows the ids. So the server parents spans rightly without remembering any, a restart
repeats the ids it sent before, and a worker gets its `traceparent` when it gets its task, long
before the attempt's span exists. Pure: no ids are drawn here.

A span id is the first 8 bytes of a BLAKE2b hash of the run id, what the span is about, and the
span's role:

| role | span | about |
| --- | --- | --- |
| 0 | anchor, the trace's root | seq 1: every run begins with `RunStarted` |
| 1 | run | seq of the event that ended the run |
| 2 | attempt | activity key and lease |
| 3 | wait in the queue | seq of the event that ended the wait |
| 4 | wait between two attempts | seq of the `AttemptStarted` that ended the wait |
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from hashlib import blake2b

_FIRST_SEQ = 1
_SPAN_ID_BYTES = 8
_NO_SPAN_ID = bytes(_SPAN_ID_BYTES)
_LAST_SPAN_ID = b"\xff" * _SPAN_ID_BYTES
_SAMPLED_FLAG = 0x01
_RANDOM_BYTES = 7

# Later versions of the header may add fields behind these four, hence `(?:-.*)?`; version ff is
# forbidden.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII
)


class Role(enum.IntEnum):
    """What a span tells of its subject. Goes into the span's id: numbers never change."""

    ANCHOR = 0
    RUN = 1
    ATTEMPT = 2
    QUEUE_WAIT = 3
    BACKOFF_WAIT = 4
    STATE = 5


@dataclass(slots=True, frozen=True)
class TraceContext:
    """Which span a caller is in: 16 and 8 bytes, and the trace flags (bit 0: sampled)."""

    trace_id: bytes
    span_id: bytes
    flags: int


def trace_id(run_id: bytes) -> bytes:
    """The trace of a run: its 16 bytes, so that the run id without its dashes finds the trace."""
    return run_id


def span_id(run_id: bytes, seq: int, role: Role) -> bytes:
    """The 8 bytes that name the span about the event with this seq."""
    return _derive(run_id + seq.to_bytes(8, "big"), role)


def anchor_span_id(run_id: bytes) -> bytes:
    """The root of the run's trace, parent of all spans that the server makes of the run."""
    return span_id(run_id, _FIRST_SEQ, Role.ANCHOR)


def attempt_span_id(run_id: bytes, key: str, lease: int) -> bytes:
    """The span of one attempt, known at hand-over; it is exported when the attempt ends."""
    return _derive(run_id + key.encode() + lease.to_bytes(8, "big"), Role.ATTEMPT)


def state_span_id(run_id: bytes, state: str, visit: int) -> bytes:
    """The span of one visit of a machine to a state."""
    return _derive(run_id + state.encode() + visit.to_bytes(8, "big"), Role.STATE)


def traceparent(run_id: bytes, key: str, lease: int, *, sampled: bool = True) -> str:
    """The W3C header that goes with a task, so that the worker's spans go below the attempt's."""
    span = attempt_span_id(run_id, key, lease).hex()
    return f"00-{trace_id(run_id).hex()}-{span}-{_SAMPLED_FLAG if sampled else 0:02x}"


def parse_traceparent(header: str) -> TraceContext | None:
    """The caller's span, or None for what is no such header: the standard says to go on then."""
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version, trace, span, flags = match.groups()
    has_more = match.end(4) != len(header)
    if (version == "00" and has_more) or not trace.strip("0") or not span.strip("0"):
        return None
    return TraceContext(bytes.fromhex(trace), bytes.fromhex(span), int(flags, 16))


def is_sampled(run_id: bytes, ratio: float) -> bool:
    """Whether the trace of a run is among the `ratio` (0 to 1) of all traces that are exported.

    Judged by the last 7 bytes, which the standard reserves for randomness. The SDK's own sampler
    takes the last 8: the first of these holds a UUID's fixed variant bits, and every ratio below
    one half would keep nothing.
    """
    if ratio >= 1:
        return True
    threshold = round((1.0 - ratio) * (1 << 8 * _RANDOM_BYTES))
    return int.from_bytes(run_id[-_RANDOM_BYTES:], "big") >= threshold


def _derive(subject: bytes, role: Role) -> bytes:
    derived = blake2b(subject + bytes((role,))).digest()[:_SPAN_ID_BYTES]
    # All zeros means "no span" in every format that carries a span id.
    return derived if derived != _NO_SPAN_ID else _LAST_SPAN_ID
