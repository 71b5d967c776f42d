"""From values of `runs` to messages of `treadle.v1`, and back where checks alone do not do it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from treadle.v1 import (
    decision_pb2,
    definition_service_pb2,
    event_pb2,
    run_service_pb2,
    worker_service_pb2,
)
from treadle_server.engine.entities import Activity
from treadle_server.engine.ids import run_id_text
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import Instant, Payload
from treadle_server.journal.codec import (
    encode_payload,
    failure_to_message,
    payload_to_message,
)
from treadle_server.journal.port import Record, RunRow
from treadle_server.runs.executions import Execution
from treadle_server.runs.model import (
    DecisionView,
    DefinitionView,
    RunEnd,
    RunView,
    Started,
    Stop,
    TaskView,
)
from treadle_server.runs.query import PAGE_BYTES
from treadle_server.runs.reading import must_all_be_whole
from treadle_server.telemetry.ids import is_sampled, trace_id, traceparent

_log = structlog.get_logger(component="api")


def timestamp(instant: Instant) -> Timestamp:
    """A point in time."""
    message = Timestamp()
    write_time(instant, message)
    return message


def write_time(instant: Instant, message: Timestamp) -> None:
    """A point in time, into a message that has a place for it."""
    message.seconds, microseconds = divmod(instant, 1_000_000)
    message.nanos = microseconds * 1_000


def content_hash(message: Any) -> bytes:
    """Tells a repeated request from another one under the same request id."""
    return hashlib.blake2b(message.SerializeToString(deterministic=True), digest_size=16).digest()


def json_value(payload: Payload) -> Value | None:
    """The payload as plain JSON; None if it is not JSON, or more than its reader could take."""
    try:
        value = ParseDict(json.loads(payload.data or b"null"), Value())
        # What is nested too deeply can be written, and would make the answer unreadable.
        task = worker_service_pb2.Task(input_json=value)
        answer = worker_service_pb2.PollTasksResponse(tasks=[task])
        worker_service_pb2.PollTasksResponse.FromString(answer.SerializeToString())
    except (ValueError, OverflowError, RecursionError, ParseError, DecodeError):
        return None
    return value


def definition(view: DefinitionView) -> definition_service_pb2.Definition:
    """A version."""
    return definition_service_pb2.Definition(
        workflow=view.workflow,
        version=view.version,
        kind=view.kind,
        description=view.description,
        content_hash=view.content_hash,
        create_time=timestamp(view.create_time),
        node_count=view.node_count,
        json=view.document.decode(),
        state=definition_service_pb2.VersionState.Name(int(view.state)),
        current=view.current,
    )


def run(row: RunRow) -> run_service_pb2.Run:
    """A run's row."""
    message = run_service_pb2.Run(
        namespace=row.namespace,
        run_id=run_id_text(row.run_id),
        workflow_id=row.workflow_id,
        workflow=row.workflow,
        version=row.version,
        state=run_service_pb2.RunState.Name(row.state),
        start_time=timestamp(row.start_time),
        end_time=None if row.end_time is None else timestamp(row.end_time),
        last_seq=row.last_seq,
        trace_id=trace_id(row.run_id).hex(),
    )
    if row.held:
        message.held.MergeFromString(row.held)
    return message


def started(answer: Started) -> run_service_pb2.StartRunResponse:
    """The answer to a start."""
    return run_service_pb2.StartRunResponse(
        run_id=run_id_text(answer.run_id),
        workflow_id=answer.workflow_id,
        version=answer.version,
        started=answer.started,
        trace_id=trace_id(answer.run_id).hex(),
    )


