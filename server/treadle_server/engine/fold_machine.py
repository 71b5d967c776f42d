"""The fold of a state machine's events; `evolve.py` has the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle_server.engine import events as e
from treadle_server.engine.entities import ReceivedEvent
from treadle_server.engine.events import TransitionCause
from treadle_server.engine.memory import apply_operations, merge
from treadle_server.engine.state import RunState
from treadle_server.engine.values import NULL


def _transition_taken(state: RunState, event: e.TransitionTaken) -> None:
    received = None
    if event.cause is TransitionCause.EVENT:
        received = _consumed(state, event.event_id)
    state.machine.transition_taken(event, received)


def _consumed(state: RunState, event_id: str) -> ReceivedEvent:
    place = next(n for n, one in enumerate(state.received) if one.event_id == event_id)
    return state.received.pop(place)


def _configuration_settled(state: RunState, event: e.ConfigurationSettled) -> None:
    state.machine.settled(event)


def _event_ignored(state: RunState, event: e.EventIgnored) -> None:
    if event.cause is TransitionCause.EVENT:
        _consumed(state, event.event_id)
    state.machine.ignored(event)


def _event_raised(state: RunState, event: e.EventRaised) -> None:
    state.machine.event_raised(event)


def _memory_changed(state: RunState, event: e.MemoryChanged) -> None:
    merge(state.memory, apply_operations(state.memory, event.operations))
    state.machine.step_done(event.key, NULL)


MACHINE_HANDLERS: dict[type[e.Event], Callable[[RunState, Any], None]] = {
    e.TransitionTaken: _transition_taken,
    e.ConfigurationSettled: _configuration_settled,
    e.EventIgnored: _event_ignored,
    e.EventRaised: _event_raised,
    e.MemoryChanged: _memory_changed,
}
