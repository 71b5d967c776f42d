"""What all events have."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.values import Instant


@dataclass(slots=True, kw_only=True)
class Event:
    """What all events have. `seq` is dense within a run, from 1; `time` never decreases within a
    run.
    """

    seq: int = 0
    time: Instant = 0
