"""`treadle.v1.RunService`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

from treadle.v1 import event_pb2
from treadle.v1 import run_service_pb2 as messages
from treadle_server.api import checks, convert
from treadle_server.api.errors import invalid, item_status
from treadle_server.api.pages import Pages
from treadle_server.clock import Clock
from treadle_server.engine.events import CarriedEvent
from treadle_server.engine.inputs import ReceiveUpdate
from treadle_server.engine.values import NULL, Duration, IncidentAnswer, Payload
from treadle_server.journal.codec import failure_to_message, payload_to_message
from treadle_server.journal.port import Record
from treadle_server.runs.errors import NotFound
from treadle_server.runs.model import (
    AnswerRequest,
    ConflictPolicy,
    RetryRequest,
    ReusePolicy,
    RunReference,
    StartRequest,
)
from treadle_server.runs.service import Runs

HISTORY_BYTES = 2 << 20
WAIT_DEFAULT = 20 * 1_000_000
_MAX_START_EVENTS = 100


class RunService:
    """One method per RPC, found by its name."""

    def __init__(self, runs: Runs, pages: Pages, clock: Clock, longest_wait: Duration) -> None:
        self._runs = runs
        self._longest_wait = longest_wait
        self._pages = pages
        self._clock = clock

    async def StartRun(
        self, request: messages.StartRunRequest, context: Any
    ) -> messages.StartRunResponse:
        """Starts one run."""
        namespace = checks.namespace(request.namespace)
        [answer] = await self._runs.start(
            [start_request(request, namespace, "", _traceparent(context))]
        )
        if isinstance(answer, Exception):
            raise answer
        return convert.started(answer)

    async def BatchStartRuns(
        self, request: messages.BatchStartRunsRequest, context: Any
    ) -> messages.BatchStartRunsResponse:
        """Starts many."""
        namespace = checks.namespace(request.namespace)
        traceparent = _traceparent(context)
        answers: list[Any] = []
        wanted: list[StartRequest] = []
        for number, item in enumerate(checks.batch("items", request.items)):
            try:
                if item.namespace not in ("", namespace):
                    raise invalid(
                        f"items[{number}].namespace", "must be empty or that of the batch"
                    )
                wanted.append(start_request(item, namespace, f"items[{number}].", traceparent))
                answers.append(None)
            except Exception as error:  # noqa: BLE001 - becomes the item's status
                answers.append(error)
        done = iter(await self._runs.start(wanted))
        response = messages.BatchStartRunsResponse()
        for early in answers:
            answer = next(done) if early is None else early
            if isinstance(answer, Exception):
                response.items.add(status=item_status(answer))
            else:
                response.items.add(status=item_status(None), run=convert.started(answer))
        return response

    async def GetRun(
        self, request: messages.GetRunRequest, _context: Any
    ) -> messages.GetRunResponse:
        """Describes a run."""
        view = await self._runs.describe(reference(request), include_nodes=request.include_nodes)
        return convert.run_view(view, self._clock.now())

    async def ListRuns(
        self, request: messages.ListRunsRequest, _context: Any
    ) -> messages.ListRunsResponse:
        """Lists runs."""
        namespace = checks.namespace(request.namespace)
        workflow = checks.identifier("workflow", request.workflow) or None
        state = checks.enum_value("state", request, "state") or None
        query = ("runs", namespace, workflow, state)
        place = self._pages.read(query, request.page_token)
        limit = checks.page_size(request.page_size)
        before = None if place is None else (int(place[0]), bytes.fromhex(place[1]))
        rows = await self._runs.list_runs(
            namespace, workflow=workflow, state=state, before=before, limit=limit
        )
        token = ""
        if len(rows) == limit:
            token = self._pages.make(query, (rows[-1].start_time, rows[-1].run_id.hex()))
        return messages.ListRunsResponse(
            runs=[convert.run(row) for row in rows], next_page_token=token
        )

    async def ListRunNodes(
        self, request: messages.ListRunNodesRequest, _context: Any
    ) -> messages.ListRunNodesResponse:
        """Lists what happened to each node."""
        run = reference(request)
        query = ("run-nodes", run.namespace, run.run_id.hex(), run.workflow_id)
        place = self._pages.read(query, request.page_token)
        after = 0 if place is None else int(place[0])
        limit = checks.page_size(request.page_size)
        found, more = await self._runs.executions(run, after, limit)
        return messages.ListRunNodesResponse(
            executions=[convert.execution(one) for one in found],
            next_page_token=self._pages.make(query, (after + limit,)) if more else "",
        )

    async def GetRunHistory(self, request: messages.GetRunHistoryRequest, _context: Any) -> bytes:
        """Reads events: the journal's bytes, passed on unparsed."""
        after_seq = checks.count("after_seq", request.after_seq, low=0, high=2**62)
        records, more = await self._runs.history(reference(request), after_seq, HISTORY_BYTES)
        last_seq = records[-1].base_seq + records[-1].count - 1 if more else 0
        tail = messages.GetRunHistoryResponse(next_after_seq=last_seq).SerializeToString()
        return event_bytes(records, after_seq) + tail

    async def WatchRun(
        self, request: messages.WatchRunRequest, _context: Any
    ) -> AsyncIterator[bytes]:
        """Streams events."""
        after_seq = checks.count("after_seq", request.after_seq, low=0, high=2**62)
        async for records in self._runs.watch(reference(request), after_seq):
            yield event_bytes(records, after_seq)

    async def WatchRuns(
        self, request: messages.WatchRunsRequest, _context: Any
    ) -> AsyncIterator[bytes]:
        """Streams the events of all runs."""
        after = checks.count("after_position", request.after_position, low=0, high=2**62)
        watched = self._runs.watch_all(
            checks.namespace(request.namespace),
            workflow=checks.identifier("workflow", request.workflow) or None,
            after_position=None if request.from_now else after,
        )
        async for found, position in watched:
            yield convert.watched(found, position).SerializeToString()

    async def WaitRun(
        self, request: messages.WaitRunRequest, _context: Any
    ) -> messages.WaitRunResponse:
        """Waits for a run's end."""
        timeout = WAIT_DEFAULT
        if request.HasField("timeout"):
            timeout = min(checks.duration("timeout", request.timeout), self._longest_wait)
        return convert.wait_response(await self._runs.wait(reference(request), timeout))

    async def CancelRun(
        self, request: messages.CancelRunRequest, _context: Any
    ) -> messages.CancelRunResponse:
        """Asks a run to end."""
        row = await self._runs.cancel(
            reference(request), skip_compensation=request.skip_compensation, **_said(request)
        )
        return messages.CancelRunResponse(run=convert.run(row))

    async def DeleteRun(
        self, request: messages.DeleteRunRequest, _context: Any
    ) -> messages.DeleteRunResponse:
        """Deletes an ended run."""
        try:
            await self._runs.delete(reference(request), actor="local", reason=_reason(request))
        except NotFound:
            if not request.allow_missing:
                raise
        return messages.DeleteRunResponse()

    async def TerminateRun(
        self, request: messages.TerminateRunRequest, _context: Any
    ) -> messages.TerminateRunResponse:
        """Ends a run at once."""
        row = await self._runs.terminate(reference(request), **_said(request))
        return messages.TerminateRunResponse(run=convert.run(row))

    async def AnswerIncident(
        self, request: messages.AnswerIncidentRequest, _context: Any
    ) -> messages.AnswerIncidentResponse:
        """Answers an incident."""
        number = checks.enum_value("answer", request, "answer")
        if not number:
            raise invalid("answer", "is missing: RETRY, SKIP or FAIL")
        answer = _answer(request, IncidentAnswer(number))
        return messages.AnswerIncidentResponse(run=convert.run(await self._runs.answer(answer)))

    async def SkipActivity(
        self, request: messages.SkipActivityRequest, _context: Any
    ) -> messages.SkipActivityResponse:
        """Gives an activity's outcome by hand."""
        answer = _answer(request, IncidentAnswer.SKIP)
        return messages.SkipActivityResponse(run=convert.run(await self._runs.skip(answer)))

    async def PauseRun(
        self, request: messages.PauseRunRequest, _context: Any
    ) -> messages.PauseRunResponse:
        """Holds a run back."""
        row = await self._runs.pause(reference(request), **_said(request))
        return messages.PauseRunResponse(run=convert.run(row))

    async def ResumeRun(
        self, request: messages.ResumeRunRequest, _context: Any
    ) -> messages.ResumeRunResponse:
        """Lets a run go on."""
        row = await self._runs.resume(reference(request), **_said(request))
        return messages.ResumeRunResponse(run=convert.run(row))

    async def SendEvent(
        self, request: messages.SendEventRequest, _context: Any
    ) -> messages.SendEventResponse:
        """Sends an external event."""
        event_id = checks.identifier(
            "event_id", request.event_id, limit=checks.MAX_REQUEST_ID_BYTES
        )
        row, event_id = await self._runs.send(
            reference(request),
            event_id=event_id,
            name=checks.identifier("name", request.name, limit=200, required=True),
            payload=_value(request, "payload"),
            actor="local",
        )
        return messages.SendEventResponse(run=convert.run(row), event_id=event_id)

    async def UpdateRun(
        self, request: messages.UpdateRunRequest, _context: Any
    ) -> messages.UpdateRunResponse:
        """Asks code to do something."""
        limit = checks.MAX_REQUEST_ID_BYTES
        update = ReceiveUpdate(
            update_id=checks.identifier("update_id", request.update_id, limit=limit),
            name=checks.identifier("name", request.name, limit=200, required=True),
            input=_value(request, "input"),
            actor="local",
        )
        wait = WAIT_DEFAULT
        if request.HasField("wait"):
            wait = min(checks.duration("wait", request.wait), self._longest_wait)
        update_id, answer = await self._runs.update(reference(request), update, wait)
        response = messages.UpdateRunResponse(update_id=update_id, answered=answer is not None)
        if answer is not None and answer.failure is not None:
            response.failure.CopyFrom(failure_to_message(answer.failure))
        elif answer is not None and answer.output is not None:
            response.output.CopyFrom(payload_to_message(answer.output))
        return response

    async def BroadcastEvent(
        self, request: messages.BroadcastEventRequest, _context: Any
    ) -> messages.BroadcastEventResponse:
        """Sends an external event to all that wait for it."""
        receivers, event_id = await self._runs.broadcast(
            checks.namespace(request.namespace),
            event_id=checks.identifier(
                "event_id", request.event_id, limit=checks.MAX_REQUEST_ID_BYTES
            ),
            name=checks.identifier("name", request.name, limit=200, required=True),
            payload=_value(request, "payload"),
            actor="local",
        )
        return messages.BroadcastEventResponse(event_id=event_id, receivers=receivers)

    async def RetryRun(
        self, request: messages.RetryRunRequest, context: Any
    ) -> messages.RetryRunResponse:
        """Takes up a run that did not complete."""
        given = request.WhichOneof("input_value")
        started = await self._runs.retry(
            RetryRequest(
                reference=reference(request),
                input=None if given is None else _value(request, "input"),
                from_key=checks.identifier("from_key", request.from_key, limit=200),
                request_id=_request_id(request),
                content_hash=convert.content_hash(request) if request.request_id else b"",
                traceparent=_traceparent(context),
            )
        )
        answer = convert.started(started)
        return messages.RetryRunResponse(
            run_id=answer.run_id,
            workflow_id=answer.workflow_id,
            version=answer.version,
            started=answer.started,
            trace_id=answer.trace_id,
        )


