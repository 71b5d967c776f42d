"""Runs that cannot be brought into memory stand still, and nobody else does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.runs.in_process import ONE, MortalJournal, Process, reference
from treadle.testing import virtual_time
from treadle_server.definitions.versions import VersionState
from treadle_server.engine.values import Payload
from treadle_server.journal.port import DAMAGED, Record, RunRow
from treadle_server.matching.lanes import LANE_CAPACITY
from treadle_server.runs.errors import RecordUnreadable
from treadle_server.runs.model import RetryRequest

WAITS = ONE | {"name": "waits", "nodes": {"w": {"wait": {"event": "approved"}}}}


class DamagedJournal(MortalJournal):
    """A disk that has damaged the records of some runs."""

    def __init__(self) -> None:
        super().__init__()
        self.damaged: set[bytes] = set()

    def load(self, run_ids: Sequence[bytes]) -> list[tuple[RunRow, list[Record]] | None]:
        loaded = super().load(run_ids)
        return [
            (one[0], [replace(record, body=DAMAGED) for record in one[1]])
            if one is not None and one[0].run_id in self.damaged
            else one
            for one in loaded
        ]


@virtual_time
async def test_their_tasks_keep_no_others_from_coming() -> None:
    journal = DamagedJournal()
    async with Process(journal, ONE) as process:
        for _ in range(LANE_CAPACITY):
            journal.damaged.add(await process.start("one"))
        whole = await process.start("one")
    async with Process(journal) as process:  # which has nothing in memory
        assert [task.run_id for task in await process.poll()] == [whole]
        assert await process.poll() == []


@virtual_time
async def test_a_broadcast_reaches_the_others() -> None:
    journal = DamagedJournal()
    async with Process(journal, WAITS) as process:
        run_ids = [await process.start("waits") for _ in range(3)]
        journal.damaged.add(run_ids[0])
    async with Process(journal) as process:
        told, _ = await process.runs.broadcast(
            "default", event_id="e1", name="approved", payload=Payload(b"1"), actor=""
        )
        assert told == 2


@virtual_time
async def test_a_retirement_pauses_the_others() -> None:
    journal = DamagedJournal()
    async with Process(journal, ONE) as process:
        run_ids = [await process.start("one") for _ in range(3)]
        journal.damaged.add(run_ids[1])
    async with Process(journal) as process:
        _, paused = await process.runs.change_version(
            "default", "one", 1, VersionState.RETIRED, make_current=False, force=True
        )
        assert paused == 2


@virtual_time
async def test_one_that_has_ended_cannot_be_taken_up() -> None:
    journal = DamagedJournal()
    async with Process(journal, ONE) as process:
        run_id = await process.start("one")
        await process.runs.terminate(reference(run_id), reason="", actor="", request_id="")
        journal.damaged.add(run_id)
        with pytest.raises(RecordUnreadable):
            await process.runs.retry(RetryRequest(reference=reference(run_id)))
