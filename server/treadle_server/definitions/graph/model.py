"""One version of a graph, compiled: what `parse` makes and `decider` reads. Immutable, shared by
all its runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from treadle_server.definitions.errors import Violation
from treadle_server.definitions.expression import Expression
from treadle_server.definitions.parameters import Parameter
from treadle_server.engine.commands import ActivityOptions
from treadle_server.engine.topology import Topology
from treadle_server.engine.values import NULL, Duration, ParentClosePolicy, Payload

RESERVED_NAMES = frozenset(
    {"start", "params", "output", "error", "failures", "memory", "event", "item", "run"}
)
"""Names that mean something in expressions or edges; no node can have them."""


@dataclass(slots=True, kw_only=True)
class FailSpec:
    """How a `fail` node ends the run; empty parts are taken from the failure that led there."""

    kind: str = ""
    message: Expression | None = None


@dataclass(slots=True, kw_only=True)
class Start:
    """When something begins, counted from when its turn has come: after `delay`, and not before the
    time that `at` gives.
    """

    delay: Duration = 0
    at: Expression | None = None


@dataclass(slots=True, kw_only=True)
class WaitSpec:
    """What external event a node waits for."""

    event: str
    filter: Expression | None = None
    timeout: Duration | None = None
    look_back: Duration | None = None
    """Events that came longer than this before the wait began do not count; None: all do."""


@dataclass(slots=True, kw_only=True)
class SendSpec:
    """What external event a node sends, and to which workflow id; None: to all that wait for it."""

    event: str
    to: Expression | None


@dataclass(slots=True, kw_only=True)
class ChildSpec:
    """What run a node starts. `version` 0 is the newest when the child starts: it was not there
    when this was deployed.
    """

    workflow: str
    version: int = 0
    workflow_id: Expression | None = None
    on_parent_end: ParentClosePolicy = ParentClosePolicy.TERMINATE
    awaited: bool = True


@dataclass(slots=True, kw_only=True)
class MapSpec:
    """One task for each item of a list, or for each `batch` of them.

    Without `over`, the list is the node's input.
    """

    over: Expression | None
    window: int
    batch: int = 1
    tolerated: tuple[int, float] = (0, 0.0)


@dataclass(slots=True, kw_only=True)
class CompensationSpec:
    """What undoes a node, and with what input: the node's output, unless said otherwise."""

    options: ActivityOptions
    input: Expression | None = None


@dataclass(slots=True, kw_only=True)
class NodePlan:
    """One node. At most one of `fail`, `compute`, `timer`, `wait`, `send` and `child` says what it
    is; without them it has an activity (`options`), for each item if there is a `map`.
    """

    name: str
    options: ActivityOptions | None = None
    fail: FailSpec | None = None
    compute: Expression | None = None
    timer: Start | None = None
    wait: WaitSpec | None = None
    send: SendSpec | None = None
    child: ChildSpec | None = None
    map: MapSpec | None = None
    start: Start | None = None
    """A delay before its activity."""
    compensation: CompensationSpec | None = None
    input: Expression | None = None
    run_if: Expression | None = None
    default_output: Payload = field(default_factory=lambda: NULL)
    continue_on_failure: bool = False
    first_only: bool = False
    """Of the edges whose guards are true, only the first is taken."""
    start_map: Expression | None = None
    """The mapping of an edge from `start`."""
    from_start: bool = False


@dataclass(slots=True, kw_only=True)
class EdgePlan:
    """One edge. `kinds` and `when` are its guard; `otherwise` marks an `else` edge."""

    source: int
    target: int
    on_error: bool = False
    on_timeout: bool = False
    otherwise: bool = False
    max_iterations: int = 0
    """Of an edge that leads back: how often the loop's body may run; 0 is the usual bound."""
    delay: Duration = 0
    """Of an edge that leads back: how long the next iteration waits."""
    kinds: tuple[str, ...] = ()
    when: Expression | None = None
    map: Expression | None = None
    path: str = ""

    @property
    def on_success(self) -> bool:
        """Whether it is an edge for when all goes well."""
        return not self.on_error and not self.on_timeout

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
    undo_faults: tuple[Violation, ...] = ()
    """Of what undoes nodes, that which never fits what it is given."""
