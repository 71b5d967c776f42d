"""How long a client goes on asking a server that does not answer."""

from __future__ import annotations

import pytest

from treadle._client import retry


class Clock:
    """Time that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retry, "time", clock)
    return clock


def test_the_budget_counts_from_the_first_failure(clock: Clock) -> None:
    """A call that waits for a minute, and then loses its server, has all of its budget left."""
    backoff = retry.Backoff(20)
    clock.now += 60
    assert backoff.next_delay_seconds() is not None
    clock.now += 19
    assert backoff.next_delay_seconds() is not None
    clock.now += 1
    assert backoff.next_delay_seconds() is None


def test_what_succeeds_begins_the_budget_anew(clock: Clock) -> None:
    backoff = retry.Backoff(20)
    assert backoff.next_delay_seconds() is not None
    clock.now += 30
    assert backoff.next_delay_seconds() is None
    backoff.reset()
    assert backoff.next_delay_seconds() is not None


def test_waits_grow_and_are_spread() -> None:
    backoff = retry.Backoff()
    delays = [backoff.next_delay_seconds() or 0.0 for _ in range(12)]
    assert 0.05 <= delays[0] <= 0.1
    assert all(2.5 <= delay <= 5.0 for delay in delays[-3:])
