"""No node runs before what it waits for: checked on a history alone, not by the engine's means.

What a node waits for is read off the document: all sources of its in-edges, or with `any` and
`race` one of them. In a loop the body begins anew with each turn, and its header waits for nobody
but the one that turned it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from treadle_server.engine import events as e

_NODE = re.compile(r"[a-z_]+")


def node_of(key: str) -> str:
    """The node of `node`, `node#2`, `node[17]`, `node!undo`."""
    found = _NODE.match(key)
    assert found is not None
    return found[0]


def too_early(graph: dict[str, Any], events: Iterable[e.Event]) -> Iterator[str]:
    """What began before it could."""
    forward, bodies = _edges_and_bodies(graph)
    closed: set[str] = set()
    turned: set[str] = set()
    for event in events:
        if isinstance(event, e.LoopTurned):
            closed -= bodies[event.header]
            turned.add(event.header)
        node = _began(event)
        if node is not None and node not in turned:
            sources = [one for one, target in forward if target == node]
            of_any = graph["nodes"][node].get("join", "all") in ("any", "race")
            enough = any if of_any else all
            if sources and not enough(source in closed for source in sources):
                yield f"{node} began at {event.seq}, with only {sorted(closed)} closed"
        closed |= set(_closed(event))


def _edges_and_bodies(graph: dict[str, Any]) -> tuple[list[tuple[str, str]], dict[str, set[str]]]:
    names = list(graph["nodes"])
    pairs = [(edge["from"], edge["to"]) for edge in graph["edges"]]
    forward = [(a, b) for a, b in pairs if names.index(a) < names.index(b)]
    bodies: dict[str, set[str]] = {}
    for last, header in set(pairs) - set(forward):
        after = _reached([header], forward)
        before = _reached([last], [(b, a) for a, b in forward])
        bodies.setdefault(header, set()).update(after & before)
    return forward, bodies


def _reached(begin: list[str], pairs: list[tuple[str, str]]) -> set[str]:
    found: set[str] = set()
    while begin:
        one = begin.pop()
        if one not in found:
            found.add(one)
            begin += [b for a, b in pairs if a == one]
    return found


def _began(event: e.Event) -> str | None:
    match event:
        case e.ActivityScheduled() if not event.compensates and "[" not in event.key:
            return node_of(event.key)
        case e.TimerStarted() | e.WaitStarted() | e.ChildRequested() | e.EventSent():
            return node_of(event.key)
        case e.MapStarted() | e.NodeCompleted():
            return node_of(event.node)
        case _:
            return None


def _closed(event: e.Event) -> list[str]:
    match event:
        case (
            e.ActivityCompleted()
            | e.ActivityFailed()
            | e.ActivityCancelled()
            | e.ActivityOverridden()
            | e.TimerFired()
            | e.TimerCancelled()
            | e.WaitSatisfied()
            | e.WaitTimedOut()
            | e.WaitCancelled()
            | e.ChildEnded()
            | e.EventSent()
        ):
            return [] if "[" in event.key or "!" in event.key else [node_of(event.key)]
        case e.NodeCompleted() | e.NodeSkipped() | e.NodeFailed() | e.MapEnded():
            return [node_of(event.node)]
        case e.NodesUnreached():
            return [node_of(key) for key in event.nodes]
        case _:
            return []
