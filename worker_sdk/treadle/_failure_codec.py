"""`Failure` ↔ `treadle.v1.Failure`."""

from __future__ import annotations

from treadle import payload
from treadle.failure import Failure
from treadle.v1 import payload_pb2

_TIMEOUT_KIND_PREFIX = "TIMEOUT_KIND_"


def from_message(message: payload_pb2.Failure) -> Failure:
    """Reads a failure from the wire. Raises `PayloadError` if its details cannot be read."""
    timeout_kind = ""
    if message.timeout_kind:
        name = payload_pb2.TimeoutKind.Name(message.timeout_kind)
        timeout_kind = name.removeprefix(_TIMEOUT_KIND_PREFIX).lower()
    return Failure(
        kind=message.kind,
        message=message.message,
        details=payload.decode(message.details) if message.HasField("details") else None,
        cause=from_message(message.cause) if message.HasField("cause") else None,
        non_retryable=message.non_retryable,
        next_delay=message.next_delay.ToTimedelta() if message.HasField("next_delay") else None,
        timeout_kind=timeout_kind,
        stack_trace=message.stack_trace,
    )
