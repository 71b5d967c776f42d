"""The writers: what is submitted is committed in order, in groups, within bounds, or nobody is told
that it was.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journal.make import record, run_id, start
from tests.journal.watched import WatchedJournal
from treadle_server.journal import intake, pace
from treadle_server.journal.port import JournalError, Outcome, Row, Table, Unit
from treadle_server.journal.sqlite import SqliteJournal
from treadle_server.journal.writer import InlineWriter, JournalBusy, ThreadWriter, Writer

COMMITTED, CONFLICT = Outcome.COMMITTED, Outcome.CONFLICT


@pytest.fixture
def journal() -> WatchedJournal:
    journal = WatchedJournal()
    journal.open()
    return journal


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No commit is short enough for the loop."""
    monkeypatch.setattr(pace, "LOOP_COMMIT_SECONDS", -1.0)


@pytest.fixture(params=["thread", "thread or loop", "loop"])
async def writer(
    request: pytest.FixtureRequest, journal: WatchedJournal, failures: list[BaseException]
) -> AsyncIterator[Writer]:
    if request.param == "thread":
        request.getfixturevalue("thread_only")
    kind = InlineWriter if request.param == "loop" else ThreadWriter
    writer: Writer = kind(journal, on_failure=failures.append)
    yield writer
    await writer.close()


@pytest.fixture
async def blocked(
    journal: WatchedJournal, failures: list[BaseException], thread_only: None
) -> AsyncIterator[tuple[ThreadWriter, asyncio.Future[Outcome]]]:
    """A writer whose first commit, of a unit that starts run 1, is under way."""
    journal.may_commit.clear()
    writer = ThreadWriter(journal, on_failure=failures.append, max_units=3, max_bytes=100_000)
    first = writer.submit(start(1))
    await asyncio.to_thread(journal.in_commit.wait)
    yield writer, first
    journal.may_commit.set()
    await writer.close()


def large(size: int) -> Unit:
    return Unit(puts=[Row(Table.META, ("m",), bytes(size))])


# --- what both do --------------------------------------------------------------------------------


async def test_each_unit_gets_its_own_outcome(writer: Writer, journal: WatchedJournal) -> None:
    units = [start(1), start(1), start(2), Unit(records=[record(2, 2)])]
    outcomes = await asyncio.gather(*[writer.submit(unit) for unit in units])
    assert outcomes == [COMMITTED, CONFLICT, COMMITTED, COMMITTED]
    assert journal.stats().records == 3
    assert [unit for commit in journal.commits for unit in commit] == units


async def test_answers_come_in_order_of_submission(writer: Writer) -> None:
    answered: list[int] = []

    def answer(number: int) -> Callable[[asyncio.Future[Outcome]], None]:
        return lambda _: answered.append(number)

    futures = []
    for number in range(1, 201):
        future = writer.submit(start(number))
        future.add_done_callback(answer(number))
        futures.append(future)
        if number % 50 == 0:
            await asyncio.sleep(0.001)
    await asyncio.gather(*futures)
    await asyncio.sleep(0)
    assert answered == list(range(1, 201))


async def test_trimming_is_done_between_commits(writer: Writer, journal: WatchedJournal) -> None:
    rows = [Row(Table.REQUEST, ("n", "m", str(number)), b"", number) for number in range(9)]
    await writer.submit(Unit(puts=rows))
    for number, trimmed in enumerate([3, 2, 0], 1):
        started = [writer.submit(start(number))]
        chore = writer.carry_out(lambda journal: journal.trim(Table.REQUEST, 5, 3))
        started.append(writer.submit(start(number + 10)))
        assert await asyncio.gather(*started) == [COMMITTED] * 2
        assert await chore == trimmed


async def test_close_commits_what_waits_and_refuses_more(
    writer: Writer, journal: WatchedJournal
) -> None:
    futures = [writer.submit(start(number)) for number in range(1, 2_501)]
    await writer.close()
    assert [future.result() for future in futures] == [COMMITTED] * 2_500
    assert journal.stats().runs == 2_500
    with pytest.raises(JournalError, match="closed"):
        writer.submit(start(9_999))
    with pytest.raises(JournalError, match="closed"):
        writer.carry_out(lambda journal: journal.trim(Table.REQUEST, 0, 1))
    await writer.close()


