"""How a run group comes on."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.events.base import Event
from treadle_server.engine.values import Duration


@dataclass(slots=True, kw_only=True)
class GroupStarted(Event):
    """So many runs are to be started, and to be waited for: all of them, or until `quota` of them
    have completed (ended, if `counts_ended`), and no longer than `duration`. The rest is cancelled,
    or left to itself (`leaves`).
    """

    total: int
    quota: int
    counts_ended: bool
    leaves: bool
    duration: Duration | None


@dataclass(slots=True, kw_only=True)
class GroupClosed(Event):
    """The waiting is over: all, quota, unreachable or duration."""

    reason: str
