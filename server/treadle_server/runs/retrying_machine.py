"""What a new run of a state machine takes over from an old one: where it was, and what it knew."""

from __future__ import annotations

import json
from collections.abc import Iterable

from treadle_server.definitions.machine.decider import MEMORY_SEED, STATE_SEED
from treadle_server.engine import events as e
from treadle_server.engine.evolve import evolve
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Payload, SeedOutcome


def of_machine(
    state: RunState, events: Iterable[e.Event], from_key: str
) -> tuple[SeedOutcome, ...]:
    """The states in which it ended and those before, or the state `from_key`, with its memory;
    nothing if what it did was undone. Raises `KeyError` for a state that it never was in.
    """
    undone = False
    seen: set[str] = set()
    before: list[str] = []
    for event in events:
        last = list(state.machine.active)
        evolve(state, event)
        if last != list(state.machine.active):
            before = last
            seen.update(state.machine.active)
        undone = undone or (isinstance(event, e.CompensationEnded) and bool(event.undone))
    if from_key and from_key not in seen:
        raise KeyError(from_key)
    active = [from_key] if from_key else list(state.machine.active)
    if not active or (undone and not from_key):
        return ()
    tried = Payload(json.dumps([active, before] if before else [active]).encode())
    seeds = [SeedOutcome(node=STATE_SEED, output=tried)]
    seeds += [
        SeedOutcome(node=MEMORY_SEED + key, output=value) for key, value in state.memory.items()
    ]
    return tuple(seeds)
