"""A channel whose calls share one that stays open, against a server that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import status_pb2

from treadle._client import local_socket
from treadle._client.conversation import MESSAGE_BYTES, ConversingChannel, is_traced
from treadle._frames import framed
from treadle.v1 import conversation_service_pb2 as messages
from treadle.v1.conversation_service_pb2_grpc import (
    ConversationServiceServicer,
    add_ConversationServiceServicer_to_server,
)

METHOD = "/test.Service/Method"
GREETING = b"it is me"
TICKET = b"let me in"


class Talker(ConversationServiceServicer):
    """Keeps what it hears; says what tests want it to."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[messages.ConverseRequest] = asyncio.Queue()
        self.to_say: asyncio.Queue[messages.ConverseResponse | grpc.StatusCode | bytes | None] = (
            asyncio.Queue()
        )
        self.streams = 0

    found = messages.FindLocalSocketResponse()
    """Where its local socket is."""

    refusal: grpc.StatusCode | None = None
    """Of saying so."""

    async def FindLocalSocket(self, request: Any, context: Any) -> Any:
        if self.refusal is not None:
            await context.abort(self.refusal, "as the test wants it")
        return self.found

    async def Converse(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        self.streams += 1
        reading = asyncio.ensure_future(self._read(requests))
        try:
            while (part := await self.to_say.get()) is not None:
                if isinstance(part, grpc.StatusCode):
                    await context.abort(part, "as the test wants it")
                yield part
        finally:
            reading.cancel()

    async def on_socket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The same over a local socket; bytes are sent as they are."""
        writer.write(framed(GREETING))
        reading = asyncio.ensure_future(self._read_socket(reader))
        try:
            while (part := await self.to_say.get()) is not None:
                if isinstance(part, grpc.StatusCode):
                    status = status_pb2.Status(code=part.value[0], message="as the test wants it")
                    last = messages.ConverseResponse(end_status=status.SerializeToString())
                    writer.write(framed(last.SerializeToString()))
                    break
                writer.write(part if isinstance(part, bytes) else framed(part.SerializeToString()))
        finally:
            reading.cancel()
            writer.close()

    async def _read(self, requests: Any) -> None:
        async for request in requests:
            self.heard.put_nowait(request)

    async def _read_socket(self, reader: asyncio.StreamReader) -> None:
        ticket = None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                length = int.from_bytes(await reader.readexactly(4), "big")
                message = await reader.readexactly(length)
                if ticket is None:
                    ticket = message
                    assert ticket == TICKET
                else:
                    self.heard.put_nowait(messages.ConverseRequest.FromString(message))

    async def call(self) -> messages.CarriedCall:
        """The next call, which came by itself."""
        request = await asyncio.wait_for(self.heard.get(), 10)
        [call] = request.calls
        return call

    def answer(self, *answers: messages.CarriedAnswer) -> None:
        self.to_say.put_nowait(messages.ConverseResponse(answers=answers))


class Plain(grpc.GenericRpcHandler):
    """The method itself: echoes, and counts."""

    calls = 0

    def service(self, handler_call_details: Any) -> Any:
        async def echo(data: bytes, context: Any) -> bytes:
            self.calls += 1
            return b"plain " + data

        if handler_call_details.method == METHOD:
            return grpc.unary_unary_rpc_method_handler(echo)
        return None


@pytest.fixture
def talker() -> Talker:
    return Talker()


@pytest.fixture
def plain() -> Plain:
    return Plain()


@pytest.fixture
def converses() -> bool:
    return True


@pytest.fixture(params=["stream", "socket"])
def kind(request: pytest.FixtureRequest) -> str:
    """What a conversation's messages travel on."""
    return str(request.param)


@pytest.fixture
async def socket(talker: Talker, tmp_path: Path) -> AsyncIterator[Path]:
    """That of the talker."""
    path = tmp_path / "socket"
    server = await asyncio.start_unix_server(talker.on_socket, path)
    yield path
    server.close()
    await asyncio.sleep(0.01)


@pytest.fixture
async def channel(
    talker: Talker, plain: Plain, converses: bool, kind: str, socket: Path
) -> AsyncIterator[Any]:
    if kind == "socket":
        talker.found = messages.FindLocalSocketResponse(
            path=str(socket), greeting=GREETING, ticket=TICKET
        )
    server = grpc.aio.server()
    if converses:
        add_ConversationServiceServicer_to_server(talker, server)
    server.add_generic_rpc_handlers((plain,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = ConversingChannel(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
    yield channel
    await channel.close()
    talker.to_say.put_nowait(None)
    await server.stop(None)
    assert kind == "stream" or talker.streams == 0, "the socket was not used"


def _multicallable(channel: ConversingChannel) -> Any:
    return channel.unary_unary(METHOD, lambda data: data, lambda data: data)


async def test_answers_find_their_calls_in_any_order(channel: Any, talker: Talker) -> None:
    call = _multicallable(channel)
    waiting = [asyncio.ensure_future(_result(call(bytes([n])))) for n in range(3)]
    carried: list[messages.CarriedCall] = []
    while len(carried) < 3:
        carried += (await asyncio.wait_for(talker.heard.get(), 10)).calls
    assert {one.method for one in carried} == {METHOD}
    talker.answer(
        messages.CarriedAnswer(number=999, response=b"of nothing that was asked"),
        *(
            messages.CarriedAnswer(number=one.number, response=b"to " + one.request)
            for one in reversed(carried)
        ),
    )
    assert await asyncio.gather(*waiting) == [b"to \x00", b"to \x01", b"to \x02"]


async def test_a_status_is_the_call_s_and_nobody_else_s(channel: Any, talker: Talker) -> None:
    call = _multicallable(channel)
    waiting = asyncio.ensure_future(_result(call(b"x", timeout=20)))
    carried = await talker.call()
    assert carried.timeout.seconds == 20
    status = status_pb2.Status(code=grpc.StatusCode.NOT_FOUND.value[0], message="no such thing")
    talker.answer(messages.CarriedAnswer(number=carried.number, status=status.SerializeToString()))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await waiting
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == "no such thing"
    assert dict(caught.value.trailing_metadata())["grpc-status-details-bin"] == (
        status.SerializeToString()
    )


async def test_a_status_that_cannot_be_read_is_still_an_error(channel: Any, talker: Talker) -> None:
    waiting = asyncio.ensure_future(_result(_multicallable(channel)(b"x")))
    carried = await talker.call()
    talker.answer(messages.CarriedAnswer(number=carried.number, status=b"\xff"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await waiting
    assert caught.value.code() is grpc.StatusCode.UNKNOWN


@pytest.mark.parametrize("how", ["cancel the call", "cancel who waits", "patience"])
async def test_a_call_that_nobody_waits_for_is_withdrawn(
    channel: Any, talker: Talker, how: str
) -> None:
    call = _multicallable(channel)(b"x", timeout=0.2 if how == "patience" else 20)
    waiting = asyncio.ensure_future(_result(call))
    carried = await talker.call()
    if how == "cancel the call":
        call.cancel()
    elif how == "cancel who waits":
        waiting.cancel()
    with pytest.raises((asyncio.CancelledError, grpc.aio.AioRpcError)) as caught:
        await waiting
    if how == "patience":
        assert isinstance(caught.value, grpc.aio.AioRpcError)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    request = await asyncio.wait_for(talker.heard.get(), 10)
    assert (list(request.withdrawn), list(request.calls)) == ([carried.number], [])


async def test_each_call_has_its_own_patience(channel: Any, talker: Talker) -> None:
    call = _multicallable(channel)
    over: list[float] = []

    async def wait(seconds: float) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _result(call(b"x", timeout=seconds))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        over.append(seconds)

    patient = asyncio.ensure_future(_result(call(b"y", timeout=20)))
    carried = await talker.call()
    await asyncio.gather(*(wait(seconds) for seconds in (0.4, 0.1, 0.25)))
    assert sorted(over) == [0.1, 0.25, 0.4]
    talker.answer(messages.CarriedAnswer(number=carried.number, response=b"here"))
    assert await patient == b"here"
    await asyncio.gather(*(wait(seconds) for seconds in (0.2, 0.1)))
    assert sorted(over[3:]) == [0.1, 0.2]


async def test_what_was_never_said_is_not_withdrawn(channel: Any, talker: Talker) -> None:
    call = _multicallable(channel)
    unwanted = call(b"unwanted")
    unwanted.cancel()
    waiting = asyncio.ensure_future(_result(call(b"wanted")))
    request = await asyncio.wait_for(talker.heard.get(), 10)
    assert [one.request for one in request.calls] == [b"wanted"]
    assert not request.withdrawn
    talker.answer(messages.CarriedAnswer(number=request.calls[0].number, response=b"here"))
    assert await waiting == b"here"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE),
        (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE),
        (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE),
        (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.PERMISSION_DENIED),
        (None, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_conversation_that_breaks_fails_its_calls_and_the_next_begins_another(
    channel: Any, talker: Talker, said: grpc.StatusCode | None, heard: grpc.StatusCode
) -> None:
    call = _multicallable(channel)
    waiting = [asyncio.ensure_future(_result(call(b"x"))) for _ in range(2)]
    await asyncio.wait_for(talker.heard.get(), 10)
    talker.to_say.put_nowait(said)
    failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert [failure.code() for failure in failures] == [heard] * 2  # type: ignore[union-attr]
    assert failures[0] is not failures[1]
    again = asyncio.ensure_future(_result(call(b"again")))
    carried = await talker.call()
    talker.answer(messages.CarriedAnswer(number=carried.number, response=b"here"))
    assert await again == b"here"


async def test_a_channel_that_is_closed_before_it_has_begun_cancels_its_calls(
    channel: Any, talker: Talker
) -> None:
    waiting = asyncio.ensure_future(_result(_multicallable(channel)(b"x")))
    await channel.close()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_channel_that_is_closed_cancels_its_calls(channel: Any, talker: Talker) -> None:
    waiting = asyncio.ensure_future(_result(_multicallable(channel)(b"x")))
    await talker.call()
    await channel.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("converses", [False])
async def test_a_server_that_carries_no_calls_is_called_plainly(channel: Any, plain: Plain) -> None:
    call = _multicallable(channel)
    waiting = [_result(call(bytes([n]), timeout=10)) for n in range(3)]
    assert await asyncio.gather(*waiting) == [b"plain \x00", b"plain \x01", b"plain \x02"]
    assert await _result(call(b"x")) == b"plain x"
    assert plain.calls == 4


async def test_what_does_not_fit_goes_by_itself(channel: Any, talker: Talker, plain: Plain) -> None:
    call = _multicallable(channel)
    large = b"x" * (MESSAGE_BYTES + 1)
    assert await _result(call(large)) == b"plain " + large
    assert await _result(call(b"y", metadata=(("key", "value"),))) == b"plain y"
    assert plain.calls == 2
    assert talker.heard.empty()


async def test_requests_share_a_message_as_far_as_they_fit(channel: Any, talker: Talker) -> None:
    call = _multicallable(channel)
    half = b"x" * (MESSAGE_BYTES // 2 - 100)
    waiting = [asyncio.ensure_future(_result(call(half))) for _ in range(3)]
    first = await asyncio.wait_for(talker.heard.get(), 10)
    second = await asyncio.wait_for(talker.heard.get(), 10)
    assert (len(first.calls), len(second.calls)) == (2, 1)
    for one in (*first.calls, *second.calls):
        talker.answer(messages.CarriedAnswer(number=one.number, response=b"here"))
    assert await asyncio.gather(*waiting) == [b"here"] * 3


# --- finding the socket ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["stream"])
@pytest.mark.parametrize(
    "wrong", ["greeting", "path", "silence", "too long", "user", "refused", "older server"]
)
async def test_who_finds_no_socket_or_another_server_s_uses_the_stream(
    channel: Any,
    talker: Talker,
    tmp_path: Path,
    wrong: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_socket, "_CONNECT_SECONDS", 0.2)
    if wrong == "user":
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    elif wrong == "refused":
        talker.refusal = grpc.StatusCode.PERMISSION_DENIED
    elif wrong == "older server":
        talker.refusal = grpc.StatusCode.UNIMPLEMENTED
    heard: list[bytes] = []

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if wrong != "silence":
            greeting = GREETING if wrong == "user" else b"somebody else"
            writer.write(framed(b"x" * 100_000 if wrong == "too long" else greeting))
        with contextlib.suppress(ConnectionError):
            heard.append(await reader.read())
        writer.close()

    path = tmp_path / "other"
    server = await asyncio.start_unix_server(other, path)
    talker.found = messages.FindLocalSocketResponse(
        path=str(tmp_path / "nothing" if wrong == "path" else path),
        greeting=GREETING,
        ticket=TICKET,
    )
    waiting = asyncio.ensure_future(_result(_multicallable(channel)(b"x")))
    carried = await talker.call()
    talker.answer(messages.CarriedAnswer(number=carried.number, response=b"here"))
    assert await waiting == b"here"
    assert talker.streams == 1
    assert not any(heard), "the ticket went to a stranger"
    server.close()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["stream"])
async def test_a_channel_that_is_closed_before_it_was_greeted_hangs_up(
    channel: Any, talker: Talker, tmp_path: Path
) -> None:
    came, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        left.set()
        writer.close()

    server = await asyncio.start_unix_server(silent, tmp_path / "silent")
    talker.found = messages.FindLocalSocketResponse(
        path=str(tmp_path / "silent"), greeting=GREETING, ticket=TICKET
    )
    waiting = asyncio.ensure_future(_result(_multicallable(channel)(b"x")))
    async with asyncio.timeout(10):
        await came.wait()
        await channel.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await left.wait()
    server.close()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["socket"])
@pytest.mark.parametrize("garbage", [b"\xff" * 8, framed(b"\xff\xff\xff")])
async def test_what_is_no_message_ends_the_conversation(
    channel: Any, talker: Talker, garbage: bytes
) -> None:
    call = _multicallable(channel)
    waiting = asyncio.ensure_future(_result(call(b"x")))
    await talker.call()
    talker.to_say.put_nowait(garbage)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await waiting
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    talker.to_say.put_nowait(None)
    again = asyncio.ensure_future(_result(call(b"again")))
    carried = await talker.call()
    talker.answer(messages.CarriedAnswer(number=carried.number, response=b"here"))
    assert await again == b"here"


@pytest.mark.parametrize("kind", ["socket"])
async def test_calls_of_one_round_go_in_parts_the_first_by_itself(
    channel: Any, talker: Talker
) -> None:
    call = _multicallable(channel)
    opening = asyncio.ensure_future(_result(call(b"opening")))
    await talker.call()
    # All in this round of the loop.
    waiting = [call(bytes([number])) for number in range(25)]
    heard = [await asyncio.wait_for(talker.heard.get(), 10) for _ in range(4)]
    assert [len(request.calls) for request in heard] == [1, 10, 10, 4]
    calls = [one for request in heard for one in request.calls]
    assert [one.request for one in calls] == [bytes([number]) for number in range(25)]
    talker.answer(
        messages.CarriedAnswer(number=calls[0].number - 1, response=b"here"),
        *[messages.CarriedAnswer(number=one.number, response=one.request) for one in calls],
    )
    assert await opening == b"here"
    assert await asyncio.gather(*waiting) == [bytes([number]) for number in range(25)]


@pytest.mark.parametrize("kind", ["socket"])
async def test_more_than_a_socket_takes_at_once_goes_on_as_it_is_read(
    channel: Any, talker: Talker
) -> None:
    call = _multicallable(channel)
    large = b"x" * (MESSAGE_BYTES - 1_000)
    waiting = [asyncio.ensure_future(_result(call(large))) for _ in range(20)]
    for _ in waiting:
        carried = await talker.call()
        assert carried.request == large
        talker.answer(messages.CarriedAnswer(number=carried.number, response=carried.request))
    assert await asyncio.gather(*waiting) == [large] * 20


async def _result(call: Any) -> bytes:
    found: bytes = await call
    return found


def test_while_a_thread_loads_opentelemetry_nobody_is_in_a_span(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", ModuleType("opentelemetry.trace"))
    assert not is_traced()
