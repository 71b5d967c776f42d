"""The pace of commits: when one may begin, and on which thread."""

from __future__ import annotations

import pytest

from treadle_server.journal import pace


def paced(units_per_second: int, seconds: float) -> tuple[pace.Pace, float]:
    """A pace after units came one by one, each committed as soon as it may be."""
    found, now, waiting = pace.Pace(), 100.0, 0
    end = now + seconds
    while now < end:
        now += 1 / units_per_second
        waiting += 1
        if found.pause(now, waiting) <= 0:
            found.begins(now, waiting)
            waiting = 0
    return found, now


@pytest.mark.parametrize("units_per_second", [1, 10, 100, 1_000])
def test_a_quiet_journal_commits_at_once(units_per_second: int) -> None:
    found, now = paced(units_per_second, 2.0)
    assert found.pause(now, 1) <= 0


@pytest.mark.parametrize(
    ("units_per_second", "spacing"),
    [
        (1_500, pytest.approx(1_500 * pace.SPACING_SECONDS_PER_RATE, rel=0.1)),
        (2_500, pytest.approx(2_500 * pace.SPACING_SECONDS_PER_RATE, rel=0.1)),
        (5_000, pytest.approx(pace.LONGEST_SPACING_SECONDS)),
        (50_000, pytest.approx(pace.LONGEST_SPACING_SECONDS)),
    ],
)
def test_a_busy_journal_keeps_commits_apart(units_per_second: int, spacing: float) -> None:
    found, now = paced(units_per_second, 2.0)
    found.begins(now, 1)
    assert found.pause(now, 1) == spacing
    assert found.pause(now + 0.001, 1) + 0.001 == spacing
    assert found.pause(now + pace.LONGEST_SPACING_SECONDS, 1) <= 0


def test_a_busy_journal_is_quiet_again_after_a_while() -> None:
    found, now = paced(5_000, 2.0)
    found.begins(now + 0.5, 1)
    assert found.pause(now + 0.5001, 1) <= 0


def test_the_loop_commits_what_is_little() -> None:
    calm, now = paced(1_000, 2.0)
    assert calm.suits_loop(now, 1, 1_000)
    assert not calm.suits_loop(now, 200, 1_000)
    assert not calm.suits_loop(now, 1, pace.LOOP_COMMIT_BYTES + 1)
    busy, now = paced(1_500, 2.0)
    assert not busy.suits_loop(now, 1, 1_000)
    assert busy.suits_loop(now + 1.0, 1, 1_000)


def test_where_commits_take_long_the_loop_makes_none() -> None:
    found, now = pace.Pace(), 100.0

    def commits(count: int, seconds: float) -> None:
        nonlocal now
        for _ in range(count):
            now += 0.1
            found.begins(now, 1)
            found.ends(now + seconds)

    commits(50, pace.LOOP_COMMIT_SECONDS / 2)
    assert found.suits_loop(now + 1.0, 1, 1_000)
    commits(1, pace.LOOP_COMMIT_SECONDS * 5)  # a checkpoint
    assert found.suits_loop(now + 1.0, 1, 1_000)
    commits(10, pace.LOOP_COMMIT_SECONDS * 5)
    assert not found.suits_loop(now + 1.0, 1, 1_000)
    commits(50, pace.LOOP_COMMIT_SECONDS / 2)
    assert found.suits_loop(now + 1.0, 1, 1_000)


def test_a_burst_waits_for_the_moment_of_the_next_commit() -> None:
    found = pace.Pace()
    assert found.pause(100.0, 500) <= 0
    found.begins(100.0, 500)
    assert found.pause(100.001, 1) == pytest.approx(pace.LONGEST_SPACING_SECONDS - 0.001)
