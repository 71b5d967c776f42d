"""The normal form: one document for one meaning, and the same meaning as before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.definitions.documents import accepted, graph
from tests.engine.graphs import graphs
from treadle import Graph
from treadle.graph import Defaults, Retry
from treadle_server.cli.yaml_text import compose, read
from treadle_server.definitions.document import MAX_DURATION, parse_duration
from treadle_server.definitions.expression import Expression, ExpressionFailed
from treadle_server.definitions.graph.model import GraphDefinition
from treadle_server.definitions.graph.normal_parts import duration_text
from treadle_server.definitions.graph.normalise import normalise


def normal(document: dict[str, Any]) -> bytes:
    return accepted(document).definition.document


def yaml(text: str) -> dict[str, Any]:
    [root] = compose(text)
    document = read(root)
    assert isinstance(document, dict)
    return document


GREETING = """
treadle: v1
kind: graph
name: greeting
description: Greet user and log the message
run_timeout: 60m
params:
  loud: {default: false, type: boolean}
  name: {type: string, description: whom to greet}
defaults:
  start_to_close: 10
nodes:
  greet_user:
    activity: greet
    retry: {jitter: 0.0, initial: 1000ms, max_attempts: 4, max: 30s, factor: 2}
    start_to_close: 10s
    run_if: "!params.loud || params.name != ''"
  log_greeting:
    queue: default
    description: ""
    memory: []
    input:
      message: greet_user.message   # an object is as good as text
      tags: ['"a"', 7]
  failed:
    fail: {kind: Rude, message: '"no " +
      params.name'}
edges:
  - {to: log_greeting, from: greet_user, else: false, on: success, kinds: []}
  - {from: greet_user, to: failed, on: error, when: error.kind=='Rude'}
output: >-
  {"logged":
    log_greeting}
"""


def greeting() -> Graph:
    graph = Graph(
        "greeting",
        description="Greet user and log the message",
        defaults=Defaults(start_to_close="10s"),
        run_timeout="1h",
    )
    graph.param("name", str, description="whom to greet")
    graph.param("loud", bool, default=False)
    retry = Retry(max_attempts=4, initial="1s", max="30s", jitter=0)
    graph.node("greet_user", "greet", retry=retry, run_if='!params.loud || params.name != ""')
    graph.node(
        "log_greeting", input=lambda greet_user: {"message": greet_user.message, "tags": ["a", 7]}
    )
    graph.fail("failed", kind="Rude", message=lambda params: "no " + params.name)
    graph.edge("greet_user", "log_greeting")
    graph.error_edge("greet_user", "failed", when=lambda error: error.kind == "Rude")
    graph.output(lambda log_greeting: {"logged": log_greeting})
    return graph


def test_yaml_and_builder_give_the_same_document_byte_for_byte() -> None:
    by_hand, built = normal(yaml(GREETING)), normal(greeting().document())
    assert by_hand.decode() == built.decode()


def test_the_normal_form_of_all_parts() -> None:
    assert json.loads(normal(yaml(GREETING))) == {
        "treadle": "v1",
        "kind": "graph",
        "name": "greeting",
        "description": "Greet user and log the message",
        "params": {
            "loud": {"type": "boolean", "default": False},
            "name": {"type": "string", "description": "whom to greet"},
        },
        "defaults": {"start_to_close": "10s"},
        "run_timeout": "1h",
        "nodes": {
            "greet_user": {
                "activity": "greet",
                "retry": {"max_attempts": 4, "max": "30s", "jitter": 0},
                "run_if": '!params.loud || params.name != ""',
            },
            "log_greeting": {"input": '{"message": greet_user.message, "tags": ["a", 7]}'},
            "failed": {"fail": {"kind": "Rude", "message": '"no " + params.name'}},
        },
        "edges": [
            {"from": "greet_user", "to": "log_greeting"},
            {"from": "greet_user", "to": "failed", "on": "error", "when": 'error.kind == "Rude"'},
        ],
        "output": '{"logged": log_greeting}',
    }


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"nodes": {"a": None}}, {"nodes": {"a": {}}}),
    ({"nodes": {"a": {"activity": "a"}}}, {}),
    ({"nodes": {"a": {"priority": 3, "queue": "default", "start_to_close": "10m"}}}, {}),
    ({"nodes": {"a": {"retry": {"max_attempts": 1}}}}, {}),
    ({"nodes": {"a": {"on_failure": "fail", "default_output": None, "memory": None}}}, {}),
    ({"nodes": {"a": {"retry": {}}}}, {"nodes": {"a": {"retry": {"max_attempts": 3}}}}),
    (
        {"nodes": {"a": {"retry": {"backoff": "linear", "increment": "5s"}}}},
        {"nodes": {"a": {"retry": {"backoff": "linear", "initial": "5s", "factor": 9}}}},
    ),
    (
        {"nodes": {"a": {"retry": {"backoff": "fixed", "factor": 3, "increment": "7s"}}}},
        {"nodes": {"a": {"retry": {"backoff": "fixed", "max": 100, "initial": "1s"}}}},
    ),
    (
        {"defaults": {"queue": "q"}, "nodes": {"a": {"queue": "q"}}},
        {"defaults": {"queue": "q", "retry": {"max_attempts": 1}, "heartbeat": None}},
    ),
    ({"nodes": {"a": {"heartbeat": "90s"}}}, {"nodes": {"a": {"heartbeat": "1m30s"}}}),
    ({"nodes": {"a": {"heartbeat": "0.5s"}}}, {"nodes": {"a": {"heartbeat": 0.5}}}),
    (
        {"nodes": {"a": {}, "b": {"depends_on": "a"}}},
        {"nodes": {"a": {}, "b": {"depends_on": ["a"]}}},
    ),
    (
        {"nodes": {"a": {}, "b": {"depends_on": ["a"]}}},
        {"nodes": {"a": {}, "b": {}}, "edges": [{"from": "a", "to": "b"}]},
    ),
    ({"edges": [], "activities": {}, "description": ""}, {"edges": None, "output": None}),
    (
        {"params": {"b": {"required": True}, "a": {"type": "any", "min_length": 0}}},
        {"params": {"a": {}, "b": {"description": ""}}},
    ),
    (
        {"params": {"a": {"default": 1, "required": True}}},
        {"params": {"a": {"required": False, "default": 1}}},
    ),
    ({"output": "{ 'x' : a.b }  // why"}, {"output": {"x": "a.b"}}),
    ({"output": 7}, {"output": "7"}),
    (
        {"activities": {"x": {"input": {"type": "object", "required": ["b", "a"]}}, "a": {}}},
        {"activities": {"a": {}, "x": {"input": {"required": ["b", "a"], "type": "object"}}}},
    ),
    ({"nodes": {"a": {"fail": None}}}, {"nodes": {"a": {"fail": {"kind": ""}}}}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_documents_that_mean_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normal(graph(**one)).decode() == normal(graph(**other)).decode()


DIFFERENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"params": {}}, {}),
    ({"params": {"a": {"default": None}}}, {"params": {"a": {"required": False}}}),
    ({"params": {"a": {"default": 1}}}, {"params": {"a": {"default": 1.0}}}),
    ({"nodes": {"a": {}, "b": {}}}, {"nodes": {"b": {}, "a": {}}}),
    ({"nodes": {"a": {"retry": {}}}}, {}),
    ({"nodes": {"a": {"default_output": False}}}, {}),
    ({"nodes": {"a": {"default_output": ""}}}, {}),
    ({"nodes": {"a": {"input": "1"}}}, {"nodes": {"a": {"input": "1.0"}}}),
    ({"nodes": {"a": {"input": "'a b'"}}}, {"nodes": {"a": {"input": "'a  b'"}}}),
    ({"nodes": {"a": {"description": "x"}}}, {}),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_documents_that_do_not(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normal(graph(**one)) != normal(graph(**other))


def test_edges_never_move() -> None:
    """Events name edges by their place, and a run may outlive the document's first reading."""
    document = graph(
        nodes={"a": {}, "b": {"depends_on": ["a"]}, "c": {"depends_on": "a"}, "d": {}},
        edges=[
            {"from": "b", "to": "d"},
            {"from": "start", "to": "a", "map": "output"},
            {"from": "a", "to": "d", "on": "error"},
        ],
    )
    expected = [("b", "d", False), ("a", "d", True), ("a", "b", False), ("a", "c", False)]
    for one in (document, normalise(document)):
        definition = accepted(one).definition
        names = [node.name for node in definition.nodes]
        edges = [(names[e.source], names[e.target], e.on_error) for e in definition.edges]
        assert edges == expected


def test_a_mapping_that_is_too_large_for_one_text_stays_an_object() -> None:
    parts = {f"field_{number}": f"  params.f{number}[ 'x' ] " for number in range(300)}
    document = graph(nodes={"a": {"input": parts}})
    once = normalise(document)
    assert once["nodes"]["a"]["input"]["field_7"] == 'params.f7["x"]'
    assert normalise(once) == once
    same_meaning(accepted(document).definition, accepted(once).definition)


def test_a_long_expression_is_not_made_longer_than_allowed() -> None:
    long = "+".join(["params.n"] * 400)
    document = graph(nodes={"a": {"input": long}})
    once = normalise(document)
    assert once["nodes"]["a"]["input"] == long
    assert normalise(graph(nodes={"a": {"input": long.replace("+", "\n+")}})) == once


@given(st.integers(1, MAX_DURATION))
def test_a_duration_has_one_text(microseconds: int) -> None:
    assert parse_duration(duration_text(microseconds)) == microseconds


def test_durations_as_people_write_them() -> None:
    texts = [duration_text(amount) for amount in (250, 1_500_000, 5_400_000_000, 86_400_000_000)]
    assert texts == ["0.25ms", "1s500ms", "1h30m", "1d"]


# Laws.


def same_meaning(one: GraphDefinition, other: GraphDefinition) -> None:
    for name in ("name", "description", "parameters", "run_timeout", "end_nodes", "in_edges"):
        assert getattr(one, name) == getattr(other, name)
    for node, same in zip(one.nodes, other.nodes, strict=True):
        for name in ("name", "options", "default_output", "continue_on_failure", "from_start"):
            assert getattr(node, name) == getattr(same, name)
        assert (node.fail and node.fail.kind) == (same.fail and same.fail.kind)
        for name in ("input", "run_if", "start_map"):
            same_expression(getattr(node, name), getattr(same, name))
        if node.fail is not None and same.fail is not None:
            same_expression(node.fail.message, same.fail.message)
    for edge, same_edge in zip(one.edges, other.edges, strict=True):
        for name in ("source", "target", "on_error", "otherwise", "kinds"):
            assert getattr(edge, name) == getattr(same_edge, name)
        same_expression(edge.when, same_edge.when)
        same_expression(edge.map, same_edge.map)
    same_expression(one.output, other.output)


VALUES: list[Any] = [None, 1, {"x": 1, "n": 2}, {"kind": "Busy", "details": {"x": 1}}, []]


def same_expression(one: Expression | None, other: Expression | None) -> None:
    if one is None or other is None:
        assert one is other
        return
    assert one.names == other.names
    for value in VALUES:
        assert outcome(one, value) == outcome(other, value)


def outcome(expression: Expression, value: Any) -> Any:
    try:
        return repr(expression.evaluate(dict.fromkeys(expression.names, value)))
    except ExpressionFailed as failed:
        return failed.kind


blanks = st.sampled_from(["", " ", "\n", "  // a comment\n"])


@st.composite
def written(draw: st.DrawFn) -> dict[str, Any]:
    """A document as people write it: the same thing in several ways."""
    document = draw(graphs(clocks=True))
    for part in (*document["nodes"].values(), *document["edges"]):
        for key in ("when", "map", "run_if"):
            if key in part and '"' not in part[key]:
                part[key] = draw(blanks) + part[key] + draw(blanks)
    for name, node in document["nodes"].items():
        if "fail" not in node and draw(st.booleans()):
            node["activity"] = draw(st.sampled_from([name, "other"]))
            node["priority"] = draw(st.integers(1, 5))
        if "start_to_close" in node:
            node["start_to_close"] = draw(st.sampled_from(["3s", "3000ms", 3, 3.0, "0.05m"]))
    if draw(st.booleans()):
        document["defaults"] = {"retry": {"max_attempts": 2, "initial": "1s"}, "priority": 4}
    if draw(st.booleans()):
        document["output"] = draw(st.sampled_from(["params", {"x": "params.x", "y": [1, "a"]}, 7]))
    return document


@settings(max_examples=150)
@given(written())
def test_the_normal_form_means_the_same_and_is_its_own(document: dict[str, Any]) -> None:
    once = normalise(document)
    same_meaning(accepted(document).definition, accepted(once).definition)
    assert json.dumps(normalise(once)) == json.dumps(once)
    assert accepted(once).definition.document == accepted(document).definition.document
    assert accepted(once).definition.content_hash == accepted(document).definition.content_hash
