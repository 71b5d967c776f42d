"""Python arguments → request messages. Checks what can be checked here; the server checks
everything again.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol, TypedDict, get_args, runtime_checkable

from google.protobuf.duration_pb2 import Duration

from treadle import _ids, payload
from treadle._client.values import RunState
from treadle.errors import InvalidRequest
from treadle.v1 import definition_service_pb2, payload_pb2, run_service_pb2

ConflictPolicy = Literal["fail", "use_existing"]
"""If an open run has the workflow id: refuse, or answer with that run."""

ReusePolicy = Literal["allow_duplicate", "allow_duplicate_failed_only", "reject_duplicate"]
"""If an ended run has the workflow id: start anyway, only if it did not complete, or refuse."""

VersionState = Literal["active", "deprecated", "retired"]

IncidentAnswer = Literal["retry", "skip", "fail"]

MAX_BATCH = 1_000
MAX_WAIT_SECONDS = 60.0

# Below the 4 MiB that a server takes in one message.
MAX_BATCH_BYTES = 3 * 1024 * 1024

EXTRA_DEPLOY_SECONDS = 90.0
"""Checking a graph of 200,000 nodes takes longer than other calls."""

# Above this a document is packed; the contract takes plain JSON up to 3 MiB.
_PACK_BYTES = 1024 * 1024


@runtime_checkable
class HasDocument(Protocol):
    """What can be deployed beside plain documents, such as a `treadle.Graph`."""

    def document(self) -> Mapping[str, object]: ...


@runtime_checkable
class NamedVersion(Protocol):
    """A workflow in Python: a `treadle.Workflow`."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class StartEvent:
    """An external event that comes with a start. A repeat of the start names the same event, also
    without an `event_id`.
    """

    name: str
    payload: object = None
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of many, for `start_many`; the fields are the arguments of `start`."""

    workflow: str | NamedVersion
    input: object = None
    workflow_id: str | None = None
    version: int = 0
    request_id: str | None = None
    run_timeout: timedelta | float | None = None
    begin: datetime | timedelta | None = None
    conflict_policy: ConflictPolicy | None = None
    reuse_policy: ReusePolicy | None = None
    events: Sequence[StartEvent] = ()


class StartOptions(TypedDict, total=False):
    """The optional arguments of `start`, for what starts a run and does more."""

    workflow_id: str | None
    version: int
    request_id: str | None
    run_timeout: timedelta | float | None
    begin: datetime | timedelta | None
    conflict_policy: ConflictPolicy | None
    reuse_policy: ReusePolicy | None
    events: Sequence[StartEvent]


def start(item: Start, namespace: str) -> run_service_pb2.StartRunRequest:
    workflow, version = item.workflow, item.version
    name = workflow if isinstance(workflow, str) else workflow.name
    if not isinstance(workflow, str) and not version:
        version = workflow.version
    request = run_service_pb2.StartRunRequest(
        namespace=namespace,
        request_id=request_id(item.request_id),
        workflow=name,
        version=version,
        workflow_id=item.workflow_id or "",
        **_policies(item),
    )
    if item.input is not None:
        request.input.CopyFrom(payload.encode(item.input))
    if item.run_timeout is not None:
        request.run_timeout.CopyFrom(duration(item.run_timeout))
    if isinstance(item.begin, timedelta):
        request.begin_delay.CopyFrom(duration(item.begin))
    elif item.begin is not None:
        if item.begin.tzinfo is None:
            raise InvalidRequest(
                f"begin={item.begin!r} says no time zone; give it one, such as UTC"
            )
        request.begin_time.FromDatetime(item.begin)
    for event in item.events:
        request.events.add(
            event_id=event.event_id, name=event.name, payload=payload.encode(event.payload)
        )
    return request


def _policies(item: Start) -> dict[str, Any]:
    """What a start says about other runs with its workflow id; most say nothing."""
    found = {}
    if item.conflict_policy is not None:
        known = get_args(ConflictPolicy)
        prefix, what = "WORKFLOW_ID_CONFLICT_POLICY_", "a conflict policy"
        found["conflict_policy"] = _enum_name(prefix, item.conflict_policy, what, known)
    if item.reuse_policy is not None:
        known = get_args(ReusePolicy)
        prefix, what = "WORKFLOW_ID_REUSE_POLICY_", "a reuse policy"
        found["reuse_policy"] = _enum_name(prefix, item.reuse_policy, what, known)
    return found


def batches(
    items: Iterable[Start], namespace: str
) -> Iterator[run_service_pb2.BatchStartRunsRequest]:
    """Starts in as few calls as fit: 1,000 items, and what a server takes in one message."""
    batch = run_service_pb2.BatchStartRunsRequest(namespace=namespace)
    size = 0
    for item in items:
        message = start(item, namespace)
        size += message.ByteSize()
        if batch.items and (len(batch.items) == MAX_BATCH or size > MAX_BATCH_BYTES):
            yield batch
            batch = run_service_pb2.BatchStartRunsRequest(namespace=namespace)
            size = message.ByteSize()
        batch.items.append(message)
    if batch.items:
        yield batch


def request_id(given: str | None) -> str:
    """The given one, else one that is new and ordered by time."""
    if given:
        return given
    return _ids.request_id(time.time_ns() // 1_000_000, os.urandom(9))


def duration(value: timedelta | float) -> Duration:
    if not isinstance(value, timedelta) and value >= 0:  # several times in each call
        seconds, microseconds = divmod(round(value * 1_000_000), 1_000_000)
        return Duration(seconds=seconds, nanos=microseconds * 1_000)
    message = Duration()
    message.FromTimedelta(value if isinstance(value, timedelta) else timedelta(seconds=value))
    return message


def deploy(
    document: Mapping[str, object] | HasDocument | str,
    namespace: str,
    given_request_id: str | None,
    validate_only: bool,
) -> definition_service_pb2.DeployDefinitionRequest:
    text = _document_text(document)
    request = definition_service_pb2.DeployDefinitionRequest(
        namespace=namespace, request_id=request_id(given_request_id), validate_only=validate_only
    )
    if len(text) > _PACK_BYTES:
        request.gzip_json = gzip.compress(text, compresslevel=6, mtime=0)
    else:
        request.json = text.decode()
    return request


def _document_text(document: Mapping[str, object] | HasDocument | str) -> bytes:
    if isinstance(document, str):
        return document.encode()
    if isinstance(document, HasDocument):
        document = document.document()
    if not isinstance(document, Mapping):
        raise InvalidRequest(
            f"a document is a mapping, a Graph or JSON text, not {type(document).__name__}"
        )
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the document cannot be written as JSON: {error}") from error


def named_run(run_id: str | None, workflow_id: str | None) -> dict[str, Any]:
    """The two fields that name a run; exactly one must be given."""
    if bool(run_id) == bool(workflow_id):
        raise InvalidRequest("name the run by run_id or by workflow_id, one of the two")
    return {"run_id": run_id or "", "workflow_id": workflow_id or ""}


def run_state(state: RunState | str | None) -> str:
    """The contract's name of a state; None: any."""
    known = [name for name in RunState if name is not RunState.UNSPECIFIED]
    return _enum_name("RUN_STATE_", state, "a state of a run", known)


