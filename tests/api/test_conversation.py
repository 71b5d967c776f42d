"""Calls that are carried by one that stays open: what they mean, and what goes by itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import status_pb2
from opentelemetry import trace

from examples.local_service import LocalService, local_service
from tests.api.conftest import ONE_STEP
from tests.api.socket_caller import SHORT, Caller
from treadle import Client, activity, errors
from treadle._client import conversation
from treadle._client.conversation import ConversingChannel, _failed
from treadle.v1 import conversation_service_pb2 as messages
from treadle.v1 import payload_pb2, run_service_pb2
from treadle.v1 import worker_service_pb2 as workers
from treadle.v1.conversation_service_pb2_grpc import ConversationServiceStub
from treadle.worker import Worker

GET_RUN = "/treadle.v1.RunService/GetRun"
START_RUN = "/treadle.v1.RunService/StartRun"
POLL = "/treadle.v1.WorkerService/PollTasks"
SPAN = trace.NonRecordingSpan(
    trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(1))
)
NOTHING = run_service_pb2.GetRunRequest(workflow_id="nothing").SerializeToString()
ECHO = {
    "treadle": "v1",
    "kind": "graph",
    "name": "echo",
    "params": {"text": {"type": "string"}},
    "nodes": {"same": {"compute": "params.text"}},
    "output": "same",
}


class CountingCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """Counts calls that go by themselves, by their method's name."""

    def __init__(self, calls: Counter[str]) -> None:
        self._calls = calls

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        method = details.method
        name = method.decode() if isinstance(method, bytes) else method
        self._calls[name.rpartition("/")[2]] += 1
        return await continuation(details, request)


class SocketStream(Caller):
    """A conversation over the local socket, with the names that a stream of gRPC has."""

    @classmethod
    async def open(cls, channel: grpc.aio.Channel) -> SocketStream:
        """Connects, hears the greeting and shows the ticket."""
        found = await _find(channel)
        stream = cls(*await asyncio.open_unix_connection(found.path))
        assert await stream.message() == found.greeting
        stream.say(found.ticket)
        return stream

    async def write(self, request: messages.ConverseRequest) -> None:
        """Says it."""
        self.say(request)
        await self.writer.drain()

    async def read(self) -> messages.ConverseResponse:
        """The next message. Raises what the conversation ends with."""
        response = await self.response()
        if not response.end_status:
            return response
        assert await self.rest() == b"", "something follows the end"
        raise _failed(response.end_status)

    def cancel(self) -> None:
        """Hangs up."""
        self.writer.transport.abort()


async def _find(channel: grpc.aio.Channel) -> messages.FindLocalSocketResponse:
    found: messages.FindLocalSocketResponse = await ConversationServiceStub(
        channel
    ).FindLocalSocket(messages.FindLocalSocketRequest())
    return found


async def _open(kind: str, channel: grpc.aio.Channel) -> Any:
    if kind == "socket":
        return await SocketStream.open(channel)
    return ConversationServiceStub(channel).Converse(timeout=30)


@pytest.fixture(params=["stream", "socket"])
def kind(request: pytest.FixtureRequest) -> str:
    """What a conversation's messages travel on."""
    return str(request.param)


@pytest.fixture
async def counting(
    service: LocalService, kind: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Client, Counter[str]]]:
    if kind == "stream":
        monkeypatch.setattr(conversation, "find_local_socket", _no_socket)
    calls: Counter[str] = Counter()
    channel = grpc.aio.insecure_channel(service.address, interceptors=[CountingCalls(calls)])
    conversing = ConversingChannel(channel)
    async with Client(connection=conversing) as client:  # type: ignore[arg-type]
        await client.deploy(ECHO)
        await client.deploy(ONE_STEP)
        assert calls == ({} if kind == "stream" else {"FindLocalSocket": 1})
        calls.clear()
        yield client, calls
    await conversing.close()


async def _no_socket(*_: Any) -> None:
    return None


@pytest.fixture
async def stream(service: LocalService, kind: str) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(service.address) as channel:
        stream = await _open(kind, channel)
        yield stream
        stream.cancel()
        await asyncio.sleep(0)


def _call(
    number: int, method: str = GET_RUN, request: bytes = NOTHING, **fields: Any
) -> messages.CarriedCall:
    return messages.CarriedCall(number=number, method=method, request=request, **fields)


async def _say(
    stream: Any, *calls: messages.CarriedCall, withdrawn: list[int] | None = None
) -> None:
    await stream.write(messages.ConverseRequest(calls=calls, withdrawn=withdrawn or []))


async def _answers(stream: Any, count: int) -> dict[int, messages.CarriedAnswer]:
    found: dict[int, messages.CarriedAnswer] = {}
    while len(found) < count:
        response = await asyncio.wait_for(stream.read(), SHORT)
        assert response is not grpc.aio.EOF, found
        found |= {answer.number: answer for answer in response.answers}
    return found


