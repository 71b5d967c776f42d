"""What has served its time is forgotten, on virtual time."""

from __future__ import annotations

import asyncio

from tests.journal.make import end, record, row, run_id, start
from tests.simulation.clock import VirtualClock
from treadle.testing import run_in_virtual_time
from treadle_server.engine.events import StateRecorded
from treadle_server.engine.values import NULL
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import Row, Table, Unit
from treadle_server.journal.writer import InlineWriter
from treadle_server.runs.cuts import PAUSE_SECONDS, Cuts
from treadle_server.runs.upkeep import EVERY_SECONDS, ROWS_AT_ONCE, RUNS_AT_ONCE, Upkeep

HOUR = 3_600 * 1_000_000


def test_what_has_expired_goes_and_the_rest_stays() -> None:
    async def world() -> list[int]:
        journal = MemoryJournal()
        journal.open()
        clock = VirtualClock()
        writer = InlineWriter(journal, on_failure=lambda error: None)
        old = [
            Row(Table.REQUEST, ("default", "CancelRun", f"old-{number}"), b"", clock.now() + 1)
            for number in range(2 * ROWS_AT_ONCE + 5)
        ]
        new = Row(Table.REQUEST, ("default", "CancelRun", "new"), b"", clock.now() + HOUR)
        await writer.submit(Unit(puts=[*old, new]))
        upkeep = Upkeep(clock, journal, writer, None, Cuts(writer, lambda run_id: False))
        upkeep.start()
        counts = []
        for _ in range(2):
            counts.append(len(journal.scan(Table.REQUEST, ("",), ("\U0010ffff",), 10_000)))
            await asyncio.sleep(EVERY_SECONDS + 1)
        await upkeep.stop()
        left = journal.scan(Table.REQUEST, ("",), ("\U0010ffff",), 10_000)
        assert [row.key for row in left] == [new.key]
        return [*counts, len(left)]

    assert run_in_virtual_time(world()) == [2 * ROWS_AT_ONCE + 6, 1, 1]


def test_runs_go_when_they_ended_long_enough_ago() -> None:
    async def world() -> tuple[int, set[int]]:
        journal = MemoryJournal()
        journal.open()
        clock = VirtualClock()
        now = clock.now()
        writer = InlineWriter(journal, on_failure=lambda error: None)
        ended = 2 * RUNS_AT_ONCE + 3
        for number in range(1, ended + 1):
            await writer.submit(start(number, start_time=now - 9 * HOUR))
            await writer.submit(end(number, 2, end_time=now - 3 * HOUR))
        # One that began as long ago and has just ended, and one that is open.
        await writer.submit(start(ended + 1, start_time=now - 9 * HOUR))
        await writer.submit(end(ended + 1, 2, end_time=now - HOUR))
        await writer.submit(start(ended + 2, start_time=now - 9 * HOUR))
        upkeep = Upkeep(clock, journal, writer, 2 * HOUR, Cuts(writer, lambda run_id: False))
        upkeep.start()
        await asyncio.sleep(EVERY_SECONDS + 1)
        numbers = range(1, ended + 3)
        rows = journal.get_runs([run_id(number) for number in numbers])
        left = {n for n, row in zip(numbers, rows, strict=True) if row is not None}
        await asyncio.sleep(HOUR / 1_000_000)
        [row] = journal.get_runs([run_id(ended + 1)])
        assert row is None
        await upkeep.stop()
        return ended, left

    ended, left = run_in_virtual_time(world())
    assert left == {ended + 1, ended + 2}


def test_runs_wait_for_the_trace_exporter_and_not_for_ever() -> None:
    async def world() -> list[set[int]]:
        journal = MemoryJournal()
        journal.open()
        clock = VirtualClock()
        now = clock.now()
        writer = InlineWriter(journal, on_failure=lambda error: None)
        for number, hours in ((1, 5), (2, 3), (3, 3)):
            await writer.submit(start(number, start_time=now - 9 * HOUR))
            await writer.submit(end(number, 2, end_time=now - hours * HOUR))
        exported = 0
        cuts = Cuts(writer, lambda run_id: False)
        cuts.exported = lambda: exported
        upkeep = Upkeep(clock, journal, writer, 2 * HOUR, cuts)
        upkeep.start()
        seen = []
        for position in (0, 4, 6):
            exported = position
            await asyncio.sleep(EVERY_SECONDS + 1)
            rows = journal.get_runs([run_id(number) for number in (1, 2, 3)])
            seen.append({n for n, row in zip((1, 2, 3), rows, strict=True) if row is not None})
        await upkeep.stop()
        return seen

    assert run_in_virtual_time(world()) == [{2, 3}, {3}, set()]


def test_a_history_is_cut_once_nobody_reads_it_any_more() -> None:
    async def world() -> list[list[int]]:
        journal = MemoryJournal()
        journal.open()
        writer = InlineWriter(journal, on_failure=lambda error: None)
        speaks, exported = True, 0
        cuts = Cuts(writer, lambda run_id: speaks)
        cuts.exported = lambda: exported
        cutting = asyncio.create_task(cuts.keep_cutting())
        await writer.submit(start(1, count=4))
        await writer.submit(Unit(records=[record(1, 5)], run=row(1, recorded_seq=5)))
        await writer.submit(Unit(records=[record(1, 6)], run=row(1, recorded_seq=6)))
        cuts.note(run_id(1), [StateRecorded(seq=5, state=NULL, keeps_from=0)], 2)
        cuts.note(run_id(1), [StateRecorded(seq=6, state=NULL, keeps_from=5)], 3)
        kept = []
        for now_speaks, now_exported in ((True, 3), (False, 2), (False, 3)):
            speaks, exported = now_speaks, now_exported
            await asyncio.sleep(PAUSE_SECONDS + 1)
            kept.append([one.base_seq for one in journal.read_run(run_id(1), 0, 999)])
        cutting.cancel()
        return kept

    assert run_in_virtual_time(world()) == [[1, 5, 6], [1, 5, 6], [5, 6]]
