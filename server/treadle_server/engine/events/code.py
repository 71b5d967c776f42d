"""What code decides, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.events.base import Event
from treadle_server.engine.values import Failure, Instant, Payload


@dataclass(slots=True, kw_only=True)
class DecisionCompleted(Event):
    """Code has seen the events up to `seen_seq`; the events after this one carry out `commands`,
    of which the first has the number `first_index`. `keeps`: its worker goes on with the decision.
    """

    key: str
    lease: int
    attempt: int
    seen_seq: int
    first_index: int
    commands: tuple[str, ...]
    build_id: str
    started_time: Instant
    scheduled_time: Instant
    identity: str
    type: str
    keeps: bool = False


@dataclass(slots=True, kw_only=True)
class MarkerRecorded(Event):
    """Code took a new way at this place."""

    key: str
    id: str


@dataclass(slots=True, kw_only=True)
class AttributeSet(Event):
    """The run says something about itself; the newest value of a name counts."""

    key: str
    name: str
    value: Payload


@dataclass(slots=True, kw_only=True)
class UpdateReceived(Event):
    """Somebody asks the run to do something and waits for the answer."""

    update_id: str
    name: str
    input: Payload
    actor: str = ""


@dataclass(slots=True, kw_only=True)
class UpdateAnswered(Event):
    """The answer: an output or a failure."""

    update_id: str
    output: Payload | None = None
    failure: Failure | None = None
