"""What a graph's interpreter decides, and what undoes it."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.events.base import Event
from treadle_server.engine.values import (
    Duration,
    Failure,
    Instant,
    Payload,
    RetryPolicy,
    SkipReason,
)

# --- graphs ---------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class DecidedEdge:
    """One edge by its place in the definition's list, and whether the run takes it."""

    edge: int
    to: str
    taken: bool


@dataclass(slots=True, kw_only=True)
class EdgesDecided(Event):
    """The guards of a closed node's edges were evaluated; all its edges are named."""

    node: str
    edges: tuple[DecidedEdge, ...]


@dataclass(slots=True, kw_only=True)
class NodeSkipped(Event):
    """The node did not run but counts as done, with this output."""

    node: str
    reason: SkipReason
    output: Payload


@dataclass(slots=True, kw_only=True)
class NodesUnreached(Event):
    """Every way to these nodes is dead."""

    nodes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class NodeFailed(Event):
    """The node failed by itself: an expression of its own failed, or it is a `fail` node."""

    node: str
    failure: Failure


@dataclass(slots=True, kw_only=True)
class NodeCompleted(Event):
    """The server did the node itself: computed, sent, or taken over from an earlier run."""

    node: str
    output: Payload
    seeded: bool = False


@dataclass(slots=True, kw_only=True)
class LoopTurned(Event):
    """The body of the loop begins again with its header; `iteration` counts from 1, so this is 2 or
    more.
    """

    header: str
    iteration: int


@dataclass(slots=True, kw_only=True)
class MapStarted(Event):
    """One task for each of these items, as JSON."""

    node: str
    items: tuple[bytes, ...]


@dataclass(slots=True, kw_only=True)
class MapEnded(Event):
    """All tasks of the map are over. Its result is the items' results in their order, null where
    one failed; `failure` is given if too many did.
    """

    node: str
    completed: int
    failed: int
    started_time: Instant
    failure: Failure | None = None


# --- compensation ---------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class CompensationRegistered(Event):
    """What would undo a completed node, should the run have to."""

    key: str
    of: str
    type: str
    queue: str
    input: Payload
    retry: RetryPolicy
    start_to_close_timeout: Duration


@dataclass(slots=True, kw_only=True)
class CompensationStarted(Event):
    """The run undoes what it has done, newest first."""


@dataclass(slots=True, kw_only=True)
class CompensationEnded(Event):
    """What was undone, and what was given up."""

    undone: tuple[str, ...]
    not_undone: tuple[str, ...]
