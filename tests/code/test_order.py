"""In which order workflow code finds the tasks that it keeps in a set, and what they hash to."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from treadle._code.loop import WorkflowFuture, WorkflowLoop


def loop_of(run: int) -> WorkflowLoop:
    info = SimpleNamespace(run_id=str(uuid.UUID(int=run)))
    of_run: Any = SimpleNamespace(info=info)
    return WorkflowLoop(of_run)


@pytest.mark.parametrize("many", [2, 7, 100, 3_000])
def test_a_set_of_them_has_the_same_order_in_every_run(many: int) -> None:
    orders = []
    for run in range(5):
        made = [loop.create_future() for loop in [loop_of(run)] for _ in range(many)]
        place: dict[WorkflowFuture, int] = {one: number for number, one in enumerate(made)}
        some = set(made)
        some.difference_update(made[::3])
        orders.append([place[one] for one in some])
    assert all(order == orders[0] for order in orders)
    assert orders[0] != []


def test_those_of_different_runs_are_not_in_each_others_way() -> None:
    """asyncio has all tasks in one set: with equal hashes each is compared with all before it."""
    first = [loop_of(run).create_future() for run in range(1_000)]
    assert len({hash(one) for one in first}) == len(first)
