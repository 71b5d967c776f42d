"""Steering runs: cancel, terminate, answer an incident."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from treadle_server.clock import Clock
from treadle_server.engine import inputs as i
from treadle_server.engine.errors import RunEnded
from treadle_server.engine.ids import run_id_text
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import NULL, Payload
from treadle_server.journal.port import Journal, Row, RunRow, Table
from treadle_server.runs import repeats
from treadle_server.runs.definitions import REQUEST_LIFE
from treadle_server.runs.errors import RequestIdReused, RunNotFound, Stopping
from treadle_server.runs.hot import HotRuns
from treadle_server.runs.model import AnswerRequest, RunReference
from treadle_server.runs.query import Queries
from treadle_server.runs.settled import until_settled
from treadle_server.runs.turns import Turns

_NEXT_RUN_SECONDS = 0.01
_NEXT_RUN_TRIES = 500

_SEND_EVENT = "SendEvent"
_BETWEEN = "\n"
"""Between the workflow id and the id of an event that was sent to it: no id has one inside."""


@dataclass(slots=True)
class _Request:
    """One that is being carried out."""

    reference: RunReference
    content: bytes
    task: asyncio.Task[RunRow]


class Steering:
    """Each verb is an input of one run; a request id makes a repeat get the first answer."""

    def __init__(
        self, *, clock: Clock, journal: Journal, hot: HotRuns, queries: Queries, turns: Turns
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._hot = hot
        self._queries = queries
        self._turns = turns
        self._in_flight: dict[tuple[str, str, str], _Request] = {}

    async def cancel(
        self,
        reference: RunReference,
        *,
        reason: str,
        actor: str,
        request_id: str,
        skip_compensation: bool = False,
    ) -> RunRow:
        """Asks the run to end; asking twice is fine. Raises `RunEnded`, `NotFound`."""
        request = i.RequestCancel(reason=reason, actor=actor, skip_compensation=skip_compensation)
        return await self._once(reference, "CancelRun", request_id, request)

    async def terminate(
        self, reference: RunReference, *, reason: str, actor: str, request_id: str
    ) -> RunRow:
        """Ends the run at once. Raises `RunEnded`, `NotFound`."""
        return await self._once(
            reference, "TerminateRun", request_id, i.Terminate(reason=reason, actor=actor)
        )

    async def answer(self, request: AnswerRequest) -> RunRow:
        """Answers an incident. Raises `NotHeld`, `RunEnded`, `NotFound`."""
        given = i.AnswerHeld(
            key=request.key,
            answer=request.answer,
            actor=request.actor,
            reason=request.reason,
            output=request.output,
        )
        return await self._once(request.reference, "AnswerIncident", request.request_id, given)

    async def pause(
        self, reference: RunReference, *, reason: str, actor: str, request_id: str
    ) -> RunRow:
        """Holds the run back; pausing twice is fine. Raises `RunEnded`, `NotFound`."""
        return await self._once(
            reference, "PauseRun", request_id, i.Pause(reason=reason, actor=actor)
        )

    async def resume(
        self, reference: RunReference, *, reason: str, actor: str, request_id: str
    ) -> RunRow:
        """Lets a paused run go on. Raises `RunEnded`, `NotFound`."""
        return await self._once(reference, "ResumeRun", request_id, i.Resume(actor=actor))

    async def skip(self, request: AnswerRequest) -> RunRow:
        """Gives an open activity's outcome. Raises `NotOpen`, `RunEnded`, `NotFound`."""
        given = i.SkipActivity(
            key=request.key,
            output=request.output or NULL,
            actor=request.actor,
            reason=request.reason,
        )
        return await self._once(request.reference, "SkipActivity", request.request_id, given)

    async def send(
        self,
        reference: RunReference,
        *,
        event_id: str,
        name: str,
        payload: Payload,
        actor: str,
        new_id: bool = False,
    ) -> RunRow:
        """Gives the run an external event. Its id makes a repeat harmless, unless it is a `new_id`,
        that nobody can repeat. Raises `TooManyEvents`, `RunEnded`, `NotFound`, `RequestIdReused`.

        A run knows the events that it has had. Of one that is sent by workflow id, it is remembered
        which run that was, as another may have the workflow id when it is sent again.
        """
        event = i.ReceiveEvent(event_id=event_id, name=name, payload=payload, actor=actor)
        remembered = None
        if not (new_id or reference.run_id):
            sent = f"{reference.workflow_id}{_BETWEEN}{event_id}"
            remembered = (reference.namespace, _SEND_EVENT, sent)
        while True:
            row = await self._current(reference)
            puts = []
            if remembered is not None:
                # After the run was found: one that took its place was begun after it was written.
                content = repeats.content_of(event)
                earlier = self._earlier(remembered, reference, content)
                if earlier is not None:
                    return earlier
                puts.append(self._answered(remembered, row.run_id, content))
            try:
                return await self.apply(row.run_id, event, puts)
            except RunEnded as ended:
                continued = ended.metadata.get("state") == RunStage.CONTINUED.name
                if not (continued and reference.workflow_id):
                    if new_id:
                        raise
                    return await self._received(row.run_id, event_id, ended)
            await asyncio.sleep(_NEXT_RUN_SECONDS)

    async def _received(self, run_id: bytes, event_id: str, ended: RunEnded) -> RunRow:
        """The row of an ended run that has had the event: it may be the one that ended it. Raises
        what is given if it has not.
        """
        hot = await self._hot.load(run_id)
        if event_id not in hot.state.event_ids:
            raise ended
        return self._committed(run_id)

    async def _current(self, reference: RunReference) -> RunRow:
        """The run that is meant. The next one of a workflow id whose newest run was continued
        begins in a moment, and is waited for.
        """
        for _ in range(_NEXT_RUN_TRIES):
            row = self._queries.find(reference)
            if row.state != RunStage.CONTINUED or not reference.workflow_id:
                return row
            await asyncio.sleep(_NEXT_RUN_SECONDS)
        return row

    async def _once(
        self, reference: RunReference, method: str, request_id: str, one: i.Input
    ) -> RunRow:
        if not request_id:
            row = await self._current(reference)
            return await self.apply(row.run_id, one)
        name = (reference.namespace, method, request_id)
        content = repeats.content_of(one)
        while (twin := self._in_flight.get(name)) is not None:
            if (twin.reference, twin.content) == (reference, content):
                return await asyncio.shield(twin.task)
            # Whether it keeps the request id is known when it is over.
            await asyncio.wait([twin.task])
        earlier = self._earlier(name, reference, content)
        if earlier is not None:
            return earlier
        task = asyncio.ensure_future(self._carry_out(name, reference, content, one))
        self._in_flight[name] = _Request(reference, content, task)
        task.add_done_callback(partial(self._landed, name))
        return await asyncio.shield(task)

    def _earlier(
        self, name: tuple[str, str, str], reference: RunReference, content: bytes
    ) -> RunRow | None:
        """The answer to a request that was carried out before. Raises `RequestIdReused` if that
        asked for something else, `RunNotFound` if its run has been deleted.

        Looked up before the run is: meanwhile another may have taken its workflow id.
        """
        [found] = self._journal.get(Table.REQUEST, [name])
        if found is None:
            return None
        run_id, known = repeats.read(found.value)
        if known and known != content:
            raise _reused(name, "to ask for something else")
        if reference.run_id and reference.run_id != run_id:
            raise _reused(name, "for another run")
        row = self._committed(run_id)
        if not reference.run_id and reference.workflow_id != row.workflow_id:
            raise _reused(name, "for another run")
        return row

    async def _carry_out(
        self, name: tuple[str, str, str], reference: RunReference, content: bytes, one: i.Input
    ) -> RunRow:
        row = await self._current(reference)
        return await self.apply(row.run_id, one, [self._answered(name, row.run_id, content)])

    def _answered(self, name: tuple[str, str, str], run_id: bytes, content: bytes) -> Row:
        """What is remembered of a request that is carried out."""
        value = repeats.written(run_id, content)
        return Row(Table.REQUEST, name, value, self._clock.now() + REQUEST_LIFE)

    def _landed(self, name: tuple[str, str, str], task: asyncio.Task[RunRow]) -> None:
        del self._in_flight[name]
        if not task.cancelled():
            task.exception()  # if whoever asked has gone, it is nobody's any more

    def _committed(self, run_id: bytes) -> RunRow:
        [row] = self._journal.get_runs([run_id])
        if row is None:
            raise RunNotFound(f"run {run_id_text(run_id)} has been deleted")
        return row

    async def apply(self, run_id: bytes, one: i.Input, puts: Sequence[Row] = ()) -> RunRow:
        """Puts an input to the run. Raises what it is refused with."""
        hot = await self._hot.load_open(run_id)
        if hot is None:
            ending = self._hot.get(run_id)
            if ending is not None:
                await until_settled(ending.settled)  # how it ended is true once it is committed
            [row] = self._journal.get_runs([run_id])
            state = RunStage(0 if row is None else row.state).name
            raise RunEnded(f"the run has ended: {state}", state=state)
        applied = self._turns.apply(hot, [one], puts=puts)
        if not await until_settled(applied.settled):
            raise Stopping("the request could not be written down; try again")
        [answer] = applied.answers
        if isinstance(answer, Exception):
            raise answer
        return replace(hot.row)


def _reused(name: tuple[str, str, str], what: str) -> RequestIdReused:
    _, method, said = name
    kind = "event id" if method == _SEND_EVENT else "request id"
    return RequestIdReused(
        f"{kind} {said.rpartition(_BETWEEN)[2]!r} was used {what} before; take a new one"
    )
