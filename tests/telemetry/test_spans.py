"""Which spans an event makes: names, times, parents, status."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.telemetry import story
from tests.telemetry.story import RUN_ID, at, attributes
from treadle_server.engine.events import EVENT_TYPES, Event, RunCompleted
from treadle_server.engine.values import Failure
from treadle_server.telemetry import ids
from treadle_server.telemetry.ids import Role
from treadle_server.telemetry.spans import MESSAGE_LIMIT, STACK_TRACE_LIMIT, spans_of


def spans(events: Sequence[Event]) -> list[Span]:
    return [span for event in events for span in spans_of(RUN_ID, event)]


def outline(made: Sequence[Span]) -> list[tuple[str, float, float]]:
    """(name, start, end) in seconds after the run's start, to the millisecond."""
    return [
        (
            span.name,
            round((span.start_time_unix_nano // 1000 - at(0)) / 1e6, 3),
            round((span.end_time_unix_nano // 1000 - at(0)) / 1e6, 3),
        )
        for span in made
    ]


def test_an_order_from_start_to_end() -> None:
    assert outline(spans(story.order())) == [
        ("run order", 0, 0),
        ("wait validate", 0, 0.25),
        ("validate", 0.25, 1),
        ("wait charge", 1, 1),
        ("charge", 1, 2),
        ("backoff charge", 2, 3),
        ("wait charge", 3, 3.5),
        ("charge", 3.5, 4),
        ("order", 0, 4),
    ]


def test_what_code_has_begun_is_named_beside_its_number() -> None:
    waited = story.leased("c8", 3, 1, ready=0, time=1)
    done = story.completed("c8", 3, 1, begun=1, time=2)
    waited.type = done.type = "refund"
    assert outline(spans([waited, done])) == [("wait c8 refund", 0, 1), ("c8 refund", 1, 2)]
    assert attributes(spans([done])[0])["treadle.activity.key"] == "c8"


def test_no_span_comes_before_its_parent_and_no_id_comes_twice() -> None:
    seen: set[bytes] = set()
    for span in spans(story.order()):
        assert span.trace_id == RUN_ID
        assert span.parent_span_id == (ids.anchor_span_id(RUN_ID) if seen else b"")
        assert not span.parent_span_id or span.parent_span_id in seen
        assert span.span_id not in seen
        seen.add(span.span_id)


def test_the_same_events_make_the_same_spans() -> None:
    assert spans(story.order()) == spans(story.order())


def test_an_attempts_span_is_the_one_its_worker_was_told() -> None:
    told = ids.parse_traceparent(ids.traceparent(RUN_ID, "charge", 3))
    assert told is not None
    [attempt] = [span for span in spans(story.order()) if span.span_id == told.span_id]
    assert attempt.name == "charge"
    assert attempt.kind == Span.SPAN_KIND_CONSUMER
    assert attributes(attempt) == {
        "treadle.run_id": "0193c1a0-5b2c-7d3e-8f4a-1b2c3d4e5f60",
        "treadle.activity.key": "charge",
        "treadle.activity.type": "charge",
        "treadle.activity.attempt": 2,
        "treadle.activity.outcome": "completed",
        "treadle.worker.identity": "worker-1",
    }


def test_the_anchor_links_to_the_caller() -> None:
    [anchor] = spans([story.started(traceparent=story.CALLER)])
    [link] = anchor.links
    assert link.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert link.span_id.hex() == "00f067aa0ba902b7"
    assert attributes(anchor)["treadle.workflow_id"] == "order-17"


def test_a_callers_header_that_is_none_leaves_no_link() -> None:
    [anchor] = spans([story.started(traceparent="nonsense")])
    assert not anchor.links


def test_a_failed_attempt_says_why() -> None:
    event = story.tried("charge", lease=2, attempt=1, begun=1, time=2)
    [span] = spans([event])
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.status.message == "Declined: card refused"
    assert attributes(span)["treadle.activity.outcome"] == "retried"
    assert attributes(span)["error.type"] == "Declined"
    [exception] = span.events
    assert exception.name == "exception"
    assert exception.time_unix_nano == at(2) * 1000
    assert attributes(exception) == {
        "exception.type": "Declined",
        "exception.message": "card refused",
        "exception.stacktrace": "Traceback: ...",
    }


def test_an_activity_that_failed_for_good_says_why_there_is_no_other_try() -> None:
    [span] = spans([story.failed("charge", lease=2, attempt=1, begun=1, time=2)])
    assert span.span_id == ids.attempt_span_id(RUN_ID, "charge", 2)
    assert attributes(span)["treadle.activity.retry_state"] == "max_attempts"
    assert span.status.code == Status.STATUS_CODE_ERROR


def test_a_cancelled_attempt_is_no_error() -> None:
    [span] = spans([story.cancelled("charge", lease=2, attempt=1, begun=1, time=2)])
    assert outline([span]) == [("charge", 1, 2)]
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert attributes(span)["treadle.activity.outcome"] == "cancelled"


def test_work_that_nobody_took_is_a_wait() -> None:
    event = story.failed("charge", lease=0, attempt=0, begun=None, time=7)
    event.seq = 5
    [span] = spans([event])
    assert outline([span]) == [("wait charge", 0, 7)]
    assert span.kind == Span.SPAN_KIND_INTERNAL
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.span_id == ids.span_id(RUN_ID, 5, Role.QUEUE_WAIT)


def test_a_wait_after_a_try_has_no_beginning_in_its_last_event() -> None:
    [span] = spans([story.cancelled("charge", lease=0, attempt=2, begun=None, time=7)])
    assert outline([span]) == [("wait charge", 7, 7)]


@pytest.mark.parametrize("ending", story.endings(), ids=lambda event: type(event).__name__)
def test_a_run_that_did_not_complete_is_an_error(ending: Event) -> None:
    [span] = spans([ending])
    assert outline([span]) == [("order", 0, 9)]
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.status.message
    state = str(attributes(span)["treadle.run.state"])
    assert state.replace("_", "").lower() == type(ending).__name__.removeprefix("Run").lower()


def test_a_completed_run_is_no_error() -> None:
    [span] = spans([event for event in story.order() if isinstance(event, RunCompleted)])
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert attributes(span)["treadle.run.state"] == "COMPLETED"


def test_a_failed_run_names_the_node() -> None:
    *_, run = spans(story.order(paid=False))
    assert attributes(run)["treadle.node"] == "charge"
    assert run.status.message == "Declined: card refused"


@pytest.mark.parametrize("event", story.moments(), ids=lambda event: type(event).__name__)
def test_what_ends_nothing_makes_no_span(event: Event) -> None:
    assert spans([event]) == []


@pytest.mark.parametrize("event", story.waits(), ids=lambda event: type(event).__name__)
def test_what_a_run_waits_for_by_itself_is_a_span(event: Event) -> None:
    [span] = spans([event])
    what, _, name = span.name.partition(" ")
    assert what in {"timer", "event", "child", "map"}
    assert outline([span]) == [(span.name, 1, 3)]
    assert attributes(span)["treadle.node"] == name
    failed = getattr(event, "failure", None) is not None
    assert (span.status.code == Status.STATUS_CODE_ERROR) == failed


def test_states_and_transitions_of_a_machine() -> None:
    transition, state = spans([story.moved()])
    assert outline([transition, state]) == [
        ("transition draft on submit -> pending", 3, 3),
        ("state draft", 1, 3),
    ]
    assert attributes(transition)["treadle.transition.cause"] == "event"
    assert attributes(state) == {"treadle.run_id": attributes(state)["treadle.run_id"]} | {
        "treadle.state": "draft"
    }


def test_one_span_for_all_reports_of_a_decision() -> None:
    kept, last = story.decided()
    assert spans_of(story.RUN_ID, kept) == []
    [span] = spans_of(story.RUN_ID, last)
    assert (span.name, story.attributes(span)["treadle.activity.outcome"]) == (
        "decision",
        "decided",
    )


def test_a_run_that_is_continued_ends_without_an_error() -> None:
    [span] = spans_of(story.RUN_ID, story.continued())
    assert story.attributes(span)["treadle.run.state"] == "CONTINUED"
    assert span.status.code != Status.STATUS_CODE_ERROR


def test_every_kind_of_event_was_thought_of() -> None:
    """A new event has to go into one of the stories: somebody decides about its span."""
    told = [*story.order(), *story.order(paid=False), *story.endings(), *story.moments()]
    told += [story.cancelled("a", lease=1, attempt=1, begun=1, time=2)]
    told += [*story.waits(), *story.decided(), story.continued(), story.moved()]
    spanless = {"IncidentAnswered", "NodeSkipped", "NodeFailed", "NodeCompleted"}
    spanless |= {"RunPaused", "RunResumed", "ActivityOverridden", "LoopTurned", "MapStarted"}
    spanless |= {"TimerStarted", "WaitStarted", "EventReceived", "EventSent", "ChildRequested"}
    spanless |= {"ChildStarted", "ChildCancelRequested", "CompensationRegistered"}
    spanless |= {"CompensationStarted", "CompensationEnded", "AttributeSet"}
    spanless |= {"ConfigurationSettled", "EventIgnored", "EventRaised", "MemoryChanged"}
    spanless |= {"MarkerRecorded", "UpdateReceived", "UpdateAnswered"}
    spanless |= {"GroupStarted", "GroupClosed", "StateRecorded"}
    names = {type(event).__name__ for event in told} | spanless
    assert names == {kind.__name__ for kind in EVENT_TYPES}


def test_a_huge_failure_is_cut() -> None:
    event = story.tried("charge", lease=2, attempt=1, begun=1, time=2)
    event.failure = Failure(kind="Big", message="m" * 100_000, stack_trace="s" * 100_000 + "end")
    [span] = spans([event])
    assert len(span.status.message) == MESSAGE_LIMIT
    stack_trace = str(attributes(span.events[0])["exception.stacktrace"])
    assert len(stack_trace) == STACK_TRACE_LIMIT
    assert stack_trace.endswith("end")


def test_all_spans_are_longer_than_the_anchor_and_that_has_a_length() -> None:
    anchor, *others = spans(story.order())
    length = anchor.end_time_unix_nano - anchor.start_time_unix_nano
    assert length > 0
    assert all(span.end_time_unix_nano - span.start_time_unix_nano > length for span in others)


@pytest.mark.parametrize("time", [2, 1], ids=["at once", "a clock that was set back"])
def test_no_span_is_without_length(time: float) -> None:
    [span] = spans([story.leased("charge", lease=1, attempt=1, ready=2, time=time)])
    assert span.end_time_unix_nano == span.start_time_unix_nano + 1000
