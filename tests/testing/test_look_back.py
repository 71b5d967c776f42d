"""How long before a wait an event may have come, on virtual time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from treadle.graph import Graph
from treadle.testing import Kit, virtual_time


@pytest.mark.parametrize(("minutes", "counts"), [(9, True), (11, False)])
@virtual_time
async def test_an_event_that_came_too_early_does_not_count(minutes: int, counts: bool) -> None:
    graph = Graph("look_back")
    graph.timer("first", "1h")
    graph.wait("asked", "answer", look_back="10m", timeout="1d")
    graph.compute("late", "'nobody answered'")
    graph.edge("first", "asked")
    graph.timeout_edge("asked", "late")
    async with Kit() as kit:
        handle = await kit.start(graph)
        await kit.advance(timedelta(minutes=60 - minutes))
        await handle.send_event("answer", "yes")
        run = await kit.finish(handle)
    assert run.nodes["late"] == ("UNREACHED" if counts else "COMPLETED")
    assert len(run.of_kind("wait_satisfied")) == int(counts)
