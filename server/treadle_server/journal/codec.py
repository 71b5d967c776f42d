"""Engine values to and from the bytes of `treadle.v1`, as the journal stores them.

What lives here: the one translation between the dataclasses of `engine` and the protobuf messages
of the same names. What does not: wire forms that are not values of the engine (requests and replies
belong to `api`), and any check of what the values mean.

The translation follows from both sides, and nobody writes it down: `make codec` compares each
dataclass with its message, field by field, and writes `codec_functions`: an encoder and a decoder
for each pair, straight-line code, because every journaled event passes here. Where the two disagree
(a field that only one side has, an enum whose numbers differ) it refuses, and `make verify` says if
the file is not current: neither side can change alone. Encoders write bytes themselves (`wire`), as
most of them are known from the events before (0.8 against 3.9 µs for `AttemptStarted` by way of a
message).

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

from collections.abc import Collection, Sequence

from google.protobuf.message import DecodeError

from treadle.v1 import event_pb2, payload_pb2
from treadle_server.engine.events import Event
from treadle_server.engine.values import Failure, Held, MemoryOperation, Payload, RetryPolicy
from treadle_server.journal import wire
from treadle_server.journal.codec_functions import (
    ENCODERS,
    EVENT_DECODERS,
    decode_Failure,
    decode_MemoryOperation,
    decode_Payload,
    decode_RetryPolicy,
    encode_Failure,
    encode_Held,
    encode_MemoryOperation,
    encode_Payload,
    encode_RetryPolicy,
)
from treadle_server.journal.port import DAMAGED
from treadle_server.journal.wire import CodecError

__all__ = [
    "CodecError",
    "decode_batch",
    "decode_payload",
    "encode_batch",
    "encode_held",
    "encode_payload",
    "event_from_message",
    "event_to_message",
    "failure_from_message",
    "failure_to_message",
    "has_any",
    "memory_operation_from_message",
    "memory_operation_to_message",
    "payload_from_message",
    "payload_to_message",
    "retry_policy_from_message",
    "retry_policy_to_message",
]

_EVENTS = wire.tag(event_pb2.EventBatch.DESCRIPTOR.fields_by_name["events"].number, wire.LENGTH)


_KINDS = {
    member.message_type.name: member.name
    for member in event_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields
    if member.message_type is not None
}
"""Members of an event's oneof, by the name of the class."""


def encode_batch(events: Sequence[Event]) -> bytes:
    """The bytes of a `treadle.v1.EventBatch` with these events: the body of a journal record.

    Equal events give equal bytes, also those of maps. Bodies one after the other are the body of
    all their events. Raises `ValueError` for a value that its message cannot hold: an integer out
    of range, text that is not Unicode, a failure with too many causes.
    """
    encoders, lengths = ENCODERS, wire.LENGTHS
    pieces: list[bytes] = []
    for event in events:
        body = encoders[type(event)](event)
        pieces += (_EVENTS, lengths[len(body)], body)
    return b"".join(pieces)


def must_be_whole(body: bytes) -> None:
    """Raises `CodecError` for a record's body that the storage knows to be damaged: for whoever
    passes it on unread.
    """
    if body == DAMAGED:
        raise CodecError(
            "the record is damaged: its checksum is not that of what was written; "
            "`treadle journal check` finds all that are, and only a backup has them whole"
        )


def decode_batch(body: bytes) -> list[Event]:
    """The events of a record's body. Raises `CodecError` for bytes that are damaged or of a later
    version."""
    try:
        batch = event_pb2.EventBatch.FromString(body)
    except DecodeError as error:
        must_be_whole(body)
        raise CodecError(f"not an EventBatch: {error}") from error
    return [event_from_message(message) for message in batch.events]


def has_any(body: bytes, kinds: Collection[type[Event]]) -> bool:
    """Whether a record's body has events of one of these classes: a fifth of the time that it takes
    to decode them. Raises `CodecError` as `decode_batch` does, but not for events of a kind that is
    not known.
    """
    names = {_KINDS[kind.__name__] for kind in kinds}
    try:
        batch = event_pb2.EventBatch.FromString(body)
    except DecodeError as error:
        must_be_whole(body)
        raise CodecError(f"not an EventBatch: {error}") from error
    return any(message.WhichOneof("kind") in names for message in batch.events)


def event_to_message(event: Event) -> event_pb2.Event:
    """One event as its message. Raises `ValueError` as `encode_batch` does."""
    return event_pb2.Event.FromString(ENCODERS[type(event)](event))


def event_from_message(message: event_pb2.Event) -> Event:
    """One event from its message. Raises `CodecError` if this version does not know its kind."""
    kind = message.WhichOneof("kind")
    if kind is None:
        raise CodecError(
            f"event {message.seq} is of a kind that this version of Treadle does not know"
        )
    event: Event = EVENT_DECODERS[kind](message)
    return event


def encode_held(held: Held) -> bytes:
    """The bytes of a `treadle.v1.Held`."""
    return encode_Held(held)


def encode_payload(payload: Payload) -> bytes:
    """The bytes of a payload by itself."""
    return encode_Payload(payload)


def decode_payload(data: bytes) -> Payload:
    """A payload from its bytes. Raises `CodecError`."""
    try:
        return payload_from_message(payload_pb2.Payload.FromString(data))
    except DecodeError as error:
        raise CodecError(f"not a Payload: {error}") from error


def payload_to_message(payload: Payload) -> payload_pb2.Payload:
    """A payload as its message."""
    return payload_pb2.Payload.FromString(encode_Payload(payload))


def payload_from_message(message: payload_pb2.Payload) -> Payload:
    """A payload from its message."""
    return decode_Payload(message)


def failure_to_message(failure: Failure) -> payload_pb2.Failure:
    """A failure as its message. Raises `CodecError` if its causes are nested too deep."""
    return payload_pb2.Failure.FromString(encode_Failure(failure))


def failure_from_message(message: payload_pb2.Failure) -> Failure:
    """A failure from its message. Raises `CodecError` for an unknown `timeout_kind`."""
    return decode_Failure(message)


def retry_policy_to_message(policy: RetryPolicy) -> payload_pb2.RetryPolicy:
    """A retry policy as its message."""
    return payload_pb2.RetryPolicy.FromString(encode_RetryPolicy(policy))


def retry_policy_from_message(message: payload_pb2.RetryPolicy) -> RetryPolicy:
    """A retry policy from its message; what is absent there is zero, not the default. Raises
    `CodecError`."""
    return decode_RetryPolicy(message)


def memory_operation_to_message(operation: MemoryOperation) -> payload_pb2.MemoryOperation:
    """A change of memory as its message."""
    return payload_pb2.MemoryOperation.FromString(encode_MemoryOperation(operation))


def memory_operation_from_message(message: payload_pb2.MemoryOperation) -> MemoryOperation:
    """A change of memory from its message; if none of the four is set there, none is set here."""
    return decode_MemoryOperation(message)
