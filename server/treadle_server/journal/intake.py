"""What waits for the disk: a bounded queue, those who wait, and how they are told.

What lives here is the same for both writers (`writer`): all of it but when a commit happens and on
which thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from time import perf_counter  # measures commits; no time of the domain
from typing import Any, Final

from treadle_server.journal.port import Journal, JournalError, Outcome, Unit
from treadle_server.journal.settled import Release, Settled

MAX_COMMIT_UNITS = 1_000
MAX_COMMIT_BYTES = 4 * 1024 * 1024
MAX_COMMIT_UNITS_OF_RUN: Final = 16
"""While other runs wait as well."""
FULL_COMMIT_UNITS: Final = 32
"""Of a run that has more, so many go when nobody else needs the room: a longer commit would be felt
by who comes meanwhile.
"""

LONE_COMMIT_UNITS: Final = 128
"""The same, once the last `LONE_COMMITS` had nothing of anybody else: then nobody is there to feel
it, and fewer commits are a fifth less work in a run of 100,000 nodes.
"""
LONE_COMMITS: Final = 20

ROW_OVERHEAD_BYTES: Final = 200
"""What a row weighs beside its body."""

SHARE_OF_REQUESTS: Final = 0.5
"""Requests are refused when the queue is this full. The rest is for what nobody asked for, timers
above all: a server that is asked too much must still do what it has promised.
"""

OnFailure = Callable[[BaseException], None]

Post = Callable[..., None]
"""Calls its first argument with the others, on the event loop's thread."""


class JournalBusy(Exception):
    """The queue is full and this unit was not taken: come back later. Nothing was changed."""


@dataclass(slots=True)
class Counters:
    """What a writer has done since it began."""

    commits: int = 0
    units: int = 0
    conflicts: int = 0
    bytes: int = 0
    commit_seconds: float = 0.0
    refused: int = 0
    """Units that found the queue full."""


@dataclass(slots=True)
class Waiting:
    """A queued unit and who waits for it."""

    unit: Unit
    size: int
    future: Settled
    subjects: Sequence[Hashable]
    """See `subjects_of`."""
    release: Release | None


@dataclass(slots=True)
class Chore:
    """Something that is done on the commit's thread between two commits; it says how much."""

    work: Callable[[Journal], int]
    future: asyncio.Future[int]


@dataclass(slots=True)
class Queue:
    """Units in order of submission, within bounds. Not for several threads at once."""

    max_units: int
    max_bytes: int
    waiting: deque[Waiting] = field(default_factory=deque)
    chores: deque[Chore] = field(default_factory=deque)
    bytes: int = 0
    lone: int = 0
    """So many commits in a row had units of one run only."""

    def full(self, share: float = 1.0) -> bool:
        """Whether a share of a bound is reached. The last unit before that may be of any size."""
        units, size = share * self.max_units, share * self.max_bytes
        return len(self.waiting) >= units or self.bytes >= size

    def add(self, waiting: Waiting) -> None:
        """Raises `JournalBusy` if it is full."""
        if self.full():
            raise JournalBusy(f"{len(self.waiting)} units, {self.bytes} bytes wait for the disk")
        self.waiting.append(waiting)
        self.bytes += waiting.size

    def take(self) -> list[Waiting]:
        """What goes into one commit; empty if nothing waits.

        One run has a share of it and no more: the rest of a map's thousand results go with the next
        commits, and what other runs say overtakes them. The order within a run stays, and what
        begins a run does not overtake the end of the one that has its workflow id.
        """
        taken: list[Waiting] = []
        put_off: list[Waiting] = []
        late: set[Hashable] = set()
        """What the units that were put off are about: nobody overtakes them there."""
        shares: dict[Hashable, int] = {}
        size = 0
        while self.waiting and len(taken) < MAX_COMMIT_UNITS and len(put_off) < MAX_COMMIT_UNITS:
            first = self.waiting[0]
            waits = False
            for subject in first.subjects:
                shares[subject] = share = shares.get(subject, 0) + 1
                waits = waits or share > MAX_COMMIT_UNITS_OF_RUN or subject in late
            if waits:
                late.update(first.subjects)
                put_off.append(self.waiting.popleft())
                continue
            if taken and size + first.size > MAX_COMMIT_BYTES:
                break
            size += first.size
            taken.append(self.waiting.popleft())
        mine = set(taken[0].subjects) if taken else set()
        company = any(mine.isdisjoint(one.subjects) for one in taken[1:])
        self.lone = 0 if company else self.lone + 1
        room = LONE_COMMIT_UNITS if self.lone > LONE_COMMITS else FULL_COMMIT_UNITS
        back = 0
        while back < len(put_off) and len(taken) < room and size < MAX_COMMIT_BYTES:
            size += put_off[back].size
            taken.append(put_off[back])
            back += 1
        self.waiting.extendleft(reversed(put_off[back:]))
        self.bytes -= sum(waiting.size for waiting in taken)
        return taken

    def drop(self, error: JournalError) -> None:
        """Tells everybody who waits that the outcome is unknown."""
        everybody: list[Waiting | Chore] = [*self.waiting, *self.chores]
        for one in everybody:
            _fail(one, error)
        self.waiting.clear()
        self.chores.clear()
        self.bytes = 0


