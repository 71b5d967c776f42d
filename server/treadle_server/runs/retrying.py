"""What a new run takes over from an old one that it takes up again: the outcomes of its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from treadle_server.engine import events as e
from treadle_server.engine.code import CodeProgress
from treadle_server.engine.evolve import evolve
from treadle_server.engine.group import GroupProgress
from treadle_server.engine.machine import MachineProgress
from treadle_server.engine.maps import item_of
from treadle_server.engine.state import RunState
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import NULL, SeedOutcome
from treadle_server.journal.port import Record
from treadle_server.runs.reading import events_of
from treadle_server.runs.retrying_code import of_code
from treadle_server.runs.retrying_machine import of_machine


def outcomes(
    state: RunState, records: Sequence[Record], from_key: str = ""
) -> tuple[SeedOutcome, ...]:
    """The outcomes of what was done, iterations of loops apart, without those that were undone, and
    without `from_key` and what rests on it. Folds the records into `state`, which must be new.
    Raises `RecordUnreadable`, and `KeyError` or `ValueError` for a key that is not there.
    """
    events = (event for record in records for event in events_of(record))
    if isinstance(state.progress, CodeProgress):
        return of_code(state, events, from_key)
    if isinstance(state.progress, MachineProgress):
        return of_machine(state, events, from_key)
    if isinstance(state.progress, GroupProgress):  # all of it once more
        for event in events:
            evolve(state, event)
        return ()
    found: dict[str, SeedOutcome] = {}
    undone: set[str] = set()
    for event in events:
        evolve(state, event)
        for outcome in _outcome(state, event):
            found[outcome.node] = outcome
        if isinstance(event, e.CompensationEnded):
            undone.update(event.undone)
    # What it took over from a run before it, and did not come to.
    for key, outcome in state.seed.items():
        found.setdefault(key, outcome)
    for key in undone:
        found.pop(key, None)
    left = _from(state, from_key) if from_key else frozenset()
    return tuple(one for one in found.values() if one.node.partition("#")[0] not in left)


def _from(state: RunState, key: str) -> frozenset[str]:
    """A node and what descends from it."""
    topology = state.graph.topology
    names = topology.names
    found = {topology.node_of(key)}
    waiting = list(found)
    while waiting:
        node = waiting.pop()
        after_timeout = topology.timeout_edges.get(node, ())
        for edge in (*topology.out_edges[node], *topology.error_edges[node], *after_timeout):
            target = topology.targets[edge]
            if target not in found:
                found.add(target)
                waiting.append(target)
    return frozenset(names[node] for node in found)


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
