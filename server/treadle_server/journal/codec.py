"""Engine values to and from the bytes of `treadle.v1`, as the journal stores them.

What lives here: the one translation between the dataclasses of `engine` and the protobuf messages
of the same names. What does not: wire forms that are not values of the engine (requests and replies
belong to `api`), and any check of what the values mean.

The translation is derived, not written down. A dataclass and its message have the same field names,
so one pass over both at import gives, for each pair, the source of an encoder and of a decoder
(`codec_source`), much as `dataclasses` makes `__init__`. Disagreement (a field that only one side
has, an enum whose numbers differ) is a `TypeError` at import: neither side can change alone.
Generated straight-line code, because every journaled event passes here; and encoders write bytes
themselves (`wire`), as most of them are known from the events before (0.8 against 3.9 µs for
`AttemptStarted` by way of a message).

| dataclass field | message field |
| --- | --- |
| `str`, `bool`, `int`, `float`, `bytes` | the scalar of that type |
| `int` (microseconds; no negative durations) | `Timestamp`, `Duration`; nanoseconds are dropped |
| a subclass of `IntEnum` | the enum of that name with the same numbers |
| a dataclass | the message of that name |
| `tuple[T, ...]`, `Mapping[str, bytes]` | `repeated`, `map` |
| `T | None` | a field that knows whether it is set; None is absent |
| `bool` in a oneof | the member that is chosen if it is true |

A required field that is absent in old bytes reads as its type's zero value. Failures may be nested
64 deep: protobuf refuses to *read* messages deeper than 100, but writes them, and a run that cannot
be read again is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from treadle.v1 import event_pb2, payload_pb2
from treadle_server.engine.events import (
    EVENT_TYPES,
    CarriedEvent,
    DecidedEdge,
    Event,
    StateHistory,
    StateVisit,
)
from treadle_server.engine.values import (
    CompareAndSet,
    Failure,
    MemoryOperation,
    Payload,
    RetryPolicy,
    SeedOutcome,
)
from treadle_server.journal import wire
from treadle_server.journal.codec_source import CodecError, derive

__all__ = [
    "CodecError",
    "decode_batch",
    "decode_payload",
    "encode_batch",
    "encode_payload",
    "event_from_message",
    "event_to_message",
    "failure_from_message",
    "failure_to_message",
    "memory_operation_from_message",
    "memory_operation_to_message",
    "payload_from_message",
    "payload_to_message",
    "retry_policy_from_message",
    "retry_policy_to_message",
]

_DERIVED = derive(
    values={
        Payload: payload_pb2.Payload,
        Failure: payload_pb2.Failure,
        RetryPolicy: payload_pb2.RetryPolicy,
        CompareAndSet: payload_pb2.CompareAndSet,
        MemoryOperation: payload_pb2.MemoryOperation,
        DecidedEdge: event_pb2.DecidedEdge,
        CarriedEvent: event_pb2.CarriedEvent,
        SeedOutcome: event_pb2.SeedOutcome,
        StateVisit: event_pb2.StateVisit,
        StateHistory: event_pb2.StateHistory,
    },
    events=EVENT_TYPES,
    event=event_pb2.Event,
)
_ENCODERS: dict[type, Any] = _DERIVED.encoders
_EVENTS = wire.tag(event_pb2.EventBatch.DESCRIPTOR.fields_by_name["events"].number, wire.LENGTH)
_DECODERS: dict[type, Any] = _DERIVED.decoders
_EVENT_DECODERS: dict[str, Any] = _DERIVED.event_decoders


def encode_batch(events: Sequence[Event]) -> bytes:
    """The bytes of a `treadle.v1.EventBatch` with these events: the body of a journal record.

    Equal events give equal bytes, also those of maps. Bodies one after the other are the body of
    all their events. Raises `ValueError` for a value that its message cannot hold: an integer out
    of range, text that is not Unicode, a failure with too many causes.
    """
    encoders, lengths = _ENCODERS, wire.LENGTHS
    pieces: list[bytes] = []
    for event in events:
        body = encoders[type(event)](event)
        pieces += (_EVENTS, lengths[len(body)], body)
    return b"".join(pieces)


def decode_batch(body: bytes) -> list[Event]:
    """The events of a record's body. Raises `CodecError` for bytes that are damaged or of a later
    version."""
    try:
        batch = event_pb2.EventBatch.FromString(body)
    except DecodeError as error:
        raise CodecError(f"not an EventBatch: {error}") from error
    return [event_from_message(message) for message in batch.events]


def event_to_message(event: Event) -> event_pb2.Event:
    """One event as its message. Raises `ValueError` as `encode_batch` does."""
    return event_pb2.Event.FromString(_ENCODERS[type(event)](event))


def event_from_message(message: event_pb2.Event) -> Event:
    """One event from its message. Raises `CodecError` if this version does not know its kind."""
    kind = message.WhichOneof("kind")
    if kind is None:
        raise CodecError(
            f"event {message.seq} is of a kind that this version of Treadle does not know"
        )
    event: Event = _EVENT_DECODERS[kind](message)
    return event


def encode_payload(payload: Payload) -> bytes:
    """The bytes of a payload by itself."""
    encoded: bytes = _ENCODERS[Payload](payload)
    return encoded


def decode_payload(data: bytes) -> Payload:
    """A payload from its bytes. Raises `CodecError`."""
    try:
        return payload_from_message(payload_pb2.Payload.FromString(data))
    except DecodeError as error:
        raise CodecError(f"not a Payload: {error}") from error


def payload_to_message(payload: Payload) -> payload_pb2.Payload:
    """A payload as its message."""
    return payload_pb2.Payload.FromString(_ENCODERS[Payload](payload))


def payload_from_message(message: payload_pb2.Payload) -> Payload:
    """A payload from its message."""
    payload: Payload = _DECODERS[Payload](message)
    return payload


def failure_to_message(failure: Failure) -> payload_pb2.Failure:
    """A failure as its message. Raises `CodecError` if its causes are nested too deep."""
    return payload_pb2.Failure.FromString(_ENCODERS[Failure](failure))


def failure_from_message(message: payload_pb2.Failure) -> Failure:
    """A failure from its message. Raises `CodecError` for an unknown `timeout_kind`."""
    failure: Failure = _DECODERS[Failure](message)
    return failure


def retry_policy_to_message(policy: RetryPolicy) -> payload_pb2.RetryPolicy:
    """A retry policy as its message."""
    return payload_pb2.RetryPolicy.FromString(_ENCODERS[RetryPolicy](policy))


def retry_policy_from_message(message: payload_pb2.RetryPolicy) -> RetryPolicy:
    """A retry policy from its message; what is absent there is zero, not the default. Raises
    `CodecError`."""
    policy: RetryPolicy = _DECODERS[RetryPolicy](message)
    return policy


def memory_operation_to_message(operation: MemoryOperation) -> payload_pb2.MemoryOperation:
    """A change of memory as its message."""
    return payload_pb2.MemoryOperation.FromString(_ENCODERS[MemoryOperation](operation))


def memory_operation_from_message(message: payload_pb2.MemoryOperation) -> MemoryOperation:
    """A change of memory from its message; if none of the four is set there, none is set here."""
    operation: MemoryOperation = _DECODERS[MemoryOperation](message)
    return operation
