"""What a new run of code takes over from an old one: the outcomes of its commands, by number."""

from __future__ import annotations

from collections.abc import Iterable

from treadle_server.engine import events as e
from treadle_server.engine.code import command_index, command_key
from treadle_server.engine.evolve import evolve
from treadle_server.engine.state import RunState
from treadle_server.engine.values import NULL, ChildEnd, Payload, SeedOutcome


def of_code(state: RunState, events: Iterable[e.Event], from_key: str) -> tuple[SeedOutcome, ...]:
    """Every command that was asked for, with its outcome if it has one that was not undone. What
    comes from `from_key` on is left out.
    """
    found: dict[str, SeedOutcome] = {}
    payloads: dict[str, Payload] = {}
    undoing: set[str] = set()
    for event in events:
        evolve(state, event)
        match event:
            case e.DecisionCompleted():
                for number, command in enumerate(event.commands, event.first_index):
                    key = command_key(number)
                    found[key] = SeedOutcome(node=key, output=NULL, command=command, open=True)
            case e.EventReceived():
                payloads[event.event_id] = event.payload
            case e.ActivityScheduled() if event.compensates:
                undoing.add(event.key)
            case e.CompensationEnded():
                for key in event.undone:
                    found[key].open = True
            case _:
                _settle(found, undoing, payloads, event)
    # What it took over from a run before it, and did not come to.
    for key, one in state.seed.items():
        found.setdefault(key, one)
    limit = command_index(from_key) if from_key else len(found)
    return tuple(one for key, one in found.items() if command_index(key) < limit)


def _settle(
    found: dict[str, SeedOutcome],
    undoing: set[str],
    payloads: dict[str, Payload],
    event: e.Event,
) -> None:
    outcome = _outcome(payloads, event)
    if outcome is None:
        return
    key, output, skipped = outcome
    one = found.get(key)
    if one is not None and key not in undoing:
        one.open, one.output, one.skipped = False, output, skipped


def _outcome(payloads: dict[str, Payload], event: e.Event) -> tuple[str, Payload, bool] | None:
    """(key, output, whether it is that of a wait for which nothing came)."""
    match event:
        case e.ActivityCompleted() | e.ActivityOverridden():
            return event.key, event.output, False
        case e.NodeCompleted():
            return event.node, event.output, False
        case e.NodeSkipped():
            return event.node, event.output, True
        case e.TimerFired() | e.EventSent():
            return event.key, NULL, False
        case e.WaitSatisfied():
            return event.key, payloads.get(event.event_id, NULL), False
        case e.WaitTimedOut():
            return event.key, NULL, True
        case e.ChildEnded() if event.end is ChildEnd.COMPLETED:
            return event.key, event.output or NULL, False
        case _:
            return None
