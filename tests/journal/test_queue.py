"""Who goes with the next commit: nobody waits behind a crowd, and no order that matters is lost."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.journal.make import end, record, run_id, start
from treadle_server.journal import intake
from treadle_server.journal.intake import Queue, Waiting, subjects_of
from treadle_server.journal.port import Unit
from treadle_server.journal.settled import Settled


def queue_of(units: list[Unit]) -> Queue:
    loop = asyncio.new_event_loop()
    queue = Queue(100_000, 1 << 40)
    for unit in units:
        queue.add(Waiting(unit, 300, Settled(loop=loop), subjects_of(unit), None))
    loop.close()
    return queue


def commits(queue: Queue) -> list[list[Unit]]:
    found = []
    while taken := queue.take():
        found.append([waiting.unit for waiting in taken])
    assert queue.bytes == 0
    return found


def turns(run: int, count: int) -> list[Unit]:
    return [Unit(records=[record(run, seq)]) for seq in range(1, count + 1)]


def test_a_crowd_of_one_run_does_not_hold_up_another_run() -> None:
    crowd, other = turns(1, 1_000), Unit(records=[record(2, 1)])
    first, *_ = commits(queue_of([*crowd, other]))
    assert other in first
    assert len(first) <= intake.FULL_COMMIT_UNITS + 1


def test_alone_a_crowd_goes_in_larger_commits() -> None:
    sizes = [len(commit) for commit in commits(queue_of(turns(1, 100)))]
    assert sizes == [32, 32, 32, 4]


def test_long_alone_a_crowd_goes_in_still_larger_commits_until_somebody_comes() -> None:
    queue = queue_of(turns(1, 2_000))
    sizes = [len(queue.take()) for _ in range(intake.LONE_COMMITS + 3)]
    few = intake.FULL_COMMIT_UNITS
    assert sizes[: intake.LONE_COMMITS] == [few] * intake.LONE_COMMITS
    assert sizes[intake.LONE_COMMITS :] == [intake.LONE_COMMIT_UNITS] * 3
    other = queue_of([Unit(records=[record(2, 1)])])
    queue.add(other.take()[0])
    assert len(queue.take()) <= few + 1
    assert len(queue.take()) == few


def test_many_runs_go_together() -> None:
    units = [Unit(records=[record(run, 1)]) for run in range(1, 501)]
    assert [len(commit) for commit in commits(queue_of(units))] == [500]


def test_a_workflow_id_is_given_on_only_after_its_run_has_ended() -> None:
    crowd = [*turns(1, 100), end(1, 101, "name")]
    after = start(2, "name")
    order = [unit for commit in commits(queue_of([*crowd, after])) for unit in commit]
    assert order.index(crowd[-1]) < order.index(after)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=300))
def test_no_run_is_written_out_of_order(pairs: list[tuple[int, int]]) -> None:
    # Each unit is about one run or two.
    units = [
        Unit(records=[record(run, number) for run in dict.fromkeys(pair)])
        for number, pair in enumerate(pairs, 1)
    ]
    found = [unit for commit in commits(queue_of(units)) for unit in commit]
    assert len(found) == len(units)
    for run in range(1, 5):
        about: list[Any] = [
            one.base_seq for unit in found for one in unit.records if one.run_id == run_id(run)
        ]
        assert about == sorted(about)
