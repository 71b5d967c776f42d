"""What a decider can ask for, imperative, never journaled. `perform.py` turns each into events."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.events import TransitionCause
from treadle_server.engine.values import (
    Duration,
    Failure,
    Instant,
    ParentClosePolicy,
    Payload,
    RetryPolicy,
    SkipReason,
)


@dataclass(slots=True, kw_only=True)
class ActivityOptions:
    """What a definition says of an activity apart from its input; shared by all its runs."""

    type: str
    queue: str
    retry: RetryPolicy
    start_to_close_timeout: Duration
    schedule_to_start_timeout: Duration | None = None
    schedule_to_close_timeout: Duration | None = None
    heartbeat_timeout: Duration | None = None
    priority: int = 3
    memory_keys: tuple[str, ...] = ()
    hold_on_failure: bool = False
    local: bool = False
    """A step of code."""
    cache_key: str = ""
    cache_ttl: Duration | None = None


@dataclass(slots=True)
class ScheduleActivity:
    """Have this done outside."""

    key: str
    options: ActivityOptions
    input: Payload
    delay: Duration = 0
    not_before: Instant | None = None
    compensates: str = ""
    """The key of what it undoes; of code, where a graph's are scheduled by the ending."""


@dataclass(slots=True)
class Stop:
    """Stop what has this key. An activity is withdrawn at once if no worker has it, else its worker
    is asked; a child is asked; timers and waits end at once.
    """

    key: str


@dataclass(slots=True)
class StartTimer:
    """Give `output` after `delay`, or not before a time."""

    key: str
    output: Payload
    delay: Duration = 0
    not_before: Instant | None = None


@dataclass(slots=True)
class StartWait:
    """Wait for an external event, `timeout` at most."""

    key: str
    name: str
    timeout: Duration | None = None
    filter: str = ""


@dataclass(slots=True)
class SatisfyWait:
    """This event is the one that was waited for."""

    key: str
    event_id: str


@dataclass(slots=True)
class SendEvent:
    """Send an external event to the open run of a workflow id; if that is empty, to all runs that
    wait for such an event.
    """

    key: str
    name: str
    payload: Payload
    workflow_id: str


@dataclass(slots=True)
class StartChild:
    """Have another run started."""

    key: str
    workflow: str
    version: int
    workflow_id: str
    input: Payload
    on_parent_end: ParentClosePolicy
    awaited: bool


@dataclass(slots=True)
class CompleteNode:
    """The server did the node itself."""

    node: str
    output: Payload
    seeded: bool = False


@dataclass(slots=True)
class TurnLoop:
    """The body of the header's loop begins again."""

    header: str
    iteration: int


@dataclass(slots=True)
class StartMap:
    """One task for each of these items."""

    node: str
    items: tuple[bytes, ...]


@dataclass(slots=True)
class EndMap:
    """All tasks are over."""

    node: str
    completed: int
    failed: int
    started_time: Instant
    failure: Failure | None = None


@dataclass(slots=True)
class RegisterCompensation:
    """Should the run have to undo what it did, this undoes `of`."""

    of: str
    options: ActivityOptions
    input: Payload


@dataclass(slots=True)
class DecideEdges:
    """The guards of a closed node were evaluated: (edge, target's name, taken) of each of its
    edges.
    """

    node: str
    edges: tuple[tuple[int, str, bool], ...]


@dataclass(slots=True)
class SkipNode:
    """Count the node as done without running it."""

    node: str
    reason: SkipReason
    output: Payload


@dataclass(slots=True)
class MarkUnreached:
    """Every way to these nodes is dead."""

    nodes: tuple[str, ...]


@dataclass(slots=True)
class Drop:
    """Nobody needs these nodes any more: what runs is stopped, what has not begun never will. How
    they stand is looked at when it is carried out, as a decision may start a node and drop it.
    """

    nodes: tuple[str, ...]


@dataclass(slots=True)
class FailNode:
    """The node fails by itself."""

    node: str
    failure: Failure


@dataclass(slots=True)
class NoteCompensation:
    """What `of` gave can be undone, by a function of the code that `type` names."""

    of: str
    type: str


@dataclass(slots=True)
class StartCompensation:
    """Code undoes what was done."""


@dataclass(slots=True)
class EndCompensation:
    """It has, as far as that went."""

    undone: tuple[str, ...]
    not_undone: tuple[str, ...]


@dataclass(slots=True)
class SetAttribute:
    """Let the run say this about itself."""

    key: str
    name: str
    value: Payload


@dataclass(slots=True)
class RecordMarker:
    """Code takes the new way here."""

    key: str
    id: str


@dataclass(slots=True)
class AnswerUpdate:
    """This is the answer to an update."""

    update_id: str
    output: Payload | None = None
    failure: Failure | None = None


@dataclass(slots=True)
class HoldRun:
    """Ask a person before this goes on."""

    key: str
    incident: str


@dataclass(slots=True)
class TakeTransition:
    """The machine moves. `steps` says whether there is anything to do for it."""

    cause: TransitionCause
    transitions: tuple[str, ...]
    exited: tuple[str, ...]
    entered: tuple[str, ...]
    active: tuple[str, ...]
    history: tuple[tuple[str, tuple[str, ...]], ...]
    steps: bool
    name: str = ""
    event_id: str = ""
    key: str = ""


@dataclass(slots=True)
class Settle:
    """All that a transition had to do is done, or something of it has failed."""

    failed: bool = False
    moved: bool = True


@dataclass(slots=True)
class IgnoreEvent:
    """Nothing in the present states waits for this."""

    cause: TransitionCause
    name: str
    event_id: str = ""
    key: str = ""


@dataclass(slots=True)
class RaiseEvent:
    """The machine tells itself something."""

    key: str
    name: str
    payload: Payload


@dataclass(slots=True)
class ChangeMemory:
    """The machine writes into its memory."""

    key: str
    values: tuple[tuple[str, Payload], ...]


@dataclass(slots=True, kw_only=True)
class StartGroup:
    """So many runs are to be started and waited for."""

    total: int
    quota: int
    counts_ended: bool
    leaves: bool
    duration: Duration | None


@dataclass(slots=True)
class CloseGroup:
    """The waiting is over."""

    reason: str


@dataclass(slots=True)
class CancelRun:
    """The run ends as it was asked to."""


@dataclass(slots=True)
class ContinueAsNew:
    """Another run goes on in this one's place."""

    input: Payload
    version: int = 0


@dataclass(slots=True)
class CompleteRun:
    """The run has arrived."""

    output: Payload


@dataclass(slots=True)
class FailRun:
    """The run cannot arrive."""

    failure: Failure
    node: str = ""


Command = (
    ScheduleActivity
    | Stop
    | StartTimer
    | StartWait
    | SatisfyWait
    | SendEvent
    | StartChild
    | CompleteNode
    | TurnLoop
    | StartMap
    | EndMap
    | RegisterCompensation
    | DecideEdges
    | SkipNode
    | MarkUnreached
    | Drop
    | FailNode
    | NoteCompensation
    | StartCompensation
    | EndCompensation
    | SetAttribute
    | RecordMarker
    | AnswerUpdate
    | HoldRun
    | TakeTransition
    | Settle
    | IgnoreEvent
    | RaiseEvent
    | ChangeMemory
    | StartGroup
    | CloseGroup
    | CancelRun
    | ContinueAsNew
    | CompleteRun
    | FailRun
)