def _status(answer: messages.CarriedAnswer) -> status_pb2.Status:
    assert answer.WhichOneof("outcome") == "status", answer
    return status_pb2.Status.FromString(answer.status)


def _poll(queue: str, seconds: int, session: str = "", max_tasks: int = 1) -> bytes:
    return workers.PollTasksRequest(
        queue=queue,
        wait=Duration(seconds=seconds),
        session_id=session,
        max_tasks=max_tasks,
        activity_types=[workers.ActivityType(name="one")],
        resume=workers.SessionResume() if session else None,
    ).SerializeToString()


# --- the call -------------------------------------------------------------------------------------


async def test_each_call_has_its_answer_whatever_becomes_of_the_others(stream: Any) -> None:
    await _say(
        stream,
        _call(7),
        _call(8, "/treadle.v1.RunService/ListRuns", b""),
        _call(9, "/treadle.v1.RunService/NoSuch"),
        _call(10, GET_RUN, b"\xff\xff"),
        _call(11, "/treadle.v1.RunService/WatchRuns", b""),
        _call(12, "/treadle.v1.ConversationService/Converse", b""),
    )
    found = await _answers(stream, 6)
    assert found.keys() == set(range(7, 13))
    assert run_service_pb2.ListRunsResponse.FromString(found[8].response) is not None
    assert _status(found[7]).code == grpc.StatusCode.NOT_FOUND.value[0]
    for number in (9, 10, 11, 12):
        assert _status(found[number]).code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "'/treadle.v1.RunService/WatchRuns'" in _status(found[11]).message
    await _say(stream, _call(7))  # answered: the number is free
    assert (await _answers(stream, 1)).keys() == {7}


async def test_calls_do_not_wait_for_each_other(stream: Any) -> None:
    await _say(stream, _call(1, POLL, _poll("calm", 30)), _call(2))
    assert (await _answers(stream, 1)).keys() == {2}


@pytest.mark.parametrize("kind", ["stream"])
async def test_what_is_under_way_is_answered_when_all_is_said(stream: Any) -> None:
    await _say(stream, _call(1, POLL, _poll("calm", 1)))
    await stream.done_writing()
    assert (await _answers(stream, 1)).keys() == {1}
    assert await stream.read() is grpc.aio.EOF


async def test_a_number_in_use_ends_the_conversation(stream: Any) -> None:
    await _say(stream, _call(1, POLL, _poll("calm", 30)), _call(1))
    with pytest.raises(grpc.aio.AioRpcError, match="an answer yet") as caught:
        await asyncio.wait_for(stream.read(), SHORT)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_poll_ends_before_its_caller_gives_up(stream: Any) -> None:
    await _say(stream, _call(1, POLL, _poll("calm", 30), timeout=Duration(seconds=2)))
    answer = (await _answers(stream, 1))[1]
    assert workers.PollTasksResponse.FromString(answer.response) == workers.PollTasksResponse()


async def test_what_a_withdrawn_poll_would_have_got_goes_to_another(
    service: LocalService, stream: Any, kind: str
) -> None:
    document = {
        **ONE_STEP,
        "name": "withdrawn",
        "nodes": {"only": {"activity": "one", "queue": kind}},
    }
    async with Client(service.address) as client:
        await client.deploy(document)
        await _say(stream, _call(1, POLL, _poll(kind, 30, f"{kind}1")), _call(2))
        await _answers(stream, 1)
        await _say(stream, withdrawn=[1, 99])
        await _say(stream, _call(3))
        await _answers(stream, 1)
        await client.start("withdrawn")
    await _say(stream, _call(4, POLL, _poll(kind, 20, f"{kind}2")))
    answer = (await _answers(stream, 1))[4]
    assert len(workers.PollTasksResponse.FromString(answer.response).tasks) == 1


async def test_more_calls_than_are_carried_at_a_time_are_all_answered(stream: Any) -> None:
    await _say(stream, *(_call(number) for number in range(2_500)))
    found = await _answers(stream, 2_500)
    assert {_status(answer).code for answer in found.values()} == {
        grpc.StatusCode.NOT_FOUND.value[0]
    }


async def test_messages_that_follow_on_a_crowd_are_heard(stream: Any) -> None:
    for first in range(0, 9_000, 3_000):
        await _say(stream, *(_call(number) for number in range(first, first + 3_000)))
    await _say(stream, _call(9_000))
    assert (await _answers(stream, 9_001)).keys() == set(range(9_001))


