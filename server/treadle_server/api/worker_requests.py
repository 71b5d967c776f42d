"""What workers ask and report, from messages of `treadle.v1`, checked on the way."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from treadle.v1 import worker_service_pb2 as messages
from treadle_server.api import checks
from treadle_server.api.errors import invalid
from treadle_server.api.reports import decision_report, failure
from treadle_server.engine.entities import decision_type
from treadle_server.engine.values import NULL, Duration, Payload
from treadle_server.runs.model import PollRequest, Result

POLL_DEFAULT = 20 * 1_000_000
MAX_SESSION_BYTES = 100
_DEADLINE_MARGIN = 1_000_000


def reported(
    request: messages.CompleteTasksRequest,
) -> tuple[list[Result], dict[int, Exception]]:
    """The results of a report; and why others are none, by their number."""
    results: list[Result] = []
    refused: dict[int, Exception] = {}
    for number, item in enumerate(checks.batch("results", request.results)):
        try:
            results.append(_result(item, f"results[{number}]"))
        except Exception as error:  # noqa: BLE001 - becomes the item's status
            refused[number] = error
    return results, refused


def poll_request(
    request: messages.PollTasksRequest, context: Any, longest_wait: Duration
) -> PollRequest:
    """A checked poll; it ends before the caller's deadline."""
    session_id = checks.identifier("session_id", request.session_id, limit=MAX_SESSION_BYTES)
    for kind in request.kinds:
        if kind not in (messages.TASK_KIND_ACTIVITY, messages.TASK_KIND_DECISION):
            raise invalid("kinds", f"has no value {kind}; there are activities and decisions")
    max_tasks = checks.count("max_tasks", request.max_tasks, low=0, high=checks.MAX_BATCH)
    if not session_id:
        max_tasks = max_tasks or 1
    wait = POLL_DEFAULT
    if request.HasField("wait"):
        wait = min(checks.duration("wait", request.wait), longest_wait)
    remaining = context.time_remaining()
    if remaining is not None:
        wait = max(0, min(wait, int(remaining * 1_000_000) - _DEADLINE_MARGIN))
    types = _shared(
        frozenset(
            checks.identifier("activity_types", one.name, required=True)
            for one in request.activity_types
        )
        | frozenset(
            decision_type(checks.identifier("workflow_types", one.name, required=True), one.version)
            for one in request.workflow_types
        )
    )
    held = None
    if request.HasField("resume"):
        held = checks.tokens("resume.held_task_tokens", request.resume.held_task_tokens)
    return PollRequest(
        namespace=checks.namespace(request.namespace),
        queue=sys.intern(checks.identifier("queue", request.queue, limit=200) or "default"),
        max_tasks=max_tasks,
        wait=wait,
        identity=checks.identifier("identity", request.identity),
        build_id=checks.identifier("build_id", request.build_id),
        session_id=session_id,
        types=types or None,
        descriptions={
            one.name: one.description for one in request.activity_types if one.description
        },
        held_tokens=held,
        acknowledged=tuple(request.acknowledged_delivery_ids),
    )


@lru_cache(maxsize=1_000)
def _shared(types: frozenset[str]) -> frozenset[str]:
    """The same object for equal sets: those of ten thousand like workers are kept once, as is the
    name of their queue.
    """
    return types


def _result(item: messages.TaskResult, path: str) -> Result:
    match item.WhichOneof("outcome"):
        case "completed":
            return Result(
                token=item.task_token,
                output=_output(item.completed, f"{path}.completed"),
                memory_operations=checks.memory_operations(
                    f"{path}.completed.memory_operations", item.completed.memory_operations
                ),
                skipped=item.completed.skipped,
            )
        case "failed":
            return Result(token=item.task_token, failure=failure(item.failed, f"{path}.failed"))
        case "decided":
            report = decision_report(item.decided, f"{path}.decided")
            return Result(token=item.task_token, report=report)
        case "cancelled":
            return Result(token=item.task_token, cancelled=True)
        case "returned":
            return Result(token=item.task_token, returned=item.returned.reason[:1_000])
        case _:
            raise invalid(path, "has no outcome: completed, failed, cancelled, returned or decided")


def _output(completed: messages.TaskCompleted, path: str) -> Payload:
    match completed.WhichOneof("output_value"):
        case "output":
            return checks.payload(f"{path}.output", completed.output)
        case "output_json":
            return checks.json_payload(f"{path}.output_json", completed.output_json)
        case _:
            return NULL
