"""How a state machine moves."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from treadle_server.engine.events.base import Event
from treadle_server.engine.values import Instant, MemoryOperation, Payload


class TransitionCause(enum.IntEnum):
    """What made a machine move."""

    UNSPECIFIED = 0
    START = 1
    """The run began."""
    EVENT = 2
    """An external event."""
    RAISED = 3
    """An event that the machine raised itself."""
    ALWAYS = 4
    """Nothing but its guard."""
    AFTER = 5
    """A time has passed."""
    RESULT = 6
    """The state's task returned."""
    ERROR = 7
    """Something of the state failed."""


@dataclass(slots=True, kw_only=True)
class StateVisit:
    """A state that was left, and since when the machine had been in it."""

    state: str
    visit: int
    entered_time: Instant


@dataclass(slots=True, kw_only=True)
class StateHistory:
    """What a history state remembers."""

    state: str
    remembered: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class TransitionTaken(Event):
    """The machine moves. What `exited` and `entered` states and the transitions have to do follows,
    in this order; `settled` says that there is nothing, and then `active` and `history` are what
    `ConfigurationSettled` would say.
    """

    number: int
    """How many the run has taken, this one included."""
    cause: TransitionCause
    name: str
    """Of the event; a task's result, if it is a word and no value."""
    event_id: str
    key: str
    """Of the timer or task that made it move."""
    transitions: tuple[str, ...]
    """`SOURCE -> TARGET` of each."""
    exited: tuple[StateVisit, ...]
    entered: tuple[str, ...]
    settled: bool
    active: tuple[str, ...]
    history: tuple[StateHistory, ...]


@dataclass(slots=True, kw_only=True)
class ConfigurationSettled(Event):
    """All that the transition had to do is done, or has `failed`: then a failed entry counts as
    entered (`moved`), and what failed before that leaves the machine where it was.
    """

    active: tuple[str, ...]
    history: tuple[StateHistory, ...]
    failed: bool
    moved: bool


@dataclass(slots=True, kw_only=True)
class EventIgnored(Event):
    """Nothing in the present states waits for this; `key` if it is a timer's or task's outcome."""

    name: str
    cause: TransitionCause
    event_id: str = ""
    key: str = ""


@dataclass(slots=True, kw_only=True)
class EventRaised(Event):
    """The machine raised an event for itself, which goes before all that come from outside."""

    key: str
    name: str
    payload: Payload


@dataclass(slots=True, kw_only=True)
class MemoryChanged(Event):
    """The machine changed its memory by itself."""

    key: str
    operations: tuple[MemoryOperation, ...]
