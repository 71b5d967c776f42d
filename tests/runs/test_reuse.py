"""Whether a workflow id may be used again is decided when the start is written."""

from __future__ import annotations

import asyncio

import pytest

from tests.runs.in_process import ONE, MortalJournal, Process, reference
from treadle.testing import run_in_virtual_time
from treadle_server.engine.transitions import RunStage
from treadle_server.runs.errors import AlreadyExists
from treadle_server.runs.model import ReusePolicy


@pytest.mark.parametrize(
    ("policy", "end", "states"),
    [
        (ReusePolicy.REJECT_DUPLICATE, "completes", [RunStage.COMPLETED]),
        (ReusePolicy.REJECT_DUPLICATE, "is terminated", [RunStage.TERMINATED]),
        (ReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, "completes", [RunStage.COMPLETED]),
        (
            ReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            "is terminated",
            [RunStage.RUNNING, RunStage.TERMINATED],
        ),
        (ReusePolicy.ALLOW_DUPLICATE, "completes", [RunStage.RUNNING, RunStage.COMPLETED]),
    ],
)
def test_a_start_while_the_run_ends(policy: ReusePolicy, end: str, states: list[RunStage]) -> None:
    async def world() -> None:
        async with Process(MortalJournal(), ONE) as process:

            async def start() -> bytes:
                return await process.start("one", workflow_id="payment-7", reuse_policy=policy)

            first = await start()
            [task] = await process.poll()

            async def ending() -> None:
                if end == "completes":
                    await process.complete(task)
                else:
                    run = reference(first)
                    await process.runs.terminate(run, reason="", actor="", request_id="")

            # Both are on their way to the journal in the same commit.
            _, second = await asyncio.gather(ending(), start(), return_exceptions=True)
            assert isinstance(second, bytes if len(states) == 2 else AlreadyExists)
            found = process.journal.list_runs(
                "default", workflow=None, state=None, before=None, limit=10
            )
            assert [row.state for row in found] == states

    run_in_virtual_time(world())
