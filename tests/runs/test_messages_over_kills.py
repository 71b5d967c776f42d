"""What runs tell each other arrives, whatever happens to the server meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from tests.runs.in_process import CHILD, PARENT, MortalJournal, Process, a_while, reference
from treadle.testing import virtual_time
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import Payload
from treadle_server.runs import messages


@virtual_time
async def test_a_letter_is_not_struck_out_before_the_end_that_makes_it_pointless() -> None:
    """The parent is to be terminated, which waits behind its many events; its child has completed.
    Killed between the two commits, the parent is open, and must still hear of its child.
    """
    journal = MortalJournal()
    async with Process(journal, CHILD, PARENT) as process:
        parent = await process.start("parent")
        await asyncio.sleep(1)
        [task] = await process.poll()

        def struck_out_too_early() -> bool:
            [row] = journal.get_runs([parent])
            [child] = journal.get_runs([task.run_id])
            assert row is not None
            assert child is not None
            return child.end_time is not None and row.end_time is None and not journal.letters()

        journal.dies = struck_out_too_early  # type: ignore[method-assign]
        events = [
            process.runs.send(
                reference(parent), event_id=f"e{n}", name="x", payload=Payload(b"1"), actor=""
            )
            for n in range(100)
        ]
        end = process.runs.terminate(reference(parent), reason="", actor="", request_id="")
        await asyncio.gather(process.complete(task), *events, end, return_exceptions=True)
        await a_while()
    assert not journal.dead
    assert journal.state_of(task.run_id) == RunStage.COMPLETED
    assert journal.state_of(parent) == RunStage.TERMINATED


@virtual_time
async def test_one_damaged_record_does_not_keep_the_messages_of_others_back() -> None:
    journal = MortalJournal()
    async with Process(journal, CHILD, PARENT) as process:
        for _ in range(2):
            await process.start("parent")
        await asyncio.sleep(1)
        tasks = await process.poll()
        process.tells_nobody()
        await process.complete(*tasks)
    damaged, whole = journal.letters()
    journal._stored.records[bytes(damaged.key[1])][-1].body = b"\xff\xff\xff"  # type: ignore[arg-type]
    await a_while()
    async with Process(journal):
        await a_while()
        assert journal.state_of(bytes.fromhex(str(whole.key[0]))) == RunStage.COMPLETED


@virtual_time
async def test_what_a_run_says_after_a_restart_does_not_overtake_what_it_had_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a child is told to end before it is started, and lives for ever."""
    monkeypatch.setattr(messages, "_PAGE", 20)
    journal = MortalJournal()
    async with Process(journal, CHILD, PARENT) as process:
        process.tells_nobody()
        for _ in range(200):
            await process.start("parent")
    last = journal.letters()[-1]
    child, parent = bytes.fromhex(str(last.key[0])), last.key[1]
    assert isinstance(parent, bytes)
    async with Process(journal) as process:
        await process.runs.terminate(reference(parent), reason="", actor="", request_id="")
        await a_while()
        assert journal.state_of(parent) == RunStage.TERMINATED
        assert all(row is None or row.end_time for row in journal.get_runs([child]))
