"""Joins: what is known not to work before any run is refused, all else is left to the run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.definitions.documents import accepted, faults, graph


def joined(*edges: dict[str, Any], **nodes: Any) -> dict[str, Any]:
    names: dict[str, Any] = {"a": {}, "b": {}, "join": {}}
    return graph(nodes=names | nodes, edges=[{"from": "a", "to": "join"} | edge for edge in edges])


@pytest.mark.parametrize(
    "edges",
    [
        [{}, {}],
        [{}, {"map": {"a": "7"}}],
        [{"map": {"x": "1"}}, {"map": '{"x": output}'}],
        [{"map": {"x": "1"}}, {"from": "b", "map": '{"x": output}'}],
        [{}, {"from": "b", "map": {"a": "7"}}],
    ],
)
def test_equal_keys_that_always_come_together_are_refused(edges: list[dict[str, Any]]) -> None:
    [(path, message)] = faults(joined(*edges)).items()
    assert path.startswith("edges[1]")
    assert "map them to different keys" in message


@pytest.mark.parametrize(
    "edges",
    [
        [{}, {"from": "b"}],
        [{"map": {"x": "1"}}, {"map": {"y": "1"}}],
        [{"map": {"x": "1"}, "when": "output.x"}, {"map": {"x": "2"}, "else": True}],
        [{"map": {"x": "1"}, "when": "output.x"}, {"from": "b", "map": {"x": "2"}}],
        [{"map": {"x": "1"}, "on": "error"}, {"map": {"x": "2"}}],
        [{"map": "output"}, {"from": "b", "map": "output"}],
    ],
)
def test_what_may_be_right_is_left_to_the_run(edges: list[dict[str, Any]]) -> None:
    accepted(joined(*edges))


def test_an_own_input_makes_no_join() -> None:
    accepted(joined({}, {}, join={"input": "7"}))


def test_a_handled_failure_makes_a_source_uncertain() -> None:
    document = joined({"map": {"x": "1"}}, {"from": "b", "map": {"x": "2"}}, rescue={})
    document["edges"].append({"from": "b", "to": "rescue", "on": "error"})
    accepted(document)


@pytest.mark.parametrize("mapping", ["7", "[output]", "output.n + 1", '"text"', "null"])
def test_a_mapping_into_a_join_makes_an_object(mapping: str) -> None:
    found = faults(joined({"map": mapping}, {"from": "b"}))
    assert "must make an object" in found["edges[0].map"]
    accepted(joined({"map": mapping, "when": "output.x"}, {"from": "b"}))


# How a join is read.


@pytest.mark.parametrize("join", [None, "all"])
def test_a_join_that_says_nothing_is_the_usual_one(join: str | None) -> None:
    said = accepted(joined({}, {"from": "b"}, join={"join": join})).definition
    assert said.document == accepted(joined({}, {"from": "b"})).definition.document


def test_blanks_in_a_join_cost_no_time() -> None:
    blanks = " " * 1_000_000
    text = f"{blanks}a{blanks}and b{blanks}"
    assert accepted(joined({}, {"from": "b"}, join={"join": text})).definition.topology.joins
    found = faults(joined({}, {"from": "b"}, join={"join": text + "c"}))
    assert "`c` is not expected there" in found["nodes.join.join"]
