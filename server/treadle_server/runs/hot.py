"""Runs in memory: loaded by folding their records, kept while they are used, dropped when the cache
is full.

A `HotRun`'s state is *staged*: it holds turns that may not be committed yet. `settled` is the
future of the newest of them: whoever tells anything about the run waits for it first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from treadle_server.clock import Clock
from treadle_server.definitions.compiled import Compiled
from treadle_server.engine.code import CodeProgress
from treadle_server.engine.evolve import evolve
from treadle_server.engine.machine import MachineProgress
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Duration, Instant, Payload
from treadle_server.journal.port import Journal, Record, RunRow
from treadle_server.journal.settled import Settled
from treadle_server.runs.definitions import Definitions
from treadle_server.runs.errors import CANNOT_BE_USED, NotFound, RecordUnreadable, RunNotFound
from treadle_server.runs.reading import events_of
from treadle_server.runs.settled import until_settled

CACHE_WEIGHT = 400_000
"""Nodes, live activities and a fixed share per run: about 64 MiB."""

RUN_WEIGHT = 20
SLEEP: Duration = 5 * 1_000_000
"""A run that has nothing to do for longer leaves memory: at once after a turn of it; and so long
after it was read, or, of a state machine, after its last turn.
"""
_log = structlog.get_logger(component="runs")

_YIELD_EVENTS = 200
"""About 2 ms of folding. Counted, not timed, so that a simulation repeats."""


@dataclass(slots=True, eq=False)
class HotRun:
    """One run in memory. `row` is its row as last written or staged."""

    row: RunRow
    state: RunState
    compiled: Compiled
    settled: Settled | None = None
    dropped: bool = False
    """Its state is wrong, or that of another in its place is right."""
    waits: dict[str, str] = field(default_factory=dict)
    """Open waits as their rows have them: event by key."""
    heartbeats: dict[str, tuple[int, Instant]] = field(default_factory=dict)
    """Of open attempts, by key: the lease, and when its worker was last heard of."""
    heartbeat_details: dict[str, Payload] = field(default_factory=dict)
    """By key: for the activity's next attempt."""
    tail: list[Record] = field(default_factory=list)
    """Of code: committed records with events that its code has not seen."""
    sticky: str = ""
    """Of code: the session that had its last decision, and may have the run in memory."""
    tried_again: str = ""
    """Of code: the incident that the server itself has had a worker try again; the same once more
    is no news."""

    @property
    def run_id(self) -> bytes:
        """The run's id."""
        return self.row.run_id

    @property
    def namespace(self) -> str:
        """The run's namespace."""
        return self.row.namespace

    @property
    def weight(self) -> int:
        """About what it costs to keep."""
        return RUN_WEIGHT + self.state.progress.weight + 4 * len(self.state.activities)

    @property
    def busy(self) -> bool:
        """Whether it cannot leave memory now: a turn of it is on its way to the journal, or its
        workers' heartbeats are known here only.
        """
        return self.on_its_way or bool(self.heartbeats or self.heartbeat_details)

    @property
    def on_its_way(self) -> bool:
        """Whether a turn of it is not committed yet."""
        return self.settled is not None and not self.settled.done()

    def rests(self, now: Instant) -> bool:
        """Whether nothing will happen to the run for a while: then it need cost disk only."""
        state = self.state
        if state.ended:
            return True
        if state.activities or state.children or state.unfinished:
            return False
        return state.wake_time is None or state.wake_time > now + SLEEP


Watcher = Callable[[HotRun | None], None]
"""Told that something of a run was committed; None: the server is stopping."""


