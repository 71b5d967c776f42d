"""Polls: how tasks come to workers, and what becomes of them when a worker goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Collection, Coroutine, Iterable
from typing import Any

from treadle_server.clock import Clock
from treadle_server.engine import inputs as i
from treadle_server.engine.entities import DECISION, held_type
from treadle_server.engine.inputs import Granted
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import Duration, IncidentAnswer
from treadle_server.journal.port import Journal, Table
from treadle_server.journal.settled import Settled
from treadle_server.matching.deadlines import Deadlines
from treadle_server.matching.lanes import TaskReference
from treadle_server.matching.matching import Matching
from treadle_server.matching.polls import Taker
from treadle_server.matching.sessions import COME_BACK_WITHIN, LeaseReference, Session
from treadle_server.runs.errors import Busy, SessionUnknown, Stopping
from treadle_server.runs.held import SERVER
from treadle_server.runs.hot import HotRun, HotRuns
from treadle_server.runs.leases import holds, promises_kept
from treadle_server.runs.model import (
    PollAnswer,
    PollRequest,
    Stop,
    TaskView,
)
from treadle_server.runs.settled import until_settled
from treadle_server.runs.tokens import Tokens
from treadle_server.runs.turns import Turns

_PUT_OFF_SECONDS = 0.1
_HELD_AT_A_TIME = 10_000
"""So many runs that wait for other code are tried when a worker comes; the others with the next."""


class Polls:
    """See the module's docstring."""

    def __init__(
        self,
        *,
        clock: Clock,
        journal: Journal,
        hot: HotRuns,
        matching: Matching,
        tokens: Tokens,
        turns: Turns,
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._hot = hot
        self._matching = matching
        self._tokens = tokens
        self._turns = turns
        self._deadlines = Deadlines()
        self._background: set[asyncio.Task[None]] = set()
        self.draining = False
        """The server is stopping: nothing is handed out any more."""
        matching.grant_parked = self._grant_parked

    # --- polls ------------------------------------------------------------------------------------

    def poll(self, request: PollRequest) -> Awaitable[PollAnswer]:
        """Waits for tasks or control messages, at most `request.wait`. Raises `SessionUnknown`."""
        if self.draining:
            raise Stopping("the server is stopping; poll again in a moment")
        session, repeated, held = self._enter(request)
        # There may be ten thousand polls that wait: a future takes a kilobyte less than an event,
        # and what was asked is known and need not wait with them.
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        taker = Taker(
            types=self._types(request, session),
            capacity=request.max_tasks,
            identity=request.identity,
            build_id=request.build_id,
            session=session,
            ready=ready,
        )
        place = request.namespace, request.queue
        return self._serve(taker, ready, place, request.wait, repeated, held)

    async def _serve(
        self,
        taker: Taker,
        ready: asyncio.Future[None],
        place: tuple[str, str],
        wait: Duration,
        repeated: list[LeaseReference],
        held: Collection[LeaseReference],
    ) -> PollAnswer:
        """See `poll`. `place`: namespace and queue."""
        session = taker.session
        if session is not None:
            session.polls += 1
        try:
            if session is not None:
                await self._catch_up(session, taker, repeated, held)
            await self.take_waiting(*place, taker)
            if not taker.delivered and not (session and session.stops):
                deadline = self._deadlines.add(taker, wait)
                self._matching.park(*place, taker)
                try:
                    await ready
                finally:
                    self._deadlines.remove(taker, deadline)
                    self._matching.leave(*place, taker)
                # What was promised is already on its way to the disk: a moment more, rather than
                # giving it back.
                await promises_kept(taker)
        except BaseException as error:
            self.abandon(taker)
            gone = isinstance(error, asyncio.CancelledError)
            # One that is withdrawn has a successor, which may still be looking for tasks.
            if gone and session is not None and session.polls == 1 and not self.draining:
                self._in_background(self._give_up_unless_back(session, session.connection_broke()))
            raise
        finally:
            if session is not None:
                session.polls -= 1
        taker.gone = True
        return self._poll_answer(session, taker)

    def _enter(
        self, request: PollRequest
    ) -> tuple[Session | None, list[LeaseReference], Collection[LeaseReference]]:
        """Finds or begins the session; also gives what must be sent again, and what it said it
        holds.
        """
        if not request.session_id:
            return None, [], ()
        now = self._clock.now()
        sessions = self._matching.sessions
        session = sessions.find(request.namespace, request.session_id)
        if session is None and request.held_tokens is None:
            raise SessionUnknown(
                "the server does not know this session; poll again with `resume`, naming the "
                "tasks that you hold"
            )
        is_new = session is None
        session = sessions.begin(request.namespace, request.session_id, now)
        session.heard_of(now)
        session.queue, session.identity, session.build_id = (
            request.queue,
            request.identity,
            request.build_id,
        )
        if request.types:
            session.types = request.types
            if is_new:
                self._in_background(self._wake_held(session))
        session.acknowledge(request.acknowledged)
        if request.held_tokens is None:
            return session, session.take_overdue(now), ()
        held: dict[LeaseReference, None] = {}
        for token in request.held_tokens:
            run_id, key, lease = self._tokens.read(request.namespace, token)
            held[run_id, key, lease] = None
        return session, session.resume(held, is_new=is_new), held

    async def _wake_held(self, session: Session) -> None:
        """A worker has come: runs whose code fitted no worker so far are tried with it."""
        reason = f"worker {session.identity} has come"
        if session.build_id:
            reason += f" with build {session.build_id}"
        retry = i.AnswerHeld(key=DECISION, answer=IncidentAnswer.RETRY, actor=SERVER, reason=reason)
        for type_name in session.types or ():
            low = (session.namespace, session.queue, held_type(type_name))
            high = (*low[:2], low[2] + "\0")
            for row in self._journal.scan(Table.READY, low, high, _HELD_AT_A_TIME):
                run_id = row.key[5]
                assert isinstance(run_id, bytes), "as TABLES has it"
                hot = await self._committed(run_id)
                held = None if hot is None else hot.state.activities.get(DECISION)
                if hot is not None and held is not None and held.last_failure is not None:
                    hot.tried_again = hot.state.incidents.get(DECISION, "")
                    self._turns.apply_soon(hot, retry)

    async def _stops_for(self, namespace: str, held: Collection[LeaseReference]) -> list[object]:
        """What a worker that came back should stop: control messages may have been lost with its
        connection, or with the server that was to send them.
        """
        stops: list[object] = []
        for run_id, key, lease in held:
            hot = await self._committed(run_id)
            activity = hot.state.activities[key] if hot and holds(hot, key, lease) else None
            if activity is not None and activity.stage is ActivityStage.LEASED:
                continue  # it goes on
            token = self._tokens.make(namespace, run_id, key, lease)
            stops.append(Stop(token=token, abandon=activity is None))
        return stops

    @staticmethod
    def _types(request: PollRequest, session: Session | None) -> frozenset[str] | None:
        if session is not None:
            return session.types
        return request.types or None

    async def _catch_up(
        self,
        session: Session,
        taker: Taker,
        repeated: Iterable[LeaseReference],
        held: Collection[LeaseReference],
    ) -> None:
        """Tasks that were handed to the session before, as far as their leases still hold, and what
        it is to stop.
        """
        left = deque(repeated)
        try:
            while left and taker.room > 0:
                run_id, key, lease = reference = left[0]
                hot = await self._committed(run_id)
                left.popleft()
                if hot is not None and holds(hot, key, lease):
                    task = self._turns.task_view(hot, key)
                    taker.repeat(task, task.size)
                else:
                    session.leases.pop(reference, None)
        finally:
            if left:
                session.put_off(list(left), self._clock.now())
        found = await self._stops_for(session.namespace, held)
        session.stops += [stop for stop in found if stop not in session.stops]

    async def _committed(self, run_id: bytes) -> HotRun | None:
        """An open run with nothing of it on its way: what is said of it is true."""
        hot = await self._hot.load_usable(run_id)
        if hot is not None:
            await until_settled(hot.settled)
        return hot

    async def take_waiting(self, namespace: str, queue: str, taker: Taker) -> None:
        """Takes what waits in the queue, as far as the worker can hold it."""
        while taker.capacity > 0:
            settled: list[Settled] = []
            while taker.capacity > 0:
                reference = self._matching.take(namespace, queue, taker)
                if reference is None:
                    break
                try:
                    granted = await self._grant(reference, taker)
                except Busy:
                    if not settled:
                        raise
                    break
                if granted is not None:
                    settled.append(granted)
            if not settled:
                return
            await _all_settled(settled)
            # The units have been released: what was granted is delivered.
            if taker.delivered:
                return

    async def _grant(self, reference: TaskReference, taker: Taker) -> Settled | None:
        """Leases one waiting task; None if the run refuses, because it has changed since."""
        try:
            hot = self._hot.get(reference.run_id) or await self._hot.load_usable(reference.run_id)
            return None if hot is None else self._grant_hot(hot, reference, taker)
        except (Busy, asyncio.CancelledError):
            # It is in no lane any more, and only its lane would bring it to anybody.
            self._in_background(self._offer_again(reference))
            raise

    def _grant_hot(self, hot: HotRun, reference: TaskReference, taker: Taker) -> Settled | None:
        applied = self._turns.grant(hot, reference.key, taker)
        if not isinstance(applied.answers[0], Granted):
            return None
        return applied.settled

    def _grant_parked(self, taker: Taker, reference: TaskReference) -> None:
        """A task turned up while the poll was parked."""
        hot = self._hot.get(reference.run_id)
        try:
            if hot is not None:
                self._grant_hot(hot, reference, taker)
                return
        except Busy:
            pass
        self._in_background(self._offer_again(reference))

    async def _offer_again(self, reference: TaskReference) -> None:
        """Loads the run first, and waits while the journal is busy."""
        if self._turns.busy:
            await asyncio.sleep(_PUT_OFF_SECONDS)
        hot = await self._hot.load_usable(reference.run_id)
        if hot is not None:
            self._turns.offer(hot, [reference.key])

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def abandon(self, taker: Taker) -> None:
        """The poll is gone. What was delivered to it goes back; what is promised goes back when it
        is delivered.
        """
        taker.gone = True
        for task in taker.delivered:
            assert isinstance(task, TaskView)
            if taker.session is not None:
                taker.session.leases.pop((task.run_id, task.key, task.lease), None)
            hot = self._hot.get(task.run_id)
            if hot is not None:
                self._turns.give_back(hot, task, "the poll was gone")
        taker.delivered.clear()

    def _poll_answer(self, session: Session | None, taker: Taker) -> PollAnswer:
        tasks: list[Any] = taker.delivered
        answer = PollAnswer(tasks=tasks)
        if session is not None:
            stops: list[Any] = session.stops
            answer.stops, session.stops = stops, []
            answer.delivery_id = self.note_delivery(session, tasks)
        return answer

    def note_delivery(self, session: Session, tasks: list[Any]) -> int:
        """The number of this delivery, which the worker acknowledges; 0 if it is empty."""
        if not tasks:
            return 0
        return session.deliver(
            [(task.run_id, task.key, task.lease) for task in tasks], self._clock.now()
        )

    # --- the end of a session ---------------------------------------------------------------------

    async def end_session(self, namespace: str, session_id: str) -> None:
        """Forgets the session; what it still had is offered to others at once, uncounted."""
        session = self._matching.sessions.end(namespace, session_id)
        if session is None:
            return
        session.wake()
        await self._end_leases(session, i.ReturnLease, "its worker's session ended")

    async def _give_up_unless_back(self, session: Session, break_: object) -> None:
        """A worker whose connection broke and that is not heard of in time is dead."""
        await asyncio.sleep(COME_BACK_WITHIN / 1_000_000)
        if session.broken is not break_ or self.draining:
            return
        self._matching.sessions.end(session.namespace, session.session_id)
        seconds = COME_BACK_WITHIN / 1_000_000
        reason = (
            f"the connection of {session.identity!r} broke, and it was not back in {seconds:g} s"
        )
        await self._end_leases(session, i.LoseLease, reason)

    async def _end_leases(
        self, session: Session, ending: type[i.ReturnLease | i.LoseLease], reason: str
    ) -> None:
        settled = []
        for run_id, key, lease in list(session.leases):
            hot = await self._hot.load_usable(run_id)
            if hot is None:
                continue
            self._turns.apply_soon(hot, ending(key=key, lease=lease, reason=reason))
            settled.append(hot.settled)
        await _all_settled(settled)

    def drain(self) -> None:
        """Answers every parked poll now, and parks none any more: the server is stopping."""
        self.draining = True
        self._matching.wake_all()


async def _all_settled(units: Iterable[Settled | None]) -> None:
    """Waits for commits, whatever becomes of them."""
    for one in units:
        with contextlib.suppress(Stopping):
            await until_settled(one)
