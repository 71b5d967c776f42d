"""What the server says, as values of Python, and how they are read from its messages.

Every value keeps the message it was made from as `message`, for what has no field of its own here
and for printing the API's own JSON.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from treadle import _failure_codec, payload
from treadle.errors import (
    ActivityTimedOut,
    PayloadError,
    RunCancelled,
    RunFailed,
    RunNotCompleted,
    RunTerminated,
    RunTimedOut,
    UpdateFailed,
)
from treadle.failure import TIMEOUT_KIND, Failure
from treadle.v1 import definition_service_pb2, event_pb2, run_service_pb2


class RunState(enum.StrEnum):
    """How a run stands."""

    UNSPECIFIED = "UNSPECIFIED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"
    TERMINATED = "TERMINATED"
    CONTINUED = "CONTINUED"

    @property
    def ended(self) -> bool:
        return self not in (RunState.RUNNING, RunState.UNSPECIFIED)


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a workflow."""

    workflow: str
    version: int
    kind: str
    description: str
    content_hash: str
    create_time: datetime
    node_count: int
    created: bool
    """For `deploy`: False if this content was there already. True otherwise."""
    message: definition_service_pb2.Definition = field(repr=False)
    state: str = "active"
    """active, deprecated (no new runs) or retired (no runs at all)."""
    current: bool = False
    """New runs that name no version take it."""
    hints: tuple[Hint, ...] = ()
    """What could be better: in the answer to a deploy."""

    def document(self) -> dict[str, object]:
        """The normalised document; empty for a definition out of a list."""
        if not self.message.json:
            return {}
        document = json.loads(self.message.json)
        if not isinstance(document, dict):
            raise PayloadError(f"the document of {self.workflow!r} is not a JSON object")
        return document


@dataclass(frozen=True, slots=True)
class Hint:
    """Advice about a definition that is right as it is."""

    rule: str
    path: str
    """Into the document, such as `nodes.charge`."""
    message: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a run waits a person for, briefly: the oldest of its incidents."""

    key: str
    """The activity that it is about: what `answer` names."""
    incident: str
    """At most 200 characters of it; `RunDescription.incident` has all."""
    since_time: datetime
    incident_count: int
    """How many incidents are open, this one included."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run, briefly."""

    run_id: str
    workflow_id: str
    workflow: str
    version: int
    state: RunState
    start_time: datetime
    end_time: datetime | None
    """None while it runs."""
    last_seq: int
    """The seq of its newest event."""
    trace_id: str
    message: run_service_pb2.Run = field(repr=False)
    held: Held | None = None
    """None if it waits for no person."""


@dataclass(frozen=True, slots=True)
class PendingActivity:
    """An open activity of an open run."""

    key: str
    type: str
    queue: str
    state: str
    """READY, BACKING_OFF, RUNNING, CANCELLING or HELD."""
    attempt: int
    max_attempts: int
    scheduled_time: datetime
    next_attempt_time: datetime | None
    started_time: datetime | None
    last_failure: Failure | None
    identity: str
    """The worker that has it, for people."""


@dataclass(frozen=True, slots=True)
class RunDescription:
    """A run with everything that is known about it now."""

    run: Run
    input: object
    """A value that this client cannot read stays the `treadle.v1.Payload` that it is, here and in
    all that describes a run.
    """
    output: object
    """None unless it completed."""
    failure: Failure | None
    """Why it failed, or why it is ending."""
    pending_activities: tuple[PendingActivity, ...]
    """At most 1,000; `pending_activity_count` counts all."""
    pending_activity_count: int
    cancel_requested: bool
    incident: str
    """What it waits a person for; empty if for nothing."""
    nodes: Mapping[str, str]
    """State by node, for a graph, if asked for with `include_nodes`."""
    message: run_service_pb2.GetRunResponse = field(repr=False)
    status: str = ""
    """How it stands, in a word for people."""
    attributes: Mapping[str, object] = field(default_factory=dict)
    """What its code says about itself; `progress` is `{"done": …, "total": …, "text": …}`."""
    active_states: tuple[str, ...] = ()
    """Of a state machine, outermost first."""
    accepted_events: tuple[str, ...] = ()
    """Of a state machine: the external events that lead on, if their guards hold."""

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def state(self) -> RunState:
        return self.run.state


