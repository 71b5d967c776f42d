"""Lanes: the order of tasks, and that what does not fit in memory is found again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from treadle_server.matching.lanes import LANE_CAPACITY, LaneName, Lanes, TaskReference

LANE: LaneName = ("default", "queue", "work")


class Rows:
    """The journal's rows of waiting tasks, as far as lanes see them."""

    def __init__(self) -> None:
        self.waiting: dict[LaneName, list[TaskReference]] = {}
        self.reads = 0

    def refill(self, name: LaneName, limit: int) -> Iterable[TaskReference]:
        self.reads += 1
        return list(islice(sorted(self.waiting.get(name, ())), limit))

    def take(self, lanes: Lanes, names: Iterable[LaneName]) -> TaskReference | None:
        """Takes a task, and its row with it, as a grant does."""
        found = lanes.take(names)
        if found is None:
            return None
        self.waiting[found[0]].remove(found[1])
        return found[1]


def task(number: int, *, priority: int = 3, ready_time: int = 0) -> TaskReference:
    return TaskReference(priority, ready_time, number.to_bytes(16, "big"), "a")


references = st.lists(
    st.builds(
        TaskReference,
        st.integers(1, 5),
        st.integers(0, 50),
        st.binary(min_size=1, max_size=2),
        st.just("a"),
    ),
    unique_by=lambda one: (one.run_id, one.key),
    max_size=30,
)


@given(before=references, after=references)
def test_tasks_come_by_priority_and_then_by_age(
    before: list[TaskReference], after: list[TaskReference]
) -> None:
    rows = Rows()
    rows.waiting[LANE] = list(before)
    lanes = Lanes(rows.refill)
    first = [rows.take(lanes, [LANE])] if before else []
    known = {(one.run_id, one.key) for one in before}
    added = [one for one in after if (one.run_id, one.key) not in known]
    for one in added:
        rows.waiting[LANE].append(one)
        lanes.add(LANE, one)
    rest: list[TaskReference] = []
    while (found := rows.take(lanes, [LANE])) is not None:
        rest.append(found)
    assert first == sorted(before)[:1]
    assert rest == sorted([*sorted(before)[1:], *added])


def test_the_best_of_several_lanes() -> None:
    other: LaneName = ("default", "queue", "other")
    rows = Rows()
    rows.waiting = {LANE: [task(1, ready_time=5)], other: [task(2, ready_time=3)]}
    lanes = Lanes(rows.refill)
    assert rows.take(lanes, [LANE, other]) == task(2, ready_time=3)
    assert rows.take(lanes, [LANE, other]) == task(1, ready_time=5)
    assert rows.take(lanes, [LANE, other]) is None


def test_more_than_fits_is_read_when_its_turn_comes() -> None:
    rows = Rows()
    many = LANE_CAPACITY + 300
    rows.waiting[LANE] = [task(number, ready_time=number) for number in range(many)]
    lanes = Lanes(rows.refill)
    # One that comes while older ones wait on disk must not go before them.
    late = task(many, ready_time=many)
    assert lanes.take([LANE]) == (LANE, task(0, ready_time=0))
    rows.waiting[LANE].pop(0)
    rows.waiting[LANE].append(late)
    lanes.add(LANE, late)
    order = []
    while (found := rows.take(lanes, [LANE])) is not None:
        order.append(found.ready_time)
    assert order == list(range(1, many + 1))
    assert rows.reads <= 4
