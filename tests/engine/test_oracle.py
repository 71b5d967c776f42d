"""The engine against the oracle: same graph, same reports of workers, any order of them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.engine.graphs import KINDS, OUTPUTS, graphs
from tests.engine.oracle import Meaning, Outcome, meaning
from tests.engine.run_driver import RunDriver
from treadle_server.engine import events as e
from treadle_server.engine.topology import NodeState
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import Payload

UNDECIDED = {NodeState.PENDING, NodeState.RUNNING, NodeState.CANCELLED}

successes = st.builds(lambda text: Outcome("COMPLETED", json.loads(text)), st.sampled_from(OUTPUTS))
failures = st.builds(
    lambda kind, details: Outcome("FAILED", kind=kind, details=details),
    st.sampled_from(KINDS),
    st.sampled_from([None, {"x": 1}]),
)
inputs = st.sampled_from([None, {}, {"go": True}, {"go": False}])


@settings(max_examples=500)
@given(graph=graphs(clocks=False), given_input=inputs, data=st.data())
def test_engine_and_oracle_agree(
    graph: dict[str, Any], given_input: Any, data: st.DataObject
) -> None:
    reports = {
        name: data.draw(successes | successes | failures, f"report of {name}")
        for name in graph["nodes"]
    }
    driver = RunDriver(graph)
    driver.start(Payload(json.dumps(given_input).encode()))
    while not driver.state.ended:
        key = data.draw(st.sampled_from(sorted(driver.state.activities)), "next")
        if key in driver.ready():
            driver.grant(key)
        elif reports[key].state == "COMPLETED":
            driver.complete(key, json.dumps(reports[key].output).encode())
        else:
            details = Payload(json.dumps(reports[key].details).encode())
            driver.fail(key, reports[key].kind, details=details)
    expected = meaning(graph, given_input, lambda name: copy_of(reports[name]))
    compare(driver, expected)


def copy_of(report: Outcome) -> Outcome:
    return Outcome(report.state, report.output, report.kind, report.details)


def compare(driver: RunDriver, expected: Meaning) -> None:
    state, progress = driver.state, driver.state.graph
    event(f"run {state.stage.name}")
    for number, name in enumerate(progress.topology.names):
        found = progress.state(number)
        event(f"node {found.name}")
        if found not in UNDECIDED:
            assert found.name == expected.nodes[name].state, name
    for one in driver.events:
        if isinstance(one, e.ActivityScheduled):
            assert plain(one.input) == expected.nodes[one.key].input, one.key
    if expected.unhandled:
        assert state.stage is RunStage.FAILED
        assert state.ending is not None
        assert state.ending.node in expected.unhandled
        return
    assert state.stage is RunStage.COMPLETED
    assert UNDECIDED.isdisjoint(progress.state(n) for n in range(len(progress.topology.names)))
    assert state.output is not None
    assert plain(state.output) == expected.output


def plain(payload: Payload) -> Any:
    """The value, without the messages of errors, which the oracle has no words for."""
    return json.loads(payload.data, object_hook=without_message)


def without_message(value: dict[str, Any]) -> dict[str, Any]:
    if {"kind", "node", "message"} <= value.keys():
        del value["message"]
    return value
