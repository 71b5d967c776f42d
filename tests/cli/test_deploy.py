"""`treadle deploy`: what a file means, where its faults are, what reaches the server."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.rpc import code_pb2

from tests.cli.conftest import Treadle
from tests.cli.scripted_server import Refusal, ScriptedServer
from treadle.v1 import definition_service_pb2 as definitions_pb

ORDERS = """\
treadle: v1
kind: graph
name: orders
nodes:
  validate: {}
  charge:
    retry: &patient
      max_attempts: 4
  refund.money:
    retry:
      <<: *patient
      initial: 010
edges:
  - {from: validate, to: charge, when: output.ok}
  - from: charge
    to: refund.money
    on: error
"""

PYTHON = """\
import treadle

first = treadle.Graph("first")
first.node("only")
again = first
second = treadle.Graph("second")
second.node("only")
"""


def deployed(request: definitions_pb.DeployDefinitionRequest) -> dict[str, Any]:
    """The document in a request."""
    text = gzip.decompress(request.gzip_json) if request.gzip_json else request.json
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.fixture
def store(server: ScriptedServer) -> ScriptedServer:
    """Takes every document as version 3 of its workflow."""

    def deploy(
        request: definitions_pb.DeployDefinitionRequest,
    ) -> definitions_pb.DeployDefinitionResponse:
        document = deployed(request)
        definition = definitions_pb.Definition(
            workflow=document["name"],
            version=3,
            kind=document.get("kind", "graph"),
            node_count=len(document.get("nodes", ())),
        )
        return definitions_pb.DeployDefinitionResponse(definition=definition, created=True)

    server.answers["DeployDefinition"] = deploy
    return server


def refusing(server: ScriptedServer, *violations: tuple[str, str]) -> None:
    server.answers["DeployDefinition"] = Refusal(
        code_pb2.INVALID_ARGUMENT, "the definition is invalid", violations=violations
    )


def file_of(folder: Path, text: str, name: str = "orders.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_yaml_reaches_the_server_as_json(
    store: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    result = treadle("deploy", file_of(tmp_path, ORDERS))

    assert result.exit_code == 0
    assert result.stdout.split()[:6] == ["✓", "orders", "v3", "stored", "3", "nodes"]
    (request,) = store.asked("DeployDefinition")
    assert not request.validate_only
    assert deployed(request) == {
        "treadle": "v1",
        "kind": "graph",
        "name": "orders",
        "nodes": {
            "validate": {},
            "charge": {"retry": {"max_attempts": 4}},
            "refund.money": {"retry": {"initial": 10, "max_attempts": 4}},
        },
        "edges": [
            {"from": "validate", "to": "charge", "when": "output.ok"},
            {"from": "charge", "to": "refund.money", "on": "error"},
        ],
    }


def test_stdin_and_json_are_taken(store: ScriptedServer, treadle: Treadle, tmp_path: Path) -> None:
    document = {"name": "orders", "nodes": {}}

    assert treadle("deploy", "-", stdin=json.dumps(document)).exit_code == 0
    assert treadle("deploy", "-", stdin="name: orders\nnodes: {}").exit_code == 0
    assert treadle("deploy", file_of(tmp_path, json.dumps(document), "o.json")).exit_code == 0

    assert [deployed(request) for request in store.asked("DeployDefinition")] == [document] * 3


def test_a_large_document_travels_packed(
    store: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    nodes = {f"node-{number}": {"description": "x" * 200} for number in range(20_000)}
    text = json.dumps({"name": "large", "nodes": nodes})

    assert treadle("deploy", file_of(tmp_path, text, "large.json")).exit_code == 0

    (request,) = store.asked("DeployDefinition")
    assert len(request.gzip_json) < len(text) / 10
    assert len(deployed(request)["nodes"]) == 20_000


def test_machines_get_a_message_per_document(
    store: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    file = file_of(tmp_path, "name: a\nnodes: {}\n---\nname: b\nnodes: {}\n---\n")

    result = treadle("deploy", file, "-o", "jsonl")

    answers = [
        json_format.Parse(line, definitions_pb.DeployDefinitionResponse())
        for line in result.stdout.splitlines()
    ]
    assert [answer.definition.workflow for answer in answers] == ["a", "b"]


def test_faults_are_shown_where_they_were_written(
    server: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    refusing(
        server,
        ("edges[1].when", "needs a value"),
        ("nodes.refund.money.retry.initial", "must be a duration"),
        ("edges[0].when", "undeclared reference to 'ok'"),
        ("nodes.charge.retry.max_attempts", "must be from 1"),
        ("nodes.missing.activity", "is not there"),
        ("$", "is too large"),
    )
    file = file_of(tmp_path, ORDERS)

    result = treadle("deploy", file)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"{file}:1: $: is too large",
        f"{file}:4: nodes.missing.activity: is not there",
        f"{file}:8: nodes.charge.retry.max_attempts: must be from 1",
        f"{file}:12: nodes.refund.money.retry.initial: must be a duration",
        f"{file}:14: edges[0].when: undeclared reference to 'ok'",
        f"{file}:15: edges[1].when: needs a value",
        "Error: the definition refused; nothing was stored",
    ]


def test_faults_in_json_have_lines_too(
    server: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    refusing(server, ("nodes.b.queue", "must be a string"))
    text = json.dumps({"nodes": {"a": {}, "b": {"queue": 7}}}, indent=2)
    file = file_of(tmp_path, text, "orders.json")

    assert f"{file}:5: nodes.b.queue: must be" in treadle("deploy", file).stderr


def test_one_bad_file_keeps_all_from_being_stored(
    store: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    accept = store.answers["DeployDefinition"]
    bad = Refusal(code_pb2.INVALID_ARGUMENT, "no", violations=(("nodes", "must not be empty"),))
    store.answers["DeployDefinition"] = lambda request: (
        accept(request) if deployed(request)["nodes"] else bad
    )
    good = file_of(tmp_path, "name: good\nnodes: {a: {}}", "good.yaml")
    empty = file_of(tmp_path, "name: empty\nnodes: {}", "empty.yaml")

    result = treadle("deploy", good, empty)

    assert result.exit_code == 2
    assert f"{empty}:2: nodes: must not be empty" in result.stderr
    assert "1 of 2 definitions refused; nothing was stored" in result.stderr
    assert [request.validate_only for request in store.asked("DeployDefinition")] == [True, True]


def test_check_stores_nothing(store: ScriptedServer, treadle: Treadle, tmp_path: Path) -> None:
    result = treadle("deploy", "--check", file_of(tmp_path, ORDERS))

    assert result.exit_code == 0
    assert "valid" in result.stdout
    assert [request.validate_only for request in store.asked("DeployDefinition")] == [True]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: a\nname: b", 2, "the key 'name' stands here a second time; the first is in line 1"),
        ("nodes:\n  on: {}\n  on: {}", 3, "the key 'on' stands here a second time"),
        ("name: [a\n\n", 3, "a flow sequence that begins in line 1"),
        ("name: a\n\tnodes: {}", 2, "not YAML"),
        ("when: 2026-03-14\nnodes: !!python/object:os.system {}", 2, "has no form in JSON"),
        ("a: !thing 7", 1, "has no form in JSON"),
        ("a: !!str [b]", 1, "has no form in JSON"),
        ("a: !!int {b: c}", 1, "has no form in JSON"),
        ("a: .inf\nb: 1e999", 2, "not a number that JSON has"),
        ("? [a]\n: b", 1, "a key must be text"),
        ("a: {<<: 7}", 1, "<< merges mappings"),
        ("a: &a [*a]", 1, "in itself"),
        ("- a\n- b", 1, "a definition is a mapping"),
        ("just text", 1, "a definition is a mapping"),
    ],
)
def test_yaml_that_is_no_definition_is_refused_with_its_line(
    server: ScriptedServer, treadle: Treadle, tmp_path: Path, text: str, line: int, said: str
) -> None:
    file = file_of(tmp_path, text)

    result = treadle("deploy", file)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{file}:{line}: " in result.stderr
    assert said in result.stderr
    assert server.requests == []


def test_aliases_cannot_multiply_without_end(
    server: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    file = file_of(tmp_path, "\n".join(["l0: &l0 [x]", *levels]))

    result = treadle("deploy", file)

    assert result.exit_code == 2
    assert "more than 5,000,000 values" in result.stderr


def test_merges_cannot_multiply_without_end(
    store: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    levels = [f"l{n}: &l{n} {{<<: [*l{n - 1}, *l{n - 1}], k{n}: {n}}}" for n in range(1, 60)]
    first = "name: n\nnodes: {}\nl0: &l0 {<<: *l0, k0: 0, k1: 0}"
    file = file_of(tmp_path, "\n".join([first, *levels]))

    assert treadle("deploy", file).exit_code == 0

    document = deployed(store.asked("DeployDefinition")[0])
    assert document["l0"] == {"k0": 0, "k1": 0}
    assert document["l59"] == {f"k{n}": n for n in range(60)}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
@pytest.mark.parametrize("name", ["deep.yaml", "deep.json"])
def test_deep_nesting_is_refused(
    server: ScriptedServer, treadle: Treadle, tmp_path: Path, text: str, name: str
) -> None:
    result = treadle("deploy", file_of(tmp_path, text, name))

    assert result.exit_code == 2
    assert server.requests == []


def test_a_key_twice_in_json_is_refused_with_its_line(treadle: Treadle, tmp_path: Path) -> None:
    file = file_of(tmp_path, '{\n  "a": {"b": 1,\n   "b": 2}}', "orders.json")

    result = treadle("deploy", file)

    assert result.exit_code == 2
    assert f"{file}:3: the key 'b'" in result.stderr


def test_words_mean_what_yaml_1_2_says(
    store: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    file = file_of(
        tmp_path,
        "name: n\nnodes: {}\nvalues: [yes, no, on, 1:30, 0o17, 0x1F, 1_000, 1e3, true, ~, "
        "2026-03-14, '7', .5, -3, '']\n1: one\ntrue: yes\n",
    )

    treadle("deploy", file)

    (request,) = store.asked("DeployDefinition")
    document = deployed(request)
    assert document["values"] == [
        "yes", "no", "on", "1:30", 15, 31, "1_000", 1000.0, True, None,
        "2026-03-14", "7", 0.5, -3, "",
    ]  # fmt: skip
    assert document["1"] == "one"
    assert document["true"] == "yes"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("orders.yaml", b"name: caf\xe9", "not UTF-8"),
        ("orders.yaml", b"", "holds no document"),
        ("orders.yaml", b"# only a comment\n---\n", "holds no document"),
        ("orders.txt", b"name: a", "must end in .yaml, .yml, .json or .py"),
        ("orders.json", b'{"a": NaN}', "NaN is not JSON"),
    ],
)
def test_files_that_hold_no_document(
    treadle: Treadle, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    result = treadle("deploy", str(path))

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_missing_file_is_said_to_be_so(treadle: Treadle) -> None:
    result = treadle("deploy", "no/such.yaml")

    assert result.exit_code == 2
    assert "cannot read no/such.yaml: No such file" in result.stderr


def test_a_python_file_deploys_its_graphs_once_each(
    store: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    file = file_of(tmp_path, PYTHON, "graphs_for_deploy.py")

    assert treadle("deploy", file).exit_code == 0
    assert treadle("deploy", f"{file}:second").exit_code == 0

    stored = [deployed(r)["name"] for r in store.asked("DeployDefinition") if not r.validate_only]
    assert stored == ["first", "second", "second"]


def test_a_module_is_found_where_the_command_runs(
    store: ScriptedServer, treadle: Treadle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "shop_for_deploy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "names.py").write_text("NAME = 'from-package'\n")
    (package / "graphs.py").write_text(
        "import treadle\nfrom .names import NAME\ngraph = treadle.Graph(NAME)\ngraph.node('a')\n"
    )
    monkeypatch.chdir(tmp_path)

    assert treadle("deploy", "shop_for_deploy.graphs:graph").exit_code == 0
    assert treadle("deploy", "shop_for_deploy/graphs.py").exit_code == 0

    names = [deployed(request)["name"] for request in store.asked("DeployDefinition")]
    assert names == ["from-package", "from-package"]


def test_a_state_machine_in_python(treadle: Treadle, tmp_path: Path, store: ScriptedServer) -> None:
    text = """
