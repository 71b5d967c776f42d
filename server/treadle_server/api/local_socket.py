"""Conversations over a Unix socket, for callers on the same machine.

A message on one of gRPC's streams wakes three threads of its receiver, one after the other; here
the event loop itself reads and writes. Who may come in is decided by the file
system, and by gRPC: only who was told the ticket there is heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from hmac import compare_digest
from pathlib import Path
from typing import Final, cast

import structlog
from google.protobuf.message import DecodeError

from treadle._frames import Frames, FrameTooLong, framed
from treadle.v1 import conversation_service_pb2 as messages
from treadle_server.api.conversation import MESSAGE_BYTES, RECEIVE_BYTES, Answer, Conversation
from treadle_server.api.errors import Described, invalid

FILE_NAME: Final = "treadle.sock"
SECRET_BYTES: Final = 32
TICKET_SECONDS: Final = 10.0
"""After which a caller without a ticket has to leave."""

_LONGEST_PATH_BYTES: Final = 103
"""What every system has room for in the address of a socket; Linux has for four more."""

_PART_ANSWERS: Final = 10
"""Measured with a hundred callers: a twentieth more runs a second than all at once."""

_BACKLOG: Final = 1_024
"""Workers that connect at the same moment, as after a restart; more of them use gRPC."""

_log = structlog.get_logger(component="api")


class LocalSocket:
    """Listens in a folder, which nobody else may use at the time; in one of its own if there is
    none, or if its path is too long. `greeting` and `ticket`: `SECRET_BYTES` of randomness each.
    """

    def __init__(self, folder: Path | None, *, greeting: bytes, ticket: bytes) -> None:
        self.greeting = greeting
        self.ticket = ticket
        self.methods: dict[str, Answer] = {}
        """What can be carried, by its full path."""
        self.callers: set[SocketConversation] = set()
        self._folder = folder
        self._own_folder: Path | None = None
        self._server: asyncio.Server | None = None
        self._last_left = asyncio.Event()
        self.stopping: Exception | None = None
        """Why nobody is served any more."""

    @property
    def listening(self) -> bool:
        """Whether callers can come in."""
        return self._server is not None

    async def start(self) -> None:
        """Listens. Where that cannot be, gRPC has to do: the log says why."""
        try:
            self.path = self._free_path()
            self._server = await asyncio.get_running_loop().create_unix_server(
                lambda: SocketConversation(self), str(self.path), backlog=_BACKLOG
            )
            self.path.chmod(0o600)
        except (NotImplementedError, OSError) as error:  # asyncio has none on Windows
            _log.info("no local socket; callers here use gRPC", error=str(error))
            self._leave()

    def stop(self, reason: Exception) -> None:
        """Takes no new callers, and ends each conversation when what it carries is answered."""
        self.stopping = reason
        self._leave()
        for conversation in list(self.callers):
            conversation.end(reason)

    async def close(self, grace_seconds: float) -> None:
        """Ends what is still open, after the grace at the latest."""
        self._leave()
        if self.callers and grace_seconds > 0:
            self._last_left.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._last_left.wait(), grace_seconds)
        for conversation in list(self.callers):
            conversation.abort()

    def left(self, conversation: SocketConversation) -> None:
        """A conversation is over."""
        self.callers.discard(conversation)
        if not self.callers:
            self._last_left.set()

    def _free_path(self) -> Path:
        path = None if self._folder is None else self._folder.resolve() / FILE_NAME
        # What is not printable may be no Unicode either, and could not be told.
        if path is None or len(bytes(path)) > _LONGEST_PATH_BYTES or not str(path).isprintable():
            self._own_folder = Path(tempfile.mkdtemp(prefix="treadle-"))
            path = self._own_folder / FILE_NAME
        if path.is_socket():
            path.unlink()  # of a server that was killed
        return path

    def _leave(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            with contextlib.suppress(OSError):  # nobody is there: that it stays harms nobody
                self.path.unlink()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)


class SocketConversation(asyncio.Protocol):
    """One caller."""

    def __init__(self, place: LocalSocket) -> None:
        self._place = place
        self._frames = Frames(SECRET_BYTES)
        self._conversation = Conversation(place.methods, self._changed, self._listen_again)
        self._transport: asyncio.Transport
        self._admitted = False
        self._speaking = False
        """About to, in this round of the loop."""
        self._held_back = 0
        """So many answers of this round wait for others."""
        self._full = False
        """The caller does not read as fast as it is answered."""
        self._failed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        # uvloop's transports have all of its methods without being one.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(MESSAGE_BYTES)
        self._transport.write(framed(self._place.greeting))
        self._place.callers.add(self)
        self._patience = asyncio.get_running_loop().call_later(TICKET_SECONDS, self.abort)
        if self._place.stopping is not None:  # it was on its way in
            self.end(self._place.stopping)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._frames.add(data)
        self._listen()

    def _listen(self) -> None:
        """Hears what has arrived, as far as there is room for the calls in it."""
        transport, conversation = self._transport, self._conversation
        try:
            while (
                not conversation.crowded
                and not transport.is_closing()
                and (message := self._frames.next()) is not None
            ):
                self._hear(message)
        except FrameTooLong as error:
            self._fail(invalid("request", str(error)))
        except Exception as error:  # noqa: BLE001 - the conversation ends with it
            self._fail(error)
        if conversation.crowded:
            transport.pause_reading()

    def _listen_again(self) -> None:
        self._listen()
        self._maybe_read()

    def _maybe_read(self) -> None:
        if not (self._full or self._failed or self._conversation.crowded):
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`. Who does not read is not listened to."""
        self._full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._full = False
        self._maybe_read()
        self._changed()

    def connection_lost(self, _exception: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._patience.cancel()
        self._conversation.close()
        self._place.left(self)

    def end(self, reason: Exception) -> None:
        """Goes when all is answered."""
        self._conversation.end(reason)

    def abort(self) -> None:
        """Goes at once."""
        self._transport.abort()

    def _hear(self, message: bytes) -> None:
        if self._admitted:
            try:
                request = messages.ConverseRequest.FromString(message)
            except DecodeError as error:
                raise invalid("request", f"is no ConverseRequest: {error}") from None
            self._conversation.hear(request)
        elif compare_digest(message, self._place.ticket):
            self._admitted = True
            self._patience.cancel()
            self._frames.max_bytes = RECEIVE_BYTES
        else:
            self.abort()

    def _fail(self, error: Exception) -> None:
        self._failed = True
        self._transport.pause_reading()
        self._conversation.close()
        self._conversation.end(error)

    def _changed(self) -> None:
        # Answers that are found in one round of the loop go together, but in parts: the caller is
        # at the first of a hundred while the others are found.
        if self._full:
            return
        if not self._speaking:
            self._speaking = True
            self._held_back = 0
            asyncio.get_running_loop().call_soon(self._end_round)
        self._held_back += 1
        if self._held_back == _PART_ANSWERS:
            self._held_back = 0
            self._speak()

    def _speak(self) -> None:
        transport, conversation = self._transport, self._conversation
        while (
            not self._full
            and not transport.is_closing()
            and (response := conversation.take()) is not None
        ):
            transport.write(framed(response.SerializeToString()))

    def _end_round(self) -> None:
        self._speaking = False
        self._speak()
        if self._conversation.ended and not self._transport.is_closing():
            failure = self._conversation.failure
            if failure is not None and self._admitted:
                status = Described(failure).status().SerializeToString()
                last = messages.ConverseResponse(end_status=status)
                self._transport.write(framed(last.SerializeToString()))
            self._transport.close()
