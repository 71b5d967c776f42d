"""`Runs`: what the API, and whoever else drives the server, can ask. A facade; each part lives in a
module of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from treadle_server.clock import Clock
from treadle_server.engine.events import Event, UpdateAnswered
from treadle_server.engine.inputs import ReceiveEvent, ReceiveUpdate, Wake
from treadle_server.engine.values import Duration, Instant, Payload
from treadle_server.ids import IdSource
from treadle_server.journal.port import Info, Journal, Key, Record, RunRow, Table
from treadle_server.journal.writer import Writer
from treadle_server.matching.lanes import LaneName, TaskReference
from treadle_server.matching.matching import Matching
from treadle_server.runs import recovery
from treadle_server.runs.cuts import Cuts
from treadle_server.runs.definitions import Definitions
from treadle_server.runs.deletion import Deletion
from treadle_server.runs.groups import Groups
from treadle_server.runs.held import log_held
from treadle_server.runs.held_search import HeldSearch
from treadle_server.runs.hot import HotRun, HotRuns
from treadle_server.runs.log_end import LogEnd
from treadle_server.runs.messages import Messages
from treadle_server.runs.model import (
    DefinitionView,
    RunReference,
)
from treadle_server.runs.polls import Polls
from treadle_server.runs.query import Queries
from treadle_server.runs.reports import Reports
from treadle_server.runs.retirement import Retirement
from treadle_server.runs.starts import Starts
from treadle_server.runs.steering import Steering
from treadle_server.runs.tokens import Tokens
from treadle_server.runs.turns import Turns
from treadle_server.runs.updates import Updates
from treadle_server.runs.upkeep import Upkeep
from treadle_server.runs.watching import Watching
from treadle_server.timers.loop import HORIZON, TimerLoop

_log = structlog.get_logger(component="runs")

_PRIORITIES = range(1, 6)
_TYPES_LISTED = 1_000


class Runs:
    """One server's runs. Clock, ids, journal and writer are handed in, so that a simulation can
    hand in its own.

    `committed` is called after each commit: metrics count it, the exporter follows it.
    `timer_horizon`: how far ahead wakes are kept in memory. `upkeep`: whether what has served its
    time is forgotten now and then, and among it runs that ended longer ago than `retention`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        ids: IdSource,
        journal: Journal,
        writer: Writer,
        token_secret: bytes,
        committed: Callable[[Sequence[Event], int], None] = lambda events, position: None,
        timer_horizon: Duration = HORIZON,
        upkeep: bool = True,
        retention: Duration | None = None,
    ) -> None:
        self._committed = committed
        self._clock = clock
        self._ids = ids
        self._journal = journal
        self._definitions = Definitions(journal, writer, clock)
        self._hot = HotRuns(clock, journal, self._definitions)
        self._matching = Matching(clock, self._refill, self._known_types)
        self._keeps_up = upkeep
        self._told_of_drain: list[Callable[[], None]] = []
        self._timers = TimerLoop(clock, self._wake, journal.due, timer_horizon)
        tokens = Tokens(token_secret)
        turns = self._turns = Turns(
            clock=clock,
            journal=journal,
            writer=writer,
            hot=self._hot,
            matching=self._matching,
            tokens=tokens,
            timers=self._timers,
            committed=self._on_commit,
        )
        self._polls = Polls(
            clock=clock,
            journal=journal,
            hot=self._hot,
            matching=self._matching,
            tokens=tokens,
            turns=turns,
        )
        self._reports = Reports(
            clock=clock,
            journal=journal,
            hot=self._hot,
            sessions=self._matching.sessions,
            tokens=tokens,
            turns=turns,
            polls=self._polls,
        )
        self._queries = Queries(journal, self._hot)
        self._log_end = LogEnd()
        self._starts = Starts(
            clock=clock,
            ids=ids,
            journal=journal,
            definitions=self._definitions,
            queries=self._queries,
            turns=turns,
            send=self._send_to,
        )
        self._messages = Messages(journal=journal, hot=self._hot, starts=self._starts, turns=turns)
        self._held_search = HeldSearch(journal, self._hot, turns)
        self._cuts = Cuts(writer, self._messages.sends)
        self._upkeep = Upkeep(clock, journal, writer, retention, self._cuts, self._messages.sends)
        self.delete = Deletion(writer, self._hot, self._queries, self._messages).delete
        self._make_verbs(turns)

    def _make_verbs(self, turns: Turns) -> None:
        """What goes straight to the part that does it; each is described there."""
        journal, clock = self._journal, self._clock
        self._steering = Steering(
            clock=clock, journal=journal, hot=self._hot, queries=self._queries, turns=turns
        )
        self._updates = Updates(hot=self._hot, queries=self._queries, turns=turns)
        self._retirement = Retirement(
            journal=journal, hot=self._hot, definitions=self._definitions, turns=turns
        )
        self.change_version = self._retirement.change
        self.start = self._starts.start
        self.describe = self._queries.describe
        self.wait = self._queries.wait
        self.poll = self._polls.poll
        self.complete = self._reports.complete
        self.read_history = self._reports.history
        self.heartbeat = self._reports.heartbeat
        self.end_session = self._polls.end_session
        self.deploy = self._definitions.deploy
        self.cancel = self._steering.cancel
        self.terminate = self._steering.terminate
        self.answer = self._steering.answer
        self.pause = self._steering.pause
        self.resume = self._steering.resume
        self.skip = self._steering.skip
        self.retry = self._starts.retry
        self.executions = self._queries.executions
        groups = Groups(
            definitions=self._definitions,
            queries=self._queries,
            start=self._starts.start,
        )
        self.start_group = groups.start
        self.group = groups.view
        watching = Watching(
            journal=journal,
            hot=self._hot,
            queries=self._queries,
            groups=groups,
            log_end=self._log_end,
        )
        self.watch = watching.run
        self.watch_all = watching.all_runs
        self.watch_group = watching.group

    def start_serving(self, info: Info) -> None:
        """Recovers what must be known at once, and starts the timers."""
        self._matching.sessions.recovered = recovery.open_hand_overs(
            self._journal, info.position, self._clock.now()
        )
        self._log_end.committed(info.position)
        self._timers.start()
        self._messages.recover()
        self._held_search.start()
        if self._keeps_up:
            self._upkeep.start()

    def when_draining(self, tell: Callable[[], None]) -> None:
        """Has it called by `drain`."""
        self._told_of_drain.append(tell)

    def drain(self) -> None:
        """Answers everybody who waits; nobody new may wait. First step of stopping."""
        self._polls.drain()
        self._queries.stop()
        self._log_end.wake()
        for tell in self._told_of_drain:
            tell()

    async def stop(self) -> None:
        """Stops timers and messages. Turns that are on their way are the writer's."""
        await self._timers.stop()
        await self._messages.stop()
        await self._held_search.stop()
        await self._upkeep.stop()

    def keep_unexported(self, exported: Callable[[], int]) -> None:
        """No history is cut beyond the position that `exported` tells."""
        self._cuts.exported = exported

    # --- definitions ------------------------------------------------------------------------------

    async def get_definition(self, namespace: str, workflow: str, version: int) -> DefinitionView:
        """One version, the current one for 0; raises `NotFound`."""
        return self._definitions.read(namespace, workflow, version)

    async def list_definitions(
        self, namespace: str, *, workflow: str | None, after: tuple[str, int] | None, limit: int
    ) -> list[DefinitionView]:
        """Versions by name and number."""
        return self._definitions.list(namespace, workflow=workflow, after=after, limit=limit)

    # --- runs -------------------------------------------------------------------------------------

    async def list_runs(
        self,
        namespace: str,
        *,
        workflow: str | None,
        state: int | None,
        before: tuple[Instant, bytes] | None,
        limit: int,
        held: bool = False,
    ) -> list[RunRow]:
        """Runs, newest first. `held`: only those that wait for a person."""
        return self._queries.list_runs(
            namespace, workflow=workflow, state=state, before=before, limit=limit, held=held
        )

    async def history(
        self, reference: RunReference, after_seq: int, max_bytes: int
    ) -> tuple[list[Record], bool]:
        """Committed records, and whether there are more."""
        return self._queries.history(reference, after_seq, max_bytes)

    async def send(
        self, reference: RunReference, *, event_id: str, name: str, payload: Payload, actor: str
    ) -> tuple[RunRow, str]:
        """Gives a run an external event; makes its id if there is none."""
        new_id = not event_id
        event_id = event_id or self._ids.run_id(self._clock.now()).hex()
        row = await self._steering.send(
            reference, event_id=event_id, name=name, payload=payload, actor=actor, new_id=new_id
        )
        return row, event_id

    async def _send_to(self, run_id: bytes, event: ReceiveEvent) -> RunRow:
        return await self._steering.apply(run_id, event)

    async def update(
        self, reference: RunReference, request: ReceiveUpdate, wait: Duration
    ) -> tuple[str, UpdateAnswered | None]:
        """Asks code to do something; the update's id, and the answer if it came within `wait`."""
        if not request.update_id:
            request.update_id = self._ids.run_id(self._clock.now()).hex()
        return request.update_id, await self._updates.update(reference, request, wait)

    async def broadcast(
        self, namespace: str, *, event_id: str, name: str, payload: Payload, actor: str
    ) -> tuple[int, str]:
        """Gives all runs that wait for it an external event; to how many, and the event's id."""
        event_id = event_id or self._ids.run_id(self._clock.now()).hex()
        event = ReceiveEvent(event_id=event_id, name=name, payload=payload, actor=actor)
        return await self._messages.broadcast(namespace, event), event_id

    # --- for gauges -----------------------------------------------------------------------------

    def loaded_runs(self) -> int:
        """Runs in memory."""
        return len(self._hot)

    def parked_polls(self) -> int:
        """Polls that wait."""
        return self._matching.parked_count()

    def waiting_tasks(self) -> dict[str, int]:
        """Tasks that wait, by queue, as far as they are in memory."""
        return self._matching.waiting_tasks()

    # --- inside -----------------------------------------------------------------------------------

    def _on_commit(self, hot: HotRun, events: Sequence[Event], position: int) -> None:
        self._committed(events, position)
        log_held(hot, events)
        self._cuts.note(hot.run_id, events, position)
        self._log_end.committed(position)

    async def _wake(self, run_ids: list[bytes]) -> None:
        for run_id in run_ids:
            try:
                hot = await self._hot.load_usable(run_id)
                if hot is not None:
                    self._turns.apply_soon(hot, Wake(renewals=_renewals(self._reports, hot)))
            except Exception as error:  # noqa: BLE001 - one broken run must not stop all timers
                _log.error("a run could not be woken", run_id=run_id.hex(), exc_info=error)
            await asyncio.sleep(0)

    def _refill(self, lane: LaneName, limit: int) -> list[TaskReference]:
        """The first waiting tasks of a lane that are ready by now, from the journal."""
        now = self._clock.now()
        found: list[TaskReference] = []
        for priority in _PRIORITIES:
            if len(found) == limit:
                break
            low: Key = (*lane, priority)
            high: Key = (*lane, priority, now + 1)
            while rows := self._journal.scan(Table.READY, low, high, limit - len(found)):
                for row in rows:
                    _, _, _, _, ready_time, run_id, key = row.key
                    assert isinstance(ready_time, int)
                    assert isinstance(run_id, bytes)
                    assert isinstance(key, str)
                    # What nobody can be given must not keep the others from coming.
                    if run_id not in self._hot.unusable:
                        found.append(TaskReference(priority, ready_time, run_id, key))
                if len(found) == limit:
                    break
                low = (*rows[-1].key, "")
        return found

    def _known_types(self, namespace: str, queue: str) -> list[str]:
        """The types that have waiting tasks in a queue: for a worker that takes any."""
        types: list[str] = []
        low: tuple[str, ...] = (namespace, queue)
        while len(types) < _TYPES_LISTED:
            rows = self._journal.scan(Table.READY, low, (namespace, queue + "\0"), 1)
            if not rows:
                break
            type_name = rows[0].key[2]
            assert isinstance(type_name, str)
            types.append(type_name)
            low = (namespace, queue, type_name + "\0")
        return types


def _renewals(reports: Reports, hot: HotRun) -> Callable[[str, int], Any]:
    return lambda session_id, lease: reports.renewal(hot, session_id, lease)
