"""Whether a result that comes again was accepted before. Looked up in the journal: no run keeps
what it has closed.
"""

from __future__ import annotations

import asyncio

from treadle_server.engine import events as e
from treadle_server.engine.plain_json import json_of
from treadle_server.engine.values import Failure, FailureKind, Payload
from treadle_server.journal.port import Journal
from treadle_server.runs.model import Result
from treadle_server.runs.reading import events_of

_BYTES_AT_A_TIME = 1 << 16
"""Others have the loop after each piece: a run may have a hundred thousand nodes."""


async def was_accepted(
    journal: Journal, run_id: bytes, key: str, lease: int, result: Result
) -> bool:
    """Whether exactly this result ended exactly this attempt. Raises `RecordUnreadable`."""
    after_seq = 0
    while records := journal.read_run(run_id, after_seq, _BYTES_AT_A_TIME):
        for record in records:
            for event in events_of(record):
                if getattr(event, "key", None) == key and getattr(event, "lease", None) == lease:
                    if isinstance(event, e.AttemptStarted):
                        continue
                    if isinstance(event, e.DecisionCompleted) and not _same(event, result):
                        continue  # a decision that goes on is reported several times
                    return _same(event, result)
        last = records[-1]
        after_seq = last.base_seq + last.count - 1
        await asyncio.sleep(0)
    return False


def _could_not_be_used(result: Result, output: Payload, failure: Failure) -> bool:
    """Whether the attempt failed over what it gave. That is not kept, so any other such result of
    this attempt passes for it; nothing has come of it either way.
    """
    if failure.kind == FailureKind.MEMORY_CONFLICT:
        return bool(result.memory_operations)
    return failure.kind == FailureKind.INVALID_OUTPUT and json_of(output) is None


def _same(event: e.Event, result: Result) -> bool:
    match event:
        case e.ActivityCompleted():
            return (
                result.output == event.output
                and result.memory_operations == event.memory_operations
            )
        case e.DecisionCompleted():
            return result.report is not None and result.report.seen_seq == event.seen_seq
        case e.AttemptFailed() | e.ActivityFailed():
            if result.output is not None:
                return _could_not_be_used(result, result.output, event.failure)
            return result.failure == event.failure
        case e.ActivityCancelled():
            return result.cancelled
        case e.ActivityRequeued():
            return result.returned is not None
        case _:
            return False
