"""The verbs that steer a run, from asyncio."""

from __future__ import annotations

import asyncio

from treadle._client import requests, values
from treadle._client.asynchronous_connection import Connected
from treadle._client.requests import IncidentAnswer
from treadle._client.values import Run, StartedRun
from treadle.errors import Conflict
from treadle.v1 import run_service_pb2


class SteersRuns(Connected):
    """The steering part of a client.

    Each verb takes a request id: repeated with the same one, it is done once and answered alike;
    without one, the verb makes its own, so that its own repeats are safe. Raises `NotFound`, and
    `Conflict` if the run has ended or cannot take this now.
    """

    async def cancel(
        self,
        run_id: str | None = None,
        *,
        workflow_id: str | None = None,
        reason: str = "",
        compensate: bool = True,
        request_id: str | None = None,
    ) -> Run:
        """Asks a run to end: nothing new starts, open attempts are asked to stop, and what was done
        is undone where the workflow says how, unless `compensate` is False.
        """
        request = run_service_pb2.CancelRunRequest(
            namespace=self.namespace,
            request_id=requests.request_id(request_id),
            reason=reason,
            skip_compensation=not compensate,
            **requests.named_run(run_id, workflow_id),
        )
        return values.run((await self._call(self._runs.CancelRun, request)).run)

    async def terminate(
        self,
        run_id: str | None = None,
        *,
        workflow_id: str | None = None,
        reason: str = "",
        request_id: str | None = None,
    ) -> Run:
        """Ends a run at once; open attempts are fenced off and nothing is undone."""
        request = run_service_pb2.TerminateRunRequest(
            namespace=self.namespace,
            request_id=requests.request_id(request_id),
            reason=reason,
            **requests.named_run(run_id, workflow_id),
        )
        return values.run((await self._call(self._runs.TerminateRun, request)).run)

    async def delete(
        self,
        run_id: str | None = None,
        *,
        workflow_id: str | None = None,
        reason: str = "",
        allow_missing: bool = False,
    ) -> None:
        """Deletes an ended run and its history for good. Raises `Conflict` if it has not ended,
        `NotFound` if it is not there, unless that is fine (`allow_missing`).
        """
        request = run_service_pb2.DeleteRunRequest(
            namespace=self.namespace,
            reason=reason,
            allow_missing=allow_missing,
            **requests.named_run(run_id, workflow_id),
        )
        await self._call(self._runs.DeleteRun, request)

    async def answer(
        self,
        run_id: str | None = None,
        *,
        key: str,
        answer: IncidentAnswer,
        output: object = None,
        workflow_id: str | None = None,
        reason: str = "",
        request_id: str | None = None,
    ) -> Run:
        """Answers a held run's incident about the activity `key`: "retry", "fail", or "skip" with
        the output that it is to have.
        """
        request = run_service_pb2.AnswerIncidentRequest(
            namespace=self.namespace,
            request_id=requests.request_id(request_id),
            key=key,
            answer=requests.incident_answer(answer),
            output=requests.optional_payload(output),
            reason=reason,
            **requests.named_run(run_id, workflow_id),
        )
        return values.run((await self._call(self._runs.AnswerIncident, request)).run)

    async def skip(
        self,
        run_id: str | None = None,
        *,
        key: str,
        output: object = None,
        workflow_id: str | None = None,
        reason: str = "",
        request_id: str | None = None,
    ) -> Run:
        """Gives the outcome of the open activity `key` by hand: it counts as done."""
        request = run_service_pb2.SkipActivityRequest(
            namespace=self.namespace,
            request_id=requests.request_id(request_id),
            key=key,
            output=requests.optional_payload(output),
            reason=reason,
            **requests.named_run(run_id, workflow_id),
        )
        return values.run((await self._call(self._runs.SkipActivity, request)).run)

    async def pause(
        self,
        run_id: str | None = None,
        *,
        workflow_id: str | None = None,
        reason: str = "",
        request_id: str | None = None,
    ) -> Run:
        """Holds a run back: what workers have goes on, but nothing new starts."""
        request = run_service_pb2.PauseRunRequest(
            namespace=self.namespace,
            request_id=requests.request_id(request_id),
            reason=reason,
            **requests.named_run(run_id, workflow_id),
        )
        return values.run((await self._call(self._runs.PauseRun, request)).run)

    async def resume(
        self,
        run_id: str | None = None,
        *,
        workflow_id: str | None = None,
        reason: str = "",
        request_id: str | None = None,
    ) -> Run:
        """Lets a paused run go on."""
        request = run_service_pb2.ResumeRunRequest(
            namespace=self.namespace,
            request_id=requests.request_id(request_id),
            reason=reason,
            **requests.named_run(run_id, workflow_id),
        )
        return values.run((await self._call(self._runs.ResumeRun, request)).run)

    async def send_event(
        self,
        name: str,
        payload: object = None,
        *,
        run_id: str | None = None,
        workflow_id: str | None = None,
        event_id: str | None = None,
    ) -> Run:
        """Sends an external event to a run. It is kept until the run waits for it; an event whose
        id the run has had changes nothing, and one whose id the workflow id has had within 24 h is
        answered with the run that had it.
        """
        request = run_service_pb2.SendEventRequest(
            namespace=self.namespace,
            event_id=requests.request_id(event_id),
            name=name,
            payload=requests.optional_payload(payload),
            **requests.named_run(run_id, workflow_id),
        )
        return values.run((await self._call(self._runs.SendEvent, request)).run)

    async def update(
        self,
        name: str,
        input: object = None,  # noqa: A002
        *,
        run_id: str | None = None,
        workflow_id: str | None = None,
        update_id: str | None = None,
        timeout: float | None = None,
    ) -> object:
        """Asks a run that is code to do something, and waits for its answer.

        Args:
            name: what its code calls it.
            input: what it gets.
            run_id: the run, or
            workflow_id: the one that holds this workflow id.
            update_id: the same id again gets the same answer. A new one is made if None.
            timeout: seconds to wait at most; without limit if None.

        Raises `UpdateFailed` if the code refuses or fails, `Conflict` if the run takes no updates
        or has ended, `TimeoutError`; the update goes on then.
        """
        update_id = requests.request_id(update_id)
        now = asyncio.get_running_loop().time
        give_up_at = None if timeout is None else now() + timeout
        while True:
            left = None if give_up_at is None else give_up_at - now()
            wait = requests.wait_seconds(left, requests.MAX_WAIT_SECONDS, f"(update {name!r})")
            request = run_service_pb2.UpdateRunRequest(
                namespace=self.namespace,
                update_id=update_id,
                name=name,
                input=requests.optional_payload(input),
                wait=requests.duration(wait),
                **requests.named_run(run_id, workflow_id),
            )
            try:
                async with asyncio.timeout(left):  # also while no server answers
                    response = await self._call(self._runs.UpdateRun, request, wait)
            except TimeoutError:
                raise requests.not_ended(f"(update {name!r})") from None
            if response.answered:
                return values.update_answer(name, response)

    async def broadcast_event(
        self, name: str, payload: object = None, *, event_id: str | None = None
    ) -> int:
        """Sends an external event to every open run that waits for one of its name now; to how
        many. A repeat with the same id reaches those that were missed, and nobody twice.
        """
        request = run_service_pb2.BroadcastEventRequest(
            namespace=self.namespace,
            event_id=requests.request_id(event_id),
            name=name,
            payload=requests.optional_payload(payload),
        )
        receivers: int = (await self._call(self._runs.BroadcastEvent, request)).receivers
        return receivers

    async def retry(
        self,
        run_id: str | None = None,
        *,
        workflow_id: str | None = None,
        new_input: object = None,
        from_key: str = "",
        request_id: str | None = None,
    ) -> StartedRun:
        """Takes up a run that failed, was cancelled or timed out: a new run of the same workflow id
        and version that begins with what the old one did.

        Args:
            run_id: the run, or
            workflow_id: the newest one of this workflow id.
            new_input: the new run's; the old one's if None.
            from_key: nothing is taken over of this node and what descends from it; in code, of this
                command ("c7") and those after it.
            request_id: the same id again gets the same run.
        """
        request = run_service_pb2.RetryRunRequest(
            namespace=self.namespace,
            request_id=requests.request_id(request_id),
            input=requests.optional_payload(new_input),
            from_key=from_key,
            **requests.named_run(run_id, workflow_id),
        )
        return values.started(await self._call(self._runs.RetryRun, request))

    async def reset(
        self,
        run_id: str | None = None,
        *,
        key: str,
        workflow_id: str | None = None,
        reason: str = "",
        request_id: str | None = None,
    ) -> str:
        """Has something done again; returns the id of the run that does it. What a held run is
        stuck at is tried again in place, with attempts counted from 0. Of an ended run, a new one
        does `key` and what rests on it again. Raises `Conflict` if the run is open and not held
        about `key`.
        """
        described = await self.get_run(run_id, workflow_id=workflow_id)
        ended = described.state.ended
        for retry in requests.ways_to_reset(ended=ended, request_id=request_id):
            try:
                if retry:
                    started = await self.retry(
                        run_id, workflow_id=workflow_id, from_key=key, request_id=request_id
                    )
                    return str(started.run_id)
                answered = await self.answer(
                    described.run_id, key=key, answer="retry", reason=reason, request_id=request_id
                )
                return str(answered.run_id)
            except Conflict as conflict:
                if retry is ended or conflict.reason not in requests.NOT_THAT_WAY:
                    raise
        raise AssertionError("the last of them answers or is refused")
