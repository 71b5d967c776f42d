"""What single parts of a machine's document mean, in the engine alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.engine.run_driver import RunDriver
from tests.machine.test_laws import memory, pump, received
from treadle_server.cli.yaml_text import compose, read
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.errors import DefinitionInvalid
from treadle_server.engine import events as e
from treadle_server.engine.values import Payload

LEAVE = {"leave": "end"}


def machine(states: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A document with an end that an event leads to from anywhere."""
    head = {"treadle": "v1", "kind": "machine", "name": "parts", "on": LEAVE}
    return head | parts | {"states": {**states, "end": {"final": True}}}


class Run:
    """One run; every method goes on until the machine rests."""

    def __init__(self, document: Any, given: bytes = b"null") -> None:
        self.driver = RunDriver(document)
        self.driver.start(Payload(given))
        pump(self.driver)

    def send(self, name: str) -> None:
        """An external event, which must be taken."""
        turn = self.driver.turn(received(len(self.driver.turns), name))
        assert turn.answers == [None]
        pump(self.driver)

    def complete(self, key: str, output: bytes = b"null") -> None:
        """A worker does an activity."""
        self.driver.grant(key)
        self.driver.complete(key, output)
        pump(self.driver)

    def fail(self, key: str, kind: str) -> None:
        """Its only attempt fails."""
        self.driver.grant(key)
        self.driver.fail(key, kind, non_retryable=True)
        pump(self.driver)

    @property
    def active(self) -> list[str]:
        """The active states."""
        return list(self.driver.state.machine.active)

    @property
    def failure(self) -> str:
        """The kind of what the run failed with."""
        last = self.driver.events[-1]
        assert isinstance(last, e.RunFailed)
        return last.failure.kind


# --- which states there are -------------------------------------------------------------------


def test_what_is_null_or_false_is_as_if_it_were_not_there() -> None:
    inner = {"b": {"final": False, "history": None}, "c": {"parallel": False, "entry": None}}
    state = {"final": False, "history": None, "parallel": True, "states": inner}
    assert Run(machine({"a": state})).active == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["shallow", "deep"])
def test_a_history_of_a_parallel_state_leads_to_its_regions(kind: str) -> None:
    regions = {"r": {"states": {"b": {"on": {"go": "c"}}, "c": {}}}, "q": {}}
    both = {"parallel": True, "states": {**regions, "h": {"history": kind}}}
    run = Run(machine({"a": {"on": {"enter": "h"}}, "p": both}, on=LEAVE | {"out": "a"}))
    run.send("enter")
    assert run.active == ["p", "r", "b", "q"]
    run.send("go")
    run.send("out")
    run.send("enter")
    assert run.active == ["p", "r", "c" if kind == "deep" else "b", "q"]


REGIONS = {
    "parallel": True,
    "states": {
        "r": {"states": {"b": {}, "c": {}, "h": {"history": "shallow"}}},
        "q": {"states": {"d": {}, "f": {}}},
        "hp": {"history": "deep"},
    },
}
TOGETHER = [["c", "f"], ["f", "c"], ["r", "f"], ["h", "f"], ["c", "c"], ["p"], ["hp"]]
APART = [["b", "c"], ["p", "c"], ["c", "p"], ["r", "c"], ["h", "b"], ["hp", "f"], ["f", "hp"]]


@pytest.mark.parametrize("targets", TOGETHER)
def test_states_that_can_be_entered_at_once(targets: list[str]) -> None:
    anywhere = LEAVE | {"go": {"target": targets}} | {f"to-{n}": n for n in "bcdf"}
    run = Run(machine({"a": {}, "p": REGIONS}, on=anywhere))
    run.send("go")
    expected = {"p", "r", "q"} | {"c" if "c" in targets else "b", "f" if "f" in targets else "d"}
    assert set(run.active) == expected


@pytest.mark.parametrize("targets", APART)
def test_states_that_cannot_be_entered_at_once(targets: list[str]) -> None:
    anywhere = LEAVE | {"go": {"target": targets}}
    with pytest.raises(DefinitionInvalid, match="cannot be entered at once"):
        compile_document(machine({"a": {}, "p": REGIONS}, on=anywhere))


# --- what tasks return ------------------------------------------------------------------------


def working(**parts: Any) -> dict[str, Any]:
    return machine({"a": {"task": "work"} | parts, "b": {}}, on=LEAVE | {"b": "b"})


