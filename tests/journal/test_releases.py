"""What the writers do for a whole commit before anybody who waits for a unit of it is woken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.journal.make import start
from tests.journal.watched import WatchedJournal
from treadle_server.journal.port import JournalError, Outcome
from treadle_server.journal.writer import InlineWriter, ThreadWriter, Writer

COMMITTED = Outcome.COMMITTED
WRITERS = pytest.mark.parametrize("kind", [InlineWriter, ThreadWriter])
Kind = Callable[..., Any]


@pytest.fixture
def journal() -> WatchedJournal:
    journal = WatchedJournal()
    journal.open()
    return journal


class Released:
    """Notes what was released, in order."""

    def __init__(self) -> None:
        self.units: list[tuple[int, Outcome | None]] = []

    def note(self, number: int, outcome: Outcome | None) -> None:
        self.units.append((number, outcome))

    def of(self, number: int) -> Callable[[Outcome | None], None]:
        return partial(self.note, number)


@WRITERS
async def test_all_are_told_that_the_journal_has_failed(
    kind: Kind, journal: WatchedJournal
) -> None:
    failures: list[BaseException] = []
    journal.failure = OSError("no space left")
    writer: Writer = kind(journal, on_failure=failures.append)
    released = Released()
    units = [writer.submit(start(number), released.of(number)) for number in (1, 2)]
    for unit in units:
        with pytest.raises(JournalError):
            await unit
    assert released.units == [(1, None), (2, None)]
    assert failures == [journal.failure]
    await writer.close()


@WRITERS
async def test_a_release_that_fails_is_no_failure_of_the_journal(
    kind: Kind, journal: WatchedJournal
) -> None:
    failures: list[BaseException] = []
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    writer: Writer = kind(journal, on_failure=failures.append)
    released = Released()

    def fail(_outcome: Outcome | None) -> None:
        raise LookupError("a defect")

    units = [writer.submit(start(1), fail), writer.submit(start(2), released.of(2))]
    assert await asyncio.gather(*units) == [COMMITTED, COMMITTED]
    assert released.units == [(2, COMMITTED)]
    assert [str(context["exception"]) for context in heard] == ["a defect"]
    assert failures == []
    await writer.close()


@WRITERS
async def test_a_release_may_submit_the_next_unit(kind: Kind, journal: WatchedJournal) -> None:
    writer: Writer = kind(journal, on_failure=lambda error: None)
    released, all_released = Released(), asyncio.Event()

    def go_on(number: int, outcome: Outcome | None) -> None:
        released.note(number, outcome)
        if number < 5:
            writer.submit(start(number + 1), partial(go_on, number + 1))
        else:
            all_released.set()

    writer.submit(start(1), partial(go_on, 1))
    await asyncio.wait_for(all_released.wait(), 10)
    assert released.units == [(number, COMMITTED) for number in range(1, 6)]
    await writer.close()


async def test_what_a_release_submits_is_not_overtaken(journal: WatchedJournal) -> None:
    writer = ThreadWriter(journal, on_failure=lambda error: None)
    released, all_released = Released(), asyncio.Event()

    def release_the_last(outcome: Outcome | None) -> None:
        released.note(3, outcome)
        all_released.set()

    def submit_the_last() -> None:
        time.sleep(0.05)  # the thread may do what it would, in this round of the loop
        writer.submit(start(3), release_the_last)

    def go_on(outcome: Outcome | None) -> None:
        released.note(1, outcome)
        asyncio.get_running_loop().call_soon(submit_the_last)
        writer.submit(start(2), released.of(2))

    await writer.submit(start(9))
    await writer.submit(start(1), go_on)
    await asyncio.wait_for(all_released.wait(), 10)
    await writer.close()
    assert released.units == [(1, COMMITTED), (2, COMMITTED), (3, COMMITTED)]
