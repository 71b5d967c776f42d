"""What is wrong with a graph document, each fault with the path to it and what to do about it.

Nothing here is ever stored: the first test shows that a document is refused as a whole.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.definitions.documents import accepted, chain, faults, graph
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.document import parse_json
from treadle_server.definitions.errors import MAX_VIOLATIONS, DefinitionInvalid
from treadle_server.definitions.graph import edges as graph_edges
from treadle_server.definitions.graph import parse as graph_parse
from treadle_server.definitions.graph import structure
from treadle_server.definitions.graph.model import RESERVED_NAMES


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        graph(
            name="1st",
            run_timeout="soon",
            nodes={"a": {"qeue": "x", "priority": 9}, "b": {"start_to_close": "-1s"}},
            edges=[{"from": "a", "to": "c"}, {"from": "a", "to": "b", "map": "output."}],
        )
    )
    # Nodes and expressions are looked at once the shape of the graph is known.
    assert found.keys() == {"name", "run_timeout", "edges[0].to"}
    found = faults(
        graph(
            nodes={"a": {"qeue": "x", "priority": 9}, "b": {"start_to_close": "-1s"}},
            edges=[{"from": "a", "to": "b", "map": "output."}],
        )
    )
    assert found.keys() == {
        "nodes.a.qeue",
        "nodes.a.priority",
        "nodes.b.start_to_close",
        "edges[0].map",
    }


def test_very_many_faults_are_counted() -> None:
    edges = [{"from": "a", "to": "nowhere"}] * (MAX_VIOLATIONS + 20)
    with pytest.raises(DefinitionInvalid) as caught:
        compile_document(graph(edges=edges))
    *_, last = caught.value.violations
    assert len(caught.value.violations) == MAX_VIOLATIONS + 1
    assert last.message == "and 20 more faults"


SCALARS: list[Any] = [None, 7, "text", [], True]


@pytest.mark.parametrize("document", SCALARS)
def test_a_document_is_an_object(document: Any) -> None:
    assert faults(document) == {"$": faults(document)["$"]}
    assert "must be an object" in faults(document)["$"]


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    # the head
    (graph(kind="grap"), "kind", r"must be one of graph"),
    (graph(treadle="v2"), "treadle", r'must be one of v1; is "v2"'),
    (graph(name=""), "name", r"must begin with a letter"),
    (graph(name="a b"), "name", r"must begin with a letter"),
    (graph(name=7), "name", r"must be a string, is a number"),
    (graph(description=["x"]), "description", r"must be a string, is a list"),
    (graph(description="x" * 9_000), "description", r"at most 8192 bytes"),
    (graph(description="\ud800"), "description", r"not valid Unicode"),
    (graph(edge=[]), "edge", r"is not known here. Did you mean 'edges'\?"),
    (graph(run_timeout=0), "run_timeout", r"must be a duration"),
    (graph(run_timeout=10**400), "run_timeout", r"must be a duration"),
    # nodes
    (graph(nodes={}), "nodes", r"at least one node"),
    (graph(nodes=["a"]), "nodes", r"must be an object"),
    (graph(nodes={"": {}}), "nodes.", r"1 to 200 characters"),
    (graph(nodes={"x" * 201: {}}), "nodes." + "x" * 201, r"1 to 200 characters"),
    (graph(nodes={"a\nb": {}}), "nodes.a\nb", r"without control characters"),
    (graph(nodes={" a": {}}), "nodes. a", r"outer blanks"),
    (graph(nodes={"a\u202eb": {}}), "nodes.a\u202eb", r"without control characters"),
    (graph(nodes={"\ud800": {}}), "nodes.\\ud800", r"without control characters"),
    (graph(nodes={7: {}, "b": {"depends_on": "c"}}), "nodes.7", r"a node's id is text"),
    (graph(nodes={"a": []}), "nodes.a", r"must be an object, is a list"),
    (graph(nodes={"a": {"queue": ""}}), "nodes.a.queue", r"cannot be empty"),
    (graph(nodes={"a": {"queue": "x\0"}}), "nodes.a.queue", r"control characters"),
    (graph(nodes={"a": {"activity": ""}}), "nodes.a.activity", r"cannot be empty"),
    (graph(nodes={"a": {"activity": 1}}), "nodes.a.activity", r"must be a string"),
    (graph(nodes={"a": {"memory": "seen"}}), "nodes.a.memory", r"must be a list of memory keys"),
    (graph(nodes={"a": {"priority": 0}}), "nodes.a.priority", r"from 1 to 5, is 0"),
    (graph(nodes={"a": {"priority": 2.5}}), "nodes.a.priority", r"must be a whole number"),
    (graph(nodes={"a": {"priority": True}}), "nodes.a.priority", r"is a boolean"),
    (graph(nodes={"a": {"on_failure": "go on"}}), "nodes.a.on_failure", r"one of continue, fail"),
    (graph(nodes={"a": {"default_output": "\ud800"}}), "nodes.a.default_output", r"no JSON value"),
    (
        graph(nodes={"a": {"default_output": float("nan")}}),
        "nodes.a.default_output",
        r"no JSON value",
    ),
    (graph(nodes={"a": {"retires": {}}}), "nodes.a.retires", r"Did you mean 'retry'\?"),
    (graph(defaults={"queues": "x"}), "defaults.queues", r"Did you mean 'queue'\?"),
    (graph(defaults=[]), "defaults", r"must be an object"),
    (graph(defaults={"retry": 3}), "defaults.retry", r"must be an object, is a number"),
    # fail nodes
    (graph(nodes={"a": {"fail": "no"}}), "nodes.a.fail", r"must be an object, is a string"),
    (graph(nodes={"a": {"fail": {"kinds": "x"}}}), "nodes.a.fail.kinds", r"Did you mean 'kind'"),
    (graph(nodes={"a": {"fail": {}, "retry": {}}}), "nodes.a.retry", r"a fail node runs nothing"),
    (graph(nodes={"a": {"fail": {}, "other": {}}}), "nodes.a.other", r"is not known here"),
    (
        graph(nodes={"a": {"fail": {"message": "output.x"}}}),
        "nodes.a.fail.message",
        r"unknown name 'output'",
    ),
    (
        graph(nodes={"a": {"fail": {}}, "b": {}}, edges=[{"from": "a", "to": "b"}]),
        "edges[0].from",
        r"'a' is a fail node: the run ends there",
    ),
    (
        graph(nodes={"a": {"fail": {}}, "b": {"depends_on": ["a"]}}),
        "nodes.b.depends_on[0]",
        r"'a' is a fail node",
    ),
    (
        graph(
            nodes={"a": {}, "b": {"fail": {}}}, edges=[{"from": "a", "to": "b", "map": "output"}]
        ),
        "edges[0].map",
        r"'b' is a fail node, it takes no input",
    ),
    # edges
    (graph(edges={}), "edges", r"must be a list, is an object"),
    (graph(edges=["a"]), "edges[0]", r"must be an object, is a string"),
    (graph(edges=[{"to": "a"}]), "edges[0]", r"`from` is missing"),
    (graph(edges=[{"from": "a"}]), "edges[0]", r"`to` is missing"),
    (graph(edges=[{"from": "a", "to": None}]), "edges[0].to", r"there is no node null"),
    (chain(to="c"), "edges[0].to", r"there is no node 'c'"),
    (
        graph(nodes={"charge": {}}, edges=[{"from": "chrage", "to": "charge"}]),
        "edges[0].from",
        r"there is no node 'chrage'. Did you mean 'charge'\?",
    ),
    (chain(to="start"), "edges[0].to", r"there is no node 'start'"),
    (chain(on="fail"), "edges[0].on", r"must be one of error, success"),
    (chain(whem="true"), "edges[0].whem", r"Did you mean 'when'\?"),
    (chain(when="true", **{"else": True}), "edges[0].else", r"an `else` edge has no `when`"),
    (
        chain(on="error", kinds=["X"], **{"else": True}),
        "edges[0].else",
        r"no `when` and no `kinds`",
    ),
    (chain(**{"else": "yes"}), "edges[0].else", r"must be true or false, is a string"),
    (chain(kinds=["X"]), "edges[0].kinds", r"only an error edge"),
    (chain(on="error", kinds="X"), "edges[0].kinds", r"must be a list of kinds of failure"),
    (
        graph(nodes={"a": {}, "b": {"input": "a"}}, edges=[{"from": "a", "to": "b", "map": "7"}]),
        "edges[0].map",
        r"'b' has an `input` of its own",
    ),
    (
        graph(nodes={"a": {}, "b": {"depends_on": ["a", "c"]}}),
        "nodes.b.depends_on[1]",
        r"there is no node 'c'",
    ),
    (graph(nodes={"a": {"depends_on": 7}}), "nodes.a.depends_on", r"a node's id or a list of them"),
    (
        graph(nodes={"a": {"depends_on": [["a"]]}}),
        "nodes.a.depends_on[0]",
        r"there is no node a list",
    ),
    # edges from the run's input
    (
        graph(edges=[{"from": "start", "to": "a", "when": "true"}]),
        "edges[0]",
        r"an edge from start is always taken",
    ),
    (
        graph(edges=[{"from": "start", "to": "a", "on": "error"}]),
        "edges[0]",
        r"an edge from start is always taken",
    ),
    (
        graph(edges=[{"from": "start", "to": "a"}, {"from": "start", "to": "a"}]),
        "edges[1]",
        r"'a' has an edge from start already",
    ),
    (
        graph(
            nodes={"a": {}, "b": {}},
            edges=[{"from": "a", "to": "b"}, {"from": "start", "to": "b"}],
        ),
        "edges[1]",
        r"'b' has other edges in",
    ),
    (
        graph(
            nodes={"b": {}, "a": {}, "c": {}},
            edges=[{"from": "a", "to": "b"}, {"from": "start", "to": "c", "map": "a"}],
        ),
        "edges[1].map",
        r"unknown name 'a'",
    ),
    (
        graph(nodes={"a": {"input": "7"}}, edges=[{"from": "start", "to": "a", "map": "7"}]),
        "edges[0].map",
        r"has an `input` of its own",
    ),
    # expressions
    (chain(when="output.n >"), "edges[0].when", r"line 1"),
    (chain(when="7"), "edges[0].when", r"a guard must give true or false"),
    (chain(when=""), "edges[0].when", r"the expression is empty"),
    (chain(map={"to": "output.", "x": "output"}), "edges[0].map.to", r"line 1"),
    (chain(map="x" * 5_000), "edges[0].map", r"5,000 bytes long"),
    (chain(map="error.kind"), "edges[0].map", r"unknown name 'error'"),
    (chain(on="error", map="output"), "edges[0].map", r"unknown name 'output'"),
    (chain(map="b"), "edges[0].map", r"unknown name 'b'"),
    (chain(map="outptu"), "edges[0].map", r"unknown name 'outptu'; did you mean 'output'\?"),
    (graph(nodes={"a": {"input": "b"}, "b": {}}), "nodes.a.input", r"unknown name 'b'"),
    (graph(nodes={"a": {"input": "a"}}), "nodes.a.input", r"unknown name 'a'"),
    (graph(nodes={"a": {"run_if": "1"}}), "nodes.a.run_if", r"a guard must give true or false"),
    (graph(nodes={"a": {"input": 10**30}}), "nodes.a.input", r"more than 64 bits"),
    (graph(output="c"), "output", r"unknown name 'c'"),
    (graph(output={"x": "\ud800"}), "output.x", r"not valid Unicode"),
    # schemas
    (graph(activities=[]), "activities", r"must be an object"),
    (graph(activities={"a": 7}), "activities.a", r"must be an object"),
    (graph(activities={"a": {"inputs": {}}}), "activities.a.inputs", r"Did you mean 'input'"),
    (graph(activities={"a": {"input": 7}}), "activities.a.input", r"is no JSON Schema"),
    (
        graph(activities={"a": {"input": {"properties": {"x": {"type": "text"}}}}}),
        "activities.a.input.properties.x.type",
        r"is no JSON Schema",
    ),
    (
        graph(activities={"a": {"output": {"$schema": "http://example.org/mine"}}}),
        "activities.a.output.$schema",
        r"is no dialect of JSON Schema that is known here",
    ),
]


@pytest.mark.parametrize(
    ("document", "path", "message"), FAULTS, ids=[f"{f[1][:40]}: {f[2][:40]}" for f in FAULTS]
)
def test_a_fault_is_told_with_its_path(document: dict[str, Any], path: str, message: str) -> None:
    found = faults(document)
    assert path in found
    assert re.search(message, found[path]), found[path]


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_words_of_expressions_name_no_node(name: str) -> None:
    assert "take another id" in faults(graph(nodes={name: {}}))[f"nodes.{name}"]


def test_what_is_missing_at_the_head() -> None:
    assert faults({"kind": "graph"}).keys() == {"treadle", "name", "nodes"}
    assert faults({}).keys() == {"kind"}


# Cycles.


def cycle(*names: str, **edge: Any) -> dict[str, Any]:
    ends = zip(names, [*names[1:], names[0]], strict=True)
    edges = [{"from": source, "to": target} for source, target in ends]
    edges[-1] |= edge
    return graph(nodes={"first": {}} | {name: {} for name in names}, edges=edges)


def test_a_cycle_is_refused_with_the_nodes_on_it() -> None:
    found = faults(cycle("a", "b", "c"))["edges"]
    shown = re.match(r"cycle: (.*); a graph must not wait for itself", found)
    assert shown is not None
    names = shown[1].split(" -> ")
    assert names[0] == names[-1]
    assert "abcabc".find("".join(names[:-1])) >= 0


@pytest.mark.parametrize(
    "edge", [{"when": "output.more"}, {"else": True}, {"on": "error"}], ids=lambda edge: str(edge)
)
def test_a_guarded_cycle_is_a_loop(edge: dict[str, Any]) -> None:
    compile_document(cycle("a", "b", **edge))
    compile_document(cycle("a", **edge))


def test_a_loop_that_is_entered_at_two_nodes_is_none() -> None:
    document = cycle("a", "b", when="output.more")
    document["edges"].append({"from": "first", "to": "b"})
    assert "it can be entered at several nodes" in faults(document)["edges"]


def test_only_edges_that_lead_back_have_bounds() -> None:
    document = cycle("a", "b", when="output.more", max_iterations=3, delay="1s")
    compile_document(document)
    document["edges"].append({"from": "first", "to": "a", "max_iterations": 3, "delay": "1s"})
    found = faults(document)
    place = len(document["edges"]) - 1
    assert "only an edge that leads back" in found[f"edges[{place}].max_iterations"]
    assert "only an edge that leads back" in found[f"edges[{place}].delay"]


def test_a_guard_beside_the_cycle_is_none_on_it() -> None:
    document = cycle("a", "b")
    document["edges"].append({"from": "first", "to": "a", "when": "true"})
    assert "must not wait for itself" in faults(document)["edges"]


def test_a_node_that_depends_on_itself() -> None:
    assert "cycle: a -> a;" in faults(graph(nodes={"a": {"depends_on": "a"}}))["edges"]
    assert "cycle: a -> a;" in faults(graph(edges=[{"from": "a", "to": "a"}]))["edges"]


def test_a_long_cycle_is_shown_in_short() -> None:
    names = [f"n{number}" for number in range(1_000)]
    found = faults(cycle(*names))["edges"]
    assert "(991 more)" in found
    assert len(found) < 300


# Durations, and policies of retries.


@pytest.mark.parametrize(
    "value",
    [
        *("", "10", "-1s", "1 s", "1.s", "s", "1S", "1s1", "1w", "0s", "1e3s", "36601d"),
        *(0, -1, 1e-9, 10**400, float("inf"), float("nan"), True, [], {}),
        *("9" * 70 + "s", "\u0661s"),
    ],
)
def test_what_is_no_duration(value: Any) -> None:
    for name in ("start_to_close", "schedule_to_start", "schedule_to_close", "heartbeat"):
        found = faults(graph(nodes={"a": {name: value}}))
        assert "must be a duration such as" in found[f"nodes.a.{name}"]


@pytest.mark.parametrize(
    ("value", "microseconds"),
    [
        ("250ms", 250_000),
        ("0.001ms", 1),
        ("10s", 10_000_000),
        ("1h30m", 5_400_000_000),
        ("2d", 172_800_000_000),
        (1.5, 1_500_000),
        (3600, 3_600_000_000),
    ],
)
def test_durations(value: Any, microseconds: int) -> None:
    options = accepted(graph(nodes={"a": {"heartbeat": value}})).definition.nodes[0].options
    assert options is not None
    assert options.heartbeat_timeout == microseconds


@pytest.mark.parametrize(
    ("retry", "key"),
    [
        ({"max_attempts": -1}, "max_attempts"),
        ({"max_attempts": 10**9}, "max_attempts"),
        ({"max_attempts": 2.5}, "max_attempts"),
        ({"max_attempts": "3"}, "max_attempts"),
        ({"initial": 0}, "initial"),
        ({"initial": -1}, "initial"),
        ({"factor": 0.5}, "factor"),
        ({"factor": float("nan")}, "factor"),
        ({"factor": float("inf")}, "factor"),
        ({"factor": 10**400}, "factor"),
        ({"factor": "2"}, "factor"),
        ({"increment": "-1s"}, "increment"),
        ({"initial": "10s", "max": "5s"}, "max"),
        ({"max": "0.5s"}, "max"),
        ({"jitter": 1.5}, "jitter"),
        ({"jitter": -0.1}, "jitter"),
        ({"backoff": "quadratic"}, "backoff"),
        ({"retry_on": "Transient"}, "retry_on"),
        ({"not_on": [7]}, "not_on"),
        ({"max_atempts": 3}, "max_atempts"),
    ],
)
def test_policies_that_cannot_be_meant(retry: dict[str, Any], key: str) -> None:
    for part, path in (
        ({"nodes": {"a": {"retry": retry}}}, f"nodes.a.retry.{key}"),
        ({"defaults": {"retry": retry}}, f"defaults.retry.{key}"),
    ):
        assert faults(graph(**part)).keys() == {path}


# Limits.


def test_limits_of_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_parse, "MAX_NODES", 3)
    monkeypatch.setattr(graph_edges, "MAX_EDGES", 2)
    names = ["a", "b", "c", "d"]
    document = graph(nodes={name: {} for name in names})
    assert faults(document)["nodes"] == "has 4 nodes; at most 3 are possible"
    edges = [{"from": "a", "to": "b"}] * 3
    document = graph(nodes={"a": {}, "b": {}}, edges=edges)
    assert faults(document) == {"edges": "has 3 edges; at most 2 are possible"}


def test_names_of_far_nodes_cost_no_more_than_some_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "_WORK_LIMIT", 10_000)
    count = 1_000

    def named_by_each(name: Any) -> dict[str, Any]:
        nodes = {f"n{number}": {"input": name(number)} for number in range(1, count)}
        edges = [{"from": f"n{number}", "to": f"n{number + 1}"} for number in range(count - 1)]
        return graph(nodes={"n0": {}} | nodes, edges=edges)

    accepted(named_by_each(lambda number: f"n{number - 1}"))
    accepted(named_by_each(lambda _number: "n0"))
    found = faults(named_by_each(lambda number: f"n{number // 2}"))
    assert "name too many nodes from afar" in found["$"]


def test_depth() -> None:
    deep: Any = []
    for _ in range(3_000):
        deep = [deep]
    assert faults(graph(nodes={"a": {"default_output": deep}})) == {"$": "nested too deeply"}
    assert (
        "levels deep" in faults(graph(nodes={"a": {"input": deep}}))["nodes.a.input" + "[0]" * 33]
    )
    assert faults(graph(activities={"a": {"input": {"const": deep}}})).keys() <= {
        "$",
        "activities.a.input",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"nodes": {"a": {}, "a": {}}}', "the key 'a' stands twice in one object"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": [-1e999]}', "the number -1e999 is larger than a number can be"),
        (b'{"a": "\xff"}', "not a JSON document"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "not a JSON document"),
        (b"[" * 100_000, "nested too deeply"),
        (b"", "not a JSON document"),
    ],
)
def test_text_that_is_no_json(text: bytes, message: str) -> None:
    with pytest.raises(DefinitionInvalid, match=re.escape(message)):
        parse_json(text)


# What is right.


def test_expressions_may_name_what_comes_before() -> None:
    accepted(
        graph(
            params={"id": {"type": "integer"}},
            nodes={
                "a": {},
                "b": {"input": '{"a": a, "id": params.id, "m": memory, "f": failures}'},
                "c": {"fail": {"message": "error.message + string(b) + string(a)"}},
                "not an identifier": {},
            },
            edges=[
                {"from": "a", "to": "b", "when": "output.x && a.x && params.id > 1"},
                {"from": "b", "to": "c", "when": "output == a", "on": "success"},
                {"from": "b", "to": "not an identifier", "on": "error", "map": "[error, a]"},
            ],
            output="[a, b]",
        )
    )


def test_end_nodes_are_where_a_good_run_ends() -> None:
    document = graph(
        nodes={"a": {}, "b": {}, "c": {}, "rescue": {}, "failed": {"fail": {}}},
        edges=[
            {"from": "a", "to": "b"},
            {"from": "b", "to": "rescue", "on": "error"},
            {"from": "rescue", "to": "failed"},
            {"from": "c", "to": "failed", "on": "error"},
        ],
    )
    definition = accepted(document).definition
    assert [definition.nodes[number].name for number in definition.end_nodes] == ["b", "c"]
