"""Run groups: what is asked for, what is answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from treadle import _failure_codec, payload
from treadle._client import requests
from treadle._client.requests import Start
from treadle._client.values import RunState
from treadle.errors import InvalidRequest
from treadle.failure import Failure
from treadle.v1 import run_service_pb2


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """How a run group stands: how many of its runs are in which state."""

    run_id: str
    """The group's own."""
    state: RunState
    """The group's own: it runs until the waiting is over and what was left of it has ended."""
    total: int
    not_started: int
    running: int
    completed: int
    failed: int
    cancelled: int
    timed_out: int
    terminated: int
    quota: int
    """So many were to complete; 0: all."""
    reason: str
    """Why the waiting is over: "all", "quota", "unreachable" (so many cannot complete any more) or
    "duration"; empty while it goes on.
    """
    message: run_service_pb2.GroupStatus = field(repr=False)

    @property
    def ended(self) -> int:
        """How many have ended, in whatever way."""
        return self.completed + self.failed + self.cancelled + self.timed_out + self.terminated


@dataclass(frozen=True, slots=True)
class GroupMember:
    """What became of one of a group's runs."""

    index: int
    """Its place among the starts."""
    run_id: str
    workflow_id: str
    state: RunState
    """UNSPECIFIED: it was not started."""
    output: object
    """None unless it completed."""
    failure: Failure | None
    message: run_service_pb2.GroupMember = field(repr=False)


@dataclass(frozen=True, slots=True)
class GroupResult:
    """How a run group ended: the numbers, and each run in the order of the starts."""

    status: GroupStatus
    members: tuple[GroupMember, ...]

    @property
    def reason(self) -> str:
        """Why the waiting was over: all, quota, unreachable or duration."""
        return self.status.reason

    def outputs(self) -> list[object]:
        """Of the runs that completed, in the order of the starts."""
        return [member.output for member in self.members if member.state is RunState.COMPLETED]


_NOT_OF_MEMBERS = (
    "request_id",
    "run_timeout",
    "begin",
    "conflict_policy",
    "reuse_policy",
    "events",
)


def start(
    items: Iterable[Start],
    namespace: str,
    *,
    quota: int,
    duration: timedelta | float | None,
    count_ended: bool,
    leave_rest: bool,
    workflow_id: str | None,
    request_id: str | None,
) -> run_service_pb2.StartGroupRequest:
    """Raises `InvalidRequest` for what a group cannot give its runs."""
    request = run_service_pb2.StartGroupRequest(
        namespace=namespace,
        request_id=requests.request_id(request_id),
        workflow_id=workflow_id or "",
        quota=quota,
        count_ended=count_ended,
        leave_rest=leave_rest,
    )
    if duration is not None:
        request.duration.CopyFrom(requests.duration(duration))
    for number, item in enumerate(items):
        request.items.append(_item(item, number))
    return request


def _item(item: Start, number: int) -> run_service_pb2.GroupItem:
    for name in _NOT_OF_MEMBERS:
        if getattr(item, name):
            raise InvalidRequest(f"items[{number}]: runs of a group have no {name} of their own")
    single = requests.start(item, "")
    message = run_service_pb2.GroupItem(
        workflow=single.workflow, version=single.version, workflow_id=single.workflow_id
    )
    if item.input is not None:
        message.input.CopyFrom(single.input)
    return message


def status(message: run_service_pb2.GroupStatus) -> GroupStatus:
    counts: dict[str, Any] = {
        name: getattr(message, name)
        for name in (
            "total",
            "not_started",
            "running",
            "completed",
            "failed",
            "cancelled",
            "timed_out",
            "terminated",
            "quota",
        )
    }
    return GroupStatus(
        run_id=message.run_id,
        state=_state(message.state),
        reason=message.reason,
        message=message,
        **counts,
    )


def member(message: run_service_pb2.GroupMember) -> GroupMember:
    return GroupMember(
        index=message.index,
        run_id=message.run_id,
        workflow_id=message.workflow_id,
        state=_state(message.state),
        output=payload.decode_if_known(message.output) if message.HasField("output") else None,
        failure=_failure_codec.from_message(message.failure)
        if message.HasField("failure")
        else None,
        message=message,
    )


def _state(number: Any) -> RunState:
    return RunState(run_service_pb2.RunState.Name(number).removeprefix("RUN_STATE_"))
