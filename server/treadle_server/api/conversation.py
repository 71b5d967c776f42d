"""The calls of one conversation, whatever its messages travel on."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from treadle.v1 import conversation_service_pb2 as messages
from treadle_server.api.errors import Described, invalid
from treadle_server.runs.errors import Busy

MAX_OPEN_CALLS: Final = 100_000
"""Of one conversation, most of them waits for the ends of runs. One more is refused."""

BEGUN_AT_A_TIME: Final = 10
"""Calls begin in one round of the event loop: others are served between those of a crowd."""

CROWD_BYTES: Final = 1 << 20
"""With more that is still to begin, the next message waits: its sender would fill the memory."""

_CALL_BYTES: Final = 500
"""What a call takes beside its request."""

MESSAGE_BYTES: Final = 1 << 20
"""Answers share a message up to this size."""

RECEIVE_BYTES: Final = 16 << 20
"""The longest message that is taken, here and by gRPC. A definition of 64 MiB travels packed;
everything else is far smaller and has limits of its own.
"""

Answer = Callable[[bytes, Any], Awaitable[bytes]]
"""Carries out a method: takes its serialised request and the call's context."""


class CarriedContext:
    """What a method gets as its context: the part of gRPC's that methods use."""

    __slots__ = ("_deadline",)

    def __init__(self, timeout_seconds: float | None) -> None:
        self._deadline = timeout_seconds
        if timeout_seconds is not None:
            self._deadline = asyncio.get_running_loop().time() + timeout_seconds

    def time_remaining(self) -> float | None:
        """Seconds to the caller's deadline."""
        if self._deadline is None:
            return None
        return self._deadline - asyncio.get_running_loop().time()

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """None: what the conversation was begun with belongs to none of its calls."""
        return ()


_Call = tuple[str, bytes, CarriedContext]
"""Its method, its request, its context. Not the message, which would keep the whole one that it
came in for as long as it waits.
"""


class Conversation:
    """Each call is carried out by a task of its own. `changed` is called when there is an answer,
    and when there will be none any more; `has_room` when it is no longer `crowded`.
    """

    def __init__(
        self,
        methods: Mapping[str, Answer],
        changed: Callable[[], None],
        has_room: Callable[[], None],
    ) -> None:
        self._methods = methods
        self._changed = changed
        self._has_room = has_room
        self._calls: dict[int, asyncio.Task[None] | None] = {}
        """None: it has not begun."""
        self._later: OrderedDict[int, _Call] = OrderedDict()
        """Those that have not."""
        self._later_bytes = 0
        self._begun = 0
        """So many in this round of the loop."""
        self.crowded = False
        """So many are to begin that no further message is to be heard."""
        self._answers: list[messages.CarriedAnswer] = []
        self._complete = False
        self.failure: Exception | None = None
        """What the conversation ends with; None: with all said and answered."""

    @property
    def ended(self) -> bool:
        """No call has no answer yet, none will come, and each answer was taken."""
        return self._complete and not self._calls and not self._answers

    def hear(self, request: messages.ConverseRequest) -> None:
        """Withdraws and begins calls: what follows on a withdrawn call travels with it. Raises
        `RequestInvalid`.
        """
        withdrawn = set(request.withdrawn)
        for number in withdrawn:
            self._withdraw(number)
        for call in request.calls:
            if call.number not in withdrawn:
                self._begin(call)

    def take(self) -> messages.ConverseResponse | None:
        """The answers that there are, as far as they fit into a message; None: there are none."""
        if not self._answers:
            return None
        response = messages.ConverseResponse()
        taken = size = 0
        for answer in self._answers:
            size += answer.ByteSize()
            if taken and size > MESSAGE_BYTES:
                break
            response.answers.append(answer)
            taken += 1
        del self._answers[:taken]
        return response

    def end(self, failure: Exception | None = None) -> None:
        """There will be no further call; those under way are still answered."""
        self._complete, self.failure = True, self.failure or failure
        self._changed()

    def close(self) -> None:
        """Nobody waits for what is under way any more."""
        calls, self._calls = self._calls, {}
        self._later.clear()
        self._later_bytes = 0
        self.crowded = False
        for task in calls.values():
            if task is not None:
                task.cancel()

    def _begin(self, call: messages.CarriedCall) -> None:
        if self._complete:
            return  # nobody answers any more: the end of the conversation says so
        if call.number in self._calls:
            raise invalid("calls.number", f"{call.number} is that of a call without an answer yet")
        timeout = None
        if call.HasField("timeout"):
            timeout = call.timeout.seconds + call.timeout.nanos / 1e9
        carried = call.method, call.request, CarriedContext(timeout)
        if self._begun < BEGUN_AT_A_TIME and not self._later:
            self._start(call.number, carried)
            return
        self._calls[call.number] = None
        self._later[call.number] = carried
        self._later_bytes += _size(carried)
        self.crowded = self._later_bytes > CROWD_BYTES

    def _start(self, number: int, carried: _Call) -> None:
        loop = asyncio.get_running_loop()
        self._begun += 1
        if self._begun == 1:
            loop.call_soon(self._next_round)
        name, request, context = carried
        self._calls[number] = loop.create_task(self._carry(number, name, request, context))

    def _next_round(self) -> None:
        self._begun = 0
        while self._later and self._begun < BEGUN_AT_A_TIME:
            number, carried = self._later.popitem(last=False)
            self._later_bytes -= _size(carried)
            self._start(number, carried)
        if self.crowded and self._later_bytes <= CROWD_BYTES:
            self.crowded = False
            self._has_room()

    def _withdraw(self, number: int) -> None:
        task = self._calls.pop(number, None)
        if task is not None:
            task.cancel()
        elif (carried := self._later.pop(number, None)) is not None:
            self._later_bytes -= _size(carried)

    async def _carry(self, number: int, name: str, request: bytes, context: CarriedContext) -> None:
        try:
            response = await self._method(name)(request, context)
            answer = messages.CarriedAnswer(number=number, response=response)
        except Exception as error:  # noqa: BLE001 - becomes the call's status
            status = Described(error).status().SerializeToString()
            answer = messages.CarriedAnswer(number=number, status=status)
        if self._calls.pop(number, None) is None:
            return  # it was withdrawn just now
        self._answers.append(answer)
        self._changed()

    def _method(self, name: str) -> Answer:
        if len(self._calls) > MAX_OPEN_CALLS:
            raise Busy(
                f"one conversation carries at most {MAX_OPEN_CALLS} calls at a time; "
                "open another one for more"
            )
        method = self._methods.get(name)
        if method is None:
            raise invalid("calls.method", f"names no method that can be carried: {name!r}")
        return method


def _size(carried: _Call) -> int:
    return len(carried[1]) + _CALL_BYTES
