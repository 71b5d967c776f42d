"""The activity by which code is asked has a name that nodes of graphs may have, too."""

from __future__ import annotations

from treadle import ApplicationError, activity
from treadle.graph import Graph
from treadle.testing import Kit, virtual_time

answers = ["no", "yes"]


@activity
async def decide(given: None) -> str:
    answer = answers.pop(0)
    if answer == "no":
        raise ApplicationError("nobody has decided", kind="Undecided")
    return answer


@virtual_time
async def test_a_node_named_decision_is_done_held_and_done_again() -> None:
    graph = Graph("approval")
    graph.node("decision", decide, on_failure="hold")
    async with Kit([decide]) as kit:
        handle = await kit.start(graph)
        await kit.advance(1.0)
        described = await handle.describe()
        assert "decision" in described.incident
        assert "code" not in described.incident
        await kit.client.answer(handle.run_id, key="decision", answer="retry")
        run = await kit.finish(handle)
        assert (run.state, run.output) == ("COMPLETED", "yes")
