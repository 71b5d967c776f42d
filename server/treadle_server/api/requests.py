"""What the requests of `RunService` have in common, checked: which run, what with, who says it."""

from __future__ import annotations

import hashlib
from typing import Any

from treadle.v1 import run_service_pb2 as messages
from treadle_server.api import checks, convert
from treadle_server.api.errors import invalid
from treadle_server.engine.events import CarriedEvent
from treadle_server.engine.values import NULL, IncidentAnswer, Payload
from treadle_server.runs.model import (
    AnswerRequest,
    ConflictPolicy,
    ReusePolicy,
    RunReference,
    StartRequest,
)

_MAX_START_EVENTS = 100


def start_request(
    request: messages.StartRunRequest, namespace: str, path: str, traceparent: str
) -> StartRequest:
    """A checked start."""
    if request.HasField("wait_timeout"):
        raise invalid(
            f"{path}wait_timeout", "is for a StartRun of its own; wait for others with WaitRun"
        )
    conflict = checks.enum_value(f"{path}conflict_policy", request, "conflict_policy")
    reuse = checks.enum_value(f"{path}reuse_policy", request, "reuse_policy")
    run_timeout = None
    if request.HasField("run_timeout"):
        run_timeout = checks.duration(f"{path}run_timeout", request.run_timeout)
    return StartRequest(
        namespace=namespace,
        workflow=checks.identifier(f"{path}workflow", request.workflow, required=True),
        version=checks.count(f"{path}version", request.version, low=0, high=2**62),
        workflow_id=checks.identifier(f"{path}workflow_id", request.workflow_id),
        request_id=request_id(request, path),
        content_hash=convert.content_hash(request) if request.request_id else b"",
        input=value(request, "input", path),
        run_timeout=run_timeout,
        begin_time=checks.instant(f"{path}begin_time", request.begin_time)
        if request.HasField("begin_time")
        else None,
        begin_delay=checks.duration(f"{path}begin_delay", request.begin_delay)
        if request.HasField("begin_delay")
        else 0,
        conflict_policy=ConflictPolicy(conflict or 1),
        reuse_policy=ReusePolicy(reuse or 1),
        traceparent=traceparent,
        events=_start_events(request, path),
    )


def _start_events(request: messages.StartRunRequest, path: str) -> tuple[CarriedEvent, ...]:
    found: dict[str, CarriedEvent] = {}
    for number, event in enumerate(request.events):
        at = f"{path}events[{number}]."
        if number == _MAX_START_EVENTS:
            raise invalid(f"{path}events", f"has more than {_MAX_START_EVENTS} events")
        event_id = checks.identifier(
            f"{at}event_id", event.event_id, limit=checks.MAX_REQUEST_ID_BYTES
        )
        if not (event_id or request.request_id):
            raise invalid(f"{at}event_id", "must be given where the start has no request_id")
        # A repeat of the request must name the same events.
        event_id = event_id or _derived_id(request.request_id, number)
        if event_id in found:
            raise invalid(f"{at}event_id", f"{event_id!r} names another event of this start")
        found[event_id] = CarriedEvent(
            event_id=event_id,
            name=checks.identifier(f"{at}name", event.name, limit=200, required=True),
            payload=value(event, "payload", at),
        )
    return tuple(found.values())


def _derived_id(request_id: str, number: int) -> str:
    text = f"{number} {request_id}".encode()
    return hashlib.blake2b(text, digest_size=16, person=b"treadle-event").hexdigest()


def value(request: Any, name: str, path: str = "") -> Payload:
    """What `oneof NAME_value { Payload NAME; Value NAME_json; }` holds; null if nothing."""
    given = request.WhichOneof(f"{name}_value")
    if given is None:
        return NULL
    if given == name:
        return checks.payload(f"{path}{name}", getattr(request, name))
    return checks.json_payload(f"{path}{given}", getattr(request, given))


def request_id(request: Any, path: str = "") -> str:
    """What names a change; empty if nothing does."""
    return checks.identifier(
        f"{path}request_id", request.request_id, limit=checks.MAX_REQUEST_ID_BYTES
    )


def answer(request: Any, answer: IncidentAnswer) -> AnswerRequest:
    """What a person decided."""
    return AnswerRequest(
        reference=reference(request),
        key=checks.identifier("key", request.key, required=True),
        answer=answer,
        output=value(request, "output"),
        **said(request),
    )


def reference(request: Any) -> RunReference:
    """The run that a request means."""
    found = RunReference(
        namespace=checks.namespace(request.namespace),
        run_id=checks.run_id("run_id", request.run_id),
        workflow_id=checks.identifier("workflow_id", request.workflow_id),
    )
    if not found.run_id and not found.workflow_id:
        raise invalid("run_id", "is missing: name the run by `run_id` or by `workflow_id`")
    return found


def reason(request: Any) -> str:
    """Why somebody does it."""
    if len(request.reason.encode()) > 8_192:
        raise invalid("reason", "is longer than 8192 bytes")
    return str(request.reason)


def said(request: Any) -> dict[str, str]:
    """Who changes something, and why."""
    return {"reason": reason(request), "actor": "local", "request_id": request_id(request)}


def traceparent(context: Any) -> str:
    """The trace that the caller is in; empty if it is in none."""
    for key, text in context.invocation_metadata() or ():
        if key == "traceparent" and isinstance(text, str) and len(text) <= 128:
            return text
    return ""
