"""Sessions: one worker's life at the server, from its first poll to its drain. In memory only.

A session lives while it polls. Its leases are renewed by that alone: when a lease is due, `renewal`
says until when the session may be silent. After a restart nothing is known, and nobody is given up
before everybody had the time to come back: a session that is not known counts as heard of at the
server's start.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from treadle_server.engine.values import Duration, Instant

LeaseReference = tuple[bytes, str, int]
"""(run id, activity key, lease number)."""

SESSION_LEASE: Duration = 30 * 1_000_000
"""A session that has not been heard of for so long has lost its leases."""

REPEAT_AFTER: Duration = 5 * 1_000_000
"""A delivery that has not been acknowledged for so long is repeated with the session's next poll.
"""

COME_BACK_WITHIN: Duration = 5 * 1_000_000
"""A worker whose connection broke while it polled has so long to come back; then it is taken for
dead, without waiting for the rest of `SESSION_LEASE`. That is shorter than most attempts may take,
so what a killed worker had is lost (uncounted) rather than timed out (counted).
"""

FORGET_AFTER: Duration = 600 * 1_000_000


class Wakeable(Protocol):
    """A poll that waits."""

    def wake(self) -> None:
        """It is to be answered now."""
        ...


@dataclass(slots=True)
class Session:
    """See the module's docstring. `stops` are control messages that wait for the next poll."""

    namespace: str
    session_id: str
    last_seen: Instant
    queue: str = ""
    identity: str = ""
    build_id: str = ""
    types: frozenset[str] = frozenset()
    parked: list[Wakeable] = field(default_factory=list)
    """Its polls that wait."""
    polls: int = 0
    """How many it has, also those that do not wait yet."""
    leases: dict[LeaseReference, None] = field(default_factory=dict)
    unacknowledged: dict[int, tuple[Instant, list[LeaseReference]]] = field(default_factory=dict)
    stops: list[object] = field(default_factory=list)
    last_delivery_id: int = 0
    broken: object | None = None
    """Stands for the break of its connection, as long as nothing was heard of it since."""

    def wake(self) -> None:
        """Has its parked polls answered."""
        for poll in self.parked:
            poll.wake()

    def heard_of(self, now: Instant) -> None:
        """The worker lives."""
        self.last_seen = now
        self.broken = None

    def connection_broke(self) -> object:
        """A poll ended that the worker had not given up; names this break."""
        self.broken = object()
        return self.broken

    def deliver(self, references: list[LeaseReference], now: Instant) -> int:
        """Notes a delivery; the worker acknowledges its number."""
        self.last_delivery_id += 1
        self.unacknowledged[self.last_delivery_id] = (now, references)
        return self.last_delivery_id

    def put_off(self, references: list[LeaseReference], now: Instant) -> None:
        """An answer had no room for these: the session's next poll brings them."""
        self.deliver(references, now - REPEAT_AFTER)
        self.wake()

    def acknowledge(self, delivery_ids: tuple[int, ...]) -> None:
        """These have arrived."""
        for delivery_id in delivery_ids:
            self.unacknowledged.pop(delivery_id, None)

    def take_overdue(self, now: Instant) -> list[LeaseReference]:
        """Leases of deliveries that must be repeated; they count as not delivered from here on."""
        overdue = [
            number
            for number, (time, _) in self.unacknowledged.items()
            if time + REPEAT_AFTER <= now
        ]
        references = [
            reference for number in overdue for reference in self.unacknowledged.pop(number)[1]
        ]
        return [reference for reference in references if reference in self.leases]

    def resume(self, held: Collection[LeaseReference], *, is_new: bool) -> list[LeaseReference]:
        """The worker said what it holds: everything else of the session's leases must be sent
        again. A session that is new to this server learns its leases from that; one that is known
        does not, as what it does not know of has been reported meanwhile.
        """
        self.unacknowledged.clear()
        missing = [reference for reference in self.leases if reference not in held]
        if is_new:
            self.leases.update(dict.fromkeys(held))
        return missing


class Sessions:
    """All sessions of this server. `recovered` are open hand-overs found in the journal at the
    start, by session.
    """

    def __init__(self, started: Instant) -> None:
        self._started = started
        self._sessions: dict[tuple[str, str], Session] = {}
        self.recovered: dict[str, list[LeaseReference]] = {}

    def find(self, namespace: str, session_id: str) -> Session | None:
        """The session, if it is known."""
        return self._sessions.get((namespace, session_id))

    def begin(self, namespace: str, session_id: str, now: Instant) -> Session:
        """Gets or makes the session; a new one is given what the journal knows of its leases."""
        session = self._sessions.get((namespace, session_id))
        if session is None:
            session = self._sessions[namespace, session_id] = Session(namespace, session_id, now)
            for reference in self.recovered.pop(session_id, ()):
                session.leases[reference] = None
            self._forget_the_dead(now)
        return session

    def end(self, namespace: str, session_id: str) -> Session | None:
        """Forgets the session; its leases are the caller's business."""
        return self._sessions.pop((namespace, session_id), None)

    def renewal(self, namespace: str, session_id: str, now: Instant) -> Instant:
        """Until when the session's leases hold."""
        session = self._sessions.get((namespace, session_id))
        if session is None:
            return self._started + SESSION_LEASE
        heard = now if session.parked else session.last_seen
        return heard + SESSION_LEASE

    def is_silent(self, namespace: str, session_id: str) -> bool:
        """Whether nothing was heard of the session since the server's start, or since its
        connection broke: its worker may be dead.
        """
        session = self._sessions.get((namespace, session_id))
        return session is None or session.broken is not None

    def __len__(self) -> int:
        return len(self._sessions)

    def _forget_the_dead(self, now: Instant) -> None:
        dead = [
            name
            for name, session in self._sessions.items()
            if not session.parked and session.last_seen + FORGET_AFTER <= now
        ]
        for name in dead:
            del self._sessions[name]