@dataclass(frozen=True, slots=True)
class StartedRun:
    """The server's answer to a start."""

    run_id: str
    workflow_id: str
    version: int
    started: bool
    """False if the answer is a run that was there already."""
    trace_id: str
    message: Any = field(repr=False, compare=False, default=None)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An event of some run, and where in the log of all runs it stands."""

    run_id: str
    workflow_id: str
    workflow: str
    position: int
    """Go on from here with `after_position`: nothing is missed. What is committed together and near
    comes in one answer; until its last event, going on repeats what came of it before.
    """
    event: event_pb2.Event


@dataclass(frozen=True, slots=True)
class NodeExecution:
    """What happened to a node in one iteration, to an item of a map, or to what undoes a node."""

    key: str
    kind: str
    """activity, timer, wait, child, map, or server: what the server did by itself."""
    state: str
    type: str
    attempts: int
    scheduled_time: datetime | None
    started_time: datetime | None
    """Of the first attempt."""
    end_time: datetime | None
    input: object
    output: object
    failure: Failure | None
    """The last one, also of what went well after a retry."""
    worker: str
    message: run_service_pb2.NodeExecution = field(repr=False)


def execution(message: run_service_pb2.NodeExecution) -> NodeExecution:
    return NodeExecution(
        key=message.key,
        kind=message.kind,
        state=_short(run_service_pb2.NodeState.Name(message.state), "NODE_STATE_"),
        type=message.type,
        attempts=message.attempts,
        scheduled_time=time(message.scheduled_time) if message.HasField("scheduled_time") else None,
        started_time=time(message.started_time) if message.HasField("started_time") else None,
        end_time=time(message.end_time) if message.HasField("end_time") else None,
        input=payload.decode_if_known(message.input) if message.HasField("input") else None,
        output=payload.decode_if_known(message.output) if message.HasField("output") else None,
        failure=_failure_codec.from_message(message.failure)
        if message.HasField("failure")
        else None,
        worker=message.worker,
        message=message,
    )


def run_events(response: run_service_pb2.WatchRunsResponse, before: int) -> list[RunEvent]:
    """The events of an answer, of which the one before came to the position `before`."""
    found = [
        RunEvent(run.run_id, run.workflow_id, run.workflow, before, event)
        for run in response.runs
        for event in run.events
    ]
    if found:
        found[-1] = replace(found[-1], position=response.position)
    return found


def time(message: Timestamp) -> datetime:
    return message.ToDatetime(UTC)


def deployed(response: definition_service_pb2.DeployDefinitionResponse) -> Definition:
    hints = tuple(Hint(one.rule, one.path, one.message) for one in response.hints)
    return replace(definition(response.definition, created=response.created), hints=hints)


def definition(message: definition_service_pb2.Definition, *, created: bool = True) -> Definition:
    return Definition(
        workflow=message.workflow,
        version=message.version,
        kind=message.kind,
        description=message.description,
        content_hash=message.content_hash,
        create_time=time(message.create_time),
        node_count=message.node_count,
        created=created,
        message=message,
        state=_short(
            definition_service_pb2.VersionState.Name(message.state), "VERSION_STATE_"
        ).lower(),
        current=message.current,
    )


def run(message: run_service_pb2.Run) -> Run:
    return Run(
        run_id=message.run_id,
        workflow_id=message.workflow_id,
        workflow=message.workflow,
        version=message.version,
        state=RunState(_short(run_service_pb2.RunState.Name(message.state), "RUN_STATE_")),
        start_time=time(message.start_time),
        end_time=time(message.end_time) if message.HasField("end_time") else None,
        last_seq=message.last_seq,
        trace_id=message.trace_id,
        message=message,
        held=_held(message.held) if message.HasField("held") else None,
    )


def _held(message: event_pb2.Held) -> Held:
    return Held(
        key=message.key,
        incident=message.incident,
        since_time=time(message.since_time),
        incident_count=message.incident_count,
    )


def started(
    message: run_service_pb2.StartRunResponse | run_service_pb2.RetryRunResponse,
) -> StartedRun:
    return StartedRun(
        run_id=message.run_id,
        workflow_id=message.workflow_id,
        version=message.version,
        started=message.started,
        trace_id=message.trace_id,
        message=message,
    )


def description(message: run_service_pb2.GetRunResponse) -> RunDescription:
    return RunDescription(
        run=run(message.run),
        input=payload.decode_if_known(message.input),
        output=payload.decode_if_known(message.output) if message.HasField("output") else None,
        failure=_failure_codec.from_message(message.failure)
        if message.HasField("failure")
        else None,
        pending_activities=tuple(_pending(item) for item in message.pending_activities),
        pending_activity_count=message.pending_activity_count,
        cancel_requested=message.cancel_requested,
        incident=message.incident,
        nodes={
            item.node: _short(run_service_pb2.NodeState.Name(item.state), "NODE_STATE_")
            for item in message.nodes
        },
        message=message,
        status=message.status,
        attributes={name: payload.decode_if_known(one) for name, one in message.attributes.items()},
        active_states=tuple(message.active_states),
        accepted_events=tuple(message.accepted_events),
    )


def _pending(message: run_service_pb2.PendingActivity) -> PendingActivity:
    last_failure = message.last_failure if message.HasField("last_failure") else None
    return PendingActivity(
        key=message.key,
        type=message.type,
        queue=message.queue,
        state=_short(run_service_pb2.ActivityState.Name(message.state), "ACTIVITY_STATE_"),
        attempt=message.attempt,
        max_attempts=message.max_attempts,
        scheduled_time=time(message.scheduled_time),
        next_attempt_time=time(message.next_attempt_time)
        if message.HasField("next_attempt_time")
        else None,
        started_time=time(message.started_time) if message.HasField("started_time") else None,
        last_failure=_failure_codec.from_message(last_failure) if last_failure else None,
        identity=message.identity,
    )


def update_answer(name: str, response: run_service_pb2.UpdateRunResponse) -> object:
    """What code answered. Raises `UpdateFailed`."""
    if response.HasField("failure"):
        failure = _failure_codec.from_message(response.failure)
        raise UpdateFailed(f"update {name!r}: {failure}", failure=failure)
    return payload.decode(response.output)


def result(message: run_service_pb2.WaitRunResponse) -> object:
    """The output of a run that has ended. Raises a `RunNotCompleted` if it did not complete."""
    if message.run.state == run_service_pb2.RUN_STATE_COMPLETED:
        return payload.decode(message.output)
    raise _ending(message)


def _ending(message: run_service_pb2.WaitRunResponse) -> RunNotCompleted:
    ended, name = run(message.run), f"run {message.run.run_id} of {message.run.workflow!r}"
    ids = {"run_id": ended.run_id, "workflow_id": ended.workflow_id}
    match ended.state:
        case RunState.FAILED:
            reason = _failure_codec.from_message(message.failure)
            failed = ActivityTimedOut if reason.kind == TIMEOUT_KIND else RunFailed
            return failed(f"{name} failed: {reason}", failure=reason, **ids)
        case RunState.CANCELLED:
            return RunCancelled(f"{name} was cancelled", **ids)
        case RunState.TIMED_OUT:
            return RunTimedOut(f"{name} reached its run timeout", **ids)
        case RunState.TERMINATED:
            return RunTerminated(f"{name} was terminated", **ids)
    return RunNotCompleted(f"{name} ended as {ended.state}, which this client does not know", **ids)


def _short(name: str, prefix: str) -> str:
    return name.removeprefix(prefix)