async def test_a_server_that_stops_answers_what_it_has_and_says_why(
    tmp_path: Path, kind: str
) -> None:
    with local_service(tmp_path) as service:
        async with grpc.aio.insecure_channel(service.address) as channel:
            stream = await _open(kind, channel)
            await _say(stream, _call(1, POLL, _poll("calm", 30)), _call(2))
            await _answers(stream, 1)
            await asyncio.to_thread(service.server.stop)
            answer = (await _answers(stream, 1))[1]
            assert answer.WhichOneof("outcome") == "response"
            with pytest.raises(grpc.aio.AioRpcError, match="stopping") as caught:
                await asyncio.wait_for(stream.read(), SHORT)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            stream.cancel()
            await asyncio.sleep(0)


# --- a client -------------------------------------------------------------------------------------


async def test_a_client_carries_what_it_can(counting: tuple[Client, Counter[str]]) -> None:
    client, calls = counting

    async def one(number: int) -> object:
        handle = await client.start("echo", {"text": str(number)})
        return await handle.result(SHORT)

    assert await asyncio.gather(*map(one, range(200))) == [str(number) for number in range(200)]
    assert not calls


async def test_a_large_request_goes_by_itself(counting: tuple[Client, Counter[str]]) -> None:
    client, calls = counting
    text = "x" * 1_200_000
    handle = await client.start("echo", {"text": text})
    assert calls == {"StartRun": 1}
    assert await handle.result(SHORT) == text


async def test_large_requests_and_answers_share_no_message(
    counting: tuple[Client, Counter[str]],
) -> None:
    client, calls = counting
    texts = [str(number) * 400_000 for number in range(10)]

    async def one(text: str) -> object:
        handle = await client.start("echo", {"text": text})
        return await handle.result(SHORT)

    assert await asyncio.gather(*map(one, texts)) == texts
    assert not calls


async def test_a_call_within_a_span_goes_by_itself(counting: tuple[Client, Counter[str]]) -> None:
    client, calls = counting
    with trace.use_span(SPAN):
        await asyncio.gather(*(client.start("echo", {"text": "a"}) for _ in range(5)))
    assert calls == {"StartRun": 5}


async def test_a_carried_call_is_refused_as_it_is_by_itself(
    service: LocalService, counting: tuple[Client, Counter[str]]
) -> None:
    client, calls = counting
    wrong: list[dict[str, Any]] = [
        {"workflow": "echo", "input": {"text": 1}},
        {"workflow": "nothing"},
        {"workflow": "echo", "input": {"text": "a"}, "workflow_id": "a\x00b"},
    ]

    async def refused(client: Client, **wrong: Any) -> errors.RequestError:
        with pytest.raises(errors.RequestError) as caught:
            await client.start(**wrong)
        return caught.value

    carried = [await refused(client, **one) for one in wrong]
    assert not calls
    async with Client(connection=grpc.aio.insecure_channel(service.address)) as plain:
        alone = [await refused(plain, **one) for one in wrong]
    for one, other in zip(carried, alone, strict=True):
        assert type(one) is type(other)
        assert str(one) == str(other)
        assert one.reason == other.reason
        assert one.metadata == other.metadata
        assert getattr(one, "violations", None) == getattr(other, "violations", None)


async def test_a_call_ends_with_its_caller_s_patience(service: LocalService) -> None:
    async with Client(service.address) as client:
        channel: Any = client._channel
        poll = channel.unary_unary(POLL, lambda data: data, workers.PollTasksResponse.FromString)
        # The server answers a second before the caller gives up; with less than that, at once.
        waiting = poll(_poll("calm", 30, "patient", 0), timeout=0.0001)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await waiting
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        handle = await client.start("one_step")
        with pytest.raises(TimeoutError):
            await handle.result(0.2)


async def test_a_worker_s_calls_are_carried_and_go_on_after_a_restart(tmp_path: Path) -> None:
    @activity
    async def one(text: str) -> str:
        return text.upper()

    document = {
        **ECHO,
        "name": "upper",
        "nodes": {"same": {"activity": "one", "input": "params.text"}},
    }
    with local_service(tmp_path) as service:
        worker = Worker([one], address=service.address)
        working = asyncio.ensure_future(worker.run())
        async with Client(service.address, retry_seconds=30) as client:
            await client.deploy(document)
            for text in ("a", "b"):
                handle = await client.start("upper", {"text": text})
                assert await handle.result(SHORT) == text.upper()
                if text == "a":
                    service.server.kill()
                    await asyncio.to_thread(service.start_server)
        worker.stop()
        await working


async def test_item_statuses_stay_items(stream: Any) -> None:
    results = [workers.TaskResult(task_token=b"forged", completed=workers.TaskCompleted())]
    request = workers.CompleteTasksRequest(results=results)
    name = "/treadle.v1.WorkerService/CompleteTasks"
    await _say(stream, _call(1, name, request.SerializeToString()))
    answer = (await _answers(stream, 1))[1]
    [status] = workers.CompleteTasksResponse.FromString(answer.response).statuses
    assert isinstance(status, payload_pb2.ItemStatus)
    assert status.reason == "TASK_TOKEN_INVALID"
