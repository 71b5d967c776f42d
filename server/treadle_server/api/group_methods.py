"""The methods of `treadle.v1.RunService` that are about run groups."""

from __future__ import annotations

from typing import Any

from treadle.v1 import run_service_pb2 as messages
from treadle_server.api import checks, convert, requests
from treadle_server.api.errors import invalid
from treadle_server.api.pages import Pages
from treadle_server.definitions.document import parse_json
from treadle_server.definitions.errors import DefinitionInvalid
from treadle_server.engine.group import Member
from treadle_server.engine.ids import run_id_text
from treadle_server.engine.values import ChildEnd, Payload
from treadle_server.journal.codec import failure_to_message, payload_to_message
from treadle_server.runs.model import GroupItem, GroupRequest, GroupView
from treadle_server.runs.query import PAGE_BYTES
from treadle_server.runs.service import Runs

_RUNNING = 1


class GroupMethods:
    """One method per RPC, found by its name."""

    def __init__(self, runs: Runs, pages: Pages) -> None:
        self._runs = runs
        self._pages = pages

    async def StartGroup(
        self, request: messages.StartGroupRequest, context: Any
    ) -> messages.StartGroupResponse:
        """Starts many runs as one group."""
        duration = None
        if request.HasField("duration"):
            duration = checks.duration("duration", request.duration)
        started = await self._runs.start_group(
            GroupRequest(
                namespace=checks.namespace(request.namespace),
                items=[_item(item, n) for n, item in enumerate(request.items)],
                workflow_id=checks.identifier("workflow_id", request.workflow_id),
                request_id=requests.request_id(request),
                content_hash=convert.content_hash(request) if request.request_id else b"",
                quota=checks.count("quota", request.quota, low=0, high=2**31),
                counts_ended=request.count_ended,
                leaves=request.leave_rest,
                duration=duration,
                traceparent=requests.traceparent(context),
            )
        )
        answer = convert.started(started)
        return messages.StartGroupResponse(
            run_id=answer.run_id, workflow_id=answer.workflow_id, started=answer.started
        )

    async def GetGroup(
        self, request: messages.GetGroupRequest, _context: Any
    ) -> messages.GetGroupResponse:
        """Shows a group."""
        view = await self._runs.group(requests.reference(request))
        response = messages.GetGroupResponse(status=group_status(view))
        if not request.include_members:
            return response
        query = ("group", view.run_id.hex())
        place = self._pages.read(query, request.page_token)
        first = 0 if place is None else int(place[0])
        last = first + checks.page_size(request.page_size)
        size = 0
        for index, member in enumerate(view.members[first:last], first):
            message = _member(index, member)
            response.members.append(message)
            size += message.ByteSize()
            if size > PAGE_BYTES:
                last = index + 1
                break
        if last < len(view.members):
            response.next_page_token = self._pages.make(query, (last,))
        return response


def _item(item: messages.GroupItem, number: int) -> GroupItem:
    path = f"items[{number}]."
    given: Payload = requests.value(item, "input", path)
    try:
        plain = parse_json(given.data or b"null")
    except DefinitionInvalid as error:
        [fault] = error.violations
        message = "must be JSON, as a group keeps what its runs start with: "
        raise invalid(f"{path}input", message + fault.message) from None
    return GroupItem(
        workflow=checks.identifier(f"{path}workflow", item.workflow, required=True),
        version=checks.count(f"{path}version", item.version, low=0, high=2**62),
        workflow_id=checks.identifier(f"{path}workflow_id", item.workflow_id),
        input=plain,
    )


def group_status(view: GroupView) -> messages.GroupStatus:
    """How a group stands, as a message."""
    return messages.GroupStatus(
        run_id=run_id_text(view.run_id),
        state=int(view.stage),  # type: ignore[arg-type]
        total=view.total,
        not_started=view.not_started,
        running=view.running,
        completed=view.counts.get(ChildEnd.COMPLETED, 0),
        failed=view.counts.get(ChildEnd.FAILED, 0),
        cancelled=view.counts.get(ChildEnd.CANCELLED, 0),
        timed_out=view.counts.get(ChildEnd.TIMED_OUT, 0),
        terminated=view.counts.get(ChildEnd.TERMINATED, 0),
        quota=view.quota,
        reason=view.reason,
    )


def _member(index: int, member: Member) -> messages.GroupMember:
    state = _RUNNING if member.end is None else int(member.end) + 1
    return messages.GroupMember(
        index=index,
        run_id=run_id_text(member.run_id),
        workflow_id=member.workflow_id,
        state=state,  # type: ignore[arg-type]
        output=None if member.output is None else payload_to_message(member.output),
        failure=None if member.failure is None else failure_to_message(member.failure),
    )
