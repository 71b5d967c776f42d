"""One table from our errors to gRPC codes, and how they travel: `google.rpc` details with stable
reasons.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import grpc
import structlog
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from treadle.v1 import payload_pb2
from treadle_server.definitions.errors import DefinitionInvalid, Violation
from treadle_server.engine.errors import Refusal
from treadle_server.runs import errors as runs_errors

DOMAIN = "treadle.dev"
DETAILS_KEY = "grpc-status-details-bin"
_RETRY_AFTER_SECONDS = 1

# Together less than the 8 KiB of metadata that a client is sure to take, each character of the
# message counted as if it had to be escaped.
_MESSAGE_BYTES = 800
_FIELD_BYTES = 300
_DESCRIPTION_BYTES = 1_000
_VIOLATIONS_BYTES = 4_000
_VIOLATIONS_LISTED = 20

_log = structlog.get_logger(component="api")
_error_numbers = itertools.count(1)

CODES: dict[str, grpc.StatusCode] = {
    "NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "RUN_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "DEFINITION_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "DEFINITION_UNUSABLE": grpc.StatusCode.FAILED_PRECONDITION,
    "WORKFLOW_ID_TAKEN": grpc.StatusCode.ALREADY_EXISTS,
    "REQUEST_ID_REUSED": grpc.StatusCode.FAILED_PRECONDITION,
    "TASK_TOKEN_INVALID": grpc.StatusCode.INVALID_ARGUMENT,
    "NAMESPACE_MISMATCH": grpc.StatusCode.PERMISSION_DENIED,
    "SESSION_UNKNOWN": grpc.StatusCode.FAILED_PRECONDITION,
    "SERVER_BUSY": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "SERVER_STOPPING": grpc.StatusCode.UNAVAILABLE,
    "RUN_ENDED": grpc.StatusCode.FAILED_PRECONDITION,
    "RUN_ENDING": grpc.StatusCode.FAILED_PRECONDITION,
    "LEASE_ENDED": grpc.StatusCode.FAILED_PRECONDITION,
    "NOT_READY": grpc.StatusCode.FAILED_PRECONDITION,
    "RUN_OPEN": grpc.StatusCode.FAILED_PRECONDITION,
    "VERSION_NOT_ACTIVE": grpc.StatusCode.FAILED_PRECONDITION,
    "VERSION_IN_USE": grpc.StatusCode.FAILED_PRECONDITION,
    "RUN_COMPLETED": grpc.StatusCode.FAILED_PRECONDITION,
    "NOT_HELD": grpc.StatusCode.FAILED_PRECONDITION,
    "NOT_OPEN": grpc.StatusCode.FAILED_PRECONDITION,
    "NO_UPDATES": grpc.StatusCode.FAILED_PRECONDITION,
    "TRANSITION_INVALID": grpc.StatusCode.FAILED_PRECONDITION,
    "GUARD_FAILED": grpc.StatusCode.FAILED_PRECONDITION,
    "RECORD_UNREADABLE": grpc.StatusCode.DATA_LOSS,
    "REPORT_INVALID": grpc.StatusCode.INVALID_ARGUMENT,
    "TOO_MANY_UPDATES": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "RUN_PAUSED": grpc.StatusCode.FAILED_PRECONDITION,
    "TOO_MANY_EVENTS": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "DEFINITION_INVALID": grpc.StatusCode.INVALID_ARGUMENT,
    "INPUT_INVALID": grpc.StatusCode.INVALID_ARGUMENT,
    "REQUEST_INVALID": grpc.StatusCode.INVALID_ARGUMENT,
    "INTERNAL": grpc.StatusCode.INTERNAL,
}
"""Every reason that a client can get, with its code."""


class RequestInvalid(Exception):
    """The request itself is wrong: each fault with the field it is in."""

    reason = "REQUEST_INVALID"

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{v.path}: {v.message}" for v in self.violations[:3]))


def invalid(field: str, message: str) -> RequestInvalid:
    """A request with one fault."""
    return RequestInvalid([Violation(field, message)])


class Described:
    """An error as it goes out."""

    __slots__ = ("code", "message", "metadata", "reason", "violations")

    def __init__(self, error: Exception) -> None:
        self.metadata: dict[str, str] = {}
        self.violations: tuple[Violation, ...] = ()
        match error:
            case RequestInvalid() | DefinitionInvalid():
                self.reason, self.message = error.reason, str(error)
                self.violations = error.violations
            case Refusal():
                self.reason, self.message = error.reason, error.message
                self.metadata = error.metadata
            case _:
                error_id = f"E{next(_error_numbers)}"
                _log.error("a request failed unexpectedly", error_id=error_id, exc_info=error)
                self.reason = "INTERNAL"
                self.message = (
                    f"something went wrong in the server; its log has error id {error_id}"
                )
                self.metadata = {"error_id": error_id}
        self.code = CODES[self.reason]

    def status(self) -> status_pb2.Status:
        """With all details, for the trailing metadata."""
        details: list[Any] = [
            error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        ]
        if self.violations:
            listed = _listed(self.violations)
            details.append(error_details_pb2.BadRequest(field_violations=listed))
        if self.reason == runs_errors.Busy.reason:
            delay = Duration(seconds=_RETRY_AFTER_SECONDS)
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        packed = []
        for detail in details:
            one = any_pb2.Any()
            one.Pack(detail)
            packed.append(one)
        message = _cut(self.message, _MESSAGE_BYTES)
        return status_pb2.Status(code=self.code.value[0], message=message, details=packed)

    def item(self) -> payload_pb2.ItemStatus:
        """For one item of a batch."""
        metadata = dict(self.metadata)
        if self.violations:
            metadata["field"] = self.violations[0].path
        return payload_pb2.ItemStatus(
            code=self.code.value[0], message=self.message, reason=self.reason, metadata=metadata
        )


def _listed(
    violations: Sequence[Violation],
) -> list[error_details_pb2.BadRequest.FieldViolation]:
    """The first faults, as far as they fit: metadata that is too long loses the whole answer."""
    listed: list[error_details_pb2.BadRequest.FieldViolation] = []
    room = _VIOLATIONS_BYTES
    for violation in violations[:_VIOLATIONS_LISTED]:
        one = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(violation.path, _FIELD_BYTES),
            description=_cut(violation.message, _DESCRIPTION_BYTES),
        )
        room -= one.ByteSize()
        if room < 0:
            break
        listed.append(one)
    return listed


def _cut(text: str, size: int) -> str:
    """The beginning of a text, of at most so many bytes."""
    encoded = text.encode()
    if len(encoded) <= size:
        return text
    return f"{encoded[: size - 3].decode(errors='ignore')}…"


def item_status(error: Exception | None) -> payload_pb2.ItemStatus:
    """The status of one item; OK for None."""
    return payload_pb2.ItemStatus() if error is None else Described(error).item()


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: Exception) -> None:
    """Ends the call with the error and its details."""
    described = Described(error)
    status = described.status()
    context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
    await context.abort(described.code, status.message)
