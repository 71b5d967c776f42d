"""The schedule of wakes: one entry per run counts, the newest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from treadle_server.timers.schedule import Schedule

RUNS = [bytes([number]) for number in range(6)]
steps = st.lists(st.tuples(st.sampled_from(RUNS), st.none() | st.integers(0, 20)), max_size=60)


@given(steps=steps, now=st.integers(0, 20), limit=st.integers(1, 6))
def test_what_is_due_comes_once_in_order(
    steps: list[tuple[bytes, int | None]], now: int, limit: int
) -> None:
    schedule, expected = Schedule(), dict[bytes, int]()
    for run_id, time in steps:
        schedule.set(run_id, time)
        if time is None:
            expected.pop(run_id, None)
        else:
            expected[run_id] = time
    assert len(schedule) == len(expected)
    assert schedule.next_time() == min(expected.values(), default=None)
    due = sorted((time, run_id) for run_id, time in expected.items() if time <= now)
    taken = schedule.take_due(now, limit)
    assert [expected[run_id] for run_id in taken] == [time for time, _ in due[:limit]]
    assert len(set(taken)) == len(taken)
    assert len(schedule) == len(expected) - len(taken)


def test_a_run_that_is_set_again_is_not_woken_at_its_old_time() -> None:
    schedule = Schedule()
    schedule.set(b"a", 5)
    schedule.set(b"a", 9)
    assert schedule.take_due(8, 10) == []
    schedule.set(b"a", None)
    assert schedule.take_due(100, 10) == []
    assert schedule.next_time() is None


def test_old_entries_do_not_pile_up() -> None:
    schedule = Schedule()
    for time in range(100_000):
        schedule.set(b"a", time)
        schedule.set(b"b", 100_000 - time)
    assert len(schedule._heap) < 2_000
    assert schedule.take_due(200_000, 10) == [b"b", b"a"]
