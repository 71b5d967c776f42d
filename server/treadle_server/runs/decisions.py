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
from treadle_server.matching.sessions import Session
from treadle_server.runs.hot import HotRun, unseen
from treadle_server.runs.model import DecisionView, StepView
from treadle_server.runs.tokens import Tokens

HISTORY_BYTES = 1 << 20


def decision_view(hot: HotRun, journal: Journal, now: Instant, after_seq: int) -> DecisionView:
    """What is new since `after_seq`."""
    records = unseen(hot.tail, after_seq)
    if not records or records[0].base_seq > after_seq + 1:
        records = _read(journal, hot.run_id, after_seq)
    return DecisionView(
        after_seq=after_seq,
        batches=[record.body for record in records],
        steps=_steps(hot, now),
    )


def _read(journal: Journal, run_id: bytes, after_seq: int) -> list[Record]:
    found: list[Record] = []
    while records := journal.read_run(run_id, after_seq, HISTORY_BYTES):
        found += records
        after_seq = records[-1].base_seq + records[-1].count - 1
    return found


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
        decision_view(hot, journal, now, report.seen_seq)
        if goes_on
        else DecisionView(after_seq=report.seen_seq)
    )
    view.token, view.leases = token, leases
    return view
