"""The codec: all events survive the way to bytes and back, and the two sides cannot drift apart."""

from __future__ import annotations

import dataclasses
import enum
import gc
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from treadle.v1 import event_pb2, payload_pb2
from treadle_server.engine import values
from treadle_server.engine.events import (
    EVENT_TYPES,
    ActivityScheduled,
    AttemptStarted,
    Event,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunResumed,
)
from treadle_server.engine.values import (
    Backoff,
    CompareAndSet,
    Failure,
    MemoryOperation,
    Payload,
    RetryPolicy,
    TimeoutKind,
)
from treadle_server.journal import codec, wire
from treadle_server.journal.port import DAMAGED

T = 1_795_000_000_123_456
"""2026-11-18T11:06:40.123456Z"""

MESSAGES: dict[str, Any] = {
    message.name: message
    for file in (event_pb2, payload_pb2)
    for message in file.DESCRIPTOR.message_types_by_name.values()
}
CLOCKS = {"google.protobuf.Timestamp", "google.protobuf.Duration"}
LAST_SECOND_OF_9999 = 253_402_300_799


def numbers(field: Any) -> st.SearchStrategy[int]:
    if field.message_type is not None and field.message_type.full_name in CLOCKS:
        return st.integers(0, LAST_SECOND_OF_9999 * 1_000_000)
    bits = 31 if field.type == field.TYPE_INT32 else 63
    return st.integers(-(2**bits), 2**bits - 1)


