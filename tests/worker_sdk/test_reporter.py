"""Results on their way: when they go out, together with which others, and again if need be. Over
real gRPC, with a server double.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import OK, FakeServer, refusal
from treadle import activity, payload
from treadle._client.retry import Backoff
from treadle._worker.connection import Connection
from treadle._worker.reporter import Reporter
from treadle._worker.session import Session
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages


@activity
async def double(number: int) -> int:
    return number * 2


class HeldUp:
    """Reports that have come and wait for `release`."""

    def __init__(self, server: FakeServer) -> None:
        self.calls: list[int] = []
        """The number of results in each."""
        self.release = asyncio.Event()
        self._server = server
        server.before_report = self._hold_up

    async def _hold_up(self, request: messages.CompleteTasksRequest, context: Any) -> None:
        if self.release.is_set():
            return
        self.calls.append(len(request.results))
        await self._server.notify()
        await self.release.wait()

    async def each(self, activity: str, count: int) -> list[bytes]:
        """Has so many tasks reported by a call each; their tokens. Their inputs are 0, 1 and on."""
        tokens = []
        for number in range(count):
            tokens.append(await self._server.add(activity, number))
            await self._server.until(lambda: len(self.calls) == len(tokens))
        return tokens


async def test_a_result_does_not_wait_for_the_answers_to_a_few_others(
    server: FakeServer, start_worker: StartWorker
) -> None:
    held_up = HeldUp(server)
    start_worker([double], slots=50)
    tokens = await held_up.each("double", 8)
    assert held_up.calls == [1] * 8
    held_up.release.set()
    for token in tokens:
        await server.result(token)


@pytest.mark.parametrize(
    ("gathered", "size", "calls"),
    [(20, 1, [20]), (60, 1, [60]), (60, 100_000, [31, 29])],
    ids=["some", "many", "large"],
)
async def test_behind_a_few_many_results_go_at_once_and_others_together(
    server: FakeServer, start_worker: StartWorker, gathered: int, size: int, calls: list[int]
) -> None:
    held_up = HeldUp(server)
    begun = ended = 0
    may_end, all_ended = asyncio.Event(), asyncio.Event()
    all_begun = asyncio.Event()

    @activity
    async def held(number: int) -> str:
        nonlocal begun, ended
        begun += 1
        if number < 8:
            return ""
        if begun == 8 + gathered:
            all_begun.set()
        await may_end.wait()
        ended += 1
        if ended == gathered:
            all_ended.set()
        return "x" * size

    start_worker([held], slots=100)
    tokens = await held_up.each("held", 8)
    tokens += [await server.add("held", 8) for _ in range(gathered)]
    await all_begun.wait()
    may_end.set()
    await all_ended.wait()
    if calls == [60]:
        await server.until(lambda: len(held_up.calls) == 9)
    else:
        await asyncio.sleep(0.05)
        assert held_up.calls == [1] * 8
    held_up.release.set()
    for token in tokens:
        await server.result(token)
    assert [len(report.results) for report in server.reports] == [1] * 8 + calls


async def test_after_calls_that_failed_together_there_is_one_call(
    server: FakeServer, start_worker: StartWorker
) -> None:
    held_up = HeldUp(server)
    start_worker([double], slots=50)
    tokens = await held_up.each("double", 3)
    await server.stop()
    held_up.release.set()
    await server.start()
    for number, token in enumerate(tokens):
        assert await server.output(token) == 2 * number
    assert [len(report.results) for report in server.reports] == [3]


async def test_calls_that_were_put_off_together_wait_once(
    server: FakeServer, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []
    next_delay_seconds = Backoff.next_delay_seconds

    def noted(self: Backoff) -> float | None:
        waits.append(next_delay_seconds(self))
        return waits[-1]

    monkeypatch.setattr(Backoff, "next_delay_seconds", noted)
    answers = iter([refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")] * 3)
    server.refuse = lambda result: next(answers, OK)
    held_up = HeldUp(server)
    start_worker([double], slots=50)
    tokens = await held_up.each("double", 3)
    held_up.release.set()
    for token in tokens:
        await server.result(token)
    assert [len(report.results) for report in server.reports] == [1, 1, 1, 3]
    assert len(waits) == 1


async def test_a_refused_result_is_dropped_and_the_others_of_its_batch_are_not(
    server: FakeServer, start_worker: StartWorker
) -> None:
    def refuse(result: messages.TaskResult) -> payload_pb2.ItemStatus:
        if result.task_token == b"token-2":
            return refusal(grpc.StatusCode.FAILED_PRECONDITION, "the lease has ended")
        return OK

    server.refuse = refuse
    running = start_worker([double])
    tokens = [await server.add("double", number) for number in range(3)]
    for token in (tokens[0], tokens[2]):
        await server.result(token)
    await running.drain()
    sent = [result.task_token for report in server.reports for result in report.results]
    assert sorted(sent) == tokens


async def test_a_result_that_the_server_finds_invalid_is_reported_as_a_failure(
    server: FakeServer, start_worker: StartWorker
) -> None:
    server.refuse = lambda result: (
        refusal(grpc.StatusCode.INVALID_ARGUMENT, "output: too long")
        if result.HasField("completed")
        else OK
    )
    start_worker([double])
    failure = await server.failure(await server.add("double", 1))
    assert failure.kind == "treadle.ResultRefused"
    assert "output: too long" in failure.message
    assert failure.non_retryable


async def test_a_result_is_sent_again_until_it_is_taken(
    server: FakeServer, start_worker: StartWorker
) -> None:
    answers = iter([refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")] * 2)
    server.refuse = lambda result: next(answers, OK)
    calls = iter([grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])

    async def fail_twice(request: Any, context: Any) -> None:
        if code := next(calls, None):
            await context.abort(code, "not now")

    server.before_report = fail_twice
    start_worker([double])
    assert await server.output(await server.add("double", 3)) == 6
    assert len(server.reports) == 3


async def test_a_call_that_is_refused_as_a_whole_is_taken_apart(
    server: FakeServer, start_worker: StartWorker
) -> None:
    together = asyncio.Barrier(5)

    @activity
    async def meet(number: int) -> int:
        await together.wait()
        return number

    async def refuse(request: messages.CompleteTasksRequest, context: Any) -> None:
        if any(payload.decode(result.completed.output) == 3 for result in request.results):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "results[3] is no good")

    server.before_report = refuse
    start_worker([meet])
    tokens = [await server.add("meet", number) for number in range(5)]
    for number in (0, 1, 2, 4):
        assert await server.output(tokens[number]) == number
    assert (await server.failure(tokens[3])).kind == "treadle.ResultRefused"


async def test_a_result_that_is_too_large_for_the_server_does_not_hold_up_the_others(
    server: FakeServer, start_worker: StartWorker
) -> None:
    await server.stop()
    await server.start(("grpc.max_receive_message_length", 500_000))
    together = asyncio.Barrier(3)

    @activity
    async def write(size: int) -> str:
        await together.wait()
        return "x" * size

    start_worker([write])
    sizes = [1, 1_000_000, 2]
    small, large, other = [await server.add("write", size) for size in sizes]
    assert await server.output(small) == "x"
    assert await server.output(other) == "xx"
    failure = await server.failure(large)
    assert failure.kind == "treadle.ResultRefused"
    assert failure.non_retryable


async def test_a_decision_hears_that_its_report_is_too_large(server: FakeServer) -> None:
    await server.stop()
    await server.start(("grpc.max_receive_message_length", 500_000))
    session, connection = Session(1), Connection(server.address, 5.0)
    told: list[object] = []
    session.decided = lambda token, answer: told.append((token, answer))
    session.slots_changed = lambda: None
    reporting = asyncio.create_task(Reporter(session, connection, "default").run())
    report = messages.TaskResult(task_token=b"token")
    report.decided.commands.add(description="x" * 1_000_000)
    session.add_result(report)
    assert (await server.failure(b"token")).kind == "treadle.ResultRefused"
    assert told == [(b"token", None)]
    reporting.cancel()
    await asyncio.gather(reporting, return_exceptions=True)
    await connection.close()


async def test_a_call_that_was_under_way_does_not_end_the_search_for_the_result_that_spoils_one(
    server: FakeServer, start_worker: StartWorker
) -> None:
    together = asyncio.Barrier(2)
    release = asyncio.Event()
    sizes: list[int] = []

    @activity
    async def meet(number: int) -> int:
        if number:
            await together.wait()
        return number

    async def answer(request: messages.CompleteTasksRequest, context: Any) -> None:
        sizes.append(len(request.results))
        await server.notify()
        outputs = [payload.decode(result.completed.output) for result in request.results]
        if 0 in outputs:
            await release.wait()
        if 3 in outputs:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "results[0] is no good")

    server.before_report = answer
    start_worker([meet])
    first = await server.add("meet", 0)
    await server.until(lambda: len(sizes) == 1)
    bad, good = [await server.add("meet", number) for number in (3, 1)]
    await server.until(lambda: len(sizes) == 2)
    await asyncio.sleep(0.05)  # the refusal is with the worker before the answer to the first
    release.set()
    assert await server.output(first) == 0
    assert await server.output(good) == 1
    assert (await server.failure(bad)).kind == "treadle.ResultRefused"
    assert sizes[:3] == [1, 2, 1]
