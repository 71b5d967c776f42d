"""What happened to each node, as it is read off a history."""

from __future__ import annotations

from typing import Any

import pytest

from treadle_server.engine import events as e
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import Payload, RetryPolicy
from treadle_server.runs.executions import Execution, Executions


def scheduled(key: str) -> e.ActivityScheduled:
    return e.ActivityScheduled(
        key=key,
        type=key,
        queue="default",
        input=Payload(data=b"1"),
        retry=RetryPolicy(),
        start_to_close_timeout=1,
        time=10,
    )


def begun(key: str) -> e.AttemptStarted:
    return e.AttemptStarted(
        key=key,
        lease=1,
        attempt=1,
        session_id="",
        identity="shop-1",
        build_id="",
        until=100,
        ready_time=20,
        type=key,
        time=30,
    )


def decided(*, keeps: bool) -> e.DecisionCompleted:
    said: dict[str, Any] = {"lease": 1, "attempt": 1, "seen_seq": 1, "first_index": 0}
    when = {"started_time": 30, "scheduled_time": 10}
    return e.DecisionCompleted(
        key="decision",
        commands=(),
        build_id="",
        identity="",
        type="",
        keeps=keeps,
        time=40,
        **said,
        **when,
    )


def folded(*events: e.Event) -> dict[str, Execution]:
    found = Executions()
    found.add(events)
    return found.by_key


@pytest.mark.parametrize(
    "end",
    [
        e.RunCancelled(reason="", started_time=0, workflow="w", time=50),
        e.RunTimedOut(started_time=0, workflow="w", time=50),
        e.RunTerminated(reason="", actor="", started_time=0, workflow="w", time=50),
    ],
)
def test_nothing_goes_on_after_the_run(end: e.Event) -> None:
    (charge,) = folded(scheduled("charge"), begun("charge"), end).values()

    assert (charge.state, charge.end_time) == (NodeState.CANCELLED, 50)


def test_a_decision_is_done_unless_its_worker_keeps_it() -> None:
    kept = folded(scheduled("decision"), begun("decision"), decided(keeps=True))
    done = folded(scheduled("decision"), begun("decision"), decided(keeps=False))

    assert kept["decision"].state is NodeState.RUNNING
    assert (done["decision"].state, done["decision"].end_time) == (NodeState.COMPLETED, 40)


def test_a_history_may_be_cut_between_an_activity_and_its_attempt() -> None:
    (charge,) = folded(begun("charge")).values()

    assert (charge.type, charge.scheduled_time, charge.started_time) == ("charge", 20, 30)
