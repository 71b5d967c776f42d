"""One version of a graph, compiled: what `parse` makes and `decider` reads. Immutable, shared by
all its runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from treadle_server.definitions.expression import Expression
from treadle_server.definitions.parameters import Parameter
from treadle_server.engine.commands import ActivityOptions
from treadle_server.engine.graph import Topology
from treadle_server.engine.values import NULL, Duration, Payload

RESERVED_NAMES = frozenset(
    {"start", "params", "output", "error", "failures", "memory", "event", "item"}
)
"""Names that mean something in expressions or edges; no node can have them."""


@dataclass(slots=True, kw_only=True)
class FailSpec:
    """How a `fail` node ends the run; empty parts are taken from the failure that led there."""

    kind: str = ""
    message: Expression | None = None


@dataclass(slots=True, kw_only=True)
class NodePlan:
    """One node. `options` is None for a `fail` node."""

    name: str
    options: ActivityOptions | None = None
    fail: FailSpec | None = None
    input: Expression | None = None
    run_if: Expression | None = None
    default_output: Payload = field(default_factory=lambda: NULL)
    continue_on_failure: bool = False
    start_map: Expression | None = None
    """The mapping of an edge from `start`."""
    from_start: bool = False


@dataclass(slots=True, kw_only=True)
class EdgePlan:
    """One edge. `kinds` and `when` are its guard; `otherwise` marks an `else` edge."""

    source: int
    target: int
    on_error: bool = False
    otherwise: bool = False
    kinds: tuple[str, ...] = ()
    when: Expression | None = None
    map: Expression | None = None
    path: str = ""

    @property
    def guarded(self) -> bool:
        """Whether taking it needs a decision."""
        return self.when is not None or self.otherwise or bool(self.kinds)


@dataclass(slots=True, kw_only=True)
class GraphDefinition:
    """See the module's docstring. `document` is the normalised document, the content that versions
    are compared by.
    """

    name: str
    description: str
    document: bytes
    content_hash: str
    parameters: tuple[Parameter, ...] | None
    run_timeout: Duration | None
    nodes: tuple[NodePlan, ...]
    edges: tuple[EdgePlan, ...]
    output: Expression | None
    end_nodes: tuple[int, ...]
    """Where a run that goes well ends: nodes without normal edges out, `fail` nodes apart."""
    topology: Topology
    in_edges: tuple[tuple[int, ...], ...] = field(default=())
