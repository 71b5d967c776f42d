"""When a commit begins, and on which thread."""

from __future__ import annotations

from treadle_server.journal import pace


def test_gathering_goes_on_while_each_round_brings_something() -> None:
    gathering = pace.Gathering()
    gathering.begins(100.0, 1)
    assert not gathering.is_over(100.001, 9)
    assert not gathering.is_over(100.002, 17)
    assert gathering.is_over(100.003, 17)


def test_a_lone_unit_is_gathered_in_one_round() -> None:
    gathering = pace.Gathering()
    gathering.begins(100.0, 1)
    assert gathering.is_over(100.0, 1)


def test_what_a_commit_took_meanwhile_does_not_end_the_gathering() -> None:
    gathering = pace.Gathering()
    gathering.begins(100.0, 40)
    assert not gathering.is_over(100.001, 3)
    assert gathering.is_over(100.002, 3)


def test_gathering_has_an_end() -> None:
    gathering = pace.Gathering()
    gathering.begins(100.0, 1)
    almost = 100.0 + pace.LONGEST_GATHERING_SECONDS * 0.9
    assert not gathering.is_over(almost, 50)
    assert gathering.is_over(100.0 + pace.LONGEST_GATHERING_SECONDS * 1.1, 60)


def after_commits(units_per_second: int, units: int = 1) -> tuple[pace.Pace, float]:
    """A pace after two seconds of commits of so many units each."""
    found, now = pace.Pace(), 100.0
    for _ in range(2 * units_per_second // units):
        now += units / units_per_second
        found.begins(now, units)
    return found, now


def test_the_loop_commits_what_is_little() -> None:
    calm, now = after_commits(1_000)
    assert calm.suits_loop(now, 1, 1_000)
    assert not calm.suits_loop(now, 200, 1_000)
    assert not calm.suits_loop(now, 1, pace.LOOP_COMMIT_BYTES + 1)
    busy, now = after_commits(1_500, units=2)
    assert not busy.suits_loop(now, 1, 1_000)
    assert busy.suits_loop(now + 1.0, 1, 1_000)


def test_the_loop_commits_what_comes_one_by_one_at_any_rate() -> None:
    lone, now = after_commits(5_000)
    assert lone.suits_loop(now, 1, 1_000)
    assert not lone.suits_loop(now, 2, 1_000)
    lone.begins(now, 3)  # somebody else came
    assert not lone.suits_loop(now, 1, 1_000)
    for _ in range(10):
        lone.begins(now, 1)
    assert lone.suits_loop(now, 1, 1_000)


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
