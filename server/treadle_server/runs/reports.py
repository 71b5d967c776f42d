"""Reports: what workers say about the attempts they have: results and heartbeats."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from treadle_server.clock import Clock
from treadle_server.engine import inputs as i
from treadle_server.engine.code import DECISION
from treadle_server.engine.commands import ScheduleActivity
from treadle_server.engine.errors import LeaseEnded, Refusal, ReportInvalid
from treadle_server.engine.inputs import Renewal
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import Payload
from treadle_server.journal.codec import decode_payload
from treadle_server.journal.port import Journal, Record, Table
from treadle_server.journal.settled import Settled
from treadle_server.matching.polls import ANSWER_BYTES, Taker
from treadle_server.matching.sessions import Session, Sessions
from treadle_server.runs.accepted import was_accepted
from treadle_server.runs.courtesy import (
    LONGEST_REST_OF_REPORT_SECONDS,
    SLICE_RESULTS,
    Courtesy,
)
from treadle_server.runs.decisions import answer_to
from treadle_server.runs.errors import CANNOT_BE_USED, Busy, RecordUnreadable, Stopping
from treadle_server.runs.hot import HotRun, HotRuns
from treadle_server.runs.leases import holds, over, promises_kept
from treadle_server.runs.model import (
    Beat,
    BeatAnswer,
    CompleteAnswer,
    CompleteRequest,
    DecisionView,
    Result,
)
from treadle_server.runs.polls import Polls
from treadle_server.runs.reading import must_all_be_whole
from treadle_server.runs.rows import kept_key
from treadle_server.runs.settled import until_settled
from treadle_server.runs.tokens import Tokens
from treadle_server.runs.turns import Turns

_HISTORY_BYTES = 1 << 20


class Reports:
    """See the module's docstring."""

    def __init__(
        self,
        *,
        clock: Clock,
        journal: Journal,
        hot: HotRuns,
        sessions: Sessions,
        tokens: Tokens,
        turns: Turns,
        polls: Polls,
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._hot = hot
        self._sessions = sessions
        self._tokens = tokens
        self._turns = turns
        self._polls = polls
        self._courtesy = Courtesy()
        self._began = clock.now()

    # --- results ----------------------------------------------------------------------------------

    async def complete(self, request: CompleteRequest) -> CompleteAnswer:
        """Takes results in order, each with its own answer; may give the next tasks at once."""
        session = self._session(request.namespace, request.session_id)
        taker = None
        if session is not None:
            session.acknowledge(request.acknowledged)
            session.heard_of(self._clock.now())
            if request.want_next > 0 and not self._polls.draining:
                taker = Taker(
                    types=session.types,
                    capacity=request.want_next,
                    identity=session.identity,
                    build_id=session.build_id,
                    session=session,
                )
        try:
            reported = await self._report_all(request, session, taker)
            # They are committed in their order: whoever waits for the first has most of the others.
            refusals = [await self._outcome(report) for report in reported]
            if taker is not None and taker.capacity > 0 and session is not None:
                with contextlib.suppress(Busy):
                    await self._polls.take_waiting(request.namespace, session.queue, taker)
            if taker is not None:
                await promises_kept(taker)
        except BaseException:
            if taker is not None:
                self._polls.abandon(taker)
            raise
        answer = CompleteAnswer(refusals=refusals)
        room = ANSWER_BYTES
        for result, refusal in zip(request.results, refusals, strict=True):
            if result.report is not None and refusal is None:
                found = None
                # What was reported is true all the same.
                with contextlib.suppress(*CANNOT_BE_USED):
                    found = await self._decision(request.namespace, result, session, room)
                if found is not None:
                    answer.decisions.append(found)
                    room -= sum([len(batch) for batch in found.batches])
        if taker is not None and session is not None:
            tasks: list[Any] = taker.delivered
            answer.tasks, answer.delivery_id = tasks, self._polls.note_delivery(session, tasks)
            taker.gone = True
        return answer

    async def _report_all(
        self, request: CompleteRequest, session: Session | None, taker: Taker | None
    ) -> list[Exception | Settled | None]:
        """Puts all results to their runs; others have the loop in between, or a map's reports would
        hold them up.
        """
        reported = []
        clock = asyncio.get_running_loop().time
        left = LONGEST_REST_OF_REPORT_SECONDS
        for first in range(0, len(request.results), SLICE_RESULTS):
            began = clock()
            part = request.results[first : first + SLICE_RESULTS]
            for result in part:
                reported.append(await self._report(request.namespace, result, session, taker))
            runs = {self._tokens.run_of(result.token) for result in part}
            if len(request.results) <= SLICE_RESULTS:
                self._courtesy.heard(runs, began)
            elif first + SLICE_RESULTS < len(request.results):
                rest = min(left, self._courtesy.rest_seconds(runs, began, clock()))
                left -= rest
                await asyncio.sleep(rest)
        return reported

    async def _decision(
        self, namespace: str, result: Result, session: Session | None, room: int
    ) -> DecisionView | None:
        """What the worker of an accepted report goes on with."""
        report = result.report
        assert report is not None, "the caller looked"
        if not report.keep and not any(step.goes_on for step in report.steps):
            return None  # nor is a run that sleeps now brought back for it
        run_id, _, _ = self._tokens.read(namespace, result.token)
        hot = self._hot.get(run_id) or await self._hot.load_open(run_id)
        if hot is None:
            return None
        now = self._clock.now()
        token = result.token
        return answer_to(hot, self._journal, self._tokens, session, token, report, now, room)

    def _kept_results(self, namespace: str, report: i.ReportDecision) -> dict[str, Payload]:
        """Results that others had for what the code asks for."""
        keys = [
            one.command.options.cache_key
            for one in report.commands
            if isinstance(one.command, ScheduleActivity) and one.command.options.cache_key
        ]
        if not keys:
            return {}
        now = self._clock.now()
        rows = self._journal.get(Table.REQUEST, [kept_key(namespace, key) for key in keys])
        return {
            key: decode_payload(row.value)
            for key, row in zip(keys, rows, strict=True)
            if row is not None and (row.expire_time or 0) > now
        }

    def _session(self, namespace: str, session_id: str) -> Session | None:
        return self._sessions.find(namespace, session_id) if session_id else None

    async def _report(
        self, namespace: str, result: Result, session: Session | None, taker: Taker | None
    ) -> Exception | Settled | None:
        """Puts one result to its run: the refusal, the commit to wait for, or None if it is known
        already.
        """
        try:
            run_id, key, lease = self._tokens.read(namespace, result.token)
            hot = self._hot.get(run_id) or await self._hot.load_open(run_id)
            if hot is None:
                return await self._too_late(run_id, key, lease, result, session)
            is_decision = key == DECISION and hot.state.progress.remote
            given = input_of(key, lease, result, is_decision=is_decision)
            if isinstance(given, i.ReportDecision):
                given.kept_results = self._kept_results(namespace, given)
            seq = hot.state.seq
            applied = self._turns.apply(hot, [given], prefer=taker)
        except Refusal as unusable:
            return unusable
        refusal = applied.answers[0]
        if isinstance(refusal, LeaseEnded):
            await until_settled(applied.settled)
            return await self._too_late(run_id, key, lease, result, session)
        kept = result.report is not None and result.report.keep
        if session is not None and not kept:
            session.leases.pop((run_id, key, lease), None)
        if isinstance(refusal, Exception):
            return refusal
        if kept and hot.state.seq == seq:
            hot.heartbeats[key] = (lease, self._clock.now())
        else:
            hot.heartbeats.pop(key, None)
        if result.output is not None:
            hot.heartbeat_details.pop(key, None)
        return applied.settled

    async def _too_late(
        self, run_id: bytes, key: str, lease: int, result: Result, session: Session | None
    ) -> Exception | None:
        """A report of an attempt that is over: fine if it is the one that ended it."""
        if session is not None:
            session.leases.pop((run_id, key, lease), None)
        try:
            accepted = await was_accepted(self._journal, run_id, key, lease, result)
        except RecordUnreadable as error:
            return error
        return None if accepted else over(key)

    @staticmethod
    async def _outcome(report: Exception | Settled | None) -> Exception | None:
        if report is None or isinstance(report, Exception):
            return report
        if await until_settled(report):
            return None
        return Stopping("the result could not be written down; send it again")

    async def history(
        self, namespace: str, token: bytes, after_seq: int
    ) -> tuple[list[Record], bool]:
        """Committed records of the run that a decision is about. Raises `LeaseEnded`,
        `RecordUnreadable`.
        """
        run_id, key, lease = self._tokens.read(namespace, token)
        hot = await self._hot.load_open(run_id)
        if hot is None or not holds(hot, key, lease):
            raise over(key)
        records = self._journal.read_run(run_id, after_seq, _HISTORY_BYTES)
        must_all_be_whole(records)
        last = records[-1].base_seq + records[-1].count - 1 if records else after_seq
        return records, bool(records and self._journal.read_run(run_id, last, 1))

    # --- heartbeats -------------------------------------------------------------------------------

    async def heartbeat(
        self, namespace: str, session_id: str, beats: list[Beat]
    ) -> list[BeatAnswer]:
        """Renews leases; says who is to stop."""
        session = self._session(namespace, session_id)
        if session is not None:
            session.heard_of(self._clock.now())
        return [await self._beat(namespace, beat) for beat in beats]

    async def _beat(self, namespace: str, beat: Beat) -> BeatAnswer:
        try:
            run_id, key, lease = self._tokens.read(namespace, beat.token)
            hot = await self._hot.load_open(run_id)
        except Refusal as refusal:
            return BeatAnswer(refusal=refusal)
        if hot is None:
            return BeatAnswer(refusal=over(key))
        await until_settled(hot.settled)
        if not holds(hot, key, lease):
            return BeatAnswer(refusal=over(key))
        activity = hot.state.activities[key]
        hot.heartbeats[key] = (lease, self._clock.now())
        if beat.details is not None:
            hot.heartbeat_details[key] = beat.details
        return BeatAnswer(cancel_requested=activity.stage is ActivityStage.CANCELLING)

    def renewal(self, hot: HotRun, session_id: str, lease: int) -> Renewal:
        """What was heard of the worker that holds a lease. What was heard before the server began
        is not known any more, and may have been just before.
        """
        heartbeat_time = max(
            (time for of, time in hot.heartbeats.values() if of == lease), default=self._began
        )
        if session_id:
            until = self._sessions.renewal(hot.namespace, session_id, self._clock.now())
            silent = self._sessions.is_silent(hot.namespace, session_id)
            return Renewal(until, heartbeat_time, silent)
        # Without a session the heartbeat renews: for as long as its timeout says, which the engine
        # adds.
        return Renewal(0, heartbeat_time)


def input_of(key: str, lease: int, result: Result, *, is_decision: bool) -> i.Input:
    """The engine's input for a result. Raises `ReportInvalid` for one of the wrong kind."""
    if result.report is not None and is_decision:
        result.report.lease = lease
        return result.report
    if result.report is not None or (result.output is not None and is_decision):
        raise ReportInvalid("a decision is reported as `decided`, and nothing else is")
    if result.output is not None:
        return i.CompleteAttempt(
            key=key,
            lease=lease,
            output=result.output,
            memory_operations=result.memory_operations,
            skipped=result.skipped,
        )
    if result.failure is not None:
        return i.FailAttempt(key=key, lease=lease, failure=result.failure)
    if result.returned is not None:
        return i.ReturnLease(key=key, lease=lease, reason=result.returned)
    return i.CancelAttempt(key=key, lease=lease)
