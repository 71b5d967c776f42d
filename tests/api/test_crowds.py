"""A crowd of calls in one conversation begins a few at a time, in its order, and nothing is lost
of what it says meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from treadle.testing import virtual_time
from treadle.v1 import conversation_service_pb2 as messages
from treadle_server.api.conversation import (
    BEGUN_AT_A_TIME,
    CROWD_BYTES,
    MAX_OPEN_CALLS,
    Conversation,
)
from treadle_server.runs.errors import Stopping


class Crowd:
    """A conversation whose calls end when they are told to; `begun` says in which round."""

    def __init__(self) -> None:
        self.conversation = Conversation({"ask": self.answer}, self._changed, self._has_room)
        self.begun: dict[int, int] = {}
        self.ends = asyncio.Event()
        self.round = 0
        self.has_room = 0
        self.answers: list[int] = []

    async def answer(self, request: bytes, _context: Any) -> bytes:
        self.begun[int(request.split()[0])] = self.round
        await self.ends.wait()
        return b""

    def say(self, numbers: Iterable[int], *, withdrawn: Iterable[int] = (), size: int = 0) -> None:
        request = messages.ConverseRequest(withdrawn=withdrawn)
        for number in numbers:
            call = request.calls.add(number=number, method="ask")
            call.request = f"{number} ".encode() + b"x" * size
        self.conversation.hear(request)

    async def rounds(self, count: int) -> None:
        """Others have the loop, too."""
        for _ in range(count):
            self.round += 1
            await asyncio.sleep(0)

    def _changed(self) -> None:
        while (response := self.conversation.take()) is not None:
            self.answers += [answer.number for answer in response.answers]

    def _has_room(self) -> None:
        self.has_room += 1


@virtual_time
async def test_a_few_begin_in_each_round_in_their_order() -> None:
    crowd = Crowd()
    crowd.say(range(35))
    crowd.say(range(35, 55))
    await crowd.rounds(10)
    assert list(crowd.begun) == list(range(55))
    in_round = [list(crowd.begun.values()).count(number) for number in range(10)]
    assert max(in_round) == BEGUN_AT_A_TIME
    assert sum(map(bool, in_round)) == 6
    crowd.say([100])
    await crowd.rounds(1)
    assert crowd.begun[100] == crowd.round, "the crowd is over"


@virtual_time
async def test_what_is_withdrawn_before_it_begins_never_does() -> None:
    crowd = Crowd()
    crowd.say(range(40))
    crowd.say([40], withdrawn=[3, 15, 39, 40])
    await crowd.rounds(10)
    crowd.ends.set()
    await crowd.rounds(3)
    left = [number for number in range(40) if number not in (3, 15, 39)]
    assert list(crowd.begun) == crowd.answers == left


@virtual_time
async def test_all_that_was_said_is_answered_before_the_end() -> None:
    crowd = Crowd()
    crowd.say(range(40))
    crowd.conversation.end(Stopping("the server is stopping"))
    crowd.say([40])
    assert not crowd.conversation.ended
    await crowd.rounds(10)
    assert not crowd.conversation.ended
    crowd.ends.set()
    await crowd.rounds(3)
    assert crowd.answers == list(range(40))
    assert crowd.conversation.ended


@virtual_time
async def test_nothing_begins_when_nobody_waits_any_more() -> None:
    crowd = Crowd()
    crowd.say(range(40), size=CROWD_BYTES // 20)
    await crowd.rounds(1)
    crowd.conversation.close()
    await crowd.rounds(10)
    assert len(crowd.begun) <= BEGUN_AT_A_TIME
    assert not crowd.conversation.crowded


@virtual_time
async def test_who_says_too_much_is_not_heard_for_a_moment() -> None:
    crowd = Crowd()
    crowd.say(range(20), size=CROWD_BYTES // 20)
    seen = [crowd.conversation.crowded]
    crowd.say(range(20, 60), size=CROWD_BYTES // 20)
    for rounds in (0, 2, 10):
        await crowd.rounds(rounds)
        seen.append(crowd.conversation.crowded)
    assert seen == [False, True, True, False]
    assert crowd.has_room == 1
    assert len(crowd.begun) == 60


@virtual_time
async def test_more_than_a_conversation_carries_is_refused() -> None:
    crowd = Crowd()
    crowd.say(range(MAX_OPEN_CALLS + 15))
    await crowd.rounds(3)
    assert crowd.answers == list(range(15))
    assert min(crowd.begun) == 15
    crowd.conversation.close()
