"""`treadle definitions`: lists and documents."""

from __future__ import annotations

import json

import pytest
import yaml
from google.protobuf import json_format

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import NOT_FOUND, ScriptedServer
from treadle.v1 import definition_service_pb2 as definitions_pb

DOCUMENT = {
    "treadle": "v1",
    "kind": "graph",
    "name": "orders",
    "nodes": {"a": {}, "b": {"depends_on": ["a"]}},
    "edges": [{"from": "a", "to": "b", "on": "error"}],
    # Texts that YAML 1.2 takes for numbers if they are not in quotes, and PyYAML does not.
    "output": {"sizes": ["1e3", "08", "0o17", ".5e1", "-1E-3"], "09": 1e3},
    "description": "one\x85two\u2028three",
}


@pytest.fixture
def orders() -> definitions_pb.Definition:
    return definitions_pb.Definition(
        workflow="orders",
        version=3,
        kind="graph",
        description="From order\nto parcel",
        content_hash="ab" * 32,
        create_time=sample_run.at(0),
        node_count=2,
        json=json.dumps(DOCUMENT),
    )


def test_list_shows_versions(
    server: ScriptedServer, treadle: Treadle, orders: definitions_pb.Definition
) -> None:
    server.answers["ListDefinitions"] = definitions_pb.ListDefinitionsResponse(definitions=[orders])

    result = treadle("definitions", "list", "--workflow", "orders")

    line = result.stdout.splitlines()[1]
    assert line.split()[:4] == ["orders", "3", "graph", "2"]
    assert line.endswith("From order to parcel")
    assert server.asked("ListDefinitions")[0].workflow == "orders"


def test_get_prints_a_document_that_can_be_deployed_again(
    server: ScriptedServer, treadle: Treadle, orders: definitions_pb.Definition
) -> None:
    answer = definitions_pb.GetDefinitionResponse(definition=orders)
    server.answers["GetDefinition"] = answer
    server.answers["DeployDefinition"] = definitions_pb.DeployDefinitionResponse(definition=orders)

    printed = treadle("definitions", "get", "orders", "--version", "3")
    treadle("deploy", "-", stdin=printed.stdout)

    assert "orders v3, deployed" in printed.stderr
    assert json.loads(server.asked("DeployDefinition")[0].json) == DOCUMENT
    assert server.asked("GetDefinition")[0].version == 3


def test_machines_get_the_message(
    server: ScriptedServer, treadle: Treadle, orders: definitions_pb.Definition
) -> None:
    server.answers["GetDefinition"] = definitions_pb.GetDefinitionResponse(definition=orders)

    as_json = treadle("definitions", "get", "orders", "-o", "json").stdout
    as_yaml = treadle("definitions", "get", "orders", "-o", "yaml").stdout

    assert json_format.Parse(as_json, definitions_pb.Definition()) == orders
    assert yaml.safe_load(as_yaml) == json.loads(as_json)


def test_an_unknown_workflow_has_its_code(server: ScriptedServer, treadle: Treadle) -> None:
    server.answers["GetDefinition"] = NOT_FOUND

    assert treadle("definitions", "get", "orders").exit_code == 4


def test_versions_of_an_unknown_workflow_have_its_code(
    server: ScriptedServer, treadle: Treadle
) -> None:
    server.answers["ListDefinitions"] = definitions_pb.ListDefinitionsResponse()

    result = treadle("versions", "list", "orders", "-o", "json")

    assert (result.exit_code, result.stdout) == (4, "")
    assert "there is no workflow 'orders'" in result.stderr


def test_machines_get_a_version_that_was_changed(
    server: ScriptedServer, treadle: Treadle, orders: definitions_pb.Definition
) -> None:
    server.answers["UpdateVersion"] = definitions_pb.UpdateVersionResponse(definition=orders)

    result = treadle("versions", "set", "orders", "3", "--current", "-o", "json")

    assert json_format.Parse(result.stdout, definitions_pb.Definition()) == orders
