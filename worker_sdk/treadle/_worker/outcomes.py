"""How an attempt ended → `treadle.v1.TaskResult`. Pure.

The kinds of failure that are made here: `treadle.InvalidInput` (the input does not fit the
activity's annotations), `treadle.InvalidOutput` (what it returned cannot be written) and
`treadle.ResultRefused` (the server would not take the result). None of them is retried: the same
attempt would end the same way.
"""

from __future__ import annotations

import traceback
from datetime import timedelta

from treadle import payload
from treadle._types.mismatch import Mismatch
from treadle.context import Context
from treadle.errors import ApplicationError, PayloadError
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages

INVALID_INPUT = "treadle.InvalidInput"
INVALID_OUTPUT = "treadle.InvalidOutput"
RESULT_REFUSED = "treadle.ResultRefused"

# The contract's limits, in bytes.
_MAX_MESSAGE = 8 * 1024
_MAX_STACK = 16 * 1024

MAX_RESULT_BYTES = 3 * 1024 * 1024
"""Below the 4 MiB that a server takes in one message."""

_MAX_CAUSES = 5


def completed(token: bytes, output: object, context: Context) -> messages.TaskResult:
    """The activity returned. What cannot be written becomes a failure."""
    try:
        written = payload.encode(output)
    except Exception as error:  # noqa: BLE001 - a model's own code may raise anything
        return failed(token, invalid_output(context.activity_type, _text(error)))
    result = messages.TaskResult(
        task_token=token,
        completed=messages.TaskCompleted(
            output=written,
            memory_operations=context.memory_operations(),
            skipped=context.skipped,
        ),
    )
    if result.ByteSize() > MAX_RESULT_BYTES:
        reason = f"with its changes of memory it is over {MAX_RESULT_BYTES:,} bytes long"
        return failed(token, invalid_output(context.activity_type, reason))
    return result


def failed(token: bytes, failure: payload_pb2.Failure) -> messages.TaskResult:
    """The attempt failed. A failure that is too long for a message loses its details and causes."""
    if failure.ByteSize() > MAX_RESULT_BYTES:
        failure.ClearField("details")
        failure.ClearField("cause")
    return messages.TaskResult(task_token=token, failed=failure)


def cancelled(token: bytes) -> messages.TaskResult:
    """The activity stopped because it was asked to."""
    return messages.TaskResult(task_token=token, cancelled=messages.TaskCancelled())


def returned(token: bytes, reason: str) -> messages.TaskResult:
    """The activity was not begun."""
    return messages.TaskResult(task_token=token, returned=messages.TaskReturned(reason=reason))


def invalid_input(activity_type: str, error: Mismatch | PayloadError) -> payload_pb2.Failure:
    """The input does not fit; `details` lists each place."""
    failure = payload_pb2.Failure(
        kind=INVALID_INPUT,
        message=_shorten(f"the input of activity {activity_type!r} does not fit: {error}"),
        non_retryable=True,
    )
    if isinstance(error, Mismatch):
        faults = [{"path": path, "message": text} for path, text in error.faults]
        failure.details.CopyFrom(payload.encode({"faults": faults}))
    return failure


def invalid_output(activity_type: str, reason: str) -> payload_pb2.Failure:
    """What the activity returned cannot be written."""
    return payload_pb2.Failure(
        kind=INVALID_OUTPUT,
        message=_shorten(f"the output of activity {activity_type!r}: {reason}"),
        non_retryable=True,
    )


def result_refused(message: str) -> payload_pb2.Failure:
    """The server would not take the result as it was."""
    return payload_pb2.Failure(
        kind=RESULT_REFUSED,
        message=_shorten(f"the server refused the activity's result: {message}"),
        non_retryable=True,
    )


def from_exception(error: BaseException, depth: int = 0) -> payload_pb2.Failure:
    """What an activity raised. The kind of any exception but `ApplicationError` is its class."""
    failure = payload_pb2.Failure(
        kind=_clean(type(error).__name__),
        message=_shorten(_text(error)),
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
            failure.message = _shorten(f"{failure.message} (its details are lost: {unwritable})")


def _stack(error: BaseException) -> str:
    # The first frame is the worker's own, of no use to anybody.
    frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
    lines = traceback.format_exception(type(error), error, frames, chain=False)
    text = "".join(lines)
    if len(text.encode(errors="replace")) <= _MAX_STACK:
        return _clean(text)
    # The end says what happened, the beginning where it came from.
    return _clean(f"{text[: _MAX_STACK // 8]}\n  ...\n{text[-_MAX_STACK // 8 :]}")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error that cannot say what it is, is still reported
        return f"(its text cannot be read: {type(error).__name__}.__str__ fails)"


def _shorten(text: str) -> str:
    written = _clean(text).encode()
    if len(written) <= _MAX_MESSAGE:
        return written.decode()
    return written[: _MAX_MESSAGE - 3].decode(errors="ignore") + "…"


def _clean(text: str) -> str:
    """Lone surrogates, which a message cannot hold, are written as escapes."""
    return text.encode(errors="backslashreplace").decode()
