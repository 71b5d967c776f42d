"""Brings waiting tasks and waiting workers together. Called on the event loop only; never waits
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from treadle_server.clock import Clock
from treadle_server.engine.entities import QueuePlace
from treadle_server.engine.values import Duration, Instant
from treadle_server.matching.lanes import LaneName, Lanes, TaskReference
from treadle_server.matching.polls import ParkedPolls, Taker
from treadle_server.matching.sessions import Sessions

HEAD_MAY_WAIT: Duration = 1_000_000
"""A worker that reports gets its own run's next task, unless the head of the line has waited longer
than this.
"""


class Matching:
    """Lanes of tasks, lines of polls, and sessions.

    `refill(lane, limit)` reads rows of the journal; `known_lanes(namespace, queue)` names the types
    that have any. `grant_parked(taker, lane, reference)` is called when a task turns up for a
    parked poll.
    """

    def __init__(
        self,
        clock: Clock,
        refill: Callable[[LaneName, int], Iterable[TaskReference]],
        known_types: Callable[[str, str], list[str]],
    ) -> None:
        self._clock = clock
        self._lanes = Lanes(refill)
        self._known_types = known_types
        self._parked: dict[tuple[str, str], ParkedPolls] = {}
        self.sessions = Sessions(clock.now())
        self.grant_parked: Callable[[Taker, TaskReference], None] | None = None

    # --- tasks ------------------------------------------------------------------------------------

    def find_taker(
        self,
        namespace: str,
        queue: str,
        type_name: str,
        prefer: Taker | None,
        sticky: str = "",
    ) -> Taker | None:
        """Who gets a task that is just becoming ready: the preferred worker, the session that had
        the last one of its kind (`sticky`), or the poll that waits longest.
        """
        if prefer is not None and prefer.capacity > 0 and prefer.accepts(type_name):
            oldest = self._lanes.oldest_ready_time((namespace, queue, type_name))
            if oldest is None or oldest + HEAD_MAY_WAIT > self._clock.now():
                return prefer
        parked = self._parked.get((namespace, queue))
        return None if parked is None else parked.find(type_name, sticky)

    def add(self, namespace: str, place: QueuePlace, run_id: bytes) -> None:
        """A task waits, and its row is committed. A poll that was parked meanwhile gets it."""
        queue, type_name, priority, ready_time, key = place
        reference = TaskReference(priority, ready_time, run_id, key)
        parked = self._parked.get((namespace, queue))
        taker = None if parked is None else parked.find(type_name)
        if taker is not None and self.grant_parked is not None:
            self.grant_parked(taker, reference)
            return
        self._lanes.add((namespace, queue, type_name), reference)

    def take(self, namespace: str, queue: str, taker: Taker) -> TaskReference | None:
        """The next waiting task that the worker can run."""
        types = self._known_types(namespace, queue) if taker.types is None else taker.types
        found = self._lanes.take((namespace, queue, type_name) for type_name in types)
        return None if found is None else found[1]

    def oldest_ready_time(self, lane: LaneName) -> Instant | None:
        """Since when the head of a lane waits."""
        return self._lanes.oldest_ready_time(lane)

    # --- workers ----------------------------------------------------------------------------------

    def park(self, namespace: str, queue: str, taker: Taker) -> None:
        """The poll waits."""
        self._parked.setdefault((namespace, queue), ParkedPolls()).park(taker)
        if taker.session is not None:
            taker.session.parked.append(taker)

    def leave(self, namespace: str, queue: str, taker: Taker) -> None:
        """The poll waits no longer."""
        parked = self._parked.get((namespace, queue))
        if parked is not None:
            parked.leave(taker)
            if not len(parked):
                del self._parked[namespace, queue]
        if taker.session is not None:
            taker.session.parked.remove(taker)
            taker.session.last_seen = self._clock.now()

    def wake_all(self) -> None:
        """Every parked poll is to be answered now."""
        for parked in self._parked.values():
            parked.wake_all()

    def parked_count(self) -> int:
        """How many polls are parked."""
        return sum(len(parked) for parked in self._parked.values())

    def waiting_tasks(self) -> dict[str, int]:
        """Tasks in memory, by queue; a lane whose rows are not all in memory counts what is."""
        counts: dict[str, int] = {}
        for (_, queue, _), count in self._lanes.counts():
            counts[queue] = counts.get(queue, 0) + count
        return counts

    def send_stop(self, namespace: str, session_id: str, stop: object) -> None:
        """A control message for the session's next poll; its parked one is answered at once."""
        session = self.sessions.find(namespace, session_id) if session_id else None
        if session is None:
            return
        session.stops.append(stop)
        session.wake()
