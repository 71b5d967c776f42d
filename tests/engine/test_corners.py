"""Where rules of a run meet: what comes late, what is named oddly, what happens twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.run_driver import RunDriver, document, fold
from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.turn import take_turn
from treadle_server.engine.values import Failure, FailureKind, IncidentAnswer, Payload


def kinds(driver: RunDriver) -> list[str]:
    return [type(event).__name__ for event in driver.events]


UNDONE = {"a": {"compensate": "undo_a"}, "b": {}}


def test_what_completes_while_the_run_is_ending_is_undone() -> None:
    driver = RunDriver(document(nodes=UNDONE))
    driver.start()
    driver.grant("a")
    driver.grant("b")
    driver.fail("b")
    driver.complete("a", b"1")  # asked to stop, but it was done
    assert driver.ready() == ["a!undo"]


def test_what_completes_in_the_turn_of_the_failure_is_undone() -> None:
    driver = RunDriver(document(nodes=UNDONE))
    driver.start()
    driver.grant("a")
    driver.grant("b")
    done = i.CompleteAttempt(key="a", lease=driver.lease("a"), output=Payload(b"1"))
    driver.turn(done, i.FailAttempt(key="b", lease=driver.lease("b"), failure=Failure(kind="X")))
    assert driver.ready() == ["a!undo"]


def test_what_completes_after_a_cancel_is_undone() -> None:
    driver = RunDriver(document(nodes={"a": {"compensate": "undo_a"}}))
    driver.start()
    driver.grant("a")
    driver.turn(i.RequestCancel(reason="", actor=""))
    driver.complete("a")
    assert driver.ready() == ["a!undo"]


def test_a_machines_task_that_completes_late_is_undone() -> None:
    regions = {
        "x": {"task": {"activity": "w", "compensate": "u"}, "results": {"*": "end"}},
        "y": {"task": "z", "results": {"*": "end"}},
    }
    driver = RunDriver(
        machine({"p": {"parallel": True, "states": regions}, "end": {"final": True}})
    )
    driver.start()
    driver.grant("x/1/task")
    driver.grant("y/1/task")
    driver.fail("y/1/task")
    driver.complete("x/1/task")
    assert "CompensationRegistered" in kinds(driver)


def test_a_task_that_completes_after_its_state_was_left_is_undone_if_it_comes_to_that() -> None:
    states = {
        "a": {"task": {"activity": "w", "compensate": "u"}, "on": {"leave": "b"}},
        "b": {"task": "breaks", "results": {"*": "end"}},
        "end": {"final": True},
    }
    driver = RunDriver(machine(states))
    driver.start()
    driver.grant("a/1/task")
    driver.turn(event("leave"))
    driver.turn(i.Pause(reason="", actor=""))
    driver.complete("a/1/task", b"1")
    driver.turn(i.Resume(actor=""))
    driver.grant("b/2/task")
    driver.fail("b/2/task")
    assert driver.ready() == ["a/1/task!undo"]


@pytest.mark.parametrize("fail", [{}, {"kind": "treadle.LoopBoundReached"}])
def test_a_loop_that_reached_its_bound_can_end_in_a_fail_node(fail: dict[str, Any]) -> None:
    again = {"from": "ask", "to": "ask", "when": "output != 'ready'", "max_iterations": 2}
    given_up = {"from": "ask", "to": "give_up", "on": "error"}
    driver = RunDriver(
        document(nodes={"ask": {}, "give_up": {"fail": fail}}, edges=[again, given_up])
    )
    driver.start()
    for key in ("ask", "ask#2"):
        driver.grant(key)
        driver.complete(key, b'"no"')
    assert driver.state.stage is RunStage.FAILED


@pytest.mark.parametrize("answer", [IncidentAnswer.RETRY, IncidentAnswer.SKIP])
def test_a_node_named_decision_can_be_held(answer: IncidentAnswer) -> None:
    driver = RunDriver(document(nodes={"decision": {"on_failure": "hold"}}))
    driver.start()
    driver.grant("decision")
    driver.fail("decision")
    assert "code" not in driver.state.incidents["decision"]
    turn = driver.turn(i.AnswerHeld(key="decision", answer=answer, actor="", reason=""))
    assert turn.answers == [None]


def machine(states: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"treadle": "v1", "kind": "machine", "name": "m", "states": states} | parts


def event(name: str, payload: bytes = b"null") -> i.ReceiveEvent:
    return i.ReceiveEvent(event_id=name, name=name, payload=Payload(payload))


def test_a_parallel_state_is_done_once() -> None:
    def region(n: int) -> dict[str, Any]:
        return {"states": {f"a{n}": {"on": {"go": f"f{n}"}}, f"f{n}": {"final": True}}}

    again = {"target": "p", "action": {"assign": {"rounds": "memory.rounds + 1"}}}
    states = {
        "p": {
            "parallel": True,
            "states": {"r1": region(1), "r2": region(2)},
            "on": {"done.p": again, "quit": "end"},
        },
        "end": {"final": True},
    }
    driver = RunDriver(machine(states, memory={"rounds": "0"}))
    driver.start()
    driver.turn(event("go"))
    raised = [one.name for one in driver.events if isinstance(one, e.EventRaised)]
    assert raised.count("done.p") == 1
    assert driver.state.memory["rounds"].data == b"1"


def completions(driver: RunDriver, *keys: str) -> list[i.Input]:
    return [
        i.CompleteAttempt(key=key, lease=driver.lease(key), output=Payload(b"1")) for key in keys
    ]


def test_a_loop_that_has_lost_a_race_does_not_begin_again() -> None:
    edges = [
        {"from": "h", "to": "h", "when": "true"},
        {"from": "h", "to": "r", "else": True},
        {"from": "w", "to": "r"},
    ]
    driver = RunDriver(document(nodes={"h": {}, "w": {}, "r": {"join": "race"}}, edges=edges))
    driver.start()
    driver.grant("h")
    driver.grant("w")
    driver.turn(*completions(driver, "h", "w"))
    assert driver.ready() == ["r"]
    again = fold(driver.compiled, driver.events)
    assert not take_turn(again, [i.Continue()], driver.compiled.decider, driver.now).events
    driver.grant("r")
    driver.complete("r")
    assert driver.state.stage is RunStage.COMPLETED


def test_a_race_in_a_loop_is_run_again_with_the_loop_that_lost_it() -> None:
    """What the inner loop had led back must not keep the outer one from turning."""
    edges = [
        {"from": "o", "to": "h"},
        {"from": "o", "to": "w"},
        {"from": "h", "to": "h", "when": "true"},
        {"from": "h", "to": "r", "else": True},
        {"from": "w", "to": "r"},
        {"from": "r", "to": "o", "when": "output < 2"},
    ]
    nodes = {"o": {}, "h": {}, "w": {}, "r": {"join": "race"}}
    driver = RunDriver(document(nodes=nodes, edges=edges))
    driver.start()
    for iteration, output in (("", b"1"), ("#2", b"2")):
        driver.grant(f"o{iteration}")
        driver.complete(f"o{iteration}")
        for node in ("h", "w"):
            driver.grant(node + iteration)
        driver.turn(*completions(driver, f"h{iteration}", f"w{iteration}"))
        assert driver.ready() == [f"r{iteration}"]
        driver.grant(f"r{iteration}")
        driver.complete(f"r{iteration}", output)
    assert driver.state.stage is RunStage.COMPLETED


def test_a_loop_whose_last_node_was_stopped_by_a_race_does_not_begin_again() -> None:
    edges = [
        {"from": "h", "to": "b"},
        {"from": "h", "to": "c"},
        {"from": "b", "to": "h", "when": "true"},
        {"from": "b", "to": "r", "else": True},
        {"from": "c", "to": "h", "when": "true"},
        {"from": "c", "to": "r", "else": True},
        {"from": "w", "to": "r"},
    ]
    nodes = {"h": {}, "b": {}, "c": {}, "w": {}, "r": {"join": "race"}}
    driver = RunDriver(document(nodes=nodes, edges=edges))
    driver.start()
    driver.grant("h")
    driver.complete("h")
    for key in ("b", "c", "w"):
        driver.grant(key)
    driver.complete("b")
    driver.complete("w")
    driver.turn(i.CancelAttempt(key="c", lease=driver.lease("c")))
    assert driver.ready() == ["r"]


def test_29_percent_of_100_items_are_29() -> None:
    spec = {"map": {"over": "params.items", "tolerate": "29%"}}
    driver = RunDriver(document(nodes={"m": spec}))
    driver.start(Payload(b'{"items": ' + str(list(range(100))).encode() + b"}"))
    for n in range(100):
        driver.grant(f"m[{n}]")
        if n < 29:
            driver.fail(f"m[{n}]")
        else:
            driver.complete(f"m[{n}]")
    assert driver.state.stage is RunStage.COMPLETED


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(b"1,2", b"binary/plain"), (b"NaN", b"json/plain"), (b'"\xff"', b"json/plain")],
)
def test_items_that_give_no_json_do_not_break_the_list(data: bytes, encoding: bytes) -> None:
    driver = RunDriver(document(nodes={"m": {"map": {"over": "params.items"}}}))
    driver.start(Payload(b'{"items": [1]}'))
    driver.grant("m[0]")
    given = Payload(data, {"encoding": encoding})
    driver.turn(i.CompleteAttempt(key="m[0]", lease=driver.lease("m[0]"), output=given))
    ended = driver.events[-1]
    assert isinstance(ended, e.RunFailed)
    assert ended.failure.kind == FailureKind.MAP_FAILED
    assert "not JSON" in str(ended.failure)


def test_an_event_that_cannot_be_read_does_not_end_a_busy_machine() -> None:
    begin = {"target": "b", "action": {"activity": "work"}}
    states = {
        "a": {"on": {"begin": begin}},
        "b": {"on": {"paid": {"target": "end", "guard": "event.amount > 5"}}},
        "end": {"final": True},
    }
    driver = RunDriver(machine(states))
    driver.start()
    driver.turn(event("begin"))
    driver.grant("a/2/action0")
    driver.turn(event("paid", b"{}"))
    driver.complete("a/2/action0")
    assert driver.state.stage is RunStage.RUNNING
