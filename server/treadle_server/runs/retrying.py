"""What a new run takes over from an old one that it takes up again: the outcomes of its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from treadle_server.engine import events as e
from treadle_server.engine.evolve import evolve
from treadle_server.engine.maps import item_of
from treadle_server.engine.state import RunState
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import NULL, SeedOutcome
from treadle_server.journal.codec import decode_batch
from treadle_server.journal.port import Record


def outcomes(state: RunState, records: Sequence[Record]) -> tuple[SeedOutcome, ...]:
    """The outcomes of the nodes that were done, iterations of loops apart, without those that were
    undone. Folds the records into `state`, which must be new.
    """
    found: dict[str, SeedOutcome] = {}
    for record in records:
        for event in decode_batch(record.body):
            evolve(state, event)
            for outcome in _outcome(state, event):
                found[outcome.node] = outcome
            if isinstance(event, e.CompensationEnded):
                for key in event.undone:
                    found.pop(key, None)
    return tuple(found.values())


def _outcome(state: RunState, event: e.Event) -> Iterator[SeedOutcome]:
    key = _DONE_BY.get(type(event))
    if key is None:
        return
    name: str = getattr(event, key)
    if item_of(name) is not None or name.endswith("!undo"):
        return
    progress = state.graph
    node = progress.topology.node_of(name)
    output = progress.outputs.get(node, NULL)
    match progress.state(node):
        case NodeState.COMPLETED:
            yield SeedOutcome(node=name, output=output)
        case NodeState.SKIPPED:
            yield SeedOutcome(node=name, output=output, skipped=True)
        case _:
            pass


_DONE_BY: dict[type[e.Event], str] = {
    e.ActivityCompleted: "key",
    e.ActivityOverridden: "key",
    e.TimerFired: "key",
    e.WaitSatisfied: "key",
    e.WaitTimedOut: "key",
    e.EventSent: "key",
    e.ChildStarted: "key",
    e.ChildEnded: "key",
    e.MapEnded: "node",
    e.NodeCompleted: "node",
    e.NodeSkipped: "node",
}
"""Events by which a node may be done, and where they name it."""
