"""Versions that were stored by an earlier build, which had fewer checks than this one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.in_process import CHILD, ONE, PARENT, MortalJournal, Process, a_while, reference
from treadle.testing import virtual_time
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.errors import DefinitionInvalid
from treadle_server.engine.transitions import RunStage
from treadle_server.journal.port import Row, Table, Unit
from treadle_server.matching.lanes import LANE_CAPACITY
from treadle_server.runs.check import check_journal
from treadle_server.runs.errors import DefinitionUnusable

NO_GUARD = ONE | {
    "nodes": {"a": {"activity": "a"}, "b": {"activity": "b"}},
    "edges": [{"from": "a", "to": "b", "when": "1"}],
}
"""Its guard is a number: each run fails there, which is found at deploy by now."""

MENDED = NO_GUARD | {"edges": []}


async def store(process: Process, document: dict[str, Any]) -> None:
    """As a build without the new checks would have."""
    compiled = compile_document(document, stored=True)
    await process.runs._definitions._store("default", compiled, "", validate_only=False)


def change(journal: MortalJournal, workflow: str, old: bytes, new: bytes) -> None:
    """Changes what is stored of a version."""
    key = ("default", workflow, 1)
    [row] = journal.get(Table.DEFINITION, [key])
    assert row is not None
    assert row.value.count(old) == 1
    journal.commit([Unit(puts=[Row(Table.DEFINITION, key, row.value.replace(old, new))])])


def make_unusable(journal: MortalJournal, workflow: str = "one") -> None:
    """Its node has a key of another build, that this one knows nothing of."""
    change(journal, workflow, b'{"a":{', b'{"a":{"of_old":1')


def mend(journal: MortalJournal, workflow: str = "one") -> None:
    change(journal, workflow, b'"of_old":1', b"")


@virtual_time
async def test_what_a_deploy_refuses_by_now_goes_on() -> None:
    journal = MortalJournal()
    async with Process(journal) as process:
        await store(process, NO_GUARD)
        run_id = await process.start("one")
    async with Process(journal) as process:
        with pytest.raises(DefinitionInvalid):
            await process.runs.deploy("default", NO_GUARD, request_id="", validate_only=True)
        await process.complete(*await process.poll())
        assert journal.state_of(run_id) == RunStage.FAILED  # at the guard, as before
        assert len(await process.poll()) == 0
        again = await process.start("one")
        assert [task.run_id for task in await process.poll()] == [again]
    assert list(check_journal(journal)) == []


@virtual_time
async def test_one_that_cannot_be_run_says_so_and_loses_nothing() -> None:
    journal = MortalJournal()
    async with Process(journal, ONE, CHILD) as process:
        run_id = await process.start("one")
    make_unusable(journal)
    async with Process(journal) as process:
        for asked in (
            process.runs.describe(reference(run_id), include_nodes=False),
            process.runs.terminate(reference(run_id), reason="", actor="", request_id=""),
            process.start("one"),
        ):
            with pytest.raises(DefinitionUnusable, match=r"version 1 of workflow 'one'.*of_old"):
                await asked
        whole = await process.start("child")
        assert [task.run_id for task in await process.poll()] == [whole]
        await process.runs.deploy("default", MENDED, request_id="", validate_only=False)
        await process.start("one")
    findings = {finding.rule: finding.message for finding in check_journal(journal)}
    assert "one version 1 cannot be run" in findings["definition"]
    assert "of_old" in findings["definition"]
    mend(journal)
    async with Process(journal) as process:
        assert run_id in [task.run_id for task in await process.poll()]


@virtual_time
async def test_its_tasks_keep_no_others_from_coming() -> None:
    journal = MortalJournal()
    async with Process(journal, ONE, CHILD) as process:
        for _ in range(LANE_CAPACITY):
            await process.start("one")
        whole = await process.start("child")
    make_unusable(journal)
    async with Process(journal) as process:
        assert [task.run_id for task in await process.poll()] == [whole]


@virtual_time
async def test_a_child_of_it_waits_for_a_version_that_can_run_it() -> None:
    journal = MortalJournal()
    async with Process(journal, CHILD, PARENT) as process:
        process.tells_nobody()
        parent = await process.start("parent")
    make_unusable(journal, "child")
    async with Process(journal) as process:
        await a_while()
        assert journal.state_of(parent) == RunStage.RUNNING
        assert len(journal.letters()) == 1
    mend(journal, "child")
    async with Process(journal) as process:
        await a_while()
        await process.complete(*await process.poll())
        await a_while()
        assert journal.state_of(parent) == RunStage.COMPLETED