async def test_a_failed_commit_ends_everything(
    writer: Writer, journal: WatchedJournal, failures: list[BaseException]
) -> None:
    assert await writer.submit(start(1)) is COMMITTED
    journal.failure = OSError("the disk is gone")
    futures = [writer.submit(start(number)) for number in (2, 3)]
    trimmed = writer.carry_out(lambda journal: journal.trim(Table.REQUEST, 0, 1))
    waiting: list[asyncio.Future[Any]] = [*futures, trimmed]
    for future in waiting:
        with pytest.raises(JournalError, match="the disk is gone"):
            await future
    assert failures == [journal.failure]
    with pytest.raises(JournalError, match="the disk is gone"):
        writer.submit(start(4))
    await writer.close()
    assert failures == [journal.failure]
    assert journal.stats().runs == 1


async def test_a_failed_trim_ends_everything_but_commits_before_it_stand(
    writer: Writer, journal: WatchedJournal, failures: list[BaseException]
) -> None:
    assert await writer.submit(start(1)) is COMMITTED
    journal.failure = JournalError("trimming failed")
    with pytest.raises(JournalError, match="trimming failed"):
        await writer.carry_out(lambda journal: journal.trim(Table.REQUEST, 0, 1))
    assert failures == [journal.failure]
    with pytest.raises(JournalError):
        writer.submit(start(2))


async def test_commits_are_counted(writer: Writer, journal: WatchedJournal) -> None:
    for unit in (start(1), start(2), start(1)):
        await writer.submit(unit)
    counters = writer.counters
    assert (counters.units, counters.conflicts, counters.refused) == (3, 1, 0)
    assert counters.commits == len(journal.commits)
    assert counters.bytes > sum(
        len(record.body) for commit in journal.commits for unit in commit for record in unit.records
    )
    assert counters.commit_seconds > 0


