"""One version of a state machine, compiled: what `parse` makes and `decider` reads. Immutable,
shared by all its runs.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from treadle_server.definitions.expression import Expression
from treadle_server.definitions.graph.model import ChildSpec, CompensationSpec, SendSpec
from treadle_server.definitions.parameters import Parameter
from treadle_server.engine.commands import ActivityOptions
from treadle_server.engine.events import TransitionCause
from treadle_server.engine.values import Duration

ROOT = 0
"""The number of the state that stands for the whole machine."""

WORDS = frozenset(
    {"params", "memory", "event", "result", "error", "run", "active", "now", "prepared", "executed"}
)
"""Names that mean something in expressions."""


class StateKind(enum.IntEnum):
    """What a state is."""

    ATOMIC = 0
    COMPOUND = 1
    """One of its states is active while it is."""
    PARALLEL = 2
    """All of its states are active while it is."""
    FINAL = 3
    HISTORY = 4
    """Stands for the states that were active when its parent was left."""


@dataclass(slots=True, kw_only=True)
class ActionPlan:
    """One thing to do; one of the parts says what."""

    path: str
    options: ActivityOptions | None = None
    input: Expression | None = None
    compensation: CompensationSpec | None = None
    assign: tuple[tuple[str, Expression], ...] = ()
    raises: str = ""
    send: SendSpec | None = None
    payload: Expression | None = None
    """Of an event that is raised or sent."""


@dataclass(slots=True, kw_only=True)
class TransitionPlan:
    """One way out of a state. Without targets it stays where it is, and only acts."""

    label: str
    source: int
    cause: TransitionCause
    name: str = ""
    """Of the event, or the result's value; `*`: any."""
    kinds: frozenset[str] = frozenset()
    """Of failures; empty: any."""
    guard: Expression | None = None
    targets: tuple[int, ...] = ()
    internal: bool = False
    """A target within the source does not leave the source."""
    actions: tuple[ActionPlan, ...] = ()


@dataclass(slots=True, kw_only=True)
class PhasePlan:
    """One activity, or a run of another workflow, that a state has under way."""

    role: str
    options: ActivityOptions | None = None
    child: ChildSpec | None = None
    input: Expression | None = None
    compensation: CompensationSpec | None = None


@dataclass(slots=True, kw_only=True)
class FinalPlan:
    """How a run ends that arrives here."""

    fails: bool = False
    kind: str = ""
    message: Expression | None = None
    output: Expression | None = None


@dataclass(slots=True, kw_only=True)
class StatePlan:
    """One state. `phases` are done one after the other while it is active; what the last one
    returns picks the next state.
    """

    number: int
    name: str
    parent: int
    depth: int
    kind: StateKind = StateKind.ATOMIC
    children: list[int] = field(default_factory=list)
    initial: tuple[int, ...] = ()
    """Of a compound state; of a history state where nothing is remembered."""
    deep: bool = False
    entry: tuple[ActionPlan, ...] = ()
    exit: tuple[ActionPlan, ...] = ()
    transitions: list[TransitionPlan] = field(default_factory=list)
    """Events, always, results and errors, in the document's order."""
    after: list[tuple[Duration, TransitionPlan]] = field(default_factory=list)
    phases: tuple[PhasePlan, ...] = ()
    route: Expression | None = None
    """What of the result picks the next state."""
    names_states: bool = False
    """A result without a transition of its own is the name of a state."""
    unheeded: bool = False
    """A result without a transition of its own changes nothing."""
    final: FinalPlan | None = None


@dataclass(slots=True, kw_only=True)
class MachineDefinition:
    """The whole. `states[ROOT]` is the machine itself."""

    name: str
    description: str
    parameters: tuple[Parameter, ...] | None
    memory: tuple[tuple[str, Expression], ...]
    run_timeout: Duration | None
    states: tuple[StatePlan, ...]
    index: dict[str, int]
    labels: dict[str, TransitionPlan]
    output: Expression | None
    document: bytes
    content_hash: str
