"""`Failure`: why something did not succeed, as a value of Python."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

TIMEOUT_KIND = "treadle.Timeout"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt, an activity, a node or a run did not succeed."""

    kind: str
    """What error edges and retry policies match on. Treadle's own begin with "treadle."."""
    message: str = ""
    details: object = None
    cause: Failure | None = None
    non_retryable: bool = False
    next_delay: timedelta | None = None
    timeout_kind: str = ""
    """For `treadle.Timeout`: schedule_to_start, start_to_close, schedule_to_close or heartbeat."""
    stack_trace: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind
