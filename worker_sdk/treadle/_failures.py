"""Exceptions as failures: what an activity, a step or a workflow's code raised."""

from __future__ import annotations

import traceback
from datetime import timedelta

from treadle import payload
from treadle.errors import ApplicationError, PayloadError
from treadle.v1 import payload_pb2

INVALID_OUTPUT = "treadle.InvalidOutput"

# The contract's limits, in bytes.
_MAX_MESSAGE = 8 * 1024
_MAX_STACK = 16 * 1024

_MAX_CAUSES = 5


def invalid_output(what: str, reason: str) -> payload_pb2.Failure:
    """What was returned cannot be written."""
    return payload_pb2.Failure(
        kind=INVALID_OUTPUT,
        message=shorten(f"the output of {what}: {reason}"),
        non_retryable=True,
    )


def from_exception(error: BaseException, depth: int = 0) -> payload_pb2.Failure:
    """What an activity raised. The kind of any exception but `ApplicationError` is its class."""
    failure = payload_pb2.Failure(
        kind=_clean(type(error).__name__),
        message=shorten(text_of(error)),
        stack_trace=_stack(error),
    )
    if isinstance(error, ApplicationError):
        _describe(error, failure)
    cause = error.__cause__
    if cause is not None and depth < _MAX_CAUSES:
        failure.cause.CopyFrom(from_exception(cause, depth + 1))
    return failure


def _describe(error: ApplicationError, failure: payload_pb2.Failure) -> None:
    failure.kind = _clean(error.kind) or failure.kind
    failure.non_retryable = error.non_retryable
    if error.next_delay is not None:
        failure.next_delay.FromTimedelta(max(error.next_delay, timedelta()))
    if error.details is not None:
        try:
            failure.details.CopyFrom(payload.encode(error.details))
        except PayloadError as unwritable:
            failure.message = shorten(f"{failure.message} (its details are lost: {unwritable})")


def _stack(error: BaseException) -> str:
    # The first frame is the worker's own, of no use to anybody.
    frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
    lines = traceback.format_exception(type(error), error, frames, chain=False)
    text = "".join(lines)
    if len(text.encode(errors="replace")) <= _MAX_STACK:
        return _clean(text)
    # The end says what happened, the beginning where it came from.
    return _clean(f"{text[: _MAX_STACK // 8]}\n  ...\n{text[-_MAX_STACK // 8 :]}")


def text_of(error: BaseException) -> str:
    """What an exception says of itself."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error that cannot say what it is, is still reported
        return f"(its text cannot be read: {type(error).__name__}.__str__ fails)"


def shorten(text: str) -> str:
    """Text that a message can hold: 8 KiB, and no lone surrogates."""
    written = _clean(text).encode()
    if len(written) <= _MAX_MESSAGE:
        return written.decode()
    return written[: _MAX_MESSAGE - 3].decode(errors="ignore") + "…"


def _clean(text: str) -> str:
    """Lone surrogates, which a message cannot hold, are written as escapes."""
    return text.encode(errors="backslashreplace").decode()
