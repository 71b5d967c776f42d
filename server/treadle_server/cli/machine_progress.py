"""How a state machine stands: the states that it is in, and the last transitions that it took."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from treadle.v1 import event_pb2
from treadle_server.cli.states import Look

_KEPT = 5


@dataclass(slots=True)
class Move:
    """A transition; `at` is when it began, in seconds since the Unix epoch."""

    words: str
    at: float
    look: Look = Look.RUNNING


@dataclass(slots=True)
class MachineProgress:
    """Folded from events as `RunProgress` is, of which it is a part."""

    active: tuple[str, ...] = ()
    moves: deque[Move] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def apply(self, kind: str, message: Any, at: float) -> None:
        """Takes one of the events that `CONCERNED` names."""
        _HANDLERS[kind](self, message, at)


def transition_words(message: event_pb2.TransitionTaken) -> str:
    """Such as `draft on submit -> pending`; several at once in a machine with parallel states."""
    if message.cause == event_pb2.TRANSITION_CAUSE_START:
        return f"begins in {', '.join(message.entered)}"
    return "; ".join(message.transitions)


def _transition_taken(
    machine: MachineProgress, event: event_pb2.TransitionTaken, at: float
) -> None:
    machine.moves.append(Move(transition_words(event), at))
    if event.settled:
        machine.active = tuple(event.active)
        machine.moves[-1].look = Look.COMPLETED


def _configuration_settled(
    machine: MachineProgress, event: event_pb2.ConfigurationSettled, at: float
) -> None:
    machine.active = tuple(event.active)
    if machine.moves:  # not of a history that was cut in between
        machine.moves[-1].look = Look.FAILED if event.failed else Look.COMPLETED


_HANDLERS: dict[str, Callable[[MachineProgress, Any, float], None]] = {
    "transition_taken": _transition_taken,
    "configuration_settled": _configuration_settled,
}

CONCERNED = frozenset(_HANDLERS)
"""The kinds of event that a machine has beside those of any run."""
