"""Pages of a run's nodes are of one run, whatever begins meanwhile."""

from __future__ import annotations

from treadle.graph import Graph
from treadle.testing import Kit, virtual_time


def of_nodes(*names: str) -> Graph:
    graph = Graph("one")
    for name in names:
        graph.compute(name, "1")
    return graph


@virtual_time
async def test_the_newest_run_of_a_workflow_id_changes_between_two_pages() -> None:
    async with Kit() as kit:
        await kit.client.deploy(of_nodes("a", "b", "c"))
        await kit.client.run("one", workflow_id="w")
        seen: list[str] = []
        async for node in kit.client.list_nodes(workflow_id="w", page_size=1):
            seen.append(node.key)
            if len(seen) == 1:
                await kit.advance(1)
                await kit.client.deploy(of_nodes("x", "y", "z"))
                await kit.client.run("one", workflow_id="w")
        assert sorted(seen) == ["a", "b", "c"]
