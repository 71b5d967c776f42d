"""The structure of a graph: what belongs to a version and is shared by its runs. Immutable."""

from __future__ import annotations

import enum
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from treadle_server.engine.joins import Join
from treadle_server.engine.values import Payload

RULES = 1
"""The number of the rules by which structure is derived while events are folded."""


class NodeState(enum.IntEnum):
    """How a node stands; numbers of `treadle.v1.NodeState`."""

    PENDING = 1
    RUNNING = 2
    COMPLETED = 3
    FAILED = 4
    SKIPPED = 5
    UNREACHED = 6
    CANCELLED = 7


@dataclass(slots=True, kw_only=True)
class Loop:
    """The nodes between a header and the edges that lead back to it.

    `direct` are the nodes that are in no inner loop, `inner` the loops right inside this one;
    `body` is all of it. `reads_on_exit` are the nodes outside that are read from inside, once for
    each reader: they are forgotten when the loop is left for good.
    """

    header: int
    body: tuple[int, ...]
    direct: tuple[int, ...]
    inner: tuple[int, ...]
    parent: int
    bound: int
    reads_on_exit: tuple[int, ...]
    bound_edges: dict[int, int]
    """Of nodes that lead back: the error edge that handles their failure when the bound is reached.
    """


@dataclass(slots=True, kw_only=True)
class Topology:
    """The structure of one version. Nodes and edges are numbered in the order of the document.

    `out_edges` and `error_edges` are the numbers of a node's edges for success and for failure,
    `timeout_edges` those of a wait for the case that no event came. `guarded` and `error_guarded`
    say whether an expression is needed to tell which of them are taken; a node that is `guarded`
    also needs a decision for the sake of what it registers. `reads[n]` names the nodes whose
    outcome node n may read when it starts; `reader_counts` are the totals, plus one that is never
    given back for outcomes that the run's own output needs.

    `in_counts` leaves out edges that lead back. `back_edges` maps those to their loop, `leaving`
    the edges that lead out of loops to these loops, inner ones first. `loop_of` is the innermost
    loop of a node.
    """

    names: Sequence[str]
    sources: Sequence[int]
    targets: Sequence[int]
    out_edges: Sequence[tuple[int, ...]]
    error_edges: Sequence[tuple[int, ...]]
    in_counts: array[int]
    guarded: bytes
    error_guarded: bytes
    continue_on_failure: bytes
    default_outputs: dict[int, Payload]
    reads: Sequence[tuple[int, ...]]
    reader_counts: array[int]
    timeout_edges: dict[int, tuple[int, ...]] = field(default_factory=dict)
    joins: dict[int, Join] = field(default_factory=dict)
    loops: Sequence[Loop] = ()
    loop_of: dict[int, int] = field(default_factory=dict)
    back_edges: dict[int, int] = field(default_factory=dict)
    leaving: dict[int, tuple[int, ...]] = field(default_factory=dict)
    windows: dict[int, int] = field(default_factory=dict)
    """How many items of a map are open at once, by node."""
    tolerated: dict[int, tuple[int, float]] = field(default_factory=dict)
    """How many items of a map may fail: a count, or a share of all."""
    batched: frozenset[int] = frozenset()
    """Maps whose tasks take several items each and give a list."""
    index: dict[str, int] = field(init=False)
    roots: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.index = {name: number for number, name in enumerate(self.names)}
        self.roots = tuple(number for number, count in enumerate(self.in_counts) if count == 0)

    def node_of(self, key: str) -> int:
        """The node that a key names: `node`, `node#2` (its second iteration) or `node[17]` (an item
        of a map). No node's own id looks like the latter two. Raises `KeyError`.
        """
        node = self.index.get(key)
        if node is not None:
            return node
        if key.endswith("]"):
            key = key[: key.rindex("[")]
            node = self.index.get(key)
            if node is not None:
                return node
        return self.index[key[: key.rindex("#")] if "#" in key else key]
