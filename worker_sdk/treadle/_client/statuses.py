"""gRPC statuses → errors of `treadle.errors`, with the `google.rpc` details that the server sends
along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from treadle import errors
from treadle.v1 import payload_pb2

DETAILS_KEY = "grpc-status-details-bin"

_CLASSES: Mapping[grpc.StatusCode, type[errors.RequestError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidRequest,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Conflict,
    grpc.StatusCode.ABORTED: errors.Conflict,
    grpc.StatusCode.PERMISSION_DENIED: errors.NotPermitted,
    grpc.StatusCode.UNAUTHENTICATED: errors.NotPermitted,
    grpc.StatusCode.UNAVAILABLE: errors.ServerUnavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ServerBusy,
    grpc.StatusCode.DATA_LOSS: errors.DataLost,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.RequestTimedOut,
}
_BY_REASON: Mapping[str, type[errors.RequestError]] = {
    "RUN_NOT_FOUND": errors.RunNotFound,
    "DEFINITION_NOT_FOUND": errors.DefinitionNotFound,
    "SERVER_STOPPING": errors.ServerStopping,
    "TRANSITION_INVALID": errors.TransitionInvalid,
    "GUARD_FAILED": errors.GuardFailed,
}
"""Finer than their codes."""
CODES = {code.value[0]: code for code in grpc.StatusCode}


def from_call(
    code: grpc.StatusCode | None,
    message: str | None,
    trailing_metadata: Iterable[tuple[str, str | bytes]] | None,
    *,
    address: str,
) -> errors.RequestError:
    """The error for a failed call; `address` goes into the message if nobody answered."""
    code = code or grpc.StatusCode.UNKNOWN
    message = message or code.name
    violations: list[errors.FieldViolation] = []
    reason, metadata, retry_after = "", dict[str, str](), None
    for detail in _details(trailing_metadata):
        if isinstance(detail, error_details_pb2.BadRequest):
            violations += [
                errors.FieldViolation(v.field, v.description) for v in detail.field_violations
            ]
        elif isinstance(detail, error_details_pb2.ErrorInfo):
            reason, metadata = detail.reason, dict(detail.metadata)
        else:
            retry_after = detail.retry_delay.ToTimedelta().total_seconds()
    if code is grpc.StatusCode.UNAVAILABLE and not reason:
        # A transport's text, which changes from version to version: only that nobody answers.
        message = f"no server answers at {address}"
    return _build(code, message, reason, metadata, violations, retry_after)


def from_item(status: payload_pb2.ItemStatus) -> errors.RequestError:
    """The error for one item of a batch whose status is not OK."""
    code = CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    message = status.message or code.name
    return _build(code, message, status.reason, dict(status.metadata), [], None)


def _build(
    code: grpc.StatusCode,
    message: str,
    reason: str,
    metadata: Mapping[str, str],
    violations: list[errors.FieldViolation],
    retry_after_seconds: float | None,
) -> errors.RequestError:
    error_class = _BY_REASON.get(reason) or _CLASSES.get(code, errors.ServerFault)
    if error_class is errors.InvalidRequest:
        return errors.InvalidRequest(
            message, violations=violations, reason=reason, metadata=metadata
        )
    if error_class is errors.ServerBusy:
        return errors.ServerBusy(
            message, retry_after_seconds=retry_after_seconds, reason=reason, metadata=metadata
        )
    return error_class(message, reason=reason, metadata=metadata)


_Detail = error_details_pb2.BadRequest | error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo
_DETAIL_TYPES = (
    error_details_pb2.BadRequest,
    error_details_pb2.ErrorInfo,
    error_details_pb2.RetryInfo,
)


def _details(trailing_metadata: Iterable[tuple[str, str | bytes]] | None) -> Iterable[_Detail]:
    for key, value in trailing_metadata or ():
        if key != DETAILS_KEY or not isinstance(value, bytes):
            continue
        try:
            status = status_pb2.Status.FromString(value)
        except DecodeError:
            continue
        for packed in status.details:
            for detail_type in _DETAIL_TYPES:
                if packed.TypeName() == detail_type.DESCRIPTOR.full_name:
                    detail = detail_type()
                    packed.Unpack(detail)
                    yield detail
