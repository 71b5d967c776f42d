"""The path of every input: take a turn, match, commit, release. The only place that changes a run.

1. `take_turn` changes the staged state and says what happened.
2. Matching, before the commit: an activity that a waiting worker can take is leased in the same
   unit, so that a step costs one commit. Only what nobody takes gets a row.
3. The unit goes to the writer. Until it is committed, nobody is told anything.
4. Release, after the commit: tasks are handed over, rows that nobody took are offered, timers
   armed, watchers woken.

If the commit does not happen, the run is dropped from memory: its staged state was never true.
Units of it that are already on their way fail by their seq, and everybody who waits for them is
told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from treadle_server.clock import Clock
from treadle_server.engine.code import CodeProgress
from treadle_server.engine.emit import Turn, queue_changes
from treadle_server.engine.entities import Activity
from treadle_server.engine.errors import Refusal
from treadle_server.engine.events import Event
from treadle_server.engine.inputs import Continue, Granted, GrantLease, Input, ReturnLease
from treadle_server.engine.machine import MachineProgress
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.turn import take_turn
from treadle_server.engine.values import Instant, Payload
from treadle_server.journal.codec import encode_payload
from treadle_server.journal.port import (
    Journal,
    JournalError,
    Key,
    Outcome,
    Record,
    Row,
    Table,
    Unit,
)
from treadle_server.journal.settled import Settled
from treadle_server.journal.writer import Writer
from treadle_server.matching.matching import Matching
from treadle_server.matching.polls import Taker
from treadle_server.matching.sessions import SESSION_LEASE
from treadle_server.runs.decisions import decision_view, told_bytes
from treadle_server.runs.errors import Busy, Stopping
from treadle_server.runs.hot import HotRun, HotRuns, unseen, wake_comes_nearer
from treadle_server.runs.letters import Letter, letters_of
from treadle_server.runs.model import DecisionView, Stop, TaskView
from treadle_server.runs.room import must_have_room
from treadle_server.runs.rows import (
    changed_held,
    changed_waits,
    copy_row,
    kept_key,
    ready_key,
    records_of,
)
from treadle_server.runs.tokens import Tokens
from treadle_server.timers.loop import TimerLoop

_PUT_OFF_SECONDS = 0.1

Committed = Callable[[HotRun, Sequence[Event], int], None]
"""Called after a commit of a run with its events and the position of its last record."""


@dataclass(slots=True)
class Assignment:
    """A task that was leased in a unit, and who gets it after the commit."""

    taker: Taker
    task: TaskView


@dataclass(slots=True)
class Applied:
    """What a caller gets: answers in the order of the inputs, valid once `settled` is COMMITTED."""

    answers: list[Any]
    settled: Settled | None
    assignments: list[Assignment] = field(default_factory=list)


class Turns:
    """See the module's docstring."""

    def __init__(
        self,
        *,
        clock: Clock,
        journal: Journal,
        writer: Writer,
        hot: HotRuns,
        matching: Matching,
        tokens: Tokens,
        timers: TimerLoop,
        committed: Committed,
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._writer = writer
        self._hot = hot
        self._matching = matching
        self._tokens = tokens
        self._timers = timers
        self._committed = committed
        self.post: Callable[[Sequence[Letter]], None] = lambda letters: None
        """Takes what is to be told to other runs; set by `messages`."""

    def apply(
        self,
        hot: HotRun,
        inputs: Sequence[Input],
        *,
        prefer: Taker | None = None,
        granted_to: Taker | None = None,
        puts: Sequence[Row] = (),
        deletes: Sequence[tuple[Table, Key]] = (),
        new: bool = False,
        not_after: frozenset[int] = frozenset(),
        asked: bool = True,
    ) -> Applied:
        """Takes a turn of the run and sends it to the journal; never waits.

        `prefer` is offered the turn's own activities first (the worker that just reported). `puts`
        and `deletes` go into the same unit, unless the input is refused. `new` says that the run's
        row does not exist yet; `not_after` is that of `Unit`. `granted_to` is who asked, if the
        input is a grant. `asked` False: nobody did, and it may use the room that is kept for that.
        Raises `Busy`, `Stopping`.
        """
        # Before anything changes: there must be room for what the turn will say.
        must_have_room(self._writer, asked=asked)
        if new:
            self._hot.add(hot)
        else:
            self._hot.keep(hot)
        assignments: list[Assignment] = []
        try:
            return self._take(
                hot, inputs, prefer, granted_to, puts, deletes, assignments, not_after, new=new
            )
        except BaseException as error:
            # The state is ahead of the journal now, and nothing will bring the journal there.
            self._hot.drop(hot)
            for assignment in assignments:
                assignment.taker.release(assignment.task.size)
            if isinstance(error, JournalError):
                raise Stopping("the journal has failed; the server is stopping") from None
            raise

    def _take(
        self,
        hot: HotRun,
        inputs: Sequence[Input],
        prefer: Taker | None,
        granted_to: Taker | None,
        puts: Sequence[Row],
        deletes: Sequence[tuple[Table, Key]],
        assignments: list[Assignment],
        not_after: frozenset[int],
        *,
        new: bool,
    ) -> Applied:
        """See `apply`; takers that were promised something stand in `assignments`."""
        state = hot.state
        now = max(self._clock.now(), state.time)
        turn = take_turn(state, inputs, hot.compiled.decider, now)
        answers = list(turn.answers)
        self._match(hot, turn, now, prefer, assignments)
        if granted_to is not None and isinstance(answers[0], Granted):
            [grant] = inputs
            assert isinstance(grant, GrantLease), "only a grant is granted"
            task = self.task_view(hot, grant.key)
            granted_to.reserve(task.size)
            assignments.append(Assignment(granted_to, task))
        letters = letters_of(hot, turn.messages)
        if first_refusal(answers) is not None:
            # Only what succeeded is remembered under its request id, or struck out as delivered.
            puts, deletes = (), ()
        rows = [*puts, *(one.row for one in letters)]
        unit = self._unit(hot, turn, now, rows, deletes, new=new)
        if unit is None:
            self._after_nothing(hot, turn)
            return Applied(answers, hot.settled)
        unit.not_after = not_after
        settled = self._writer.submit(
            unit, partial(self._release, hot, turn, unit, assignments, letters)
        )
        hot.settled = settled
        return Applied(answers, settled, assignments)

    def apply_soon(self, hot: HotRun, one: Input) -> None:
        """An input that nobody waits for: it is put off while the journal is busy.

        A run that left memory meanwhile needs none: what was to be said follows from its journal,
        by its wake time at the latest.
        """
        if hot.dropped or hot.state.ended:
            return
        try:
            self.apply(hot, [one], asked=False)
        except Busy:
            loop = asyncio.get_running_loop()
            loop.call_later(_PUT_OFF_SECONDS, self.apply_soon, hot, one)
        except Stopping:
            pass

    @property
    def busy(self) -> bool:
        """Whether `apply` would raise `Busy` now."""
        return self._writer.full(for_requests=True)

    def discard(self, deletes: Sequence[tuple[Table, Key]]) -> None:
        """Strikes out rows that nothing else goes with. Raises `Busy`, `Stopping`."""
        must_have_room(self._writer, asked=False)
        try:
            self._writer.submit(Unit(deletes=list(deletes)))
        except JournalError:
            raise Stopping("the journal has failed; the server is stopping") from None

    def grant(self, hot: HotRun, key: str, taker: Taker) -> Applied:
        """Leases a waiting activity to a worker, if the run agrees."""
        return self.apply(hot, [grant_input(key, taker)], granted_to=taker)

    # --- before the commit ------------------------------------------------------------------------

    def _match(
        self,
        hot: HotRun,
        turn: Turn,
        now: Instant,
        prefer: Taker | None,
        assignments: list[Assignment],
    ) -> None:
        # Granting makes no new offers, but `offers` may name what has been withdrawn since.
        for key in turn.offers:
            activity = hot.state.activities.get(key)
            if (
                activity is None
                or activity.stage is not ActivityStage.QUEUED
                or activity.place is None
                or not hot.state.hands_out(activity)
            ):
                continue
            scheduled = activity.scheduled
            sticky = hot.sticky if activity.is_decision else ""
            taker = self._matching.find_taker(
                hot.namespace, scheduled.queue, scheduled.type, prefer, sticky
            )
            if taker is None:
                continue
            task = self._grant(hot, turn, key, taker, now)
            if task is not None:
                assignments.append(Assignment(taker, task))

    def _grant(
        self, hot: HotRun, turn: Turn, key: str, taker: Taker, now: Instant
    ) -> TaskView | None:
        """Leases the activity to the taker within the turn; None if the run refuses."""
        take_turn(hot.state, [grant_input(key, taker)], hot.compiled.decider, now, turn)
        granted = turn.answers[-1]
        if not isinstance(granted, Granted):
            return None
        task = self.task_view(hot, key)
        taker.reserve(task.size)
        return task

    def task_view(self, hot: HotRun, key: str) -> TaskView:
        """The open attempt of an activity as its worker gets it."""
        state = hot.state
        activity = state.activities[key]
        details = hot.heartbeat_details.get(key)
        memory = {
            name: state.memory[name]
            for name in activity.scheduled.memory_keys
            if name in state.memory
        }
        return TaskView(
            token=self._tokens.make(hot.namespace, hot.run_id, key, activity.lease),
            namespace=hot.namespace,
            run_id=hot.run_id,
            workflow_id=state.workflow_id,
            workflow=state.workflow,
            version=state.version,
            lease=activity.lease,
            attempt=activity.attempt,
            activity=activity,
            started_time=activity.started_time,
            deadline=activity.attempt_deadline,
            memory=memory,
            heartbeat_details=details,
            size=told_bytes(hot) if activity.is_decision else _size_of(activity, memory, details),
            decision=partial(self._decision, hot) if activity.is_decision else None,
        )

    def _decision(self, hot: HotRun) -> DecisionView:
        return decision_view(hot, self._journal, self._clock.now(), hot.state.code.seen_seq)

    def _unit(
        self,
        hot: HotRun,
        turn: Turn,
        now: Instant,
        puts: Sequence[Row],
        deletes: Sequence[tuple[Table, Key]],
        *,
        new: bool,
    ) -> Unit | None:
        state = hot.state
        records: list[Record] = []
        if turn.events:
            records = records_of(hot.run_id, turn.events, now)
        write_row = self._bring_row_up_to_date(hot, now, new=new)
        added, removed = queue_changes(state, turn)
        rows = [*puts, *(Row(Table.READY, ready_key(hot, place)) for place in added)]
        begun, over = changed_waits(hot)
        rows += [Row(Table.WAIT, key) for key in begun]
        held, released = changed_held(hot)
        rows += held
        rows += [
            Row(Table.REQUEST, kept_key(hot.namespace, key), encode_payload(output), until)
            for key, output, until in turn.results_to_keep
        ]
        if not (records or write_row or rows or removed or deletes or released):
            return None
        return Unit(
            records=records,
            run=copy_row(hot.row) if write_row else None,
            puts=rows,
            deletes=[
                *deletes,
                *((Table.READY, ready_key(hot, place)) for place in removed),
                *((Table.WAIT, key) for key in over),
                *released,
            ],
        )

    def _bring_row_up_to_date(self, hot: HotRun, now: Instant, *, new: bool) -> bool:
        """Whether the run's row must be written, having been brought up to date."""
        row, state = hot.row, hot.state
        wake_time = state.wake_time
        row.last_seq = state.seq
        recorded = row.recorded_seq != state.recorded_seq
        row.recorded_seq = state.recorded_seq
        if state.ended and row.end_time is None:
            row.state = int(state.stage)
            row.end_time = state.time
            row.wake_time = None
            return True
        # A sleeper's row is exact: one too early would have it woken and read for nothing.
        rests = row.wake_time != wake_time and hot.rests(now)
        if new or rests or wake_comes_nearer(row, wake_time, now):
            row.wake_time = wake_time
            return True
        return recorded

    # --- after the commit -------------------------------------------------------------------------

    def _after_nothing(self, hot: HotRun, turn: Turn) -> None:
        """Nothing changed, but time may have: offers are of activities whose rows are there
        already.
        """
        self.offer(hot, turn.offers)
        self._timers.arm(hot.run_id, hot.state.wake_time)

    def _release(
        self,
        hot: HotRun,
        turn: Turn,
        unit: Unit,
        assignments: list[Assignment],
        letters: Sequence[Letter],
        outcome: Outcome | None,
    ) -> None:
        if outcome is not Outcome.COMMITTED:
            self._hot.drop(hot)
            for assignment in assignments:
                assignment.taker.release(assignment.task.size)
            return
        if isinstance(hot.state.progress, CodeProgress):
            hot.tail = unseen([*hot.tail, *unit.records], hot.state.progress.seen_seq)
        for assignment in assignments:
            self._hand_over(hot, assignment)
        self.offer(hot, turn.offers)
        self._send_stops(hot, turn)
        if letters:
            self.post(letters)
        state = hot.state
        if not hot.dropped:
            if turn.unfinished:
                # Its wake time is now, which is for those who find it after a crash.
                asyncio.get_running_loop().call_soon(self.apply_soon, hot, Continue())
            else:
                self._timers.arm(hot.run_id, state.wake_time)
            if not hot.on_its_way and hot.rests(self._clock.now()):
                self._rest(hot)
        self._hot.tell_watchers(hot)
        if unit.records:
            self._committed(hot, turn.events, unit.records[-1].position)

    def _rest(self, hot: HotRun) -> None:
        """Nothing happens to the run by itself for a while. A state machine is moved from outside,
        where one event is often followed by another.
        """
        if hot.state.ended or not isinstance(hot.state.progress, MachineProgress):
            self._hot.let_go(hot)
        else:
            self._hot.let_go_later(hot)

    def _hand_over(self, hot: HotRun, assignment: Assignment) -> None:
        taker, task = assignment.taker, assignment.task
        if taker.gone:
            taker.release(task.size)
            self.give_back(hot, task, "the poll was gone")
            return
        session, reference = taker.session, (hot.run_id, task.key, task.lease)
        if session is not None:
            session.leases[reference] = None
            if task.decision is not None:
                hot.sticky = session.session_id
        if task.decision is None or _still_fits(hot, assignment):
            taker.deliver(task)
            return
        taker.release(task.size)
        if session is None:
            self.give_back(hot, task, "the answer to the poll was full")
        else:
            session.put_off([reference], self._clock.now())

    def give_back(self, hot: HotRun, task: TaskView, reason: str) -> None:
        """It does not reach the worker: the task is offered again at once, uncounted."""
        self.apply_soon(hot, ReturnLease(key=task.key, lease=task.lease, reason=reason))

    def offer(self, hot: HotRun, keys: Iterable[str]) -> None:
        """Offers what nobody has taken; its rows are in the journal now."""
        for key in keys:
            activity = hot.state.activities.get(key)
            place = None if activity is None else activity.place
            if activity is not None and place is not None and hot.state.hands_out(activity):
                self._matching.add(hot.namespace, place, hot.run_id)

    def _send_stops(self, hot: HotRun, turn: Turn) -> None:
        for key, lease, session_id in turn.stops:
            token = self._tokens.make(hot.namespace, hot.run_id, key, lease)
            self._matching.send_stop(
                hot.namespace, session_id, Stop(token=token, abandon=hot.state.ended)
            )


def _still_fits(hot: HotRun, assignment: Assignment) -> bool:
    """A decision tells the events of the turn that granted it, too, which were not counted then."""
    taker, task = assignment.taker, assignment.task
    told = told_bytes(hot)
    taker.room -= told - task.size
    task.size = told
    return taker.room > 0 or not taker.delivered


def _size_of(activity: Activity, memory: dict[str, Payload], details: Payload | None) -> int:
    size = len(activity.scheduled.input.data) + (0 if details is None else len(details.data))
    if memory:
        size += sum([len(value.data) for value in memory.values()])
    return size


def grant_input(key: str, taker: Taker) -> GrantLease:
    """The engine's input for leasing an activity to a taker."""
    return GrantLease(
        key=key,
        session_id=taker.session_id,
        identity=taker.identity,
        build_id=taker.build_id,
        lease_duration=SESSION_LEASE if taker.session is not None else None,
    )


def first_refusal(answers: Sequence[Any]) -> Refusal | None:
    """The first refusal among answers."""
    return next((answer for answer in answers if isinstance(answer, Refusal)), None)