def _resolve(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():  # cancelled by a caller that has gone
        future.set_result(result)


def _fail(one: Waiting | Chore, error: JournalError) -> None:
    future = one.future
    if not future.done():
        future.set_exception(error)
        future.exception()  # `on_failure` has it; that nobody awaits this one is no news
    if isinstance(one, Waiting):
        _release(one, None)


class Intake:
    """What both writers do on the loop's thread."""

    def __init__(
        self, journal: Journal, on_failure: OnFailure, max_units: int, max_bytes: int
    ) -> None:
        self.counters = Counters()
        self._journal = journal
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._queue = Queue(max_units, max_bytes)
        self._refusal: str | None = None
        """Why nothing is accepted any more."""

    def full(self, *, for_requests: bool = False) -> bool:
        """See `Writer`."""
        return self._queue.full(SHARE_OF_REQUESTS if for_requests else 1.0)

    def _add(self, unit: Unit, release: Release | None) -> Settled:
        if self._refusal is not None:
            raise JournalError(self._refusal)
        future = Settled(loop=self._loop)
        try:
            self._queue.add(Waiting(unit, _size(unit), future, subjects_of(unit), release))
        except JournalBusy:
            self.counters.refused += 1
            raise
        return future

    def _add_chore(self, work: Callable[[Journal], int]) -> asyncio.Future[int]:
        if self._refusal is not None:
            raise JournalError(self._refusal)
        future: asyncio.Future[int] = self._loop.create_future()
        self._queue.chores.append(Chore(work, future))
        return future

    def _commit(self, batch: Sequence[Waiting]) -> list[Outcome]:
        """One commit, counted."""
        began = perf_counter()
        outcomes = self._journal.commit([waiting.unit for waiting in batch])
        counters = self.counters
        counters.commits += 1
        counters.units += len(batch)
        counters.conflicts += outcomes.count(Outcome.CONFLICT)
        counters.bytes += sum(waiting.size for waiting in batch)
        counters.commit_seconds += perf_counter() - began
        return outcomes

    def _carry_out(self, batch: Sequence[Waiting], chores: Sequence[Chore], post: Post) -> bool:
        """Commits, does the chores, has the answers posted; False if the journal has failed."""
        unknown: list[Waiting | Chore] = [*batch, *chores]
        try:
            if batch:
                outcomes = self._commit(batch)
                del unknown[: len(batch)]
                post(_settle, batch, outcomes)
            for chore in chores:
                count = chore.work(self._journal)
                del unknown[0]
                post(_resolve, chore.future, count)
        except BaseException as error:  # noqa: BLE001 - whatever it was, nobody knows what is stored
            post(self._give_up, error, unknown)
            return False
        return True

    def _give_up(self, error: BaseException, unknown: Sequence[Waiting | Chore]) -> None:
        """The journal has failed while it worked on `unknown`."""
        self._refusal = f"the journal has failed: {error}"
        failure = JournalError(self._refusal)
        failure.__cause__ = error
        for one in unknown:
            _fail(one, failure)
        self._queue.drop(failure)
        self._on_failure(error)


def subjects_of(unit: Unit) -> list[Hashable]:
    """The runs that a unit is about, and the workflow id of one that it begins or ends: two units
    about the same keep their order.
    """
    subjects: list[Hashable] = [record.run_id for record in unit.records]
    if unit.run is not None:
        subjects.append((unit.run.namespace, unit.run.workflow_id))
        if not unit.records:
            subjects.append(unit.run.run_id)
    return subjects


def _size(unit: Unit) -> int:
    size = ROW_OVERHEAD_BYTES
    for record in unit.records:
        size += ROW_OVERHEAD_BYTES + len(record.body)
    for row in unit.puts:
        size += ROW_OVERHEAD_BYTES + len(row.value)
    return size


def _settle(batch: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
    """Who waits is woken in a later round of the loop: by then the whole commit is released."""
    for waiting, outcome in zip(batch, outcomes, strict=True):
        waiting.future.set_result(outcome)
        _release(waiting, outcome)


def _release(waiting: Waiting, outcome: Outcome | None) -> None:
    if waiting.release is None:
        return
    try:
        waiting.release(outcome)
    except Exception as error:  # noqa: BLE001 - a defect; the others must be released all the same
        waiting.future.get_loop().call_exception_handler(
            {"message": "a unit could not be released", "exception": error}
        )
