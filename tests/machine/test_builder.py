"""`Machine` writes into the document what it was told, and refuses what it cannot mean."""

from __future__ import annotations

import copy
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from treadle import Machine, activity


class Step(Enum):
    NEW = "new"
    DONE = "done"
    LOST = "lost"


@activity
async def load(id: int) -> Literal["done"]:  # noqa: A002
    return "done"


@activity
async def any_step(given: None) -> Annotated[Step, "where it goes on"]:
    return Step.DONE


@activity
async def one_of_two(given: None) -> Annotated[Literal[Step.DONE], ""] | Literal[Step.LOST] | None:
    return Step.DONE


def machine() -> Machine:
    made = Machine("order", Step, memory={"id": "params.id"})
    made.state(Step.NEW).on("go", Step.DONE, guard="memory.id > 1").on("go", Step.LOST)
    made.final(Step.DONE)
    made.final(Step.LOST)
    return made


def new(made: Machine) -> Any:
    states: Any = made.document()["states"]
    return states["new"]


def test_a_document_is_a_copy_of_its_own() -> None:
    made = machine()
    before = copy.deepcopy(made.document())
    changed: Any = made.document()
    changed["states"]["new"]["on"]["go"][0]["guard"] = "true"
    changed["memory"]["id"] = "0"
    assert made.document() == before


def test_only_the_first_of_a_nodes_phases_gets_memory() -> None:
    """Also if another one is the same activity: that gets what the first returned."""
    made = machine()
    made.node(Step.NEW, prepare=load, execute=load)
    assert new(made)["node"] == {
        "prepare": {"activity": "load", "input": "memory.id"},
        "execute": {"activity": "load"},
    }


@pytest.mark.parametrize(
    ("task", "returned"),
    [(load, ["done"]), (any_step, ["new", "done", "lost"]), (one_of_two, ["done", "lost"])],
    ids=lambda one: getattr(one, "name", ""),
)
def test_what_a_task_returns_is_what_its_annotation_says(task: Any, returned: list[str]) -> None:
    made = machine()
    made.task(Step.NEW, task)
    assert new(made)["returns"] == returned


def test_a_way_out_of_a_task_has_what_it_was_given() -> None:
    made = machine()
    made.task(Step.NEW, load).returns("done", Step.DONE, action="tell", description="all is well")
    way = {"target": "done", "action": "tell", "description": "all is well"}
    assert new(made)["results"] == {"done": way}
    wrong: Any = made.state(Step.NEW)
    with pytest.raises(TypeError, match="actions"):
        wrong.returns("done", Step.DONE, actions=["tell"])


def test_actions_may_come_from_anything_that_can_be_iterated() -> None:
    made = machine()
    made.state(Step.NEW, entry=(name for name in ("tell", "write")))
    assert new(made)["entry"] == ["tell", "write"]