class HotRuns:
    """The cache. The event loop is the only user, and a run that is here is never loaded twice."""

    def __init__(self, clock: Clock, journal: Journal, definitions: Definitions) -> None:
        self._clock = clock
        self._journal = journal
        self._definitions = definitions
        self._runs: OrderedDict[bytes, HotRun] = OrderedDict()
        self._loading: dict[bytes, asyncio.Future[HotRun]] = {}
        self._lingering: dict[bytes, Instant] = {}
        """Runs that leave memory at a time if they rest then, in the order of the times."""
        self._sweep: asyncio.TimerHandle | None = None
        self.unusable: set[bytes] = set()
        """Runs that could not be brought into memory for others: none of their tasks is handed out.
        """
        self._watchers: dict[bytes, dict[Watcher, None]] = {}
        """By run, whether or not it is in memory; in the order they came, as a set's order would
        differ from process to process.
        """

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, run_id: bytes) -> HotRun | None:
        """The run, if it is in memory."""
        hot = self._runs.get(run_id)
        if hot is not None:
            self._runs.move_to_end(run_id)
        return hot

    def on_their_way(self, namespace: str, workflow: str, version: int) -> list[HotRun]:
        """The runs of a version of which a turn is not committed yet: among them all that have
        begun and are not in the journal.
        """
        asked = (namespace, workflow, version)
        return [
            hot
            for hot in self._runs.values()
            if (hot.namespace, hot.row.workflow, hot.row.version) == asked and hot.on_its_way
        ]

    def add(self, hot: HotRun) -> None:
        """A new run."""
        self._runs[hot.run_id] = hot
        if len(self._runs) * RUN_WEIGHT > CACHE_WEIGHT:
            self._shrink()

    def keep(self, hot: HotRun) -> None:
        """The run is about to take a turn: it is needed here, also if it was let go since its
        caller got it. If it has been loaded anew meanwhile, one of the two is behind, and its turn
        fails by its seq.
        """
        if self._runs.setdefault(hot.run_id, hot) is not hot:
            hot.dropped = True

    def drop(self, hot: HotRun) -> None:
        """Forgets the run: its state is wrong."""
        hot.dropped = True
        self.let_go(hot)

    def let_go(self, hot: HotRun) -> None:
        """Nobody needs the run now; its state is right."""
        if self._runs.get(hot.run_id) is hot:
            del self._runs[hot.run_id]

    @contextmanager
    def watched(self, run_id: bytes) -> Iterator[asyncio.Event]:
        """An event that is set at each of the run's commits, until the block ends."""
        changed = asyncio.Event()

        def watcher(_: HotRun | None) -> None:
            changed.set()

        self.watch(run_id, watcher)
        try:
            yield changed
        finally:
            self.unwatch(run_id, watcher)

    def watch(self, run_id: bytes, watcher: Watcher) -> None:
        """Calls it at each of the run's commits, until `unwatch`."""
        self._watchers.setdefault(run_id, {})[watcher] = None

    def unwatch(self, run_id: bytes, watcher: Watcher) -> None:
        """It is told nothing more."""
        watchers = self._watchers[run_id]
        del watchers[watcher]
        if not watchers:
            del self._watchers[run_id]

    def tell_watchers(self, hot: HotRun) -> None:
        """Something of the run was committed."""
        for watcher in self._watchers.get(hot.run_id, ()):
            watcher(hot)

    def tell_all_watchers(self) -> None:
        """Nobody need wait any longer."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher(None)

    async def load(self, run_id: bytes) -> HotRun:
        """The run, folded from its records if need be. Raises `NotFound`, and what `CANNOT_BE_USED`
        has.
        """
        hot = self.get(run_id)
        if hot is not None:
            return hot
        loading = self._loading.get(run_id)
        if loading is None:
            loading = self._loading[run_id] = asyncio.ensure_future(self._fold(run_id))
            loading.add_done_callback(lambda _: self._loading.pop(run_id, None))
        return await asyncio.shield(loading)

    async def load_open(self, run_id: bytes) -> HotRun | None:
        """The run, or None if it has ended: then there is nothing to fold it for. Raises
        `NotFound`, what `CANNOT_BE_USED` has, and `Stopping` if the journal fails meanwhile.
        """
        while True:
            hot = self.get(run_id)
            if hot is None:
                [row] = self._journal.get_runs([run_id])
                if row is not None and row.end_time is not None:
                    return None
                hot = await self.load(run_id)
            if not hot.state.ended:
                return hot
            # That it has ended is true once that is committed: whatever follows from it must not be
            # on the disk before.
            if await until_settled(hot.settled):
                return None

    async def load_usable(self, run_id: bytes) -> HotRun | None:
        """As `load_open`, for who works for many: None also for a run that is not there any more,
        and for one that cannot be used, of which the log tells once. Raises `Stopping`.
        """
        try:
            hot = await self.load_open(run_id)
        except NotFound:
            return None
        except CANNOT_BE_USED as error:
            # Of a version there may be many runs: the log has told of it once.
            if run_id not in self.unusable and isinstance(error, RecordUnreadable):
                _log.error("a run stands still", run_id=run_id.hex(), error=error.message)
            self.unusable.add(run_id)
            return None
        self.unusable.discard(run_id)
        return hot

    async def _fold(self, run_id: bytes) -> HotRun:
        [loaded] = self._journal.load([run_id])
        if loaded is None:
            raise RunNotFound(f"there is no run {run_id.hex()}")
        row, records = loaded
        compiled = await self._definitions.compiled(row.namespace, row.workflow, row.version)
        state = compiled.new_state(run_id)
        await fold(state, records)
        hot = HotRun(row, state, compiled, waits=open_waits(state, compiled))
        if isinstance(state.progress, CodeProgress):
            hot.tail = unseen(records, state.progress.seen_seq)
        # An ended run never changes: it is folded for one answer, not kept.
        if not state.ended:
            self.add(hot)
            self.let_go_later(hot)
        return hot

    def let_go_later(self, hot: HotRun) -> None:
        """It stays for as long as a sleeper may: it was only looked at, or more is to be expected
        where the last came from.
        """
        self._lingering.pop(hot.run_id, None)
        self._lingering[hot.run_id] = self._clock.now() + SLEEP
        if self._sweep is None:
            self._sweep_after(SLEEP)

    def _sweep_after(self, wait: Duration) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(wait / 1_000_000, self._let_sleepers_go)

    def _let_sleepers_go(self) -> None:
        now = self._clock.now()
        self._sweep = None
        while self._lingering:
            run_id, until = next(iter(self._lingering.items()))
            if until > now:
                self._sweep_after(until - now)
                return
            del self._lingering[run_id]
            hot = self._runs.get(run_id)
            if hot is not None and hot.rests(now) and not hot.busy:
                self.let_go(hot)

    def _shrink(self) -> None:
        total = sum(hot.weight for hot in self._runs.values())
        for hot in list(self._runs.values()):
            if total <= CACHE_WEIGHT * 3 // 4:
                return
            if not hot.busy:
                total -= hot.weight
                self.let_go(hot)


def open_waits(state: RunState, compiled: Compiled) -> dict[str, str]:
    """The events that a run waits for, by key."""
    waits = {key: wait.name for key, wait in state.waits.items()}
    if isinstance(state.progress, MachineProgress):
        waits |= {f"on {name}": name for name in compiled.decider.accepted(state)}
    return waits


def unseen(records: Iterable[Record], seen_seq: int) -> list[Record]:
    """The records with events after `seen_seq`."""
    return [record for record in records if record.base_seq + record.count - 1 > seen_seq]


async def fold(state: RunState, records: list[Record]) -> None:
    """Folds records in order, and lets others have the loop now and then. Raises
    `RecordUnreadable`.
    """
    folded = 0
    for record in records:
        for event in events_of(record):
            evolve(state, event)
        folded += record.count
        if folded >= _YIELD_EVENTS:
            await asyncio.sleep(0)
            folded = 0
    state.loaded()


def wake_comes_nearer(row: RunRow, wake_time: Instant | None, now: Instant) -> bool:
    """Whether the row's wake_time must be written: it may be too early, never too late.

    One that has passed is replaced, so that rows do not stay due for ever.
    """
    if row.wake_time is None:
        return wake_time is not None
    if wake_time is None:
        return row.wake_time <= now
    return wake_time < row.wake_time or row.wake_time <= now