def run_view(view: RunView, now: Instant) -> run_service_pb2.GetRunResponse:
    """A run as it stands."""
    response = run_service_pb2.GetRunResponse(
        run=run(view.row),
        input=payload_to_message(view.input),
        output=None if view.output is None else payload_to_message(view.output),
        failure=None if view.failure is None else failure_to_message(view.failure),
        pending_activities=_pending_within(view.activities, now),
        pending_activity_count=view.activity_count,
        cancel_requested=view.cancel_requested,
        incident=view.incident,
    )
    response.paused = view.paused
    response.status = view.status
    response.warnings.extend(view.warnings)
    response.active_states.extend(view.active_states)
    response.accepted_events.extend(view.accepted_events)
    for name, value in view.attributes.items():
        response.attributes[name].CopyFrom(payload_to_message(value))
    for timer in view.timers:
        response.pending_timers.add(key=timer.key, due_time=timestamp(timer.due_time))
    for wait in view.waits:
        response.pending_waits.add(
            key=wait.key,
            event_name=wait.name,
            started_time=timestamp(wait.started_time),
            due_time=None if wait.due_time is None else timestamp(wait.due_time),
        )
    for child in view.children:
        response.pending_children.add(
            key=child.requested.key,
            run_id=run_id_text(child.requested.run_id),
            workflow_id=child.requested.workflow_id,
            workflow=child.requested.workflow,
            started=child.started,
        )
    for name, state in view.nodes:
        response.nodes.add(node=name, state=int(state))
    return response


def event_bytes(records: list[Record], after_seq: int) -> bytes:
    """Records' bodies one after the other: an EventBatch has its events where these replies have
    theirs.

    Only a record that begins before what was asked for is looked into. Raises `RecordUnreadable`
    for one that is damaged.
    """
    must_all_be_whole(records)
    parts: list[bytes] = []
    for record in records:
        if record.base_seq > after_seq:
            parts.append(record.body)
            continue
        batch = event_pb2.EventBatch.FromString(record.body)
        kept = [event for event in batch.events if event.seq > after_seq]
        parts.append(event_pb2.EventBatch(events=kept).SerializeToString())
    return b"".join(parts)


def watched(
    found: Sequence[tuple[RunRow, Record]], position: int
) -> run_service_pb2.WatchRunsResponse:
    """Events of several runs."""
    response = run_service_pb2.WatchRunsResponse(position=position)
    for row, record in found:
        try:
            events = event_pb2.EventBatch.FromString(record.body).events
        except DecodeError as error:  # damaged: who looks at its run is told so
            _log.error("a record cannot be read", position=record.position, error=str(error))
            continue
        response.runs.add(
            run_id=run_id_text(row.run_id),
            workflow_id=row.workflow_id,
            workflow=row.workflow,
            events=events,
        )
    return response


def wait_response(end: RunEnd | None) -> run_service_pb2.WaitRunResponse:
    """How a run ended, or that it has not."""
    if end is None:
        return run_service_pb2.WaitRunResponse(ended=False)
    return run_service_pb2.WaitRunResponse(
        ended=True,
        run=run(end.row),
        output=None if end.output is None else payload_to_message(end.output),
        failure=None if end.failure is None else failure_to_message(end.failure),
        next_run_id=run_id_text(end.next_run_id) if end.next_run_id else "",
    )


def _pending_within(
    activities: Iterable[Activity], now: Instant
) -> Iterator[run_service_pb2.PendingActivity]:
    """As many as fit: each may have failed with details of 2 MiB."""
    size = 0
    for number, activity in enumerate(activities):
        message = pending(activity, now)
        size += message.ByteSize()
        if number and size > PAGE_BYTES:
            return
        yield message


def pending(activity: Activity, now: Instant) -> run_service_pb2.PendingActivity:
    """An open activity."""
    scheduled = activity.scheduled
    waits = activity.stage is ActivityStage.QUEUED
    states = run_service_pb2.ActivityState
    match activity.stage:
        case ActivityStage.LEASED:
            state = states.ACTIVITY_STATE_RUNNING
        case ActivityStage.CANCELLING:
            state = states.ACTIVITY_STATE_CANCELLING
        case ActivityStage.HELD:
            state = states.ACTIVITY_STATE_HELD
        case _ if activity.ready_time > now:
            state = states.ACTIVITY_STATE_BACKING_OFF
        case _:
            state = states.ACTIVITY_STATE_READY
    message = run_service_pb2.PendingActivity(
        key=scheduled.key,
        type=scheduled.type,
        queue=scheduled.queue,
        state=state,
        attempt=activity.attempt,
        max_attempts=scheduled.retry.max_attempts,
        scheduled_time=timestamp(scheduled.time),
        identity="" if waits else activity.identity,
        compensates=scheduled.compensates,
    )
    if waits and activity.ready_time > now:
        message.next_attempt_time.CopyFrom(timestamp(activity.ready_time))
    if not waits and activity.started_time:
        message.started_time.CopyFrom(timestamp(activity.started_time))
    if activity.last_failure is not None:
        message.last_failure.CopyFrom(failure_to_message(activity.last_failure))
    return message