@pytest.mark.parametrize(
    ("parts", "output", "active"),
    [
        ({}, b'"b"', ["b"]),
        ({"results": {"x": "b"}}, b'"x"', ["b"]),
        ({"results": {"x": "end"}}, b'"b"', ["b"]),
        ({"results": {"true": "b"}}, b"true", ["b"]),
        ({"results": {"null": "b"}}, b"null", ["b"]),
        ({"results": {"*": "b"}}, b'{"any":1}', ["b"]),
        ({"results": {"x": "end", "*": "b"}}, b'"y"', ["b"]),
        ({"results": {"*": "end", "x": "b"}}, b'"x"', ["end"]),
        ({"results": {"*": None}}, b'"y"', ["a"]),
        ({"results": {"*": None, "x": "b"}}, b'"y"', ["a"]),
        ({"results": {"*": None, "x": "b"}}, b'"x"', ["b"]),
        ({"route": "result.next"}, b'{"next":"b"}', ["b"]),
        ({"returns": ["b"]}, b'"b"', ["b"]),
    ],
)
def test_what_a_task_returns_picks_the_next_state(
    parts: dict[str, Any], output: bytes, active: list[str]
) -> None:
    run = Run(working(**parts))
    run.complete("a/1/task", output)
    assert run.active == active


@pytest.mark.parametrize(
    ("parts", "output"),
    [
        ({}, b'"nowhere"'),
        ({"results": {"x": "b"}}, b"null"),
        ({"results": {"x": {"target": "b", "guard": "false"}}}, b'"x"'),
        ({"returns": ["b"]}, b'"end"'),
        ({"returns": ["x"], "results": {"x": "b"}}, b'"end"'),
    ],
)
def test_a_result_that_leads_nowhere_fails_the_run(parts: dict[str, Any], output: bytes) -> None:
    run = Run(working(**parts))
    run.complete("a/1/task", output)
    assert run.failure == "treadle.ResultUnhandled"


# --- what cannot be evaluated -----------------------------------------------------------------


@pytest.mark.parametrize("entry", [None, {"assign": {"n": "1"}}])
def test_the_output_of_a_state_within_that_cannot_be_evaluated(entry: Any) -> None:
    """With something to do on the way and without it, at the beginning and later."""
    done = {"final": {"output": "memory.nothing"}, "entry": entry}
    later = {"states": {"b": {"on": {"go": "done"}}, "done": done}}
    run = Run(machine({"a": later}))
    run.send("go")
    assert run.failure == "treadle.ExpressionFailed"
    at_once = Run(machine({"a": {"states": {"done": done}}}))
    assert at_once.failure == "treadle.ExpressionFailed"


def test_an_event_whose_name_is_no_text() -> None:
    with pytest.raises(DefinitionInvalid, match="no name of an event"):
        compile_document(machine({"a": {"on": {"\ud800": "end"}}}))


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"entry": {"send": "paid", "to": "1 + 1"}}, "states.a.entry.to"),
        ({"task": {"workflow": "child", "workflow_id": "[run.id]"}}, "states.a.task.workflow_id"),
    ],
)
def test_a_workflow_id_that_is_never_text(parts: dict[str, Any], path: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        compile_document(machine({"a": parts}))
    [fault] = refused.value.violations
    assert (fault.path, "this never does" in fault.message) == (path, True)


@pytest.mark.parametrize("key", ["treadle", "name"])
@pytest.mark.parametrize("empty", [None, 0, ""])
def test_a_head_that_is_empty(key: str, empty: Any) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        compile_document(machine({"a": {}}) | {key: empty})
    assert {fault.path for fault in refused.value.violations} == {key}


# --- the reference's example ------------------------------------------------------------------

PAGE = Path("docs/reference/machine.md").read_text()


def claim() -> Run:
    [text] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return Run(read(compose(text)[0]), b'{"id":"c-1","amount":12.5}')


def test_a_claim_that_is_held_and_withdrawn() -> None:
    run = claim()
    run.complete("checking/1/task", b'"unclear"')
    run.complete("asking/2/entry0")
    assert (run.active, memory(run.driver)["asked"]) == (["open", "asking"], 1)
    run.send("hold")
    run.send("resume")
    run.complete("asking/4/entry0")
    run.driver.turn(received(99, "withdrawn"))
    pump(run.driver)
    assert (run.active, run.driver.state.ended) == (["withdrawn"], True)


def test_a_claim_that_is_approved() -> None:
    run = claim()
    run.complete("checking/1/task", b'"approved"')
    assert run.active == ["approved", "money", "paying", "paper", "printing"]
    run.complete("paying/2/prepare", b'"account"')
    run.complete("paying/2/execute", b'{"payment":"p-1"}')
    booking = run.driver.state.activities["paying/2/post"]
    assert booking.scheduled.input.data == b'{"payment":{"payment":"p-1"},"account":"account"}'
    run.complete("paying/2/post")
    assert run.active == ["approved", "money", "paid", "paper", "printing"]


def test_a_claim_that_is_rejected() -> None:
    run = claim()
    run.fail("checking/1/task", "Broken")
    assert run.failure == "ClaimRejected"


def test_a_claim_whose_check_is_overdue() -> None:
    run = claim()
    run.fail("checking/1/task", "treadle.Timeout")
    assert run.active == ["on_hold"]
    [sent] = [one for one in run.driver.events if isinstance(one, e.EventSent)]
    assert (sent.name, sent.payload.data) == ("claim-overdue", b'"c-1"')
