"""The server's local socket: who is let in, what ends a conversation there, where the file is."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import status_pb2

from examples.local_service import LocalService, local_service
from tests.api.conftest import Api
from tests.api.socket_caller import SHORT, Caller
from treadle import Client, activity
from treadle._frames import framed
from treadle.v1 import conversation_service_pb2 as messages
from treadle.worker import Worker
from treadle_server.api import local_socket
from treadle_server.api.conversation_service import ConversationService
from treadle_server.api.local_socket import LocalSocket
from treadle_server.runs.errors import Stopping

GREETING = b"g" * 32
TICKET = b"t" * 32


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[LocalSocket]:
    place = LocalSocket(tmp_path, greeting=GREETING, ticket=TICKET)

    async def echo(request: bytes, _context: Any) -> bytes:
        return request

    async def hang(_request: bytes, _context: Any) -> bytes:
        await asyncio.sleep(60)
        return b""

    async def slow(request: bytes, _context: Any) -> bytes:
        await asyncio.sleep(0.1)
        return request

    place.methods |= {"/echo": echo, "/hang": hang, "/slow": slow}
    await place.start()
    yield place
    await place.close(0)
    await asyncio.sleep(0.01)


Connect = Callable[..., Any]


@pytest.fixture
async def connect(place: LocalSocket) -> AsyncIterator[Connect]:
    callers: list[Caller] = []

    async def connect(*, admitted: bool = True) -> Caller:
        caller = Caller(*await asyncio.open_unix_connection(place.path))
        callers.append(caller)
        assert await caller.message() == GREETING
        if admitted:
            caller.say(TICKET)
        return caller

    yield connect
    for caller in callers:
        caller.writer.transport.abort()
    await asyncio.sleep(0)


# --- who is let in --------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"w" * 32, b"", b"t" * 31, b"t" * 33, b"t" * 100_000])
async def test_who_has_no_ticket_is_not_answered(connect: Connect, said: bytes) -> None:
    caller = await connect(admitted=False)
    caller.say(said)
    caller.say(TICKET)
    caller.ask(1, b"x")
    assert await caller.rest() == b""


async def test_who_says_nothing_is_hung_up_on(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_socket, "TICKET_SECONDS", 0.05)
    caller = await connect(admitted=False)
    assert await caller.rest() == b""
    patient = await connect()
    await asyncio.sleep(0.2)
    patient.ask(1, b"x")
    assert (await patient.response()).answers[0].response == b"x"


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        ("ipv4:127.0.0.1:1", True),
        ("ipv6:%5B::1%5D:1", True),
        ("unix:", True),
        ("ipv4:10.0.0.1:1", False),
        ("ipv6:%5B2001:db8::1%5D:1", False),
    ],
)
async def test_only_callers_on_the_machine_are_told_of_it(
    place: LocalSocket, peer: str, told: bool
) -> None:
    class Context:
        def peer(self) -> str:
            return peer

    service = ConversationService({}, place)
    found = await service.FindLocalSocket(messages.FindLocalSocketRequest(), Context())
    assert (found.path, found.greeting, found.ticket) == (
        (str(place.path), GREETING, TICKET) if told else ("", b"", b"")
    )


# --- what is said there ---------------------------------------------------------------------------


async def test_messages_may_come_in_pieces_and_together(connect: Connect) -> None:
    caller = await connect()
    calls = [messages.CarriedCall(number=n, method="/echo", request=b"x") for n in range(3)]
    data = b"".join(
        framed(messages.ConverseRequest(calls=[call]).SerializeToString()) for call in calls
    )
    for at in range(len(data) - 20):
        caller.writer.write(data[at : at + 1])
        await caller.writer.drain()
    caller.writer.write(data[-20:])
    found: set[int] = set()
    while len(found) < 3:
        found |= {answer.number for answer in (await caller.response()).answers}
    assert found == {0, 1, 2}


@pytest.mark.parametrize(
    ("said", "message"),
    [(b"\xff\xff\xff", "is no ConverseRequest"), (b"x" * ((16 << 20) + 1), "16777217 bytes")],
    ids=["garbage", "too long"],
)
async def test_what_is_no_message_ends_the_conversation_and_says_why(
    connect: Connect, said: bytes, message: str
) -> None:
    caller, other = await connect(), await connect()
    caller.ask(1, b"", "/hang")
    caller.say(said)
    last = await caller.response()
    status = status_pb2.Status.FromString(last.end_status)
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert message in status.message
    assert await caller.rest() == b""
    other.ask(1, b"x")
    assert (await other.response()).answers[0].response == b"x"


async def test_answers_of_one_round_go_in_parts(connect: Connect) -> None:
    caller = await connect()
    calls = [messages.CarriedCall(number=n, method="/echo", request=b"x") for n in range(25)]
    caller.say(messages.ConverseRequest(calls=calls))
    found = [(await caller.response()).answers for _ in range(3)]
    assert [len(answers) for answers in found] == [10, 10, 5]
    assert {one.number for answers in found for one in answers} == set(range(25))


async def test_who_does_not_read_makes_the_server_wait_and_not_grow(
    connect: Connect, place: LocalSocket
) -> None:
    caller = await connect()
    megabyte = b"x" * (1 << 20)
    caller.writer.transport.set_write_buffer_limits(1 << 30)
    for number in range(30):
        caller.ask(number, megabyte)
    await asyncio.sleep(0.3)
    [conversation] = place.callers
    assert conversation._transport.get_write_buffer_size() < 4 << 20
    assert len(conversation._conversation._answers) < 5
    found = 0
    while found < 30:
        answers = (await caller.response()).answers
        assert all(answer.response == megabyte for answer in answers)
        found += len(answers)


async def test_who_neither_reads_nor_says_what_can_be_read_is_not_heard_on(
    connect: Connect, place: LocalSocket
) -> None:
    caller = await connect()
    caller.writer.transport.set_write_buffer_limits(1 << 30)
    for number in range(4):
        caller.ask(number, b"x" * (1 << 20))
    caller.say(b"x" * (20 << 20), b"x" * (20 << 20))
    await asyncio.sleep(0.3)
    [conversation] = place.callers
    assert len(conversation._frames._begun) < 4 << 20
    while not (await caller.response()).end_status:
        pass
    assert await caller.rest() == b""


async def test_who_leaves_waits_for_nothing(connect: Connect, place: LocalSocket) -> None:
    caller = await connect()
    caller.ask(1, b"", "/hang")
    caller.ask(2, b"x")
    await caller.response()
    [conversation] = place.callers
    [task] = conversation._conversation._calls.values()
    assert task is not None
    caller.writer.transport.abort()
    async with asyncio.timeout(SHORT):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not place.callers


# --- the end --------------------------------------------------------------------------------------


async def test_a_server_that_stops_answers_what_it_has(
    connect: Connect, place: LocalSocket
) -> None:
    caller, stranger = await connect(), await connect(admitted=False)
    caller.ask(1, b"x", "/slow")
    caller.ask(2, b"y")
    await caller.response()
    place.stop(Stopping("the server is stopping"))
    assert not place.listening
    assert not place.path.exists()
    caller.ask(3, b"z")  # comes too late
    closing = asyncio.ensure_future(place.close(SHORT))
    assert (await caller.response()).answers[0].response == b"x"
    last = await caller.response()
    assert status_pb2.Status.FromString(last.end_status).message == "the server is stopping"
    assert await caller.rest() == b""
    assert await stranger.rest() == b""
    await closing


async def test_who_comes_in_as_the_server_stops_is_sent_away(
    place: LocalSocket, connect: Connect
) -> None:
    reader, writer = await asyncio.open_unix_connection(place.path)
    await asyncio.sleep(0)  # accepted, and not introduced yet
    place.stop(Stopping("the server is stopping"))
    caller = Caller(reader, writer)
    caller.say(TICKET)
    caller.ask(1, b"", "/hang")
    closing = asyncio.ensure_future(place.close(SHORT * 10))
    await caller.rest()
    async with asyncio.timeout(SHORT):
        await closing
    assert not place.callers
    writer.transport.abort()


async def test_who_is_not_done_by_the_end_of_the_grace_is_left(
    connect: Connect, place: LocalSocket
) -> None:
    caller = await connect()
    caller.ask(1, b"", "/hang")
    caller.ask(2, b"")
    await caller.response()
    place.stop(Stopping("the server is stopping"))
    await place.close(0.05)
    assert await caller.rest() == b""


# --- the file -------------------------------------------------------------------------------------


async def test_the_file_is_its_owner_s(place: LocalSocket, tmp_path: Path) -> None:
    assert place.path == tmp_path / "treadle.sock"
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o600


async def test_a_file_that_cannot_be_removed_does_not_keep_the_server_from_stopping(
    place: LocalSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("read-only")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        place.stop(Stopping("the server is stopping"))
    assert not place.listening


@pytest.mark.parametrize("folder", ["none", "long", "no Unicode"])
async def test_without_a_folder_that_will_do_it_has_one_of_its_own(
    tmp_path: Path, folder: str
) -> None:
    unfit = tmp_path / ("x" * 100 if folder == "long" else "\udcff")
    unfit.mkdir()
    place = LocalSocket(None if folder == "none" else unfit, greeting=GREETING, ticket=TICKET)
    await place.start()
    own = place.path.parent
    assert own not in (tmp_path, unfit)
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    await place.close(0)
    assert not own.exists()


async def test_what_is_no_socket_stays_and_callers_use_grpc(tmp_path: Path) -> None:
    (tmp_path / "treadle.sock").write_text("mine")
    place = LocalSocket(tmp_path, greeting=GREETING, ticket=TICKET)
    await place.start()
    assert not place.listening
    await place.close(0)
    assert (tmp_path / "treadle.sock").read_text() == "mine"


@activity
async def upper(text: str) -> str:
    """Makes it loud."""
    return text.upper()


DOCUMENT = {
    "treadle": "v1",
    "kind": "graph",
    "name": "upper",
    "params": {"text": {"type": "string"}},
    "nodes": {"loud": {"activity": "upper", "input": "params.text"}},
    "output": "loud",
}


async def _loud(service: LocalService) -> None:
    worker = Worker([upper], address=service.address)
    working = asyncio.ensure_future(worker.run())
    async with Client(service.address, retry_seconds=30) as client:
        await client.deploy(DOCUMENT)
        handle = await client.start("upper", {"text": "a"})
        assert await handle.result(SHORT) == "A"
    worker.stop()
    await working


def test_a_killed_server_s_socket_is_taken_over_and_a_stopped_one_s_is_gone(
    tmp_path: Path,
) -> None:
    with local_service(tmp_path) as service:
        found = _find(service)
        path = Path(found.path)
        service.server.kill()
        assert path.is_socket()
        service.start_server()
        again = _find(service)
        assert again.path == found.path
        assert again.greeting != found.greeting
        asyncio.run(_loud(service))
        service.server.stop()
        assert not path.exists()


def test_without_it_all_goes_over_grpc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREADLE_LOCAL_SOCKET", "no")
    with local_service(tmp_path) as service:
        assert _find(service) == messages.FindLocalSocketResponse()
        asyncio.run(_loud(service))
        assert not list(tmp_path.rglob("*.sock"))


def _find(service: LocalService) -> messages.FindLocalSocketResponse:
    found: messages.FindLocalSocketResponse = Api(service.address)(
        "ConversationService.FindLocalSocket"
    ).response
    return found
