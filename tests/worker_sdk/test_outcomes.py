"""What an activity raises or returns, and the failure or result that becomes of it."""

from __future__ import annotations

import dataclasses
import sys
from collections import UserDict
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import FakeServer
from treadle import ApplicationError, Context, activity, payload
from treadle.v1 import payload_pb2


class PaymentDeclined(ApplicationError):
    """Its class is its kind."""


async def test_an_application_error_says_everything_about_the_failure(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def fail() -> None:
        raise ApplicationError(
            "no stock", "OutOfStock", {"sku": "a-1"}, non_retryable=True, next_delay=2.5
        )

    start_worker([fail])
    failure = await server.failure(await server.add("fail"))
    assert (failure.kind, failure.message, failure.non_retryable) == (
        "OutOfStock",
        "no stock",
        True,
    )
    assert payload.decode(failure.details) == {"sku": "a-1"}
    assert failure.next_delay.ToTimedelta() == timedelta(seconds=2.5)


@pytest.mark.parametrize("in_thread", [False, True])
async def test_the_kind_of_any_other_error_is_its_class(
    server: FakeServer, start_worker: StartWorker, in_thread: bool
) -> None:
    def divide() -> float:
        return 1 / 0

    async def divide_later() -> float:
        return divide()

    start_worker([activity(name="divide")(divide if in_thread else divide_later)])
    failure = await server.failure(await server.add("divide"))
    assert (failure.kind, failure.message) == ("ZeroDivisionError", "division by zero")
    assert "return 1 / 0" in failure.stack_trace
    assert "_worker" not in failure.stack_trace
    assert not failure.non_retryable


async def test_a_subclass_is_a_kind_and_causes_are_kept(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def fail() -> None:
        try:
            raise ConnectionError("card network away")
        except ConnectionError as error:
            raise PaymentDeclined("card 1234") from error

    start_worker([fail])
    failure = await server.failure(await server.add("fail"))
    assert failure.kind == "PaymentDeclined"
    assert (failure.cause.kind, failure.cause.message) == ("ConnectionError", "card network away")


@pytest.mark.parametrize("in_thread", [False, True])
async def test_an_activity_that_exits_does_not_take_the_worker_with_it(
    server: FakeServer, start_worker: StartWorker, in_thread: bool
) -> None:
    def leave() -> None:
        sys.exit(3)

    async def leave_later() -> None:
        leave()

    @activity
    async def after() -> str:
        return "still here"

    start_worker([activity(name="leave")(leave if in_thread else leave_later), after])
    assert (await server.failure(await server.add("leave"))).kind == "SystemExit"
    assert await server.output(await server.add("after")) == "still here"


async def test_long_texts_are_shortened_to_what_the_contract_allows(
    server: FakeServer, start_worker: StartWorker
) -> None:
    def deep(depth: int) -> None:
        if depth == 0:
            raise ValueError("ü" * 20_000 + "\udc80")
        # Different lines, which a traceback cannot fold into "repeated".
        if depth % 2:
            deep(depth - 1)
        else:
            deep(depth - 1)

    @activity
    async def fail() -> None:
        deep(300)

    start_worker([fail])
    failure = await server.failure(await server.add("fail"))
    assert 8_000 < len(failure.message.encode()) <= 8 * 1024
    assert len(failure.stack_trace.encode()) <= 16 * 1024
    assert "deep(300)" in failure.stack_trace


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (Unspeakable(), "Unspeakable", "its text cannot be read"),
        (ApplicationError("a", "Odd\ud800"), "Odd\\ud800", "a"),
        (ApplicationError("a", ""), "ApplicationError", "a"),
        (ApplicationError("a", "K", object()), "K", "its details are lost"),
        (ApplicationError("a", "K", next_delay=-1), "K", "a"),
        (ExceptionGroup("two", [ValueError(1), KeyError(2)]), "ExceptionGroup", "two"),
    ],
    ids=["str", "surrogate", "no kind", "details", "delay", "group"],
)
async def test_no_error_is_too_odd_to_be_reported(
    server: FakeServer,
    start_worker: StartWorker,
    in_thread: bool,
    error: Exception,
    kind: str,
    message: str,
) -> None:
    def fail() -> None:
        raise error

    async def fail_later() -> None:
        raise error

    start_worker([activity(name="fail")(fail if in_thread else fail_later)])
    failure = await server.failure(await server.add("fail"))
    assert (failure.kind, message in failure.message) == (kind, True)


async def test_a_model_that_cannot_be_written_or_built_is_a_failure_of_its_own(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @dataclasses.dataclass
    class Broken:
        number: int

        def __post_init__(self) -> None:
            raise OSError("no disk")

    class BrokenMapping(UserDict[str, int]):
        def __iter__(self) -> Iterator[str]:
            raise OSError("no disk")

    async def take(value: object) -> None: ...

    take.__annotations__["value"] = Broken

    @activity
    async def give() -> object:
        return BrokenMapping({"a": 1})

    start_worker([activity(take), give])
    assert (await server.failure(await server.add("take", {"number": 1}))).kind == "OSError"
    failure = await server.failure(await server.add("give"))
    assert (failure.kind, "no disk" in failure.message) == ("treadle.InvalidOutput", True)


async def test_a_result_never_outgrows_a_message(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def remember_much(ctx: Context) -> None:
        for key in ("a", "b"):
            ctx.memory.set(key, "x" * 2_000_000)

    @activity
    async def fail_at_length() -> None:
        try:
            raise ApplicationError("inner", details="x" * 2_000_000)
        except ApplicationError as error:
            raise ApplicationError("outer", details="x" * 2_000_000) from error

    @activity
    async def label_much() -> payload_pb2.Payload:
        return payload_pb2.Payload(data=b"1", metadata={"label": b"x" * 4_000_000})

    start_worker([remember_much, label_much, fail_at_length])
    for name in ("remember_much", "label_much"):
        failure = await server.failure(await server.add(name))
        assert failure.kind == "treadle.InvalidOutput"
        assert "with its changes of memory and metadata" in failure.message
    failure = await server.failure(await server.add("fail_at_length"))
    assert (failure.kind, failure.message) == ("ApplicationError", "outer")
    assert not failure.HasField("details")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "builtins.object has no form in JSON"),
        (float("nan"), "not JSON compliant"),
        ("x" * (2 * 1024 * 1024), "at most 2,097,152 are allowed"),
        ("\ud800", "surrogates not allowed"),
    ],
    ids=["object", "nan", "too long", "surrogate"],
)
async def test_an_output_that_cannot_be_written_is_a_failure_without_retry(
    server: FakeServer, start_worker: StartWorker, value: object, reason: str
) -> None:
    @activity
    async def give() -> object:
        return value

    start_worker([give])
    failure = await server.failure(await server.add("give"))
    assert failure.kind == "treadle.InvalidOutput"
    assert reason in failure.message
    assert failure.non_retryable
