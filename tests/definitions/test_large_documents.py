"""What takes the square of a document's size, or more, is not done: 200 kB of a document are read
on the server's loop, while nobody else is answered.

Each of these would run into the time limit of tests. None of them measures time.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.definitions.documents import accepted, faults, graph
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.document import Problems
from treadle_server.definitions.errors import MAX_VIOLATIONS, DefinitionInvalid
from treadle_server.definitions.graph import loops as graph_loops
from treadle_server.definitions.machine.model import MachineDefinition


def last_fault(document: Any) -> str:
    with pytest.raises(DefinitionInvalid) as refused:
        compile_document(document)
    assert len(refused.value.violations) == MAX_VIOLATIONS + 1
    return refused.value.violations[-1].message


def test_misspelled_ends_of_many_edges() -> None:
    nodes: dict[str, Any] = {f"fetch_user_{number}": {} for number in range(10_000)}
    edges = [{"from": f"fetch_usr_{number}", "to": "fetch_user_1"} for number in range(10_000)]
    assert last_fault(graph(nodes=nodes, edges=edges)) == "and 9950 more faults"


def test_misspelled_names_in_many_expressions() -> None:
    nodes: dict[str, Any] = {f"fetch_user_{number}": {} for number in range(20_000)}
    edges = [
        {"from": f"fetch_user_{number}", "to": f"fetch_user_{number + 1}", "when": "fetch_usr_1"}
        for number in range(19_999)
    ]
    assert last_fault(graph(nodes=nodes, edges=edges)) == "and 19949 more faults"


def test_the_nearest_name_is_told_while_that_is_quick() -> None:
    problems = Problems()
    assert problems.nearest("colour", ["color", "size"]) == " Did you mean 'color'?"
    assert problems.nearest("c" * 10_000_000, ["color", "size"]) == ""
    assert problems.nearest("colour", ["color", "size"]) == ""
    problems = Problems()
    for _ in range(MAX_VIOLATIONS):
        problems.add("nodes.a", "is wrong")
    assert problems.nearest("colour", ["color", "size"]) == ""


def test_many_races_and_loops() -> None:
    numbers = range(20_000)
    races = {f"n{number}": {"depends_on": ["a", "b"], "join": "race"} for number in numbers}
    again = [{"from": f"n{number}", "to": f"n{number}", "when": "output"} for number in numbers]
    document = graph(nodes={"a": {}, "b": {}} | races, edges=again)
    topology = accepted(document).definition.topology
    assert [join.losers for join in topology.joins.values()] == [()] * len(numbers)
    assert [loop.parent for loop in topology.loops] == [-1] * len(numbers)


def test_loops_in_loops() -> None:
    chain = [{"from": f"n{number}", "to": f"n{number + 1}"} for number in range(5)]
    again = [{"from": f"n{5 - n}", "to": f"n{n}", "when": "output", "delay": 1} for n in range(3)]
    nodes: dict[str, Any] = {f"n{number}": {} for number in range(6)}
    inner, middle, outer = accepted(
        graph(nodes=nodes, edges=chain + again)
    ).definition.topology.loops
    assert (inner.body, inner.parent, inner.inner) == ((2, 3), 1, ())
    assert (middle.body, middle.parent, middle.inner) == ((1, 2, 3, 4), 2, (0,))
    assert (outer.body, outer.parent, outer.inner) == ((0, 1, 2, 3, 4, 5), -1, (1,))


def test_loops_in_loops_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_loops, "MAX_BODIES", 11)
    chain = [{"from": f"n{number}", "to": f"n{number + 1}"} for number in range(5)]
    again = [
        {"from": f"n{5 - number}", "to": f"n{number}", "when": "output"} for number in range(3)
    ]
    nodes: dict[str, Any] = {f"n{number}": {} for number in range(6)}
    found = faults(graph(nodes=nodes, edges=chain + again))
    assert "make inner ones workflows of their own" in found["edges"]


def test_many_ways_by_one_event() -> None:
    ways = ["end"] * 60_000
    states = {"open": {"on": {"go": ways}}, "end": {"final": True}}
    head = {"treadle": "v1", "kind": "machine", "name": "doors"}
    definition = compile_document(head | {"states": states}).definition
    assert isinstance(definition, MachineDefinition)
    first, second, *_, last = definition.labels
    assert (first, second) == ("open on go -> end", "open on go -> end #2")
    assert last == f"open on go -> end #{len(ways)}"


def test_many_states_in_a_machine_with_many_ways() -> None:
    states: dict[str, Any] = {f"s{number}": {"entry": "note"} for number in range(9_000)}
    ways = [{"action": "note"}] * 100_000 + [{"target": "end"}]
    document = {
        "treadle": "v1",
        "kind": "machine",
        "name": "doors",
        "on": {"go": ways},
        "states": {"first": {"task": "pick"}} | states | {"end": {"final": True}},
    }
    hints = compile_document(document).hints()
    assert [hint.path for hint in hints if hint.rule == "no-error-path"] == ["on.go[0].action"]
