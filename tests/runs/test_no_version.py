"""What asks for a run of a workflow that has no version to take is told so, or goes on without."""

from __future__ import annotations

import pytest

from tests.runs.in_process import CHILD, PARENT, MortalJournal, Process, a_while
from treadle.errors import NotFound
from treadle.testing import Kit, run_in_virtual_time, virtual_time
from treadle_server.definitions.versions import VersionState
from treadle_server.engine.commands import ContinueAsNew
from treadle_server.engine.inputs import CodeCommand, ReportDecision
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import NULL
from treadle_server.runs.model import CompleteRequest, Result

CODE_CHILD = {"treadle": "v1", "kind": "code", "name": "child", "version": 1}


@virtual_time
async def test_who_starts_what_is_not_there_is_told_how_it_comes_there() -> None:
    async with Kit() as kit:
        with pytest.raises(NotFound) as refused:
            await kit.client.start("order")
    assert str(refused.value).startswith("there is no workflow 'order' in namespace 'default'; ")
    assert "`treadle deploy` stores graphs and state machines" in str(refused.value)
    assert "a worker deploys workflows in code as it begins" in str(refused.value)


async def take_out_of_use(process: Process, state: VersionState) -> None:
    await process.runs.change_version("default", "child", 1, state, make_current=False, force=False)


async def continue_as_new(process: Process, version: int) -> None:
    [task] = await process.poll()
    again = CodeCommand(description="again", command=ContinueAsNew(NULL, version))
    report = ReportDecision(lease=0, seen_seq=1, first_index=0, commands=(again,))
    answer = await process.runs.complete(
        CompleteRequest(namespace="default", results=[Result(token=task.token, report=report)])
    )
    assert answer.refusals == [None]


@pytest.mark.parametrize("state", [VersionState.DEPRECATED, VersionState.RETIRED])
def test_a_child_fails(state: VersionState) -> None:
    async def world() -> None:
        # The parent first, or its node would have the version that was current then.
        async with Process(MortalJournal(), PARENT, CHILD) as process:
            await take_out_of_use(process, state)
            parent = await process.start("parent")
            await a_while()
            assert process.journal.state_of(parent) == RunStage.FAILED
            assert process.journal.letters() == []

    run_in_virtual_time(world())


def test_a_run_that_continues_goes_on_as_what_it_was() -> None:
    async def world() -> None:
        async with Process(MortalJournal(), PARENT, CODE_CHILD) as process:
            parent = await process.start("parent")
            await take_out_of_use(process, VersionState.DEPRECATED)
            await continue_as_new(process, version=0)
            await a_while()
            assert process.journal.letters() == []
            [task] = await process.poll()
            assert (task.workflow, task.version) == ("child", 1)
            assert process.journal.state_of(parent) == RunStage.RUNNING

    run_in_virtual_time(world())


def test_the_parent_of_a_run_that_continues_as_a_version_that_is_not_there_is_told() -> None:
    async def world() -> None:
        async with Process(MortalJournal(), PARENT, CODE_CHILD) as process:
            parent = await process.start("parent")
            await continue_as_new(process, version=9)
            await a_while()
            assert process.journal.state_of(parent) == RunStage.FAILED
            assert process.journal.letters() == []

    run_in_virtual_time(world())
