"""Runs that are held can be found: their rows come and go with the events that hold and release
them, and the log says it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.runs.in_process import ONE, MortalJournal, Process, reference
from treadle import Workflow, activity, step, workflow
from treadle.testing import Kit, run_in_virtual_time, virtual_time
from treadle_server.engine.values import NULL, Failure, IncidentAnswer
from treadle_server.journal.port import Finding, Journal, Row, RunRow, Table, Unit
from treadle_server.runs.check import check_journal
from treadle_server.runs.held_search import RECORDS_AT_ONCE
from treadle_server.runs.model import AnswerRequest, CompleteRequest, Result
from treadle_server.runs.rows import HELD_SEARCH, INCIDENT_CHARACTERS, held_key

HOLDS = ONE | {
    "nodes": {name: {"activity": name, "on_failure": "hold"} for name in ("a", "b")},
    "name": "holds",
}


async def fail_all(process: Process, message: str = "no") -> None:
    """Every task that waits fails."""
    failure = Failure(kind="Broken", message=message)
    while tasks := await process.poll():
        results = [Result(token=task.token, failure=failure) for task in tasks]
        answer = await process.runs.complete(CompleteRequest(namespace="default", results=results))
        assert answer.refusals == [None] * len(results)


async def answer(process: Process, run_id: bytes, key: str, how: IncidentAnswer) -> None:
    request = AnswerRequest(
        reference=reference(run_id), key=key, answer=how, reason="", output=NULL
    )
    await process.runs.answer(request)


def held_runs(journal: Journal) -> list[RunRow]:
    return journal.list_runs(
        "default", workflow=None, state=None, before=None, limit=1_000, held=True
    )


def findings(journal: Journal) -> list[str]:
    found: Iterator[Finding] = check_journal(journal)
    return [finding.rule for finding in found]


def warnings(lines: list[Any]) -> list[Any]:
    return [line for line in lines if line["log_level"] == "warning"]


def test_a_row_comes_with_the_incident_and_goes_with_the_last_answer() -> None:
    async def world() -> None:
        journal = MortalJournal()
        async with Process(journal, HOLDS) as process:
            run_id = await process.start("holds")
            assert held_runs(journal) == []
            await fail_all(process)
            [first] = held_runs(journal)
            assert first.run_id == run_id
            assert findings(journal) == []
            # What is said of the run is said of it wherever it is asked about.
            described = await process.runs.describe(reference(run_id), include_nodes=False)
            assert described.row.held == first.held
            await answer(process, run_id, "a", IncidentAnswer.SKIP)
            [second] = held_runs(journal)
            assert second.held not in (b"", first.held)
            assert findings(journal) == []
            await answer(process, run_id, "b", IncidentAnswer.RETRY)
            assert held_runs(journal) == []
            assert findings(journal) == []
            await fail_all(process)
            assert len(held_runs(journal)) == 1

    run_in_virtual_time(world())


@pytest.mark.parametrize("end", ["fail", "cancel", "terminate"])
def test_a_run_that_ends_is_held_no_more_and_leaves_nothing(end: str) -> None:
    async def world() -> None:
        journal = MortalJournal()
        async with Process(journal, HOLDS) as process:
            run_id = await process.start("holds")
            await fail_all(process)
            if end == "fail":
                await answer(process, run_id, "a", IncidentAnswer.FAIL)
            else:
                await getattr(process.runs, end)(
                    reference(run_id), actor="", reason="", **CANCEL[end]
                )
            await process.runs.wait(reference(run_id), 10_000_000)
            assert held_runs(journal) == []
            assert journal.scan(Table.HELD, ("",), ("\U0010ffff",), 10) == []
            assert findings(journal) == []
            await process.runs.delete(reference(run_id), actor="", reason="")
            assert findings(journal) == []

    run_in_virtual_time(world())


CANCEL: dict[str, dict[str, Any]] = {
    "cancel": {"skip_compensation": False, "request_id": ""},
    "terminate": {"request_id": ""},
}


def test_a_row_has_the_beginning_of_a_long_incident() -> None:
    async def world() -> None:
        journal = MortalJournal()
        async with Process(journal, HOLDS) as process:
            await process.start("holds")
            with capture_logs() as lines:
                await fail_all(process, "x" * 100_000)
            [row] = held_runs(journal)
            assert len(row.held) < 2 * INCIDENT_CHARACTERS
            assert all(len(line["incident"]) == 1_000 for line in warnings(lines))
            assert findings(journal) == []

    run_in_virtual_time(world())


def test_the_check_finds_rows_that_do_not_fit() -> None:
    async def world() -> None:
        journal = MortalJournal()
        async with Process(journal, HOLDS, ONE) as process:
            await process.start("holds")
            await process.start("one")
            await fail_all(process)
        [row] = held_runs(journal)
        [other] = journal.list_runs("default", workflow="one", state=None, before=None, limit=10)
        journal.commit([Unit(deletes=[(Table.HELD, held_key(row))])])
        assert findings(journal) == ["lost-held"]
        journal.commit([Unit(puts=[Row(Table.HELD, held_key(row), b"else")])])
        assert findings(journal) == ["orphan-held"]
        puts = [Row(Table.HELD, held_key(one), row.held) for one in (row, other)]
        journal.commit([Unit(puts=puts)])
        assert findings(journal) == ["orphan-held"]

    run_in_virtual_time(world())


def test_the_log_says_once_what_a_run_is_held_for() -> None:
    async def world() -> None:
        journal = MortalJournal()
        with capture_logs() as lines:
            async with Process(journal, HOLDS) as process:
                run_id = await process.start("holds", workflow_id="order-7")
                await fail_all(process)
            async with Process(journal) as process:
                await process.runs.describe(reference(run_id), include_nodes=False)
                assert len(warnings(lines)) == 2
                await answer(process, run_id, "b", IncidentAnswer.RETRY)
                await fail_all(process)
        assert [line["key"] for line in warnings(lines)] == ["a", "b", "b"]
        line = warnings(lines)[0]
        assert (line["workflow"], line["workflow_id"]) == ("holds", "order-7")
        assert "no attempt is left (Broken: no)" in line["incident"]
        assert line["answer_with"] == f"treadle runs answer {line['run_id']} a ANSWER"
        assert line["run_id"].replace("-", "") == run_id.hex()

    run_in_virtual_time(world())


def test_runs_that_were_held_before_they_had_rows_are_found() -> None:
    async def world() -> list[Any]:
        journal = MortalJournal()
        async with Process(journal, HOLDS) as process:
            ended = await process.start("holds")
            run_ids = [await process.start("holds") for _ in range(RECORDS_AT_ONCE // 3)]
            await fail_all(process)
            released = run_ids.pop()
            for key in ("a", "b"):
                await answer(process, released, key, IncidentAnswer.RETRY)
            await answer(process, ended, "a", IncidentAnswer.FAIL)
        rows = held_runs(journal)
        assert {row.run_id for row in rows} == set(run_ids)
        position = journal.read_log(0, 10_000)[-1].position
        note = Row(Table.META, HELD_SEARCH, b"%d" % position)
        deletes = [(Table.HELD, held_key(row)) for row in rows]
        journal.commit([Unit(deletes=deletes, puts=[note])])
        assert held_runs(journal) == []
        assert findings(journal) == [], "they are still looked for"
        with capture_logs() as lines:
            async with Process(journal):
                await asyncio.sleep(60)
                assert held_runs(journal) == rows
        assert journal.get(Table.META, [HELD_SEARCH]) == [None]
        assert findings(journal) == []
        return lines

    lines = run_in_virtual_time(world())
    assert warnings(lines) == [], "it was said when they began to be held"
    [told] = [line for line in lines if "before the upgrade" in line["event"]]
    assert told["runs"] == RECORDS_AT_ONCE // 3 - 1


def echo(value: int) -> int:
    return value


@activity
async def helped(value: int) -> int:
    return value


def in_parts(first: str) -> Workflow[..., Any]:
    """A workflow whose first step is called so."""

    @workflow(name="in-parts")
    async def parts(given: None) -> str:
        await step(echo, 1).named(first)
        for _ in range(2):
            await workflow.activity(helped, 2)
        return "done"

    return parts


@virtual_time
async def test_code_that_went_on_and_is_held_again_is_news() -> None:
    right, wrong = in_parts("first"), in_parts("other")
    async with Kit() as kit:
        await kit.client.deploy(right.document())
        run = await kit.client.start("in-parts", None)
        async with kit.worker(right):
            await kit.settle()
        for count in (1, 2):
            with capture_logs() as lines:
                async with kit.worker(wrong, helped):
                    await kit.settle()
                    assert (await run.describe()).status == "held"
            assert len(warnings(lines)) == 1, count
            assert "recorded: step first" in warnings(lines)[0]["incident"]
            async with kit.worker(right):
                await kit.settle()
        async with kit.worker(right, helped):
            assert await run.result() == "done"


@workflow
async def typed(count: int) -> int:
    return count


@virtual_time
async def test_code_that_a_worker_tries_again_in_vain_is_no_news() -> None:
    with capture_logs() as lines:
        async with Kit() as kit:
            await kit.client.deploy(typed.document())
            run = await kit.client.start("typed", "not a number")
            for _ in range(3):
                async with kit.worker(typed):
                    await kit.settle()
                    assert (await run.describe()).status == "held"
            await kit.crash_server()
            async with kit.worker(typed):
                await kit.settle()
                await kit.client.answer(run.run_id, key="decision", answer="retry")
                await kit.settle()
            holds = [event async for event in run.history() if event.HasField("run_held")]
            assert len(holds) >= 4
    assert len(warnings(lines)) == 2, "at first, and when a person had it tried again"
