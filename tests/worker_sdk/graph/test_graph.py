"""The builder's document, part by part, and what the builder refuses by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from treadle.errors import DefinitionError
from treadle.graph import CannotRecord, Defaults, Graph, Retry, text


@dataclass(frozen=True)
class TypedActivity:
    """An activity as the builder sees one."""

    name: str
    description: str = ""
    takes: Mapping[str, object] | None = None
    gives: Mapping[str, object] | None = None

    def input_schema(self) -> Mapping[str, object] | None:
        return self.takes

    def output_schema(self) -> Mapping[str, object] | None:
        return self.gives


class Declined(Exception):
    """A payment was declined."""


WHOLE_DOCUMENT = {
    "treadle": "v1",
    "kind": "graph",
    "name": "greeting",
    "description": "Greet user",
    "params": {
        "name": {"type": "string", "description": "whom to greet", "min_length": 1},
        "loud": {"type": "boolean", "default": False},
        "nick": {"type": "string", "required": False},
        "nothing": {"type": "any", "default": None},
    },
    "defaults": {"start_to_close": "30s", "retry": {"max_attempts": 2}},
    "run_timeout": "3600s",
    "nodes": {
        "greet_user": {
            "activity": "greet",
            "description": "says hello",
            "queue": "front",
            "input": '{"name": params.name}',
            "memory": ["seen"],
            "retry": {
                "max_attempts": 4,
                "initial": "250ms",
                "backoff": "exponential",
                "factor": 2,
                "max": 30,
                "jitter": 0,
                "retry_on": ["Transient"],
                "not_on": ["Declined"],
            },
            "start_to_close": "10s",
            "schedule_to_start": 1.5,
            "schedule_to_close": "1m",
            "heartbeat": "2s",
            "priority": 1,
            "run_if": "params.loud",
            "default_output": {"message": ""},
            "on_failure": "continue",
        },
        "log": {"activity": "log_message"},
        "sleep": {"input": {"seconds": 3, "who": "params.name"}},
        "failed": {"fail": {"kind": "Declined", "message": '"no " + string(params.name)'}},
    },
    "edges": [
        {"from": "greet_user", "to": "log", "map": '{"message": output.message}'},
        {
            "from": "greet_user",
            "to": "sleep",
            "when": "output.ok == true",
            "description": "on",
        },
        {"from": "greet_user", "to": "failed", "else": True},
        {
            "from": "log",
            "to": "failed",
            "on": "error",
            "kinds": ["Declined", "Other"],
            "when": 'error.kind == "X"',
            "map": '{"why": error.message, "to": greet_user.id}',
        },
        {"from": "start", "to": "sleep", "map": '{"name": params.name}'},
    ],
    "output": "greet_user.message",
    "activities": {
        "greet": {"description": "Generate greeting message", "input": {"type": "object"}}
    },
}


def test_the_whole_document() -> None:
    greet = TypedActivity("greet", "Generate greeting message", {"type": "object"}, {})
    graph = Graph(
        "greeting",
        description="Greet user",
        defaults=Defaults(start_to_close="30s", retry=Retry(max_attempts=2)),
        run_timeout=timedelta(hours=1),
    )
    graph.param("name", "string", min_length=1, description="whom to greet")
    graph.param("loud", bool, default=False)
    graph.param("nick", str, required=False)
    graph.param("nothing", "any", default=None)
    first = graph.node(
        "greet_user",
        greet,
        description="says hello",
        queue="front",
        input=lambda params: {"name": params["name"]},
        memory=["seen"],
        retry=Retry(
            max_attempts=4,
            initial=timedelta(milliseconds=250),
            backoff="exponential",
            factor=2,
            max=30,
            jitter=0,
            retry_on=["Transient"],
            not_on=[Declined],
        ),
        start_to_close="10s",
        schedule_to_start=1.5,
        schedule_to_close="1m",
        heartbeat="2s",
        priority=1,
        run_if=lambda params: params.loud,
        default_output={"message": ""},
        on_failure="continue",
    )
    graph.node("log", "log_message")
    graph.node("sleep", input={"seconds": 3, "who": "params.name"})
    graph.fail("failed", kind=Declined, message=lambda params: text("no ", params.name))
    graph.edge(first, "log", map=lambda output: {"message": output["message"]})
    graph.edge(first, "sleep", when=lambda output: output.ok == True, description="on")  # noqa: E712
    graph.edge(first, "failed", otherwise=True)
    graph.error_edge(
        "log",
        "failed",
        kinds=[Declined, "Other"],
        when='error.kind == "X"',
        map=lambda error, greet_user: {"why": error.message, "to": greet_user.id},
    )
    graph.edge_from_start("sleep", map=lambda params: {"name": params.name})
    graph.output(lambda greet_user: greet_user.message)

    assert graph.document() == WHOLE_DOCUMENT
    assert json.loads(graph.json()) == graph.document()


def test_an_empty_graph_says_what_it_is_and_nothing_more() -> None:
    assert Graph("bare").document() == {
        "treadle": "v1",
        "kind": "graph",
        "name": "bare",
        "nodes": {},
    }


def test_a_document_is_a_copy() -> None:
    graph = Graph("g")
    graph.node("a", input={"x": [1]})
    changed = graph.document()
    changed["nodes"]["a"]["input"]["x"].append(2)  # type: ignore[index]
    assert graph.document()["nodes"] == {"a": {"input": {"x": [1]}}}


def test_a_loop_variable_is_bound_by_a_default() -> None:
    graph = Graph("g")
    graph.node("a")
    for number in range(3):
        graph.node(f"b{number}")
        graph.edge("a", f"b{number}", map=lambda output, n=number: {"n": n, "of": output.total})
    assert [edge["map"] for edge in graph.document()["edges"]] == [  # type: ignore[attr-defined]
        '{"n": 0, "of": output.total}',
        '{"n": 1, "of": output.total}',
        '{"n": 2, "of": output.total}',
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (timedelta(seconds=90), "90s"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(microseconds=5), 0.000005),
        (timedelta(0), "0s"),
        ("1h30m", "1h30m"),
        (2.5, 2.5),
    ],
)
def test_durations(value: timedelta | str | float, written: object) -> None:
    graph = Graph("g")
    graph.node("a", start_to_close=value)
    assert graph.document()["nodes"] == {"a": {"start_to_close": written}}


def test_zero_attempts_means_without_limit_and_is_kept() -> None:
    assert Retry(max_attempts=0, jitter=0).document() == {"max_attempts": 0, "jitter": 0}


# --- refusals ------------------------------------------------------------------------------------


def test_names_given_twice() -> None:
    graph = Graph("g")
    graph.node("a")
    with pytest.raises(DefinitionError, match="graph g: the node 'a' is added twice"):
        graph.fail("a", kind="X")
    graph.param("p", "string")
    with pytest.raises(DefinitionError, match="the parameter 'p' is declared twice"):
        graph.param("p", "integer")
    graph.output("a")
    with pytest.raises(DefinitionError, match="its output is declared twice"):
        graph.output("a")
    assert graph.document()["nodes"] == {"a": {}}


def test_unknown_nodes_are_all_named_with_the_nearest() -> None:
    graph = Graph("g")
    graph.node("fetch_user")
    graph.edge("fetch_usr", "nowhere")
    graph.error_edge("fetch_user", "fetch_users")
    with pytest.raises(DefinitionError) as refused:
        graph.document()
    assert str(refused.value) == (
        "graph g:\n"
        "  edges[0].from: there is no node 'fetch_usr' (did you mean 'fetch_user'?)\n"
        "  edges[0].to: there is no node 'nowhere'\n"
        "  edges[1].to: there is no node 'fetch_users' (did you mean 'fetch_user'?)"
    )


def test_an_edge_may_be_drawn_before_its_nodes() -> None:
    graph = Graph("g")
    graph.edge("a", "b", map=lambda a: a.x)
    graph.node("a")
    graph.node("b")
    assert graph.document()["edges"] == [{"from": "a", "to": "b", "map": "a.x"}]


def test_a_parameter_that_means_nothing_is_refused_with_its_place() -> None:
    graph = Graph("g")
    graph.node("fetch_user")
    graph.node("b")
    graph.edge("fetch_user", "b", map=lambda fetch_usr: fetch_usr.x)
    line = test_a_parameter_that_means_nothing_is_refused_with_its_place.__code__.co_firstlineno + 4
    with pytest.raises(DefinitionError) as refused:
        graph.document()
    assert f"{__file__}:{line}: the parameter fetch_usr is no node" in str(refused.value)
    assert "did you mean 'fetch_user'?" in str(refused.value)


def test_parameters_that_are_not_there_in_this_place() -> None:
    graph = Graph("g")
    with pytest.raises(CannotRecord, match="the parameter error, which is not there"):
        graph.edge("a", "b", map=lambda error: error.message)
    with pytest.raises(
        CannotRecord, match=r"parameter output.*Use error, failures, memory, params, run or"
    ):
        graph.error_edge("a", "b", map=lambda output: output)
    with pytest.raises(CannotRecord, match="the parameter output, which is not there"):
        graph.node("a", run_if=lambda output: output.x)
    with pytest.raises(CannotRecord, match="the parameter output, which is not there"):
        graph.output(lambda output: output)
    with pytest.raises(CannotRecord, match="always false"):
        graph.edge("a", "b", when=lambda output: False)
    assert graph.document()["nodes"] == {}


def test_one_name_for_two_activities() -> None:
    graph = Graph("g")
    graph.node("a", TypedActivity("greet", takes={"type": "object"}))
    graph.node("again", TypedActivity("greet", takes={"type": "object"}))
    with pytest.raises(DefinitionError, match="two activities of different shape"):
        graph.node("b", TypedActivity("greet", takes={"type": "string"}))


def test_what_is_no_activity() -> None:
    with pytest.raises(DefinitionError, match=r"is no activity .*@treadle\.activity"):
        Graph("g").node("a", print)  # type: ignore[arg-type]


def test_values_that_json_does_not_have() -> None:
    graph = Graph("g")
    with pytest.raises(DefinitionError, match="default_output of node 'a'"):
        graph.node("a", default_output=object())
    with pytest.raises(DefinitionError, match="input of node 'a'"):
        graph.node("a", input={"x": float("nan")})
    with pytest.raises(DefinitionError, match=r"default of the parameter 'p'"):
        graph.param("p", "any", default=object())
    with pytest.raises(DefinitionError, match="known are str, int"):
        graph.param("p", bytes)
    with pytest.raises(DefinitionError, match=r"a list: \['X'\] instead of 'X'"):
        graph.error_edge("a", "b", kinds="X")
    assert graph.document() == Graph("g").document()
