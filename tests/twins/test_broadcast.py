"""An external event for all who wait for it: from a client, and from a node."""

from __future__ import annotations

from tests.twins.conftest import Bench, events
from treadle.client import RunHandle
from treadle.graph import Graph


def waiting() -> Graph:
    graph = Graph("waiting")
    graph.wait("asked", "opened", filter="event.shop == params.shop")
    graph.compute("after", "asked.door")
    graph.edge("asked", "after")
    return graph


async def started(bench: Bench, *shops: int) -> list[RunHandle]:
    await bench.client.deploy(waiting())
    handles = [await bench.client.start("waiting", {"shop": shop}) for shop in shops]
    for handle in handles:
        async for event in handle.watch():
            if event.HasField("wait_started"):
                break
    return handles


async def test_a_broadcast_reaches_all_that_wait_and_their_filters_choose(bench: Bench) -> None:
    first, second, other = await started(bench, 1, 1, 2)
    event = {"shop": 1, "door": "red"}
    assert await bench.client.broadcast_event("opened", event, event_id="e1") == 3
    assert await first.result(20) == "red"
    assert await second.result(20) == "red"
    assert (await other.describe()).state == "RUNNING"
    # Said again, it reaches nobody a second time.
    await bench.client.broadcast_event("opened", event, event_id="e1")
    assert len(await events(other, "event_received")) == 1
    assert await bench.client.broadcast_event("opened", {"shop": 2, "door": "blue"}) == 1
    assert await other.result(20) == "blue"
    assert await bench.client.broadcast_event("opened", {"shop": 1}) == 0


async def test_a_node_tells_all_that_wait(bench: Bench) -> None:
    handles = await started(bench, 3, 3, 3)
    opener = Graph("opener")
    opener.send("open", "opened", to_all=True, payload={"shop": "3", "door": "'green'"})
    sender = await bench.start(opener)
    await sender.result(20)
    for handle in handles:
        assert await handle.result(20) == "green"
        [received] = await events(handle, "event_received")
        assert received.name == "opened"
