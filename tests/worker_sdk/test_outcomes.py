"""What an activity raises or returns, and the failure or result that becomes of it."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import FakeServer
from treadle import ApplicationError, activity, payload


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
