"""Many runs that are waited for over one stream, and many starts at the same time."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from opentelemetry import trace

from examples.local_service import LocalService, local_service
from tests.api.conftest import ONE_STEP
from treadle import Client, errors
from treadle.v1 import run_service_pb2 as runs
from treadle.v1.run_service_pb2_grpc import RunServiceStub

SPAN = trace.NonRecordingSpan(
    trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(1))
)
COMPUTED = {
    "treadle": "v1",
    "kind": "graph",
    "name": "computed",
    "params": {"n": {"type": "integer"}},
    "nodes": {"twice": {"compute": "params.n * 2"}},
    "output": "twice",
}
SHORT = 10.0


class CountingCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """Counts calls by their method's name."""

    def __init__(self, calls: Counter[str]) -> None:
        self._calls = calls

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self._calls[_name(details.method)] += 1
        return await continuation(details, request)


def _name(method: bytes | str) -> str:
    text = method.decode() if isinstance(method, bytes) else method
    return text.rpartition("/")[2]


@pytest.fixture
async def counting(service: LocalService) -> AsyncIterator[tuple[Client, Counter[str]]]:
    calls: Counter[str] = Counter()
    channel = grpc.aio.insecure_channel(service.address, interceptors=[CountingCalls(calls)])
    async with Client(connection=channel) as client:
        await client.deploy(COMPUTED)
        calls.clear()
        yield client, calls


@pytest.fixture
async def stream(service: LocalService) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(service.address) as channel:
        call = RunServiceStub(channel).WaitRuns(timeout=20)
        yield call
        call.cancel()


async def _start(service: LocalService, workflow: str = "one_step") -> str:
    async with Client(service.address) as client:
        return (await client.start(workflow)).run_id


async def _ends(stream: Any) -> dict[str, runs.RunEnd]:
    response = await asyncio.wait_for(stream.read(), SHORT)
    return {end.run_id: end for end in response.ends}


# --- the stream -----------------------------------------------------------------------------------


async def test_each_run_is_answered_once_whatever_became_of_it(
    service: LocalService, stream: Any
) -> None:
    open_run, ended, unknown = await _start(service), await _start(service), str(uuid.uuid4())
    async with Client(service.address) as client:
        await client.terminate(ended)
        await stream.write(runs.WaitRunsRequest(run_ids=[open_run, ended, unknown, ended]))
        found = await _ends(stream)
        if len(found) == 1:
            found |= await _ends(stream)
        assert found.keys() == {ended, unknown}
        assert found[ended].end.run.state == runs.RUN_STATE_TERMINATED
        assert found[ended].end.ended
        assert found[unknown].status.reason == "RUN_NOT_FOUND"
        assert found[unknown].status.code == grpc.StatusCode.NOT_FOUND.value[0]
        await stream.done_writing()
        await client.terminate(open_run)
    assert (await _ends(stream)).keys() == {open_run}
    assert await stream.read() is grpc.aio.EOF


async def test_what_is_forgotten_is_not_answered(service: LocalService, stream: Any) -> None:
    one, other = await _start(service), await _start(service)
    await stream.write(runs.WaitRunsRequest(run_ids=[one, other]))
    await stream.write(runs.WaitRunsRequest(forget_run_ids=[one, str(uuid.uuid4())]))
    await stream.done_writing()
    async with Client(service.address) as client:
        await client.terminate(one)
        await client.terminate(other)
    assert (await _ends(stream)).keys() == {other}
    assert await stream.read() is grpc.aio.EOF


async def test_a_run_of_another_namespace_is_not_there(service: LocalService, stream: Any) -> None:
    run_id = await _start(service)
    await stream.write(runs.WaitRunsRequest(namespace="elsewhere", run_ids=[run_id]))
    assert (await _ends(stream))[run_id].status.reason == "RUN_NOT_FOUND"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (runs.WaitRunsRequest(run_ids=["x"]), "is no run id"),
        (runs.WaitRunsRequest(run_ids=[""]), "is no run id"),
        (runs.WaitRunsRequest(forget_run_ids=["x"]), "is no run id"),
        (runs.WaitRunsRequest(run_ids=["x"] * 1_001), "has 1001 items"),
        (runs.WaitRunsRequest(namespace="not/one"), "letters"),
        (runs.WaitRunsRequest(namespace="elsewhere"), "must be empty or that of the first"),
    ],
)
async def test_a_wrong_request_ends_the_stream(
    stream: Any, request_: runs.WaitRunsRequest, message: str
) -> None:
    if request_.namespace != "not/one":
        await stream.write(runs.WaitRunsRequest())
    await stream.write(request_)
    with pytest.raises(grpc.aio.AioRpcError, match=message) as caught:
        await stream.read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


# --- a client with much to wait for ---------------------------------------------------------------


async def test_many_starts_and_results_share_calls(counting: tuple[Client, Counter[str]]) -> None:
    client, calls = counting

    async def one(number: int) -> tuple[str, object]:
        handle = await client.start("computed", {"n": number}, workflow_id=f"share-{number}")
        return handle.run_id, await handle.result(SHORT)

    done = await asyncio.gather(*(one(number) for number in range(200)))
    assert [result for _, result in done] == [number * 2 for number in range(200)]
    assert len({run_id for run_id, _ in done}) == 200
    assert calls["StartRun"] + calls["BatchStartRuns"] < 60
    assert calls["WaitRun"] < 150


