"""A version is retired while runs of it begin: each start comes before it, and is counted, or after
it, and is refused.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.runs.in_process import CHILD, ONE, PARENT, MortalJournal, Process, a_while, reference
from treadle.testing import run_in_virtual_time, virtual_time
from treadle_server.definitions.versions import VersionState
from treadle_server.engine.transitions import RunStage
from treadle_server.runs.definitions import COMPILE_APART
from treadle_server.runs.errors import VersionInUse, VersionNotActive
from treadle_server.runs.model import RetryRequest

LARGE = ONE | {"nodes": {f"node-{n}": {"activity": "a"} for n in range(COMPILE_APART // 25)}}
"""It is compiled off the event loop."""


async def retire(process: Process, workflow: str = "one", *, force: bool = False) -> int:
    """How many runs were paused."""
    _, paused = await process.runs.change_version(
        "default", workflow, 1, VersionState.RETIRED, make_current=False, force=force
    )
    return paused


def state_of_version(process: Process, workflow: str = "one") -> VersionState:
    return process.runs._definitions.versions("default", workflow).state(1)


@pytest.mark.parametrize("named", [{}, {"version": 1}], ids=["current", "named"])
def test_a_start_that_is_on_its_way_stands_in_the_way(named: dict[str, Any]) -> None:
    async def world() -> None:
        async with Process(MortalJournal(), ONE) as process:
            started, retired = await asyncio.gather(
                process.start("one", **named), retire(process), return_exceptions=True
            )
            assert isinstance(started, bytes)
            assert isinstance(retired, VersionInUse)
            assert state_of_version(process) is VersionState.ACTIVE
            await process.start("one", **named)

    run_in_virtual_time(world())


@virtual_time
async def test_a_start_that_is_on_its_way_is_paused_by_force() -> None:
    async with Process(MortalJournal(), ONE) as process:
        started, paused = await asyncio.gather(process.start("one"), retire(process, force=True))
        assert paused == 1
        assert (await process.runs.describe(reference(started), include_nodes=False)).paused


@pytest.mark.parametrize("named", [{}, {"version": 1}], ids=["current", "named"])
def test_who_starts_meanwhile_waits_for_the_decision(named: dict[str, Any]) -> None:
    async def world() -> None:
        async with Process(MortalJournal(), ONE) as process:
            first, refused, later = await asyncio.gather(
                process.start("one"),
                retire(process),
                process.start("one", **named),
                return_exceptions=True,
            )
            assert isinstance(refused, VersionInUse)
            assert isinstance(first, bytes)
            assert isinstance(later, bytes)
            for run_id in (first, later):
                await process.runs.terminate(reference(run_id), reason="", actor="", request_id="")
            paused, later = await asyncio.gather(
                retire(process), process.start("one", **named), return_exceptions=True
            )
            assert paused == 0
            assert isinstance(later, VersionNotActive)

    run_in_virtual_time(world())


@virtual_time
async def test_of_two_who_retire_it_one_does_it_after_the_other() -> None:
    async with Process(MortalJournal(), ONE) as process:
        assert list(await asyncio.gather(retire(process), retire(process))) == [0, 0]
        assert state_of_version(process) is VersionState.RETIRED
        with pytest.raises(VersionNotActive):
            await process.start("one", version=1)


@virtual_time
async def test_a_start_that_compiles_a_large_version_looks_again() -> None:
    journal = MortalJournal()
    async with Process(journal, LARGE):
        pass
    async with Process(journal) as process:  # which has nothing in memory
        paused, started = await asyncio.gather(
            retire(process), process.start("one"), return_exceptions=True
        )
        assert paused == 0
        assert isinstance(started, VersionNotActive)
    async with Process(journal, LARGE | {"name": "other"}):
        pass
    async with Process(journal) as process:
        started, paused = await asyncio.gather(
            process.start("other"), retire(process, "other"), return_exceptions=True
        )
        assert paused == 0
        assert isinstance(started, VersionNotActive)


@virtual_time
async def test_a_child_that_is_on_its_way_stands_in_the_way() -> None:
    # The parent first, or its node would have the version that was current then.
    async with Process(MortalJournal(), PARENT, CHILD) as process:
        await process.start("parent")
        await asyncio.sleep(0.001)  # its letter is delivered, and what comes of it not committed
        assert process.journal.stats().runs == 1
        with pytest.raises(VersionInUse):
            await retire(process, "child")


@virtual_time
async def test_what_goes_on_with_what_there_was_may_begin() -> None:
    """A retry of an ended run, and a child whose version its parent's definition names."""
    async with Process(MortalJournal(), CHILD, PARENT) as process:
        run_id = await process.start("child")
        await process.runs.terminate(reference(run_id), reason="", actor="", request_id="")
        await retire(process, "child")
        again = await process.runs.retry(RetryRequest(reference=reference(run_id)))
        assert again.version == 1
        parent = await process.start("parent")
        await a_while()
        tasks = await process.poll()
        assert [(task.workflow, task.version) for task in tasks] == [("child", 1)] * 2
        assert process.journal.state_of(parent) == RunStage.RUNNING