async def test_a_commit_has_bounds(
    writer: Writer, journal: WatchedJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_COMMIT_UNITS", 4)
    monkeypatch.setattr(intake, "MAX_COMMIT_BYTES", 10_000)
    units = [start(number) for number in range(1, 8)] + [large(6_000), large(6_000), large(50_000)]
    await asyncio.gather(*[writer.submit(unit) for unit in units])
    assert [unit for commit in journal.commits for unit in commit] == units
    assert max(len(commit) for commit in journal.commits) <= 4
    for commit in journal.commits:
        size = sum(len(row.value) for unit in commit for row in unit.puts)
        assert size <= 10_000 or len(commit) == 1


# --- the thread ----------------------------------------------------------------------------------


async def test_what_arrives_during_a_commit_goes_into_the_next(
    blocked: tuple[ThreadWriter, asyncio.Future[Outcome]], journal: WatchedJournal
) -> None:
    writer, first = blocked
    later = [writer.submit(start(number)) for number in (2, 3, 4)]
    assert not first.done()
    journal.may_commit.set()
    assert await asyncio.gather(first, *later) == [COMMITTED] * 4
    assert [len(commit) for commit in journal.commits] == [1, 3]
    assert journal.threads.isdisjoint({threading.get_ident()})


async def test_a_caller_that_goes_disturbs_nobody_and_hears_of_it_after_the_commit(
    blocked: tuple[ThreadWriter, asyncio.Future[Outcome]],
    journal: WatchedJournal,
    failures: list[BaseException],
) -> None:
    _writer, unit = blocked

    async def wait() -> Outcome:
        return await unit

    goes, stays = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    goes.cancel()
    await asyncio.sleep(0)
    assert not goes.done()
    journal.may_commit.set()
    assert await stays is COMMITTED
    with pytest.raises(asyncio.CancelledError):
        await goes
    assert failures == []


async def test_a_full_queue_refuses_at_once(
    blocked: tuple[ThreadWriter, asyncio.Future[Outcome]], journal: WatchedJournal
) -> None:
    writer, first = blocked
    waiting = [writer.submit(start(number)) for number in (2, 3, 4)]
    with pytest.raises(JournalBusy):
        writer.submit(start(5))
    assert writer.counters.refused == 1
    journal.may_commit.set()
    await asyncio.gather(first, *waiting)
    assert await writer.submit(start(5)) is COMMITTED
    assert [found.run_id for found in journal.read_log(0, 9)] == [run_id(n) for n in range(1, 6)]


async def test_half_of_the_room_is_kept_for_what_nobody_asked_for(
    blocked: tuple[ThreadWriter, asyncio.Future[Outcome]], journal: WatchedJournal
) -> None:
    writer, first = blocked
    waiting = [writer.submit(start(2))]
    assert (writer.full(for_requests=True), writer.full()) == (False, False)
    waiting.append(writer.submit(start(3)))
    assert (writer.full(for_requests=True), writer.full()) == (True, False)
    waiting.append(writer.submit(start(4)))
    assert (writer.full(for_requests=True), writer.full()) == (True, True)
    journal.may_commit.set()
    await asyncio.gather(first, *waiting)


async def test_bytes_that_wait_are_bounded_too(
    blocked: tuple[ThreadWriter, asyncio.Future[Outcome]], journal: WatchedJournal
) -> None:
    writer, first = blocked
    waiting = writer.submit(large(60_000))
    was_full = writer.full()
    over = writer.submit(large(60_000))
    assert (was_full, writer.full()) == (False, True)
    assert writer.full(for_requests=True)
    with pytest.raises(JournalBusy):
        writer.submit(large(1))
    journal.may_commit.set()
    await asyncio.gather(first, waiting, over)


async def test_a_unit_larger_than_the_queue_is_taken_if_there_is_room(
    blocked: tuple[ThreadWriter, asyncio.Future[Outcome]], journal: WatchedJournal
) -> None:
    writer, first = blocked
    alone = writer.submit(large(500_000))
    journal.may_commit.set()
    assert (await first, await alone) == (COMMITTED, COMMITTED)


async def test_a_whole_commit_is_answered_with_one_wake_up(
    blocked: tuple[ThreadWriter, asyncio.Future[Outcome]],
    journal: WatchedJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer, first = blocked
    waiting = [writer.submit(start(number)) for number in (2, 3, 4)]
    loop = asyncio.get_running_loop()
    original, calls = loop.call_soon_threadsafe, []

    def counted(*arguments: Any, **options: Any) -> asyncio.Handle:
        calls.append(arguments)
        return original(*arguments, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    journal.may_commit.set()
    await asyncio.gather(first, *waiting)
    assert len(calls) == len(journal.commits) == 2


async def test_units_that_wait_behind_a_failing_commit_are_told(
    blocked: tuple[ThreadWriter, asyncio.Future[Outcome]],
    journal: WatchedJournal,
    failures: list[BaseException],
) -> None:
    writer, first = blocked
    behind = writer.submit(start(2))
    journal.failure = RuntimeError("not even an error of the storage")
    journal.may_commit.set()
    for future in (first, behind):
        with pytest.raises(JournalError, match="not even"):
            await future
    assert len(journal.commits) == 1
    assert failures == [journal.failure]


async def test_a_few_units_are_committed_on_the_loop(
    journal: WatchedJournal, failures: list[BaseException]
) -> None:
    writer = ThreadWriter(journal, on_failure=failures.append)
    waiting = [writer.submit(start(number)) for number in (1, 2)]
    assert journal.commits == []
    await asyncio.gather(*waiting)
    assert await writer.submit(start(3)) is COMMITTED
    assert [len(commit) for commit in journal.commits] == [2, 1]
    assert journal.threads == {threading.get_ident()}
    await writer.close()


async def test_a_crowd_is_committed_on_the_thread(
    journal: WatchedJournal, failures: list[BaseException]
) -> None:
    writer = ThreadWriter(journal, on_failure=failures.append)
    crowd = range(int(pace.LOOP_UNITS_PER_SECOND * pace.RATE_WINDOW_SECONDS) + 1)
    await asyncio.gather(*[writer.submit(start(number)) for number in crowd])
    assert journal.threads.isdisjoint({threading.get_ident()})
    await writer.close()


async def test_the_rest_of_a_commit_with_bounds_goes_to_the_thread(
    journal: WatchedJournal, failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_COMMIT_UNITS", 2)
    writer = ThreadWriter(journal, on_failure=failures.append)
    outcomes = await asyncio.gather(*[writer.submit(start(number)) for number in range(5)])
    assert outcomes == [COMMITTED] * 5
    assert [len(commit) for commit in journal.commits] == [2, 2, 1]
    assert len(journal.threads) == 2
    await writer.close()


async def test_a_chore_does_not_get_a_later_unit_answered_first(
    journal: WatchedJournal, failures: list[BaseException]
) -> None:
    writer = ThreadWriter(journal, on_failure=failures.append)
    answered: list[int] = []
    await writer.submit(start(9))
    first = writer.submit(start(1))
    chore = writer.carry_out(lambda journal: journal.trim(Table.REQUEST, 0, 1))
    time.sleep(0.05)  # noqa: ASYNC251 - the thread may do what it would, in this round of the loop
    second = writer.submit(start(2))
    first.add_done_callback(lambda _: answered.append(1))
    second.add_done_callback(lambda _: answered.append(2))
    await asyncio.gather(first, second, chore)
    await asyncio.sleep(0)
    assert answered == [1, 2]
    await writer.close()


async def test_closing_takes_what_the_loop_was_about_to_commit(
    journal: WatchedJournal, failures: list[BaseException]
) -> None:
    writer = ThreadWriter(journal, on_failure=failures.append)
    waiting = writer.submit(start(1))
    await writer.close()
    assert await waiting is COMMITTED
    assert failures == []


@pytest.mark.parametrize("runs_at_once", [2, 300])
async def test_many_tasks_over_a_real_file(
    tmp_path: Path, failures: list[BaseException], runs_at_once: int
) -> None:
    """Hundreds of runs, each waiting for its own commits: nothing is lost or mixed up."""
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.open()
    writer = ThreadWriter(journal, on_failure=failures.append)

    async def run(number: int) -> None:
        assert await writer.submit(start(number)) is COMMITTED
        for seq in range(2, 6):
            assert await writer.submit(Unit(records=[record(number, seq)])) is COMMITTED
            assert await writer.submit(Unit(records=[record(number, seq)])) is CONFLICT

    for first in range(1, 301, runs_at_once):
        await asyncio.gather(*[run(number) for number in range(first, first + runs_at_once)])
    await writer.close()
    assert failures == []
    assert journal.stats().records == 1_500
    assert list(journal.check()) == []
    # 2,700 units; each task waits for each, so at least 9 commits.
    assert 9 <= writer.counters.commits < 2_700
    journal.close()


@pytest.mark.parametrize("threads", ["thread", "thread or loop"])
async def test_what_comes_in_rounds_without_a_pause_is_one_commit(
    journal: WatchedJournal,
    failures: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    threads: str,
) -> None:
    monkeypatch.setattr(pace, "LONGEST_GATHERING_SECONDS", 3_600.0)
    if threads == "thread":
        request.getfixturevalue("thread_only")
    writer = ThreadWriter(journal, on_failure=failures.append)
    waiting = []
    for number in range(100):
        waiting += [writer.submit(start(2 * number)), writer.submit(start(2 * number + 1))]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == [COMMITTED] * 200
    assert [len(units) for units in journal.commits] == [200]
    await writer.close()


async def test_where_units_never_cease_to_come_they_are_committed_all_the_same(
    writer: Writer, journal: WatchedJournal
) -> None:
    waiting = [writer.submit(start(1))]
    while not waiting[0].done():
        waiting.append(writer.submit(start(len(waiting) + 1)))
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == [COMMITTED] * len(waiting)


async def test_closing_ends_the_gathering(
    journal: WatchedJournal,
    failures: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    thread_only: None,
) -> None:
    monkeypatch.setattr(pace.Gathering, "is_over", lambda *_: False)
    writer = ThreadWriter(journal, on_failure=failures.append)
    waiting = [writer.submit(start(number)) for number in range(500)]
    await asyncio.sleep(0)
    assert journal.commits == []
    await writer.close()
    assert await asyncio.gather(*waiting) == [COMMITTED] * 500
    assert [len(units) for units in journal.commits] == [500]
    assert failures == []


async def test_a_chore_waits_for_the_commit_of_what_is_gathered(
    journal: WatchedJournal, failures: list[BaseException], thread_only: None
) -> None:
    writer = ThreadWriter(journal, on_failure=failures.append)
    first = writer.submit(start(1))
    chore = writer.carry_out(lambda journal: journal.trim(Table.REQUEST, 0, 1))
    assert await chore == 0
    assert await first is COMMITTED
    assert await writer.carry_out(lambda journal: journal.trim(Table.REQUEST, 0, 1)) == 0
    await writer.close()


# --- on the loop ---------------------------------------------------------------------------------


async def test_the_inline_writer_gathers_what_comes_within_its_delay(
    journal: WatchedJournal, failures: list[BaseException]
) -> None:
    writer = InlineWriter(journal, on_failure=failures.append, delay_seconds=0.01)
    first = [writer.submit(start(1)), writer.submit(start(2))]
    await asyncio.sleep(0)
    assert journal.commits == []
    await asyncio.gather(*first)
    await writer.submit(start(3))
    assert [len(commit) for commit in journal.commits] == [2, 1]
    assert journal.threads == {threading.get_ident()}
    await writer.close()