async def test_a_start_in_a_batch_is_refused_as_it_is_alone(
    counting: tuple[Client, Counter[str]],
) -> None:
    client, _ = counting

    async def refused(**wrong: Any) -> errors.RequestError:
        with pytest.raises(errors.RequestError) as caught:
            await client.start(**wrong)
        return caught.value

    wrong: list[dict[str, Any]] = [
        {"workflow": "computed", "input": {"n": "no number"}},
        {"workflow": "nothing"},
        {"workflow": "computed", "input": {"n": 1}, "workflow_id": "a\x00b"},
    ]
    alone = [await refused(**one) for one in wrong]
    others = asyncio.gather(*(client.start("computed", {"n": number}) for number in range(20)))
    together = await asyncio.gather(*(refused(**one) for one in wrong * 3))
    await others
    assert [type(one) for one in together] == [type(one) for one in alone] * 3
    assert [str(one) for one in together] == [str(one) for one in alone] * 3
    assert [getattr(one, "violations", None) for one in together] == [
        getattr(one, "violations", None) for one in alone
    ] * 3


async def test_a_start_within_a_span_has_a_call_of_its_own(
    counting: tuple[Client, Counter[str]],
) -> None:
    client, calls = counting
    with trace.use_span(SPAN):
        await asyncio.gather(*(client.start("computed", {"n": number}) for number in range(20)))
    assert calls == {"StartRun": 20}


async def test_a_start_that_nobody_wants_any_more_is_not_sent(
    counting: tuple[Client, Counter[str]],
) -> None:
    client, _ = counting
    tasks = [
        asyncio.ensure_future(client.start("computed", {"n": n}, workflow_id=f"unwanted-{n}"))
        for n in range(30)
    ]
    await asyncio.sleep(0)
    for task in tasks[20:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    started = {run.workflow_id async for run in client.list_runs(workflow="computed")}
    assert {f"unwanted-{n}" for n in range(30)} & started == {f"unwanted-{n}" for n in range(20)}


async def test_patience_ends_for_each_by_itself(counting: tuple[Client, Counter[str]]) -> None:
    client, calls = counting
    handles = await asyncio.gather(*(client.start("one_step") for _ in range(12)))

    async def result(number: int) -> object:
        try:
            return await handles[number].result(0.2 if number % 2 else SHORT)
        except (TimeoutError, errors.RunTerminated) as error:
            return type(error).__name__

    waiting = [asyncio.ensure_future(result(number)) for number in range(12)]
    await asyncio.sleep(0.6)
    for handle in handles:
        await handle.terminate()
    found = await asyncio.gather(*waiting)
    assert found == ["RunTerminated", "TimeoutError"] * 6
    assert calls["WaitRun"] == 4  # the others share a stream


async def test_who_waits_for_the_same_run_gets_the_same_end(
    counting: tuple[Client, Counter[str]],
) -> None:
    client, _ = counting
    handle = await client.start("one_step")
    waiting = [asyncio.ensure_future(handle.result(SHORT)) for _ in range(20)]
    await asyncio.sleep(0.1)
    for one in waiting[10:15]:
        one.cancel()
    await handle.terminate()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert Counter(type(end).__name__ for end in ends) == {"RunTerminated": 15, "CancelledError": 5}


async def test_a_client_that_is_closed_lets_everybody_go(service: LocalService) -> None:
    client = Client(service.address)
    handles = await asyncio.gather(*(client.start("one_step") for _ in range(10)))
    waiting = [asyncio.ensure_future(handle.result()) for handle in handles]
    await asyncio.sleep(0.1)
    await client.close()
    done, _ = await asyncio.wait(waiting, timeout=SHORT)
    assert {one.cancelled() for one in done} == {True}
    assert len(done) == 10


async def test_waiting_outlives_a_server(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        async with Client(service.address, retry_seconds=30) as client:
            await client.deploy(ONE_STEP)
            handles = await asyncio.gather(*(client.start("one_step") for _ in range(20)))
            waiting = [asyncio.ensure_future(handle.result(60)) for handle in handles]
            await asyncio.sleep(0.2)
            service.server.kill()
            await asyncio.sleep(0.2)
            await asyncio.to_thread(service.start_server)
            for handle in handles:
                await handle.terminate()
            ends = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(end).__name__ for end in ends} == {"RunTerminated"}


async def test_each_failure_of_the_connection_has_its_own_patience(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        async with Client(service.address, retry_seconds=2) as client:
            await client.deploy(ONE_STEP)
            for _ in range(2):
                handles = await asyncio.gather(*(client.start("one_step") for _ in range(10)))
                waiting = [asyncio.ensure_future(handle.result(0.5)) for handle in handles]
                await asyncio.sleep(0.1)
                service.server.kill()
                ends = await asyncio.gather(*waiting, return_exceptions=True)
                assert {type(end).__name__ for end in ends} == {"TimeoutError"}
                await asyncio.to_thread(service.start_server)
                await asyncio.sleep(2)


async def test_who_waits_hears_that_the_server_is_gone_for_good(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        async with Client(service.address, retry_seconds=0.5) as client:
            await client.deploy(ONE_STEP)
            handles = await asyncio.gather(*(client.start("one_step") for _ in range(10)))
            waiting = [asyncio.ensure_future(handle.result(60)) for handle in handles]
            await asyncio.sleep(0.2)
            service.server.kill()
            ends = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(end).__name__ for end in ends} == {"ServerUnavailable"}