def of_hint(hint: Any, field: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return st.none() | of_hint(arguments[0], field)
    if origin is tuple:
        return st.lists(of_hint(arguments[0], field), max_size=3).map(tuple)
    if hint == Mapping[str, bytes]:
        return st.dictionaries(st.text(max_size=5), st.binary(max_size=5), max_size=3)
    if hint is int:
        return numbers(field)
    if hint is float:
        return st.floats(allow_nan=False)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    if dataclasses.is_dataclass(hint):
        return st.deferred(lambda: instances(hint))
    return {str: st.text(max_size=20), bytes: st.binary(max_size=20), bool: st.booleans()}[hint]


def instances(cls: Any) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    message = MESSAGES[cls.__name__].fields_by_name
    envelope = MESSAGES["Event"].fields_by_name
    made = {
        f.name: of_hint(hints[f.name], (message.get(f.name) or envelope.get(f.name)))
        for f in dataclasses.fields(cls)
    }
    if cls is MemoryOperation:
        changes = {name: made[name] for name in ("set", "add", "compare_and_set")}
        one = st.one_of(
            [st.fixed_dictionaries({name: change}) for name, change in changes.items()]
            + [st.just({"delete": True})]
        )
        return st.builds(lambda key, change: cls(key=key, **change), made["key"], one)
    return st.builds(cls, **made)


EVENTS = st.one_of([instances(cls) for cls in EVENT_TYPES])


@given(st.lists(EVENTS, max_size=4))
def test_events_come_back_as_they_were(events: list[Event]) -> None:
    assert codec.decode_batch(codec.encode_batch(events)) == events


@pytest.mark.parametrize("cls", EVENT_TYPES)
def test_each_kind_of_event_comes_back(cls: type[Event]) -> None:
    """So that no kind depends on the luck of the draw above."""

    @given(instances(cls))
    def comes_back(event: Event) -> None:
        assert codec.decode_batch(codec.encode_batch([event])) == [event]
        assert codec.event_from_message(codec.event_to_message(event)) == event

    comes_back()


@pytest.mark.parametrize("cls", EVENT_TYPES)
def test_the_bytes_are_those_that_protobuf_writes(cls: type[Event]) -> None:
    @given(st.lists(instances(cls), min_size=1, max_size=2))
    def are_the_same(events: list[Event]) -> None:
        body = codec.encode_batch(events)
        batch = event_pb2.EventBatch.FromString(body)
        theirs = batch.SerializeToString(deterministic=True)
        # Of two keys of which one begins with the other, protobuf has the longer one first.
        assert theirs == body or (sorted(theirs) == sorted(body) and "metadata" in str(batch))
        assert codec.encode_batch(events) == body  # also from what is kept

    are_the_same()


@given(st.lists(EVENTS, max_size=3), st.lists(EVENTS, max_size=3))
def test_bodies_one_after_the_other_are_one_body(first: list[Event], second: list[Event]) -> None:
    joined = codec.encode_batch(first) + codec.encode_batch(second)
    assert codec.decode_batch(joined) == first + second


@pytest.mark.parametrize(
    ("cls", "encode", "decode"),
    [
        (Payload, codec.payload_to_message, codec.payload_from_message),
        (Failure, codec.failure_to_message, codec.failure_from_message),
        (RetryPolicy, codec.retry_policy_to_message, codec.retry_policy_from_message),
        (
            MemoryOperation,
            codec.memory_operation_to_message,
            codec.memory_operation_from_message,
        ),
    ],
)
def test_values_come_back_as_they_were(cls: type, encode: Any, decode: Any) -> None:
    @given(instances(cls))
    def comes_back(value: Any) -> None:
        assert decode(encode(value)) == value

    comes_back()


STORED_EVENTS: list[Event] = [
    AttemptStarted(
        seq=5,
        time=T,
        key="charge",
        lease=7,
        attempt=2,
        session_id="s",
        identity="worker-1",
        build_id="b",
        until=T + 1_000_000,
        ready_time=T,
        type="charge_card",
    ),
    ActivityScheduled(
        seq=6,
        time=T,
        key="mail",
        type="send",
        queue="default",
        input=Payload(b"1", {"encoding": b"json/plain"}),
        retry=RetryPolicy(max_attempts=3, retry_on=("Transient",)),
        start_to_close_timeout=1_500_000,
        memory_keys=("a", "b"),
    ),
]


def test_the_stored_form_is_that_of_the_contract() -> None:
    """Built field by field with protobuf's own constructors: the derived code agrees with them."""
    time = Timestamp(seconds=1_795_000_000, nanos=123_456_000)
    expected = event_pb2.EventBatch(
        events=[
            event_pb2.Event(
                seq=5,
                time=time,
                attempt_started=event_pb2.AttemptStarted(
                    key="charge",
                    lease=7,
                    attempt=2,
                    session_id="s",
                    identity="worker-1",
                    build_id="b",
                    until=Timestamp(seconds=1_795_000_001, nanos=123_456_000),
                    ready_time=time,
                    type="charge_card",
                ),
            ),
            event_pb2.Event(
                seq=6,
                time=time,
                activity_scheduled=event_pb2.ActivityScheduled(
                    key="mail",
                    type="send",
                    queue="default",
                    input=payload_pb2.Payload(data=b"1", metadata={"encoding": b"json/plain"}),
                    retry=payload_pb2.RetryPolicy(
                        max_attempts=3,
                        initial_interval=Duration(seconds=1),
                        backoff=payload_pb2.BACKOFF_EXPONENTIAL,
                        coefficient=2.0,
                        increment=Duration(),
                        max_interval=Duration(seconds=100),
                        jitter=0.1,
                        retry_on=["Transient"],
                    ),
                    start_to_close_timeout=Duration(seconds=1, nanos=500_000_000),
                    priority=3,
                    memory_keys=["a", "b"],
                ),
            ),
        ]
    )
    assert event_pb2.EventBatch.FromString(codec.encode_batch(STORED_EVENTS)) == expected


def test_equal_metadata_gives_equal_bytes_in_whatever_order_it_was_made() -> None:
    names = [f"key-{number}" for number in range(16)]
    bodies = {
        codec.encode_batch(
            [
                RunCompleted(
                    output=Payload(b"", dict.fromkeys(order, b"x")), started_time=0, workflow="w"
                )
            ]
        )
        for order in (names, names[::-1], names[7:] + names[:7])
    }
    assert len(bodies) == 1


def test_an_empty_payload_is_not_an_absent_one() -> None:
    event = RunFailed(
        failure=Failure(kind="", details=Payload(b"")), node="", started_time=0, workflow=""
    )
    (read,) = codec.decode_batch(codec.encode_batch([event]))
    assert read == event


def test_a_required_field_that_is_absent_reads_as_zero() -> None:
    body = event_pb2.EventBatch(
        events=[event_pb2.Event(seq=1, run_completed=event_pb2.RunCompleted(workflow="w"))]
    ).SerializeToString()
    assert codec.decode_batch(body) == [
        RunCompleted(seq=1, time=0, output=Payload(b""), started_time=0, workflow="w")
    ]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"\xff\xff", "not an EventBatch"),
        (
            event_pb2.EventBatch(events=[event_pb2.Event(seq=8)]).SerializeToString(),
            "event 8 is of",
        ),
        (
            event_pb2.EventBatch(
                events=[event_pb2.Event(cancel_requested=event_pb2.CancelRequested(cause=99))]  # type: ignore[arg-type]
            ).SerializeToString(),
            "99 is not a CancelCause",
        ),
    ],
)
def test_bytes_of_another_kind_are_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(codec.CodecError, match=complaint):
        codec.decode_batch(body)


