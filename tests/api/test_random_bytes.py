"""Whatever bytes come: an answer of our own, and never the text of an exception."""

from __future__ import annotations

import random

import grpc
import pytest

from tests.api.conftest import SERVICES, Api
from treadle.v1 import definition_service_pb2, run_service_pb2, worker_service_pb2

ROUNDS = 60
METHODS = [
    (f"{name}.{method.name}", method.input_type)
    for name, service in SERVICES.items()
    for method in service.methods
    # These wait, by what they are asked to do.
    if method.name not in ("PollTasks", "WaitRun", "WatchRun", "WatchRuns")
]
NEVER = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE)
FILES = (definition_service_pb2, run_service_pb2, worker_service_pb2)


@pytest.mark.parametrize(("method", "input_type"), METHODS)
def test_random_bytes_never_get_an_unexpected_error(
    api: Api, method: str, input_type: object
) -> None:
    source = random.Random(method)
    for _ in range(ROUNDS):
        data = bytearray(source.randbytes(source.randint(0, 60)))
        # Mostly something that looks like fields, so that it gets behind the parser.
        for place in range(0, len(data), source.randint(2, 6)):
            data[place] = source.randint(1, 12) << 3 | source.choice((0, 2))
        answer = api(method, bytes(data))
        assert answer.code not in NEVER, (answer, bytes(data))
        if answer.code is not grpc.StatusCode.OK:
            assert answer.reason, (answer, bytes(data))
