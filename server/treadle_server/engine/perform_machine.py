"""The events of the commands of state machines and run groups; `perform.py` has the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle_server.engine import commands as c
from treadle_server.engine import events as e
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Instant, MemoryOperation


def _take_transition(state: RunState, command: c.TakeTransition, _now: Instant) -> list[e.Event]:
    active = state.machine.active
    return [
        e.TransitionTaken(
            number=state.machine.taken + 1,
            cause=command.cause,
            name=command.name,
            event_id=command.event_id,
            key=command.key,
            transitions=command.transitions,
            exited=tuple(
                e.StateVisit(
                    state=name, visit=active[name].number, entered_time=active[name].entered_time
                )
                for name in command.exited
            ),
            entered=command.entered,
            settled=not command.steps,
            active=command.active,
            history=tuple(
                e.StateHistory(state=name, remembered=remembered)
                for name, remembered in command.history
            ),
        )
    ]


def _settle(state: RunState, command: c.Settle, _now: Instant) -> list[e.Event]:
    machine = state.machine
    moving = machine.moving
    assert moving is not None, "something settles"
    taken = moving.taken
    active = taken.active if command.moved else tuple(machine.active)
    history = taken.history
    if not command.moved:
        history = tuple(
            e.StateHistory(state=name, remembered=remembered)
            for name, remembered in machine.history.items()
        )
    return [
        e.ConfigurationSettled(
            active=active, history=history, failed=command.failed, moved=command.moved
        )
    ]


def _ignore_event(_state: RunState, command: c.IgnoreEvent, _now: Instant) -> list[e.Event]:
    return [
        e.EventIgnored(
            name=command.name, cause=command.cause, event_id=command.event_id, key=command.key
        )
    ]


def _raise_event(_state: RunState, command: c.RaiseEvent, _now: Instant) -> list[e.Event]:
    return [e.EventRaised(key=command.key, name=command.name, payload=command.payload)]


def _change_memory(_state: RunState, command: c.ChangeMemory, _now: Instant) -> list[e.Event]:
    operations = tuple(MemoryOperation(key=key, set=value) for key, value in command.values)
    return [e.MemoryChanged(key=command.key, operations=operations)]


def _start_group(_state: RunState, command: c.StartGroup, _now: Instant) -> list[e.Event]:
    return [
        e.GroupStarted(
            total=command.total,
            quota=command.quota,
            counts_ended=command.counts_ended,
            leaves=command.leaves,
            duration=command.duration,
        )
    ]


def _close_group(_state: RunState, command: c.CloseGroup, _now: Instant) -> list[e.Event]:
    return [e.GroupClosed(reason=command.reason)]


MACHINE_PERFORMERS: dict[type[Any], Callable[[RunState, Any, Instant], list[e.Event]]] = {
    c.TakeTransition: _take_transition,
    c.Settle: _settle,
    c.IgnoreEvent: _ignore_event,
    c.RaiseEvent: _raise_event,
    c.ChangeMemory: _change_memory,
    c.StartGroup: _start_group,
    c.CloseGroup: _close_group,
}