def start_request(
    request: messages.StartRunRequest, namespace: str, path: str, traceparent: str
) -> StartRequest:
    """A checked start."""
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
        request_id=_request_id(request, path),
        content_hash=convert.content_hash(request) if request.request_id else b"",
        input=_value(request, "input", path),
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
            payload=_value(event, "payload", at),
        )
    return tuple(found.values())


def _derived_id(request_id: str, number: int) -> str:
    text = f"{number} {request_id}".encode()
    return hashlib.blake2b(text, digest_size=16, person=b"treadle-event").hexdigest()


def _value(request: Any, name: str, path: str = "") -> Payload:
    """What `oneof NAME_value { Payload NAME; Value NAME_json; }` holds; null if nothing."""
    given = request.WhichOneof(f"{name}_value")
    if given is None:
        return NULL
    if given == name:
        return checks.payload(f"{path}{name}", getattr(request, name))
    return Payload(json.dumps(checks.plain_value(getattr(request, given))).encode())


def _request_id(request: Any, path: str = "") -> str:
    return checks.identifier(
        f"{path}request_id", request.request_id, limit=checks.MAX_REQUEST_ID_BYTES
    )


def _answer(request: Any, answer: IncidentAnswer) -> AnswerRequest:
    return AnswerRequest(
        reference=reference(request),
        key=checks.identifier("key", request.key, required=True),
        answer=answer,
        output=_value(request, "output"),
        **_said(request),
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


def _reason(request: Any) -> str:
    if len(request.reason.encode()) > 8_192:
        raise invalid("reason", "is longer than 8192 bytes")
    return str(request.reason)


def _said(request: Any) -> dict[str, str]:
    return {
        "reason": _reason(request),
        "actor": "local",
        "request_id": _request_id(request),
    }


def event_bytes(records: list[Record], after_seq: int) -> bytes:
    """Records' bodies one after the other: an EventBatch has its events where these replies have
    theirs.

    Only a record that begins before what was asked for is looked into.
    """
    parts: list[bytes] = []
    for record in records:
        if record.base_seq > after_seq:
            parts.append(record.body)
            continue
        batch = event_pb2.EventBatch.FromString(record.body)
        kept = [event for event in batch.events if event.seq > after_seq]
        parts.append(event_pb2.EventBatch(events=kept).SerializeToString())
    return b"".join(parts)


def _traceparent(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent" and isinstance(value, str) and len(value) <= 128:
            return value
    return ""