def write_task(
    view: TaskView,
    message: worker_service_pb2.Task,
    *,
    plain_json: bool = False,
    sampling_ratio: float = 1.0,
) -> None:
    """One attempt, into its place in a response: each step of each run passes here, and to make
    messages and copy them takes twice as long. Its trace header says whether the run's trace is
    exported.
    """
    scheduled = view.activity.scheduled
    message.task_token = view.token
    message.kind = _kind(view)
    message.run_id = run_id_text(view.run_id)
    message.workflow_id = view.workflow_id
    message.workflow = view.workflow
    message.version = view.version
    message.key = view.key
    message.activity_type = scheduled.type
    message.attempt = view.attempt
    message.input.MergeFromString(encode_payload(scheduled.input))
    write_time(scheduled.time, message.scheduled_time)
    write_time(view.started_time, message.started_time)
    write_time(view.deadline, message.deadline)
    message.traceparent = traceparent(
        view.run_id, view.key, view.lease, sampled=is_sampled(view.run_id, sampling_ratio)
    )
    message.queue = scheduled.queue
    message.max_attempts = scheduled.retry.max_attempts
    if scheduled.heartbeat_timeout is not None:
        message.heartbeat_timeout.FromMicroseconds(scheduled.heartbeat_timeout)
    for key, value in view.memory.items():
        message.memory[key].CopyFrom(payload_to_message(value))
    if view.heartbeat_details is not None:
        message.heartbeat_details.CopyFrom(payload_to_message(view.heartbeat_details))
    if plain_json and (value_message := json_value(scheduled.input)) is not None:
        message.input_json.CopyFrom(value_message)
    if view.decision is not None:
        _write_decision(view.decision(), message.decision)


def _kind(view: TaskView) -> worker_service_pb2.TaskKind:
    if view.decision is not None:
        return worker_service_pb2.TASK_KIND_DECISION
    if view.activity.scheduled.local:
        return worker_service_pb2.TASK_KIND_STEP
    return worker_service_pb2.TASK_KIND_ACTIVITY


def _write_decision(
    view: DecisionView, message: decision_pb2.DecisionTask | decision_pb2.DecisionAnswer
) -> None:
    message.after_seq = view.after_seq
    message.event_batches.extend(view.batches)
    for step in view.steps:
        added = message.steps.add(index=step.index, attempt=step.attempt)
        if step.heartbeat_details is not None:
            added.heartbeat_details.CopyFrom(payload_to_message(step.heartbeat_details))


def decision_answer(view: DecisionView) -> decision_pb2.DecisionAnswer:
    """The answer to a report of a decision."""
    message = decision_pb2.DecisionAnswer(task_token=view.token)
    _write_decision(view, message)
    for index, token in view.leases:
        message.leases.add(index=index, task_token=token)
    return message


def control(stop: Stop) -> worker_service_pb2.ControlMessage:
    """A control message."""
    actions = worker_service_pb2.ControlAction
    action = actions.CONTROL_ACTION_ABANDON if stop.abandon else actions.CONTROL_ACTION_CANCEL
    return worker_service_pb2.ControlMessage(task_token=stop.token, action=action)


def execution(found: Execution) -> run_service_pb2.NodeExecution:
    """What happened to a node."""
    message = run_service_pb2.NodeExecution(
        key=found.key,
        kind=found.kind,
        state=run_service_pb2.NodeState.Name(found.state),
        type=found.type,
        attempts=found.attempts,
        worker=found.worker,
        compensates=found.compensates,
    )
    for name in ("scheduled_time", "started_time", "end_time"):
        instant = getattr(found, name)
        if instant is not None:
            getattr(message, name).CopyFrom(timestamp(instant))
    if found.input is not None:
        message.input.CopyFrom(payload_to_message(found.input))
    if found.output is not None:
        message.output.CopyFrom(payload_to_message(found.output))
    if found.failure is not None:
        message.failure.CopyFrom(failure_to_message(found.failure))
    return message
