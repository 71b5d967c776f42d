"""Twins of the testing part of `seeds/000`: what a user's own tests look like, in the test kit."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

import pytest

from treadle import Context, activity
from treadle.graph import Graph
from treadle.testing import Kit, Stuck, run_workflow, virtual_time


@dataclass
class Person:
    name: str


@dataclass
class Greeting:
    message: str


@activity
async def greet_user(person: Person, ctx: Context) -> Greeting:
    """Greets somebody."""
    ctx.log.info("Greeting %s", person.name)
    return Greeting(f"Hello, {person.name}!")


@activity
async def log_message(greeting: Greeting, ctx: Context) -> dict[str, bool]:
    """Writes a greeting down."""
    ctx.log.info("LOG: %s", greeting.message)
    return {"logged": True}


def greeting() -> Graph:
    graph = Graph("greeting", description="Greets a person and notes that")
    graph.node("greet", greet_user)
    graph.node("log", log_message)
    graph.edge("greet", "log", map=lambda greet: {"message": greet.message})
    return graph


def test_s000_16_the_happy_path(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="treadle.activity"):
        run = run_workflow(greeting(), {"name": "World"}, [greet_user, log_message])
    assert run.state == "COMPLETED"
    assert run.output == {"logged": True}
    # S000-05: both lines, in order, and each knows its run.
    lines = [one for one in caplog.records if one.name.startswith("treadle.activity.")]
    assert [one.getMessage() for one in lines] == ["Greeting World", "LOG: Hello, World!"]
    assert {one.__dict__["run_id"] for one in lines} == {run.run_id}


def test_s000_17_the_error_path_of_a_wrong_input() -> None:
    run = run_workflow(greeting(), {"nom": "World"}, [greet_user, log_message])
    assert run.state == "FAILED"
    assert run.failure is not None
    assert run.failure.kind == "treadle.InvalidInput"
    assert run.count("greet") == 1


@virtual_time
async def test_s000_18_mocks_by_name() -> None:
    graph = Graph("payment")
    graph.node("fetch", "fetch_order")
    graph.node("charge", "charge_card")
    graph.edge("fetch", "charge")
    mocks = {"fetch_order": {"id": 7, "total": 30}, "charge_card": lambda order: order["total"]}
    async with Kit(mocks=mocks) as kit:
        run = await kit.run(graph, {"order": 7})
        assert run.output == 30
        assert kit.mock("fetch_order").inputs == [{"order": 7}]
    async with Kit(mocks={"fetch_order": {"id": 7}}) as kit:
        with pytest.raises(Stuck, match="'charge_card'"):
            await kit.run(graph, {"order": 7})


def test_s000_19_three_slow_nodes_side_by_side() -> None:
    @activity
    async def slow(name: str) -> str:
        await asyncio.sleep(2)
        return name

    graph = Graph("parallel")
    for name in ("one", "two", "three"):
        graph.node(name, slow, input=repr(name))
    run = run_workflow(graph, None, [slow])
    assert run.output == {"one": "one", "two": "two", "three": "three"}
    assert run.overlapped("one", "two", "three")
    assert run.duration is not None
    assert timedelta(seconds=2) <= run.duration < timedelta(seconds=3)
