"""Workers that wait: parked polls of a queue, served first come, first served.

Polls that accept the same types stand in one line, so that finding who takes a task costs the
number of different lines, not of polls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from treadle_server.matching.sessions import Session

ANSWER_BYTES: Final = 16 << 20
"""About so much goes into one answer, and one task more. Treadle's own workers take 72 MiB; others
say what they take (`max_receive_message_length`), as gRPC alone takes 4.
"""


class Taker:
    """A worker's wish for tasks: a poll, or the `want_next` of a report.

    `reserve` promises it a task before the commit that grants it; `deliver` hands the task over
    after the commit, or `release` takes the promise back. When nothing is promised any more and
    something has arrived, it is woken; `when_idle` asks for a call as soon as nothing is promised.
    `ready` is what a poll waits for. `room`: how many bytes its answer still has for tasks.
    """

    __slots__ = (
        "_free",
        "_ready",
        "_when_idle",
        "arrival",
        "build_id",
        "delivered",
        "gone",
        "identity",
        "promised",
        "room",
        "session",
        "types",
    )

    def __init__(
        self,
        *,
        types: frozenset[str] | None,
        capacity: int,
        identity: str,
        build_id: str,
        session: Session | None,
        ready: asyncio.Future[None] | None = None,
    ) -> None:
        self.types = types
        self._free = capacity
        self.identity = identity
        self.build_id = build_id
        self.session = session
        self.arrival = 0
        self.promised = 0
        self.room = ANSWER_BYTES
        self.delivered: list[object] = []
        self.gone = False
        self._ready = ready
        self._when_idle: tuple[Callable[[], None], ...] = ()

    @property
    def session_id(self) -> str:
        """Empty for a worker without a session."""
        return "" if self.session is None else self.session.session_id

    @property
    def capacity(self) -> int:
        """How many more tasks it takes; none once its answer is full."""
        return self._free if self.room > 0 else 0

    def accepts(self, type_name: str) -> bool:
        """Whether the worker can run this type."""
        return self.types is None or type_name in self.types

    def reserve(self, size: int) -> None:
        """Promises one task of so many bytes."""
        self._free -= 1
        self.promised += 1
        self.room -= size

    def deliver(self, task: object) -> None:
        """Keeps a promise."""
        self.promised -= 1
        self.delivered.append(task)
        self._maybe_finish()

    def repeat(self, task: object, size: int) -> None:
        """Hands over a task that was meant for its session before."""
        self._free = max(0, self._free - 1)
        self.room -= size
        self.delivered.append(task)

    def release(self, size: int) -> None:
        """Takes a promise back."""
        self._free += 1
        self.promised -= 1
        self.room += size
        self._maybe_finish()

    def wake(self) -> None:
        """Has the poll answered now; as often as one likes."""
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Calls back once, as soon as nothing is promised; at once if nothing is."""
        if self.promised:
            self._when_idle += (callback,)
        else:
            callback()

    def _maybe_finish(self) -> None:
        if self.promised:
            return
        waiting, self._when_idle = self._when_idle, ()
        for callback in waiting:
            callback()
        if self.delivered:
            self.wake()


class ParkedPolls:
    """The parked polls of one (namespace, queue)."""

    def __init__(self) -> None:
        self._lines: dict[frozenset[str] | None, dict[Taker, None]] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines.values())

    def park(self, taker: Taker) -> None:
        """Stands at the end of its line."""
        self._arrivals += 1
        taker.arrival = self._arrivals
        self._lines.setdefault(taker.types, {})[taker] = None

    def wake_all(self) -> None:
        """All are to be answered now."""
        for line in self._lines.values():
            for taker in line:
                taker.wake()

    def leave(self, taker: Taker) -> None:
        """Leaves the line; leaving twice is fine."""
        line = self._lines.get(taker.types)
        if line is not None:
            line.pop(taker, None)
            if not line:
                del self._lines[taker.types]

    def find(self, type_name: str, sticky: str = "") -> Taker | None:
        """The poll that waits longest among those that can take this type now; one of the session
        `sticky` if there is any.
        """
        best: Taker | None = None
        for types, line in self._lines.items():
            if types is not None and type_name not in types:
                continue
            if sticky:
                for taker in line:
                    if taker.session_id == sticky and taker.capacity > 0 and not taker.delivered:
                        return taker
            first = next(
                (taker for taker in line if taker.capacity > 0 and not taker.delivered), None
            )
            if first is not None and (best is None or first.arrival < best.arrival):
                best = first
        return best
