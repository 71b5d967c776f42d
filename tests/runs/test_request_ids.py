"""A request id stands for one request: what was asked, of which run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.runs.in_process import ONE, MortalJournal, Process, reference
from treadle.testing import run_in_virtual_time, virtual_time
from treadle_server.engine.errors import RunEnded
from treadle_server.engine.events import EventReceived
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import IncidentAnswer, Payload
from treadle_server.journal.codec import decode_batch
from treadle_server.journal.port import Row, RunRow, Table, Unit
from treadle_server.runs.errors import RequestIdReused, RunNotFound
from treadle_server.runs.model import AnswerRequest, RunReference

TWO = ONE | {"name": "two", "nodes": {"a": {"activity": "a"}, "b": {"activity": "b"}}}
WAITS = ONE | {"name": "waits", "nodes": {"w": {"wait": {"event": "approved"}}}}
NEWEST = RunReference(namespace="default", workflow_id="payment-7")


async def terminate(process: Process, run: RunReference, **named: Any) -> RunRow:
    given = {"reason": "", "actor": "", "request_id": "r1"} | named
    return await process.runs.terminate(run, **given)


async def skip(process: Process, run_id: bytes, key: str, **named: Any) -> RunRow:
    given: dict[str, Any] = {"answer": IncidentAnswer.SKIP, "reason": "", "request_id": "r1"}
    request = AnswerRequest(reference=reference(run_id), key=key, **(given | named))
    return await process.runs.skip(request)


@virtual_time
async def test_it_is_not_for_another_thing_of_the_same_run() -> None:
    async with Process(MortalJournal(), TWO) as process:
        run_id = await process.start("two")
        await skip(process, run_id, "a")
        for other in ({"key": "b"}, {"key": "a", "output": Payload(b"1")}):
            with pytest.raises(RequestIdReused):
                await skip(process, run_id, **other)
        await skip(process, run_id, "a", actor="the same person with another key")
        await skip(process, run_id, "b", request_id="r2")
        assert process.journal.state_of(run_id) == RunStage.COMPLETED


@virtual_time
async def test_other_options_are_another_request() -> None:
    async with Process(MortalJournal(), ONE) as process:
        run = reference(await process.start("one"))

        async def cancel(*, skip_compensation: bool) -> None:
            await process.runs.cancel(
                run, reason="", actor="", request_id="r1", skip_compensation=skip_compensation
            )

        await cancel(skip_compensation=True)
        await cancel(skip_compensation=True)
        with pytest.raises(RequestIdReused):
            await cancel(skip_compensation=False)


@virtual_time
async def test_of_two_at_once_for_two_runs_one_has_it() -> None:
    async with Process(MortalJournal(), ONE) as process:
        runs = [await process.start("one") for _ in range(2)]
        first, other = await asyncio.gather(
            *(terminate(process, reference(run_id)) for run_id in runs), return_exceptions=True
        )
        assert isinstance(first, RunRow)
        assert first.run_id == runs[0]
        assert isinstance(other, RequestIdReused)
        states = [process.journal.state_of(run_id) for run_id in runs]
        assert states == [RunStage.TERMINATED, RunStage.RUNNING]


@virtual_time
async def test_of_two_at_once_the_second_has_it_if_the_first_is_refused() -> None:
    async with Process(MortalJournal(), ONE) as process:
        ended, run_id = await process.start("one"), await process.start("one")
        await terminate(process, reference(ended), request_id="")
        refused, row = await asyncio.gather(
            terminate(process, reference(ended)),
            terminate(process, reference(run_id)),
            return_exceptions=True,
        )
        assert isinstance(refused, RunEnded)
        assert isinstance(row, RunRow)
        assert row.run_id == run_id


@virtual_time
async def test_of_two_at_once_for_one_run_both_get_the_answer() -> None:
    async with Process(MortalJournal(), ONE) as process:
        run_id = await process.start("one", workflow_id="payment-7")
        named = (reference(run_id), reference(run_id), NEWEST)
        rows = await asyncio.gather(*(terminate(process, run) for run in named))
        assert [(row.run_id, row.state) for row in rows] == [(run_id, RunStage.TERMINATED)] * 3


@pytest.mark.parametrize("meanwhile", ["another run", "deleted"])
def test_by_workflow_id_it_means_the_run_it_meant(meanwhile: str) -> None:
    async def world() -> None:
        async with Process(MortalJournal(), ONE) as process:
            run_id = await process.start("one", workflow_id="payment-7")
            await terminate(process, NEWEST)
            if meanwhile == "deleted":
                await process.runs.delete(reference(run_id), actor="", reason="")
                with pytest.raises(RunNotFound):
                    await terminate(process, NEWEST)
                return
            other = await process.start("one", workflow_id="payment-7")
            assert (await terminate(process, NEWEST)).run_id == run_id
            with pytest.raises(RequestIdReused):
                await terminate(process, reference(other))
            assert process.journal.state_of(other) == RunStage.RUNNING

    run_in_virtual_time(world())


@virtual_time
async def test_what_an_earlier_version_remembered_is_for_any_content() -> None:
    async with Process(MortalJournal(), ONE) as process:
        run_id, other = await process.start("one"), await process.start("one")
        old = Row(Table.REQUEST, ("default", "TerminateRun", "r1"), run_id)
        process.journal.commit([Unit(puts=[old])])
        assert (await terminate(process, reference(run_id), reason="any")).run_id == run_id
        with pytest.raises(RequestIdReused):
            await terminate(process, reference(other))


@virtual_time
async def test_an_event_is_taken_again_by_the_run_that_it_ended() -> None:
    async with Process(MortalJournal(), WAITS) as process:
        run_id = await process.start("waits")

        async def send(event_id: str) -> bytes:
            row, _ = await process.runs.send(
                reference(run_id),
                event_id=event_id,
                name="approved",
                payload=Payload(b"1"),
                actor="",
            )
            return row.run_id

        assert await send("e1") == run_id
        assert process.journal.state_of(run_id) == RunStage.COMPLETED
        assert await send("e1") == run_id
        for other in ("e2", ""):
            with pytest.raises(RunEnded):
                await send(other)


async def send(process: Process, run: RunReference, event_id: str = "e1", **named: Any) -> bytes:
    given: dict[str, Any] = {"name": "approved", "payload": Payload(b"1"), "actor": ""}
    row, _ = await process.runs.send(run, event_id=event_id, **(given | named))
    return row.run_id


def events_of(process: Process, run_id: bytes) -> list[str]:
    """The ids of the events that a run has had."""
    return [
        event.event_id
        for record in process.journal.read_run(run_id, 0, 1 << 20)
        for event in decode_batch(record.body)
        if isinstance(event, EventReceived)
    ]


@virtual_time
async def test_an_event_by_workflow_id_is_for_the_run_that_had_it() -> None:
    journal = MortalJournal()
    async with Process(journal, WAITS) as process:
        first = await process.start("waits", workflow_id="payment-7")
        assert await send(process, NEWEST) == first
        assert journal.state_of(first) == RunStage.COMPLETED
        second = await process.start("waits", workflow_id="payment-7")
    async with Process(journal) as process:  # which has nothing in memory
        assert await send(process, NEWEST, actor="the same person with another key") == first
        assert journal.state_of(second) == RunStage.RUNNING
        for other in ({"name": "refused"}, {"payload": Payload(b"2")}):
            with pytest.raises(RequestIdReused, match="event id 'e1'"):
                await send(process, NEWEST, **other)
        assert events_of(process, second) == []
        # Only there, and for that workflow id; without an id nothing is remembered.
        assert await send(process, reference(second)) == second
        for workflow_id in ("payment-8", "payment-9"):
            run_id = await process.start("waits", workflow_id=workflow_id)
            other_run = RunReference(namespace="default", workflow_id=workflow_id)
            assert await send(process, other_run) == run_id
        third = await process.start("waits", workflow_id="payment-7")
        assert await send(process, NEWEST, "") == third


@virtual_time
async def test_of_two_events_at_once_by_workflow_id_the_run_has_one() -> None:
    async with Process(MortalJournal(), WAITS) as process:
        run_id = await process.start("waits", workflow_id="payment-7")
        assert await asyncio.gather(*[send(process, NEWEST) for _ in range(3)]) == [run_id] * 3
        assert events_of(process, run_id) == ["e1"]


@virtual_time
async def test_an_event_that_was_refused_is_not_remembered() -> None:
    async with Process(MortalJournal(), WAITS) as process:
        first = await process.start("waits", workflow_id="payment-7")
        await terminate(process, reference(first))
        with pytest.raises(RunEnded):
            await send(process, NEWEST)
        second = await process.start("waits", workflow_id="payment-7")
        assert await send(process, NEWEST) == second
