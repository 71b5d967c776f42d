"""What the worker that runs a run's code gets: the events that its code has not seen, and the steps
that it is to run.

Only what is committed is told. Events are passed on as they stand in the journal, unparsed.
"""

from __future__ import annotations

from treadle_server.engine.code import DECISION, command_index, command_key
from treadle_server.engine.inputs import ReportDecision
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import Instant
from treadle_server.journal.port import Journal, Record
from treadle_server.matching.polls import ANSWER_BYTES
from treadle_server.matching.sessions import Session
from treadle_server.runs.hot import HotRun, unseen
from treadle_server.runs.model import DecisionView, StepView
from treadle_server.runs.reading import must_all_be_whole
from treadle_server.runs.tokens import Tokens


def decision_view(
    hot: HotRun, journal: Journal, now: Instant, after_seq: int, room: int = ANSWER_BYTES
) -> DecisionView:
    """What is new since `after_seq`, as far as there is room for it; one record at least. The code
    decides with that, and its next decision brings the rest. Raises `RecordUnreadable`.
    """
    records = unseen(hot.tail, after_seq)
    if not records or records[0].base_seq > after_seq + 1:
        records = journal.read_run(hot.run_id, after_seq, room)
        must_all_be_whole(records)
    records = _fitting(records, room)
    return DecisionView(
        after_seq=after_seq,
        batches=[record.body for record in records],
        steps=_steps(hot, now),
    )


def told_bytes(hot: HotRun) -> int:
    """About how much a decision tells its code."""
    return min(ANSWER_BYTES, sum(len(record.body) for record in hot.tail))


def _fitting(records: list[Record], room: int) -> list[Record]:
    size = 0
    for number, record in enumerate(records):
        size += len(record.body)
        if number and size > room:
            return records[:number]
    return records


def _steps(hot: HotRun, now: Instant) -> list[StepView]:
    """Steps that wait for the decision's worker."""
    state = hot.state
    return [
        StepView(
            index=command_index(key),
            attempt=activity.attempt + 1,
            heartbeat_details=hot.heartbeat_details.get(key),
        )
        for key in state.code.ready_steps
        if (activity := state.activities.get(key)) is not None
        and activity.stage is ActivityStage.QUEUED
        and activity.ready_time <= now
    ]


def answer_to(
    hot: HotRun,
    journal: Journal,
    tokens: Tokens,
    session: Session | None,
    token: bytes,
    report: ReportDecision,
    now: Instant,
    room: int,
) -> DecisionView | None:
    """The answer to a committed report; None if there is nothing to say."""
    leases: list[tuple[int, bytes]] = []
    for step in report.steps:
        activity = hot.state.activities.get(command_key(step.index))
        if step.goes_on and activity is not None and activity.stage is not ActivityStage.QUEUED:
            key = activity.scheduled.key
            made = tokens.make(hot.namespace, hot.run_id, key, activity.lease)
            leases.append((step.index, made))
            if session is not None:
                session.leases[hot.run_id, key, activity.lease] = None
    goes_on = report.keep and DECISION in hot.state.activities
    if not goes_on and not leases:
        return None
    view = (
        decision_view(hot, journal, now, report.seen_seq, room)
        if goes_on
        else DecisionView(after_seq=report.seen_seq)
    )
    view.token, view.leases = token, leases
    return view