import enum, treadle
class Door(enum.Enum):
    OPEN, SHUT = "open", "shut"
door = treadle.Machine("door", Door)
door.state(Door.OPEN).on("shut", Door.SHUT)
door.final(Door.SHUT)
"""
    file = file_of(tmp_path, text, "machine_for_deploy.py")

    assert treadle("deploy", str(file)).exit_code == 0
    assert treadle("deploy", f"{file}:door").exit_code == 0

    stored = [deployed(r) for r in store.asked("DeployDefinition") if not r.validate_only]
    assert [(one["name"], one["kind"]) for one in stored] == [("door", "machine")] * 2


@pytest.mark.parametrize(
    ("text", "named", "code", "said"),
    [
        ("x = 1", "", 2, "no treadle.Graph or treadle.Machine at the module's top level"),
        ("x = 1", ":x", 2, "there is a int, and no treadle.Graph or treadle.Machine"),
        ("x = 1", ":y", 2, "there is nothing of that name"),
        ("def f(:", "", 1, "SyntaxError"),
        ("1 / 0", "", 1, "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit()", "", 1, "SystemExit"),
        ("import nosuchmodule", "", 1, "No module named 'nosuchmodule'"),
        ("import treadle\ng = treadle.Graph('g')\ng.node('a')\ng.node('a')", "", 2, "added twice"),
        ("import treadle\ng = treadle.Graph('g')\ng.edge('a', 'b')", "", 2, "'a'"),
    ],
)
def test_python_that_brings_no_graph(
    treadle: Treadle, tmp_path: Path, text: str, named: str, code: int, said: str
) -> None:
    file = file_of(tmp_path, text, "broken_for_deploy.py")

    result = treadle("deploy", f"{file}{named}")

    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "importlib" not in result.stderr


@pytest.mark.parametrize("argument", ["", ":graph", "name: orders\n" * 50])
def test_what_names_no_file_and_no_module_is_a_wrong_argument(
    treadle: Treadle, argument: str
) -> None:
    result = treadle("deploy", argument)

    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_a_missing_module_is_a_wrong_argument(treadle: Treadle) -> None:
    result = treadle("deploy", "nosuch.module")

    assert result.exit_code == 2
    assert "there is no module 'nosuch' here" in result.stderr
