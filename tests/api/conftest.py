"""A real server for these tests, and raw calls to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from examples.local_service import LocalService, local_service
from treadle.v1 import (
    conversation_service_pb2,
    definition_service_pb2,
    payload_pb2,
    run_service_pb2,
    worker_service_pb2,
)

FILES: tuple[Any, ...] = (
    conversation_service_pb2,
    definition_service_pb2,
    run_service_pb2,
    worker_service_pb2,
)
SERVICES = {
    service.name: service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a message, or a status with its details."""

    code: grpc.StatusCode
    message: str = ""
    reason: str = ""
    field: str = ""
    metadata: dict[str, str] | None = None
    retry_after: bool = False
    response: Any = None


class Api:
    """Calls by name, with messages or with whatever bytes."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address)

    def __call__(self, method: str, request: Any = b"", **options: Any) -> Answer:
        """`api("RunService.StartRun", message)`: never raises for a status."""
        service, name = method.split(".")
        data = request if isinstance(request, bytes) else request.SerializeToString()
        descriptor = SERVICES[service].methods_by_name.get(name)
        full_name = f"/{SERVICES[service].full_name}/{name}"
        try:
            if descriptor is not None and descriptor.client_streaming:
                conversation: Any = self.channel.stream_stream(full_name)
                response = b"".join(conversation(iter([data]), timeout=20))
            elif descriptor is not None and descriptor.server_streaming:
                stream: Any = self.channel.unary_stream(full_name)
                response = b"".join(stream(data, timeout=20))
            else:
                call: Any = self.channel.unary_unary(full_name)
                response = call(data, timeout=20, **options)
        except grpc.RpcError as error:
            return _refused(error)
        message = None
        if descriptor is not None:
            message = _class_of(descriptor.output_type).FromString(response)
        return Answer(grpc.StatusCode.OK, response=message)


def _class_of(descriptor: Any) -> Any:
    for file in FILES:
        if hasattr(file, descriptor.name):
            return getattr(file, descriptor.name)
    raise KeyError(descriptor.full_name)


def _refused(error: Any) -> Answer:
    reason, field, retry = "", "", False
    metadata: dict[str, str] = {}
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info, faults = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                reason, metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(faults):
                field = faults.field_violations[0].field
            else:
                retry = retry or detail.type_url.endswith("RetryInfo")
    return Answer(error.code(), error.details() or "", reason, field, metadata, retry)


def json_payload(text: str) -> payload_pb2.Payload:
    return payload_pb2.Payload(data=text.encode())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with local_service(tmp_path_factory.mktemp("service")) as running:
        with running.client() as client:
            client.deploy(ONE_STEP)
        yield running


@pytest.fixture
def api(service: LocalService) -> Iterator[Api]:
    found = Api(service.address)
    yield found
    found.channel.close()


ONE_STEP = {
    "treadle": "v1",
    "kind": "graph",
    "name": "one_step",
    "params": {"n": {"type": "integer", "default": 1}},
    "nodes": {"only": {"activity": "work"}},
}
