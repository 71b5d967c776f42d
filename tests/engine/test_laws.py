"""Laws of the engine, on random graphs in random storms of inputs."""

from __future__ import annotations

from typing import Any

from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.graphs import KINDS, OUTPUTS, graphs, whole_graphs
from tests.engine.run_driver import (
    SECOND,
    RunDriver,
    copy_of,
    fold,
    folded_part,
    is_ready,
)
from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine.emit import Turn, queue_changes
from treadle_server.engine.evolve import due_time, evolve
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.turn import take_turn
from treadle_server.engine.values import (
    CompareAndSet,
    Failure,
    IncidentAnswer,
    MemoryOperation,
    Payload,
)

STEPS = 40
operations = st.lists(
    st.builds(MemoryOperation, key=st.just("n"), add=st.sampled_from([1.0, 0.5]))
    | st.builds(
        MemoryOperation,
        key=st.just("m"),
        compare_and_set=st.builds(
            CompareAndSet,
            value=st.just(Payload(b"1")),
            expected=st.sampled_from([None, Payload(b"1")]),
        ),
    ),
    max_size=2,
)


@st.composite
def one_input(draw: st.DrawFn, driver: RunDriver) -> i.Input:
    """Something that can come to the run now; sometimes too late, or out of place."""
    keys = [*sorted(driver.state.activities), "a"]
    key = draw(st.sampled_from(keys))
    lease = driver.lease(key) - (draw(st.integers(0, 9)) == 0)
    match draw(st.integers(0, 19)):
        case 0 | 1 | 2 | 3 | 4 | 5:
            session = draw(st.sampled_from(["", "s"]))
            return i.GrantLease(
                key=key,
                session_id=session,
                identity="w",
                build_id="",
                lease_duration=4 * SECOND if session else None,
            )
        case 6 | 7 | 8 | 9:
            return i.CompleteAttempt(
                key=key,
                lease=lease,
                output=Payload(draw(st.sampled_from(OUTPUTS)).encode()),
                memory_operations=tuple(draw(operations)),
            )
        case 10 | 11 | 12:
            failure = Failure(
                kind=draw(st.sampled_from(KINDS)),
                non_retryable=draw(st.booleans()),
                next_delay=draw(st.sampled_from([None, 0, SECOND])),
            )
            return i.FailAttempt(key=key, lease=lease, failure=failure)
        case 13:
            return i.LoseLease(key=key, lease=lease, reason="killed")
        case 14:
            return i.ReturnLease(key=key, lease=lease, reason="gone")
        case 15:
            return i.CancelAttempt(key=key, lease=lease)
        case 16:
            if draw(st.integers(0, 9)) < 9:
                return i.Continue()
            if draw(st.booleans()):
                return i.RequestCancel(reason="", actor="")
            return i.Terminate(reason="", actor="")
        case 17:
            answer = draw(st.sampled_from([IncidentAnswer.RETRY, IncidentAnswer.FAIL]))
            return i.AnswerHeld(key=key, answer=answer, actor="", reason="")
        case _:
            heard = i.Renewal(until=driver.now + 4 * SECOND, heartbeat_time=driver.now)
            renewal = draw(st.sampled_from([i.NO_RENEWAL, heard]))
            return i.Wake(renewals=lambda _session, _lease: renewal)


def pass_time(data: st.DataObject, driver: RunDriver) -> None:
    """None, a second, or right up to when the run wants to be woken."""
    wake_time = driver.state.wake_time
    match data.draw(st.integers(0, 3), "time"):
        case 0:
            driver.now += SECOND
        case 1 if wake_time is not None:
            driver.now = max(driver.now, wake_time)
            driver.turn(i.Wake())


