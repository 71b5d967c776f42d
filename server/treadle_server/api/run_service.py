"""`treadle.v1.RunService`."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from treadle.v1 import run_service_pb2 as messages
from treadle_server.api import checks, convert, requests
from treadle_server.api.errors import invalid, item_status
from treadle_server.api.pages import Pages
from treadle_server.clock import Clock
from treadle_server.engine.inputs import ReceiveUpdate
from treadle_server.engine.values import Duration, IncidentAnswer
from treadle_server.journal.codec import failure_to_message, payload_to_message
from treadle_server.runs.errors import NotFound, Stopping
from treadle_server.runs.model import (
    RetryRequest,
    RunReference,
    StartRequest,
)
from treadle_server.runs.service import Runs

HISTORY_BYTES = 2 << 20
WAIT_DEFAULT: Duration = 20 * 1_000_000


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
        """Starts one run; may wait for its end."""
        namespace = checks.namespace(request.namespace)
        timeout = self._timeout(request, "wait_timeout")
        request.ClearField("wait_timeout")  # who repeats the request may wait longer
        [answer] = await self._runs.start(
            [requests.start_request(request, namespace, "", requests.traceparent(context))]
        )
        if isinstance(answer, Exception):
            raise answer
        response = convert.started(answer)
        if timeout is not None:
            # The run is on disk, and its caller is told so, whether or not somebody waits here.
            with contextlib.suppress(Stopping):
                end = await self._runs.wait(
                    RunReference(namespace=namespace, run_id=answer.run_id), timeout
                )
                response.end.CopyFrom(convert.wait_response(end))
        return response

    async def BatchStartRuns(
        self, request: messages.BatchStartRunsRequest, context: Any
    ) -> messages.BatchStartRunsResponse:
        """Starts many."""
        namespace = checks.namespace(request.namespace)
        traceparent = requests.traceparent(context)
        answers: list[Any] = []
        wanted: list[StartRequest] = []
        for number, item in enumerate(checks.batch("items", request.items)):
            try:
                if item.namespace not in ("", namespace):
                    raise invalid(
                        f"items[{number}].namespace", "must be empty or that of the batch"
                    )
                wanted.append(
                    requests.start_request(item, namespace, f"items[{number}].", traceparent)
                )
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
        view = await self._runs.describe(
            requests.reference(request), include_nodes=request.include_nodes
        )
        return convert.run_view(view, self._clock.now())

    async def ListRuns(
        self, request: messages.ListRunsRequest, _context: Any
    ) -> messages.ListRunsResponse:
        """Lists runs."""
        namespace = checks.namespace(request.namespace)
        workflow = checks.identifier("workflow", request.workflow) or None
        state = checks.enum_value("state", request, "state") or None
        held = request.held
        if held and state not in (None, messages.RUN_STATE_RUNNING):
            raise invalid("held", "runs that are held are RUNNING; leave `state` out")
        query = ("runs", namespace, workflow, state, held)
        place = self._pages.read(query, request.page_token)
        limit = checks.page_size(request.page_size)
        before = None if place is None else (int(place[0]), bytes.fromhex(place[1]))
        rows = await self._runs.list_runs(
            namespace, workflow=workflow, state=state, before=before, limit=limit, held=held
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
        run = requests.reference(request)
        query = ("run-nodes", run.namespace, run.run_id.hex(), run.workflow_id)
        place = self._pages.read(query, request.page_token)
        after = 0
        if place is not None:
            # The newest run of a workflow id may be another one by the second page.
            after, run = int(place[0]), replace(run, run_id=bytes.fromhex(place[1]), workflow_id="")
        limit = checks.page_size(request.page_size)
        run_id, found, more = await self._runs.executions(run, after, limit)
        following = (after + len(found), run_id.hex())
        return messages.ListRunNodesResponse(
            executions=[convert.execution(one) for one in found],
            next_page_token=self._pages.make(query, following) if more else "",
        )

    async def GetRunHistory(self, request: messages.GetRunHistoryRequest, _context: Any) -> bytes:
        """Reads events: the journal's bytes, passed on unparsed."""
        after_seq = checks.count("after_seq", request.after_seq, low=0, high=2**62)
        records, more = await self._runs.history(
            requests.reference(request), after_seq, HISTORY_BYTES
        )
        last_seq = records[-1].base_seq + records[-1].count - 1 if more else 0
        tail = messages.GetRunHistoryResponse(next_after_seq=last_seq).SerializeToString()
        return convert.event_bytes(records, after_seq) + tail

    async def WaitRun(
        self, request: messages.WaitRunRequest, _context: Any
    ) -> messages.WaitRunResponse:
        """Waits for a run's end."""
        timeout = self._timeout(request, "timeout")
        end = await self._runs.wait(
            requests.reference(request), WAIT_DEFAULT if timeout is None else timeout
        )
        return convert.wait_response(end)

    def _timeout(self, request: Any, field: str) -> Duration | None:
        if not request.HasField(field):
            return None
        return min(checks.duration(field, getattr(request, field)), self._longest_wait)

    async def CancelRun(
        self, request: messages.CancelRunRequest, _context: Any
    ) -> messages.CancelRunResponse:
        """Asks a run to end."""
        row = await self._runs.cancel(
            requests.reference(request),
            skip_compensation=request.skip_compensation,
            **requests.said(request),
        )
        return messages.CancelRunResponse(run=convert.run(row))

    async def DeleteRun(
        self, request: messages.DeleteRunRequest, _context: Any
    ) -> messages.DeleteRunResponse:
        """Deletes an ended run."""
        try:
            await self._runs.delete(
                requests.reference(request), actor="local", reason=requests.reason(request)
            )
        except NotFound:
            if not request.allow_missing:
                raise
        return messages.DeleteRunResponse()

    async def TerminateRun(
        self, request: messages.TerminateRunRequest, _context: Any
    ) -> messages.TerminateRunResponse:
        """Ends a run at once."""
        row = await self._runs.terminate(requests.reference(request), **requests.said(request))
        return messages.TerminateRunResponse(run=convert.run(row))

    async def AnswerIncident(
        self, request: messages.AnswerIncidentRequest, _context: Any
    ) -> messages.AnswerIncidentResponse:
        """Answers an incident."""
        number = checks.enum_value("answer", request, "answer")
        if not number:
            raise invalid("answer", "is missing: RETRY, SKIP or FAIL")
        answer = requests.answer(request, IncidentAnswer(number))
        return messages.AnswerIncidentResponse(run=convert.run(await self._runs.answer(answer)))

    async def SkipActivity(
        self, request: messages.SkipActivityRequest, _context: Any
    ) -> messages.SkipActivityResponse:
        """Gives an activity's outcome by hand."""
        answer = requests.answer(request, IncidentAnswer.SKIP)
        return messages.SkipActivityResponse(run=convert.run(await self._runs.skip(answer)))

    async def PauseRun(
        self, request: messages.PauseRunRequest, _context: Any
    ) -> messages.PauseRunResponse:
        """Holds a run back."""
        row = await self._runs.pause(requests.reference(request), **requests.said(request))
        return messages.PauseRunResponse(run=convert.run(row))

    async def ResumeRun(
        self, request: messages.ResumeRunRequest, _context: Any
    ) -> messages.ResumeRunResponse:
        """Lets a run go on."""
        row = await self._runs.resume(requests.reference(request), **requests.said(request))
        return messages.ResumeRunResponse(run=convert.run(row))

    async def SendEvent(
        self, request: messages.SendEventRequest, _context: Any
    ) -> messages.SendEventResponse:
        """Sends an external event."""
        event_id = checks.identifier(
            "event_id", request.event_id, limit=checks.MAX_REQUEST_ID_BYTES
        )
        row, event_id = await self._runs.send(
            requests.reference(request),
            event_id=event_id,
            name=checks.identifier("name", request.name, limit=200, required=True),
            payload=requests.value(request, "payload"),
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
            input=requests.value(request, "input"),
            actor="local",
        )
        wait = WAIT_DEFAULT
        if request.HasField("wait"):
            wait = min(checks.duration("wait", request.wait), self._longest_wait)
        update_id, answer = await self._runs.update(requests.reference(request), update, wait)
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
            payload=requests.value(request, "payload"),
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
                reference=requests.reference(request),
                input=None if given is None else requests.value(request, "input"),
                from_key=checks.identifier("from_key", request.from_key, limit=200),
                request_id=requests.request_id(request),
                content_hash=convert.content_hash(request) if request.request_id else b"",
                traceparent=requests.traceparent(context),
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
