"""Who watches all runs, and goes on from an event's position, misses nothing."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from treadle.graph import Graph
from treadle.testing import Kit, virtual_time


def watching(kit: Kit, position: int) -> Any:
    return kit.client.watch_runs(after_position=position)


@virtual_time
async def test_who_goes_on_after_an_event_in_the_midst_of_an_answer() -> None:
    graph = Graph("one")
    graph.compute("a", "1")
    async with Kit() as kit:
        await kit.client.deploy(graph)
        for _ in range(3):
            await kit.client.run("one")
        everything, seen = [], []
        async with aclosing(watching(kit, 0)) as watched:
            async for one in watched:
                everything.append((one.run_id, one.event.seq))
                ends = sum(seq == one.event.seq for _, seq in everything)
                if one.event.HasField("run_completed") and ends == 3:
                    break
        async with aclosing(watching(kit, 0)) as watched:
            async for one in watched:
                seen.append((one.run_id, one.event.seq))
                position = one.position
                break
        last = await kit.client.start("one")
        async with aclosing(watching(kit, position)) as watched:
            async for one in watched:
                seen.append((one.run_id, one.event.seq))
                if one.event.HasField("run_completed") and one.run_id == last.run_id:
                    break
        assert set(everything) <= set(seen)
