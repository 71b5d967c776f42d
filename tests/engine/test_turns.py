"""How much one turn does, and what stays true if it does not do all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.run_driver import BEGINNING, SECOND, RunDriver, document, fold, folded_part
from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine.emit import queue_changes
from treadle_server.engine.transitions import ActivityStage, RunStage
from treadle_server.engine.turn import COMMANDS_PER_TURN, take_turn
from treadle_server.engine.values import Payload

MANY = 2 * COMMANDS_PER_TURN + 100


def wide(**node: Any) -> RunDriver:
    return RunDriver(document(nodes={f"n{number}": node for number in range(MANY)}))


def scheduled(driver: RunDriver) -> int:
    return sum(isinstance(event, e.ActivityScheduled) for event in driver.events)


def test_a_turn_decides_so_much_and_leaves_the_rest_to_others() -> None:
    driver = wide()
    counts = []
    turn = driver.start()
    while turn.unfinished:
        counts.append(len(turn.offers))
        turn = driver.turn(i.Continue())
    assert counts == [COMMANDS_PER_TURN, COMMANDS_PER_TURN]
    assert scheduled(driver) == MANY
    # In the order of the document, across the turns.
    assert list(driver.state.activities) == [f"n{number}" for number in range(MANY)]


def test_what_a_turn_left_is_due_at_once_also_after_a_crash() -> None:
    driver = wide(run_if="false")
    assert driver.start().unfinished
    assert not driver.state.activities, "nobody but the clock could wake this run"
    recovered = fold(driver.compiled, driver.events)
    assert recovered.wake_time == driver.state.wake_time == BEGINNING
    assert folded_part(recovered) == folded_part(driver.state)
    driver.state = recovered
    while driver.turn(i.Wake()).unfinished:
        assert driver.state.wake_time == BEGINNING
    assert driver.state.stage is RunStage.COMPLETED


def test_a_full_turn_can_be_granted_from_and_decides_nothing_more() -> None:
    driver = wide()
    turn = driver.start()
    grant = i.GrantLease(key="n0", session_id="", identity="w", build_id="", lease_duration=None)
    assert take_turn(driver.state, [grant], driver.compiled.decider, driver.now, turn=turn) is turn
    assert isinstance(turn.answers[-1], i.Granted)
    assert scheduled(driver) == COMMANDS_PER_TURN
    # What was scheduled and leased in one unit never gets a row.
    added, removed = queue_changes(driver.state, turn)
    assert (len(added), removed) == (COMMANDS_PER_TURN - 1, [])


def test_stopping_is_bounded_too() -> None:
    driver = wide()
    while driver.turns == [] or driver.turns[-1].unfinished:
        _ = driver.start() if not driver.turns else driver.turn(i.Continue())
    driver.grant("n0")
    turn = driver.turn(i.RequestCancel(reason="", actor=""))
    assert turn.unfinished
    assert len(turn.events) == 1 + COMMANDS_PER_TURN
    assert driver.state.wake_time == BEGINNING
    recovered = fold(driver.compiled, driver.events)
    assert recovered.wake_time == BEGINNING
    driver.state = recovered
    # What the folded list names and was stopped before the crash costs no turn of its own.
    turns = 0
    while driver.turn(i.Wake()).unfinished:
        turns += 1
    assert turns == 1
    assert list(driver.state.activities) == ["n0"]
    assert driver.state.wake_time == driver.state.activities["n0"].attempt_deadline
    driver.complete("n0")
    assert driver.state.stage is RunStage.CANCELLED


def test_very_many_due_at_once_are_looked_at_in_slices() -> None:
    driver = wide(start_to_close="10s", on_failure="continue")
    driver.start()
    while driver.turns[-1].unfinished:
        driver.turn(i.Continue())
    for key in list(driver.state.activities):
        driver.grant(key)
    driver.now += 10 * SECOND
    left = []
    while driver.state.stage is RunStage.RUNNING:
        driver.turn(i.Wake())
        left.append(len(driver.state.activities))
        if left[-1]:
            assert driver.state.wake_time == driver.now
    assert left == [MANY - COMMANDS_PER_TURN, MANY - 2 * COMMANDS_PER_TURN, 0]


def test_a_clock_that_went_back_makes_no_time_go_back() -> None:
    driver = RunDriver(document(nodes={"a": {}}))
    driver.start()
    driver.now -= 5 * SECOND
    driver.grant("a")
    assert [event.time for event in driver.events] == [BEGINNING] * 3


def test_wakes_by_due_times_that_count_no_more_change_nothing() -> None:
    retry = {"max_attempts": 3, "initial": "1s", "jitter": 0}
    driver = RunDriver(document(nodes={"a": {"retry": retry}}))
    driver.start()
    for _ in range(2):
        driver.grant("a")
        driver.fail("a")
        driver.now += 10 * SECOND
    driver.grant("a")
    assert driver.turn(i.Wake()).events == []
    assert driver.state.wake_time == driver.state.activities["a"].attempt_deadline


def test_the_due_heap_does_not_grow_with_the_leases() -> None:
    driver = RunDriver(document(nodes={"a": {}}))
    driver.start()
    for _ in range(300):
        driver.grant("a")
        driver.turn(i.ReturnLease(key="a", lease=driver.lease("a"), reason=""))
    assert len(driver.state.due) < 100
    driver.grant("a")
    assert driver.state.wake_time == driver.state.activities["a"].attempt_deadline


@pytest.mark.parametrize("stage", [ActivityStage.QUEUED, ActivityStage.LEASED])
def test_terminate_takes_the_rows_away(stage: ActivityStage) -> None:
    driver = RunDriver(document(nodes={"a": {}}))
    place = driver.start().offers
    if stage is ActivityStage.LEASED:
        driver.grant("a")
    turn = driver.turn(i.Terminate(reason="", actor=""))
    added, removed = queue_changes(driver.state, turn)
    assert added == []
    assert [row[-1] for row in removed] == (place if stage is ActivityStage.QUEUED else [])


def test_a_result_of_any_bytes_is_handed_on_unread() -> None:
    driver = RunDriver(document(nodes={"a": {}, "b": {}}, edges=[{"from": "a", "to": "b"}]))
    driver.start()
    driver.grant("a")
    output = Payload(b"\xff\x00", {"encoding": b"binary/plain"})
    driver.turn(i.CompleteAttempt(key="a", lease=driver.lease("a"), output=output))
    assert driver.state.activities["b"].scheduled.input is output


NOT_JSON = {
    "not UTF-8": b'"\xff"',
    "cut off": b'{"a": [1,',
    "two values": b'1, "b": 2',
    "very deep": b"[" * 100_000 + b"]" * 100_000,
    "huge number": b"1e999",
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON.keys())
@pytest.mark.parametrize("edge", [{"map": "output.x"}, {"when": "output == 1"}, {"map": "[a]"}])
def test_a_result_that_is_no_json_fails_the_node_whose_expression_reads_it(
    data: bytes, edge: dict[str, str]
) -> None:
    driver = RunDriver(document(nodes={"a": {}, "b": {}}, edges=[{"from": "a", "to": "b"} | edge]))
    driver.start()
    driver.grant("a")
    driver.complete("a", data)
    [failed] = [event for event in driver.events if isinstance(event, e.NodeFailed)]
    assert (failed.node, failed.failure.kind) == ("b", "treadle.ExpressionFailed")
    assert "output of a is not JSON" in failed.failure.message


@pytest.mark.parametrize("what", ["not UTF-8", "cut off", "two values", "very deep"])
def test_a_run_whose_outputs_cannot_be_joined_fails(what: str) -> None:
    driver = RunDriver(document(nodes={"a": {}, "b": {}}))
    driver.start()
    driver.grant("a")
    driver.grant("b")
    driver.complete("a", NOT_JSON[what])
    driver.complete("b")
    [*_, end] = driver.events
    assert isinstance(end, e.RunFailed)
    assert "the output of 'a' is not JSON" in end.failure.message


def test_details_that_are_no_json_do_not_spoil_the_error() -> None:
    edges = [{"from": "a", "to": "b", "on": "error", "when": "failures.a.kind == 'Broken'"}]
    driver = RunDriver(document(nodes={"a": {}, "b": {}}, edges=edges))
    driver.start()
    driver.grant("a")
    driver.fail("a", details=Payload(b"\xff", {"encoding": b"binary/plain"}))
    assert driver.state.activities["b"].scheduled.input.data == (
        b'{"kind":"Broken","message":"","details":null,"node":"a"}'
    )


def test_a_value_nested_so_deeply_that_it_cannot_be_written_fails_its_node() -> None:
    edges = [{"from": "a", "to": "b", "map": "[" * 30 + "output" + "]" * 30}]
    driver = RunDriver(document(nodes={"a": {}, "b": {}}, edges=edges))
    for depth in range(800, 1_000):
        driver = RunDriver(driver.compiled)
        driver.start()
        driver.grant("a")
        driver.complete("a", b"[" * depth + b"]" * depth)
        if driver.state.ended:
            break
    [*_, end] = driver.events
    assert isinstance(end, e.RunFailed)
    assert "nested too deeply" in end.failure.message
