"""The classical control-flow patterns, each as a graph that runs: see `docs/patterns.md`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.twins.conftest import Bench, events
from treadle import Context, activity
from treadle.client import RunHandle
from treadle.errors import RunCancelled

Edges = Iterable[tuple[Any, ...]]
"""(from, to) or (from, to, what else the edge has)."""


@activity
async def note(value: Any) -> Any:
    """Something that is done."""
    return value


@activity
async def long(value: Any) -> Any:
    """Something that takes longer than anybody waits."""
    await asyncio.sleep(600)
    return value


def document(name: str, nodes: Mapping[str, Any], edges: Edges = (), **parts: Any) -> Any:
    links = [{"from": edge[0], "to": edge[1], **(edge[2:] or ({},))[0]} for edge in edges]
    return {"treadle": "v1", "kind": "graph", "name": name, "nodes": nodes, "edges": links, **parts}


NOTE = {"activity": "note"}
LONG = {"activity": "long"}


async def ran(bench: Bench, graph: Any, given: object = None) -> tuple[RunHandle, list[str]]:
    """A run that has completed, and its activities in the order in which they did."""
    await bench.client.deploy(graph)
    async with bench.worker(note, long):
        handle = await bench.client.start(graph["name"], given)
        await handle.result(20)
    return handle, [one.key for one in await events(handle, "activity_completed")]


async def states(handle: RunHandle) -> dict[str, str]:
    return dict((await handle.describe(include_nodes=True)).nodes)


async def test_sequence(bench: Bench) -> None:
    nodes = {"a": NOTE, "b": NOTE, "c": NOTE}
    _, order = await ran(bench, document("sequence", nodes, [("a", "b"), ("b", "c")]))
    assert order == ["a", "b", "c"]


async def test_parallel_split_and_synchronisation(bench: Bench) -> None:
    nodes = {"a": NOTE, "b": NOTE, "c": NOTE, "d": NOTE}
    edges = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    handle, order = await ran(bench, document("parallel_split", nodes, edges))
    assert (order[0], sorted(order[1:3]), order[3:]) == ("a", ["b", "c"], ["d"])
    output: Any = await handle.result()
    assert sorted(output) == ["b", "c"]


@pytest.mark.parametrize(("given", "taken"), [("big", "b"), ("small", "c")])
async def test_exclusive_choice_and_simple_merge(bench: Bench, given: str, taken: str) -> None:
    nodes = {"a": NOTE, "b": NOTE, "c": NOTE, "d": NOTE}
    edges = [
        ("a", "b", {"when": "output == 'big'"}),
        ("a", "c", {"else": True}),
        ("b", "d"),
        ("c", "d"),
    ]
    handle, order = await ran(bench, document(f"exclusive_{taken}", nodes, edges), given)
    assert order == ["a", taken, "d"]
    assert (await states(handle))["c" if taken == "b" else "b"] == "UNREACHED"


@pytest.mark.parametrize(("given", "taken"), [(1, ["b"]), (2, ["b", "c"]), (3, ["b", "c", "d"])])
async def test_multi_choice_and_structured_synchronising_merge(
    bench: Bench, given: int, taken: list[str]
) -> None:
    nodes = dict.fromkeys("abcde", NOTE)
    edges = [
        *(("a", name, {"when": f"output >= {number}"}) for number, name in enumerate("bcd", 1)),
        *((name, "e") for name in "bcd"),
    ]
    _, order = await ran(bench, document(f"multi_choice_{given}", nodes, edges), given)
    # The merge waits for those that were begun, and for no others.
    assert (order[0], sorted(order[1:-1]), order[-1]) == ("a", taken, "e")


async def test_structured_discriminator(bench: Bench) -> None:
    nodes = {
        "fast": NOTE,
        "slow": {"activity": "note", "delay": "300ms"},
        "after": {"activity": "note", "join": "any"},
    }
    edges = [("fast", "after"), ("slow", "after")]
    _, order = await ran(bench, document("discriminator", nodes, edges))
    assert order == ["fast", "after", "slow"]  # once, with the first; the other runs on


async def test_cancelling_discriminator(bench: Bench) -> None:
    nodes = {"fast": NOTE, "slow": LONG, "after": {"activity": "note", "join": "race"}}
    edges = [("fast", "after"), ("slow", "after")]
    handle, order = await ran(bench, document("race", nodes, edges))
    assert order == ["fast", "after"]
    assert (await states(handle))["slow"] == "CANCELLED"


async def test_partial_join(bench: Bench) -> None:
    nodes = {
        "a": NOTE,
        "b": NOTE,
        "c": {"activity": "note", "delay": "300ms"},
        "after": {"activity": "note", "join": 2},
    }
    edges = [(name, "after") for name in "abc"]
    _, order = await ran(bench, document("two_of_three", nodes, edges))
    assert order[2:] == ["after", "c"]


async def test_multiple_instances(bench: Bench) -> None:
    nodes = {
        "each": {"activity": "note", "map": {"over": "params.items"}, "input": "item * 2"},
        "all": {"compute": "each"},
    }
    handle, _ = await ran(bench, document("instances", nodes, [("each", "all")]), {"items": [1, 2]})
    assert await handle.result() == [2, 4]  # how many is known when the run comes there


async def test_multiple_instances_without_synchronisation(bench: Bench) -> None:
    await bench.client.deploy(document("instance", {"a": NOTE}))
    nodes = {
        "a": NOTE,
        "child": {"workflow": {"name": "instance", "wait": False, "on_parent_end": "abandon"}},
        "after": NOTE,
    }
    handle, order = await ran(
        bench, document("starter", nodes, [("a", "child"), ("child", "after")])
    )
    assert order == ["a", "after"]
    assert (await states(handle))["child"] == "COMPLETED"


@pytest.mark.parametrize(("name", "winner"), [("answer", "answered"), ("", "late")])
async def test_deferred_choice(bench: Bench, name: str, winner: str) -> None:
    nodes = {
        "answer": {"wait": "answer"},
        "time": {"timer": "400ms"},
        "answered": NOTE,
        "late": NOTE,
        "after": {"activity": "note", "join": "race"},
    }
    edges = [("answer", "answered"), ("time", "late"), ("answered", "after"), ("late", "after")]
    graph = document(f"deferred_{winner}", nodes, edges)
    await bench.client.deploy(graph)
    async with bench.worker(note):
        handle = await bench.client.start(graph["name"])
        if name:
            await handle.send_event(name, 1)
        await handle.result(20)
    order = [one.key for one in await events(handle, "activity_completed")]
    assert order == [winner, "after"]  # the world decides, not the data


async def test_interleaved_routing(bench: Bench) -> None:
    nodes = {
        "steps": {
            "activity": "note",
            "map": {"over": "params.order", "parallel": 1},
            "input": "item",
        },
        "after": NOTE,
    }
    graph = document("interleaved", nodes, [("steps", "after")])
    handle, _ = await ran(bench, graph, {"order": ["b", "a", "c"]})
    started = await events(handle, "attempt_started")
    completed = await events(handle, "activity_completed")
    assert [one.key for one in started] == [one.key for one in completed]
    assert await handle.result() == ["b", "a", "c"]  # in any order, never two at a time


@pytest.mark.parametrize(("early", "state"), [(True, "COMPLETED"), (False, "SKIPPED")])
async def test_milestone(bench: Bench, early: bool, state: str) -> None:
    # A withdrawal counts until the order is shipped, and not after.
    @activity
    async def passes(ctx: Context) -> None:
        ctx.memory.set("shipped", True)

    nodes = {
        "open": {"wait": {"event": "ship"}},
        "shipped": {"activity": "passes"},
        "asked": {"wait": {"event": "withdraw"}},
        "withdraw": {"activity": "note", "run_if": "!has(memory.shipped)", "input": "'withdrawn'"},
    }
    graph = document(f"milestone_{state}", nodes, [("open", "shipped"), ("asked", "withdraw")])
    await bench.client.deploy(graph)
    async with bench.worker(note, passes):
        handle = await bench.client.start(graph["name"])
        for name in ("withdraw", "ship") if early else ("ship", "withdraw"):
            await handle.send_event(name, 1)
            await asyncio.sleep(0.3)
        await handle.result(20)
    assert (await states(handle))["withdraw"] == state


async def test_cancel_activity(bench: Bench) -> None:
    graph = document("cancel_activity", {"a": LONG, "b": NOTE}, [("a", "b")])
    await bench.client.deploy(graph)
    async with bench.worker(note, long):
        handle = await bench.client.start(graph["name"])
        await asyncio.sleep(0.2)
        await bench.client.skip(handle.run_id, key="a", output="by hand")
        assert await handle.result(20) == "by hand"


async def test_cancel_case(bench: Bench) -> None:
    graph = document("cancel_case", {"a": LONG, "b": NOTE}, [("a", "b")])
    await bench.client.deploy(graph)
    async with bench.worker(note, long):
        handle = await bench.client.start(graph["name"])
        await handle.cancel()
        with pytest.raises(RunCancelled):
            await handle.result(20)


async def test_cancel_region(bench: Bench) -> None:
    # Everything that leads to the race only, however far it has come, is stopped.
    nodes = {
        "first": NOTE,
        "second": LONG,
        "beside": LONG,
        "stop": {"wait": "stop"},
        "end": {"activity": "note", "join": "race"},
    }
    edges = [("first", "second"), ("first", "beside"), ("second", "end"), ("beside", "end")]
    graph = document("cancel_region", nodes, [*edges, ("stop", "end")])
    await bench.client.deploy(graph)
    async with bench.worker(note, long):
        handle = await bench.client.start(graph["name"])
        await asyncio.sleep(0.2)
        await handle.send_event("stop", 1)
        await handle.result(20)
    found = await states(handle)
    assert (found["second"], found["beside"], found["end"]) == ("CANCELLED",) * 2 + ("COMPLETED",)


async def test_structured_loop(bench: Bench) -> None:
    nodes = {"a": NOTE, "b": NOTE}
    again = {"when": "output < 3", "map": "output + 1", "max_iterations": 5}
    edges = [("a", "b"), ("b", "a", again)]
    handle, order = await ran(bench, document("loop", nodes, edges), 1)
    assert order == ["a", "b", "a#2", "b#2", "a#3", "b#3"]
    assert await handle.result() == 3
