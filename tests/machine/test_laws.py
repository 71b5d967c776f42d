"""Laws of state machines: random ones in random storms of events, against an oracle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from unittest import mock

from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.run_driver import RUN_ID, RunDriver
from tests.machine.charts import EVENTS, Chart, charts
from tests.machine.oracle import Oracle
from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine import recorded
from treadle_server.engine.errors import Refusal
from treadle_server.engine.evolve import evolve
from treadle_server.engine.state import RunState
from treadle_server.engine.values import NULL
from treadle_server.journal.codec import decode_batch, encode_batch


def received(number: int, name: str) -> i.ReceiveEvent:
    return i.ReceiveEvent(event_id=f"event-{number}", name=name, payload=NULL, actor="")


def pump(driver: RunDriver) -> None:
    """Turns until the machine rests."""
    while driver.turns[-1].unfinished:
        driver.turn(i.Continue())


def send(driver: RunDriver, *events: i.ReceiveEvent) -> list[bool]:
    """Which of the events were taken, sent at one moment."""
    answers = driver.turn(*events).answers
    pump(driver)
    return [not isinstance(one, Refusal) for one in answers]


def memory(driver: RunDriver) -> dict[str, Any]:
    return {key: json.loads(value.data) for key, value in driver.state.memory.items()}


def assert_same(driver: RunDriver, oracle: Oracle) -> None:
    state = driver.state
    assert not state.is_ending, state.ending
    assert set(state.machine.active) == oracle.active
    log = [one for one in memory(driver)["log"] if one]
    noted = [one for one in oracle.notes if one and not one.endswith((" top", " end"))]
    assert log == noted
    assert memory(driver)["n"] == oracle.count


def begun(chart: Chart) -> tuple[RunDriver, Oracle]:
    driver = RunDriver(chart.document)
    driver.start()
    pump(driver)
    return driver, chart.oracle()


@st.composite
def storms(draw: st.DrawFn) -> tuple[Chart, list[list[str]]]:
    chart = draw(charts())
    names = [*EVENTS, *EVENTS, *(f"to-{name}" for name in chart.states)]
    one = st.lists(st.sampled_from(names), min_size=1, max_size=3)
    return chart, draw(st.lists(one, max_size=6))


@settings(max_examples=150)
@given(storms())
def test_a_machine_does_what_the_oracle_says(storm: tuple[Chart, list[list[str]]]) -> None:
    """One event after the other: the same are taken, the same is left, done and entered."""
    chart, batches = storm
    driver, oracle = begun(chart)
    assert_same(driver, oracle)
    for number, name in enumerate(name for batch in batches for name in batch):
        wanted = oracle.send(name)
        before = len(driver.events)
        [taken] = send(driver, received(number, name))
        assert taken == wanted
        assert taken or len(driver.events) == before, "what is refused changes nothing"
        assert_same(driver, oracle)
        if taken:
            before = len(driver.events)
            send(driver, received(number, name))
            assert len(driver.events) == before, "a repeat changes nothing"
    if any("history" in json.dumps(state) for state in chart.document["states"].values()):
        note("with history")


@settings(max_examples=100)
@given(storms())
def test_events_at_one_moment_are_taken_in_order(storm: tuple[Chart, list[list[str]]]) -> None:
    """What comes while the machine is on its way is queued; none is lost, none is taken twice."""
    chart, batches = storm
    driver, oracle = begun(chart)
    number = 0
    for batch in batches:
        events = [received(number + place, name) for place, name in enumerate(batch)]
        number += len(batch)
        answers = send(driver, *events)
        for taken, name in zip(answers, batch, strict=True):
            if taken:
                oracle.send(name)
        assert_same(driver, oracle)
    accepted = [one.event_id for one in driver.events if isinstance(one, e.EventReceived)]
    used = [
        one.event_id
        for one in driver.events
        if isinstance(one, (e.TransitionTaken, e.EventIgnored)) and one.event_id
    ]
    assert used == accepted
    assert not driver.state.received


@settings(max_examples=60)
@given(storms())
def test_a_state_that_was_recorded_is_the_state(storm: tuple[Chart, list[list[str]]]) -> None:
    """The journal gives the same state from its beginning and from any recorded state."""
    chart, batches = storm
    with mock.patch.object(recorded, "RECORD_EVERY", 7):
        driver, _ = begun(chart)
        for number, batch in enumerate(batches):
            send(driver, *(received(10 * number + n, name) for n, name in enumerate(batch)))
    events = decode_batch(encode_batch(driver.events))
    now = recorded.record(driver.state)
    assert recorded.record(folded(driver, events)) == now
    cuts = [n for n, event in enumerate(events) if isinstance(event, e.StateRecorded)]
    for cut in cuts:
        assert recorded.record(folded(driver, events[cut:])) == now
    note(f"{min(len(cuts), 3)} or more recorded states")


def folded(driver: RunDriver, events: Sequence[e.Event]) -> RunState:
    state = driver.compiled.new_state(RUN_ID)
    for event in events:
        known = state.seq > 0
        evolve(state, event)
        if known and isinstance(event, e.StateRecorded):
            assert recorded.agrees(state, event.state)
    return state
