"""`Failure` ↔ `treadle.v1.Failure`."""

from __future__ import annotations

from treadle import payload
from treadle.failure import Failure
from treadle.v1 import payload_pb2

_TIMEOUT_KIND_PREFIX = "TIMEOUT_KIND_"


def from_message(message: payload_pb2.Failure) -> Failure:
    """Reads a failure from the wire. Details that cannot be read stay the message that they are."""
    timeout_kind = ""
    if message.timeout_kind:
        name = payload_pb2.TimeoutKind.Name(message.timeout_kind)
        timeout_kind = name.removeprefix(_TIMEOUT_KIND_PREFIX).lower()
    return Failure(
        kind=message.kind,
        message=message.message,
        details=payload.decode_if_known(message.details) if message.HasField("details") else None,
        cause=from_message(message.cause) if message.HasField("cause") else None,
        non_retryable=message.non_retryable,
        next_delay=message.next_delay.ToTimedelta() if message.HasField("next_delay") else None,
        timeout_kind=timeout_kind,
        stack_trace=message.stack_trace,
    )


def to_message(failure: Failure) -> payload_pb2.Failure:
    """Writes a failure for the wire. Raises `PayloadError` if its details cannot be written."""
    message = payload_pb2.Failure(
        kind=failure.kind,
        message=failure.message,
        non_retryable=failure.non_retryable,
        stack_trace=failure.stack_trace,
    )
    if failure.timeout_kind:
        name = _TIMEOUT_KIND_PREFIX + failure.timeout_kind.upper()
        message.timeout_kind = payload_pb2.TimeoutKind.Value(name)  # type: ignore[assignment]
    if failure.details is not None:
        message.details.CopyFrom(payload.encode(failure.details))
    if failure.cause is not None:
        message.cause.CopyFrom(to_message(failure.cause))
    if failure.next_delay is not None:
        message.next_delay.FromTimedelta(failure.next_delay)
    return message