def storm(data: st.DataObject, graph: dict[str, Any], driver: RunDriver | None = None) -> RunDriver:
    """A run that a lot has happened to."""
    driver = driver or RunDriver(graph)
    timeout = data.draw(st.sampled_from([None, 30 * SECOND]), "run timeout")
    driver.start(Payload(b'{"go": true}'), timeout)
    for _ in range(data.draw(st.integers(STEPS // 4, STEPS), "steps")):
        if driver.state.ended:
            break
        pass_time(data, driver)
        inputs = data.draw(st.lists(one_input(driver), min_size=1, max_size=2), "inputs")
        check_turn(driver, inputs)
    note(f"run {driver.state.stage.name}")
    return driver


def check_turn(driver: RunDriver, inputs: list[i.Input]) -> None:
    """Takes a turn, and checks what holds for every turn."""
    places_before = queued_places(driver.state)
    turn = driver.turn(*inputs)
    assert len(turn.answers) == len(inputs)
    added, removed = queue_changes(driver.state, turn)
    assert (places_before - set(removed)) | set(added) == queued_places(driver.state)
    assert places_before >= set(removed)
    for key in turn.offers:
        activity = driver.state.activities.get(key)
        if activity is not None and activity.place is not None:
            assert is_ready(activity, driver.now)
    for key, lease, _ in turn.stops:
        activity = driver.state.activities.get(key)
        if activity is not None:
            assert (activity.stage, activity.lease) == (ActivityStage.CANCELLING, lease)
    check_held(driver.state)
    due = earliest_due_time(driver.state, driver.now)
    if due is not None:
        assert driver.state.wake_time is not None
        assert driver.state.wake_time <= due


def check_held(state: RunState) -> None:
    """A run is held while activities of it are: for the one that has been for the longest."""
    since = {
        key: one.held_time
        for key, one in state.activities.items()
        if one.stage is ActivityStage.HELD
    }
    held = state.held
    if held is None:
        assert not since
        return
    assert held.incident_count == len(since)
    assert held.since_time == since[held.key] == min(since.values())


def queued_places(state: RunState) -> set[Any]:
    return {one.place for one in state.activities.values() if one.place is not None}


def earliest_due_time(state: RunState, now: int) -> int | None:
    """When time next changes something, found by looking at everything."""
    if state.ended:
        return None
    due: list[int] = []
    if state.deadline is not None and state.ending is None:
        due.append(state.deadline)
    for one in state.activities.values():
        asked = one.scheduled
        if asked.schedule_to_close_timeout is not None:
            due.append(asked.time + asked.schedule_to_close_timeout)
        if one.stage is ActivityStage.QUEUED:
            if one.ready_time > now:
                due.append(one.ready_time)
            if asked.schedule_to_start_timeout is not None:
                due.append(one.ready_time + asked.schedule_to_start_timeout)
        elif one.stage in (ActivityStage.LEASED, ActivityStage.CANCELLING):
            due += [one.until, one.started_time + asked.start_to_close_timeout]
            if asked.heartbeat_timeout is not None:
                due.append(one.heartbeat_time + asked.heartbeat_timeout)
    return min(due, default=None)


laws = settings(max_examples=250)
random_graphs = graphs(clocks=True) | whole_graphs()


@laws
@given(graph=random_graphs, data=st.data())
def test_a_journal_is_dense_in_order_and_says_things_once(
    graph: dict[str, Any], data: st.DataObject
) -> None:
    events = storm(data, graph).events
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    times = [event.time for event in events]
    assert times == sorted(times)
    leases = [event.lease for event in events if isinstance(event, e.AttemptStarted)]
    assert leases == list(range(1, len(leases) + 1))
    scheduled = [event.key for event in events if isinstance(event, e.ActivityScheduled)]
    assert len(scheduled) == len(set(scheduled))
    closing = (e.ActivityCompleted, e.ActivityFailed, e.ActivityCancelled)
    closed = [event.key for event in events if isinstance(event, closing)]
    assert len(closed) == len(set(closed))
    ends = (e.RunCompleted, e.RunFailed, e.RunCancelled, e.RunTimedOut, e.RunTerminated)
    assert not any(isinstance(event, ends) for event in events[:-1])


@laws
@given(graph=random_graphs, data=st.data())
def test_the_state_is_the_fold_of_the_events_from_any_snapshot_on(
    graph: dict[str, Any], data: st.DataObject
) -> None:
    driver = storm(data, graph)
    expected = folded_part(driver.state)
    middle = data.draw(st.integers(0, len(driver.events)), "snapshot after")
    state = copy_of(fold(driver.compiled, driver.events[:middle]))
    for one in driver.events[middle:]:
        evolve(state, one)
    assert folded_part(state) == expected


@laws
@given(graph=random_graphs, data=st.data())
def test_a_recovered_run_goes_on_like_one_that_never_stopped(
    graph: dict[str, Any], data: st.DataObject
) -> None:
    driver = storm(data, graph)
    live, recovered = driver.state, fold(driver.compiled, driver.events)
    following = data.draw(one_input(driver), "next input")
    if isinstance(following, i.Wake):
        # Renewals are in memory only: without them, the clock says the same to both.
        following = i.Wake()
        for key, activity in live.activities.items():
            activity.until = recovered.activities[key].until
            activity.heartbeat_time = recovered.activities[key].heartbeat_time
            live.push_due(activity, due_time(activity, live.time))
    driver.now += data.draw(st.sampled_from([0, SECOND, 10 * SECOND]), "time")
    [expected, found] = [
        take_turn(state, [following], driver.compiled.decider, driver.now)
        for state in (live, recovered)
    ]
    assert found.events == expected.events
    assert repr(found.answers) == repr(expected.answers)
    assert folded_part(recovered) == folded_part(live)


@laws
@given(graph=random_graphs, data=st.data())
def test_an_ended_run_never_changes(graph: dict[str, Any], data: st.DataObject) -> None:
    driver = storm(data, graph)
    end(data, driver)
    ended = folded_part(fold(driver.compiled, driver.events))
    for _ in range(5):
        driver.now += SECOND
        turn = driver.turn(data.draw(one_input(driver), "late input"))
        assert turn == Turn(answers=turn.answers)
        assert queue_changes(driver.state, turn) == ([], [])
    assert folded_part(driver.state) == ended
    assert driver.state.wake_time is None


@laws
@given(graph=random_graphs, data=st.data())
def test_every_run_ends_if_workers_report_and_time_passes(
    graph: dict[str, Any], data: st.DataObject
) -> None:
    driver = storm(data, graph)
    end(data, driver)
    assert driver.state.ended
    assert driver.state.activities == {}


def end(data: st.DataObject, driver: RunDriver) -> None:
    """Lets workers do their work, sometimes badly, until the run has ended."""
    failures_left = 10
    for _ in range(1_000):
        state = driver.state
        if state.ended:
            return
        if driver.turns[-1].unfinished:
            driver.turn(i.Continue())
        elif state.incidents:
            key = next(iter(state.incidents))
            answer = IncidentAnswer.RETRY if failures_left else IncidentAnswer.FAIL
            driver.turn(i.AnswerHeld(key=key, answer=answer, actor="", reason=""))
        elif ready := [key for key in driver.ready() if state.is_wanted(state.activities[key])]:
            driver.grant(ready[0])
        elif leased := driver.leased():
            if failures_left and data.draw(st.booleans(), "fails"):
                failures_left -= 1
                driver.fail(leased[0])
            else:
                output = data.draw(st.sampled_from(OUTPUTS), "output")
                driver.complete(leased[0], output.encode())
        elif bool(state.waits) and data.draw(st.booleans(), "an event comes"):
            number = len(driver.events)
            driver.turn(i.ReceiveEvent(event_id=f"e{number}", name="ping", payload=Payload(b"1")))
        else:
            assert state.wake_time is not None, "nothing would ever happen"
            driver.now = max(driver.now, state.wake_time)
            driver.turn(i.Wake())
    raise AssertionError("the run does not end")