def nested(depth: int) -> RunFailed:
    failure = Failure(kind="innermost")
    for _ in range(depth):
        failure = Failure(kind="outer", cause=failure, timeout_kind=TimeoutKind.HEARTBEAT)
    return RunFailed(failure=failure, node="", started_time=0, workflow="w")


def test_what_can_be_written_can_be_read_however_deep() -> None:
    """Protobuf itself writes deeper messages than it reads; such a run would be lost."""
    assert codec.decode_batch(codec.encode_batch([nested(64)])) == [nested(64)]
    with pytest.raises(codec.CodecError, match="nested deeper than 64"):
        codec.encode_batch([nested(65)])
    with pytest.raises(codec.CodecError, match="nested deeper than 64"):
        codec.failure_to_message(nested(65).failure)


def test_values_that_python_takes_for_equal_are_written_apart() -> None:
    for jitter in (0.0, -0.0, 1.0, 0.0, -0.0):
        policy = codec.retry_policy_from_message(
            codec.retry_policy_to_message(RetryPolicy(jitter=jitter))
        )
        assert math.copysign(1, policy.jitter) == math.copysign(1, jitter)
        assert policy.jitter == jitter


def test_what_is_kept_of_earlier_events_is_bounded() -> None:
    def attempt(number: int) -> AttemptStarted:
        [first, _] = STORED_EVENTS
        assert isinstance(first, AttemptStarted)
        return dataclasses.replace(first, key=f"each[{number}]", until=T + number, lease=number)

    for number in range(3_000):
        [read] = codec.decode_batch(codec.encode_batch([attempt(number)]))
        assert read == attempt(number)
    gc.unfreeze()  # a worker that another test has begun in this process hides what was there
    kept = [one for one in gc.get_objects() if isinstance(one, wire.Kept)]
    assert len(kept) > 10
    assert max(map(len, kept)) <= 1_000
    assert not any(len(text) > 100 for one in kept for text in one if isinstance(text, str))


@pytest.mark.parametrize("seq", [2**63, -(2**63) - 1])
def test_a_number_that_does_not_fit_is_a_value_error(seq: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        codec.encode_batch([RunCompleted(seq=seq, output=values.NULL, started_time=0, workflow="")])


def test_enum_numbers_are_members_again() -> None:
    policy = codec.retry_policy_from_message(
        payload_pb2.RetryPolicy(backoff=payload_pb2.BACKOFF_LINEAR)
    )
    assert policy.backoff is Backoff.LINEAR


def test_a_chosen_oneof_member_may_hold_its_zero_value() -> None:
    for operation in (
        MemoryOperation(key="k", add=0.0),
        MemoryOperation(key="k", set=Payload(b"")),
        MemoryOperation(key="k", compare_and_set=CompareAndSet(value=Payload(b""))),
    ):
        message = codec.memory_operation_to_message(operation)
        assert message.WhichOneof("operation") is not None
        assert codec.memory_operation_from_message(message) == operation


def test_the_kinds_of_a_body_are_known_without_reading_it() -> None:
    paused = RunPaused(seq=1, time=T, reason="", actor="")
    body = codec.encode_batch([paused, RunResumed(seq=2, time=T, actor="")])
    assert codec.has_any(body, (RunResumed, AttemptStarted))
    assert not codec.has_any(body, (AttemptStarted,))
    assert not codec.has_any(b"", EVENT_TYPES)
    later = event_pb2.EventBatch(events=[event_pb2.Event(seq=1)]).SerializeToString()
    assert not codec.has_any(later, EVENT_TYPES)
    with pytest.raises(codec.CodecError, match="not an EventBatch"):
        codec.has_any(b"\xff", EVENT_TYPES)
    with pytest.raises(codec.CodecError, match="damaged"):
        codec.has_any(DAMAGED, EVENT_TYPES)
