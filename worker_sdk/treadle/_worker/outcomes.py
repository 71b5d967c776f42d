"""How an attempt ended → `treadle.v1.TaskResult`. Pure.

The kinds of failure that are made here: `treadle.InvalidInput` (the input does not fit the
activity's annotations), `treadle.InvalidOutput` (what it returned cannot be written) and
`treadle.ResultRefused` (the server would not take the result). None of them is retried: the same
attempt would end the same way.
"""

from __future__ import annotations

from treadle import payload
from treadle._failures import INVALID_OUTPUT, from_exception, invalid_output, shorten, text_of
from treadle._types.mismatch import Mismatch
from treadle.context import Context
from treadle.errors import PayloadError
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages

INVALID_INPUT = "treadle.InvalidInput"
RESULT_REFUSED = "treadle.ResultRefused"

MAX_RESULT_BYTES = 3 * 1024 * 1024
"""Below the 4 MiB that a server takes in one message."""


__all__ = [
    "INVALID_INPUT",
    "INVALID_OUTPUT",
    "MAX_RESULT_BYTES",
    "RESULT_REFUSED",
    "cancelled",
    "completed",
    "failed",
    "fitting",
    "from_exception",
    "invalid_input",
    "invalid_output",
    "result_refused",
    "returned",
]


def completed(token: bytes, output: object, context: Context) -> messages.TaskResult:
    """The activity returned. What cannot be written becomes a failure."""
    try:
        written = payload.encode(output)
    except Exception as error:  # noqa: BLE001 - a model's own code may raise anything
        return failed(token, invalid_output(_named(context), text_of(error)))
    result = messages.TaskResult(task_token=token)
    result.completed.output.CopyFrom(written)
    if context.skipped:
        result.completed.skipped = True
    if operations := context.memory_operations():
        result.completed.memory_operations.extend(operations)
    if result.ByteSize() > MAX_RESULT_BYTES:
        beside = "with its changes of memory and metadata"
        reason = f"{beside} it is over {MAX_RESULT_BYTES:,} bytes long"
        return failed(token, invalid_output(_named(context), reason))
    return result


def failed(token: bytes, failure: payload_pb2.Failure) -> messages.TaskResult:
    """The attempt failed."""
    return messages.TaskResult(task_token=token, failed=fitting(failure))


def fitting(failure: payload_pb2.Failure) -> payload_pb2.Failure:
    """The same; one that is too long for a message loses its details and causes."""
    if failure.ByteSize() > MAX_RESULT_BYTES:
        failure.ClearField("details")
        failure.ClearField("cause")
    return failure


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
        message=shorten(f"the input of activity {activity_type!r} does not fit: {error}"),
        non_retryable=True,
    )
    if isinstance(error, Mismatch):
        faults = [{"path": path, "message": text} for path, text in error.faults]
        failure.details.CopyFrom(payload.encode({"faults": faults}))
    return failure


def result_refused(message: str) -> payload_pb2.Failure:
    """The server would not take the result as it was."""
    return payload_pb2.Failure(
        kind=RESULT_REFUSED,
        message=shorten(f"the server refused the activity's result: {message}"),
        non_retryable=True,
    )


def _named(context: Context) -> str:
    return f"activity {context.activity_type!r}"
