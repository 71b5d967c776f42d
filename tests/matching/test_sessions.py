"""Sessions: deliveries, what is sent again, and how long nobody may be given up."""

from __future__ import annotations

from treadle_server.matching.polls import Taker
from treadle_server.matching.sessions import REPEAT_AFTER, SESSION_LEASE, LeaseReference, Sessions

NOW = 1_000_000_000


def lease(number: int) -> LeaseReference:
    return (bytes([number]), "a", number)


def test_what_is_not_acknowledged_is_due_again_once() -> None:
    session = Sessions(NOW).begin("default", "one", NOW)
    session.leases[lease(1)] = session.leases[lease(2)] = None
    first = session.deliver([lease(1)], NOW)
    second = session.deliver([lease(2)], NOW)
    assert first != second
    session.acknowledge((first,))
    assert session.take_overdue(NOW + REPEAT_AFTER - 1) == []
    assert session.take_overdue(NOW + REPEAT_AFTER) == [lease(2)]
    assert session.take_overdue(NOW + REPEAT_AFTER) == []


def test_a_known_session_learns_no_leases_from_what_it_holds() -> None:
    sessions = Sessions(NOW)
    sessions.recovered = {"one": [lease(1)]}
    session = sessions.begin("default", "one", NOW)
    # New to this server: it holds 2, and 1, which the journal knows of, never arrived.
    assert session.resume([lease(2)], is_new=True) == [lease(1)]
    assert list(session.leases) == [lease(1), lease(2)]
    # Known: 3 was reported meanwhile, or it would be in the books.
    assert session.resume([lease(1), lease(2), lease(3)], is_new=False) == []
    assert list(session.leases) == [lease(1), lease(2)]


def test_nobody_is_given_up_before_everybody_had_the_time_to_come_back() -> None:
    sessions = Sessions(NOW)
    assert sessions.is_silent("default", "one")
    assert sessions.renewal("default", "one", NOW + 5) == NOW + SESSION_LEASE
    session = sessions.begin("default", "one", NOW + 7)
    assert not sessions.is_silent("default", "one")
    assert sessions.renewal("default", "one", NOW + 50) == NOW + 7 + SESSION_LEASE
    session.connection_broke()
    assert sessions.is_silent("default", "one")
    session.heard_of(NOW + 7)
    assert not sessions.is_silent("default", "one")
    session.parked.append(Taker(types=None, capacity=1, identity="", build_id="", session=session))
    assert sessions.renewal("default", "one", NOW + 50) == NOW + 50 + SESSION_LEASE