def version_state(state: VersionState | None) -> str:
    """The contract's name of a version's state; None: unchanged."""
    return _enum_name("VERSION_STATE_", state, "a state of a version", get_args(VersionState))


def incident_answer(answer: IncidentAnswer) -> str:
    """The contract's name of an answer."""
    return _enum_name("INCIDENT_ANSWER_", answer, "an answer", get_args(IncidentAnswer))


def optional_payload(value: object) -> payload_pb2.Payload | None:
    """A payload, or None for None: the field stays absent."""
    return None if value is None else payload.encode(value)


def _enum_name(prefix: str, value: str | None, what: str, known: Sequence[str]) -> str:
    """The contract's name of a value; messages take enums by name."""
    if value is None:
        return f"{prefix}UNSPECIFIED"
    if value.upper() not in map(str.upper, known):
        raise InvalidRequest(f"{value!r} is not {what}; known are {', '.join(known)}")
    return prefix + value.upper()


def wait_seconds(left: float | None, longest: float, run_id: str) -> float:
    """How long the next WaitRun may take. Raises `TimeoutError` when the time is over.

    `left`: seconds to the end of the caller's patience; None: without end.
    """
    if left is None:
        return longest
    if left <= 0:
        raise not_ended(run_id)
    return min(left, longest)


def ask_to_wait(
    request: run_service_pb2.StartRunRequest, left: float | None, longest: float
) -> float:
    """Has a start answered when its run has ended, within `left` seconds (None: without end); how
    long the answer may take.
    """
    wait = longest if left is None else min(left, longest)
    if wait <= 0:
        return 0.0
    request.wait_timeout.CopyFrom(duration(wait))
    return wait


def not_ended(run_id: str) -> TimeoutError:
    """What a caller gets whose patience is over."""
    return TimeoutError(f"run {run_id} has not ended in the given time; it goes on")


def not_heard_of(workflow: str) -> TimeoutError:
    """The same before the server has answered the start."""
    return TimeoutError(
        f"the run of {workflow!r} has not ended in the given time; if it was started, it goes on"
    )


NOT_THAT_WAY: Final = frozenset({"RUN_ENDED", "RUN_OPEN"})
"""Reasons of a refusal by which a run was to be reset otherwise."""


def ways_to_reset(*, ended: bool, request_id: str | None) -> tuple[bool, ...]:
    """Whether to retry the run or to answer its incident, in the order to be tried: that depends on
    how it stands, which may have changed since the request id was used. So the other way is asked
    first, and answers if it was the one.
    """
    return (not ended, ended) if request_id else (ended,)
