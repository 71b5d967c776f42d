"""Documents that are hard to answer: very long names, what is no Unicode, lists within lists."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest

from examples.local_service import LocalService
from tests.api.conftest import Answer, Api
from treadle.v1 import definition_service_pb2 as definitions
from treadle.v1 import run_service_pb2 as runs

OK, INVALID = grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT
HEAD = {"treadle": "v1", "kind": "graph", "name": "odd"}
LONG_NAMES = [f"名{'字' * 190}{number}" for number in range(60)]


def deploy(api: Api, document: Any) -> Answer:
    text = document if isinstance(document, str) else json.dumps(document)
    return api("DefinitionService.DeployDefinition", definitions.DeployDefinitionRequest(json=text))


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"nodes": {"a": {}}, "k" * 100_000: 1}, "kkk"),
        ({"nodes": {"a": {}}} | {f"{'k' * 5_000}{number}": 1 for number in range(60)}, "kkk"),
        ({"nodes": {"a": {}}, "kind": "k" * 100_000}, "kind"),
        (
            {"nodes": {"a": {}}, "edges": [{"from": "a", "to": name} for name in LONG_NAMES]},
            "edges[0].to",
        ),
        ({"nodes": {name: {"prioritty": 1} for name in LONG_NAMES}}, "nodes.名"),
    ],
)
def test_long_names_leave_room_for_the_answer(api: Api, parts: Any, path: str) -> None:
    for _ in range(10):  # what is a little too long is let through at times
        answer = deploy(api, HEAD | parts)
        assert (answer.code, answer.reason) == (INVALID, "DEFINITION_INVALID")
        assert answer.field.startswith(path)


@pytest.mark.parametrize("child", ["\ud800", {"name": "\udfff"}, "a\0b", {"name": ["a"]}])
def test_a_workflow_within_that_can_have_no_such_name(api: Api, child: Any) -> None:
    answer = deploy(api, HEAD | {"nodes": {"a": {"workflow": child}}})
    assert (answer.code, answer.field) == (INVALID, "nodes.a.workflow.name")


def nested(depth: int) -> str:
    value = "[" * depth + "]" * depth
    return json.dumps(HEAD | {"nodes": {"a": {}}, "params": {"x": {"default": "HERE"}}}).replace(
        '"HERE"', value
    )


def test_what_is_stored_can_be_read_again(api: Api, service: LocalService) -> None:
    for depth in (198, 900, 960, 970, 980, 100_000):
        answer = deploy(api, nested(depth))
        assert (answer.code, answer.field) == (INVALID, "$"), depth
        assert "nested" in answer.message
    assert deploy(api, nested(197)).code is OK
    service.server.kill()
    service.start_server()
    again = Api(service.address)
    assert again("RunService.StartRun", runs.StartRunRequest(workflow="odd")).code is OK
    again.channel.close()
