"""What goes in and out of `Runs`: requests and answers as plain values, without protobuf.
`api/convert.py` knows both.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from treadle_server.definitions.graph.hints import Hint
from treadle_server.definitions.versions import VersionState
from treadle_server.engine.entities import Activity, Child, Timer, Wait
from treadle_server.engine.events import CarriedEvent
from treadle_server.engine.group import Member
from treadle_server.engine.inputs import ReportDecision
from treadle_server.engine.topology import NodeState
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import (
    ChildEnd,
    Duration,
    Failure,
    IncidentAnswer,
    Instant,
    MemoryOperation,
    Payload,
    SeedOutcome,
)
from treadle_server.journal.port import RunRow


class ConflictPolicy(enum.IntEnum):
    """What to do if an open run has the workflow id; numbers of
    `treadle.v1.WorkflowIdConflictPolicy`.
    """

    FAIL = 1
    USE_EXISTING = 2


class ReusePolicy(enum.IntEnum):
    """What to do if an ended run has the workflow id; numbers of
    `treadle.v1.WorkflowIdReusePolicy`.
    """

    ALLOW_DUPLICATE = 1
    ALLOW_DUPLICATE_FAILED_ONLY = 2
    REJECT_DUPLICATE = 3


@dataclass(slots=True, kw_only=True)
class StartRequest:
    """One start. `content_hash` tells a repeated request id from one that is used for something
    else.
    """

    namespace: str
    workflow: str
    input: Payload
    version: int = 0
    workflow_id: str = ""
    request_id: str = ""
    content_hash: bytes = b""
    run_timeout: Duration | None = None
    begin_time: Instant | None = None
    begin_delay: Duration = 0
    """Or after so long."""
    conflict_policy: ConflictPolicy = ConflictPolicy.FAIL
    reuse_policy: ReusePolicy = ReusePolicy.ALLOW_DUPLICATE
    traceparent: str = ""
    actor: str = "local"
    retry_of: bytes = b""
    seed: tuple[SeedOutcome, ...] = ()
    """Outcomes of the run `retry_of`, which this one takes up."""
    events: tuple[CarriedEvent, ...] = ()
    """External events that come with the start, also to a run that is there already."""


@dataclass(slots=True, kw_only=True)
class RetryRequest:
    """Take up a run that did not complete. `input` None: with the old one's."""

    reference: RunReference
    input: Payload | None = None
    from_key: str = ""
    """Nothing is taken over of this and what rests on it."""
    request_id: str = ""
    content_hash: bytes = b""
    traceparent: str = ""
    actor: str = "local"


@dataclass(slots=True, kw_only=True)
class Started:
    """The answer to a start; `started` is False if the run was there already."""

    run_id: bytes
    workflow_id: str
    version: int
    started: bool


@dataclass(slots=True, kw_only=True)
class RunReference:
    """A run by its id, or else the newest one of a workflow id."""

    namespace: str
    run_id: bytes = b""
    workflow_id: str = ""


@dataclass(slots=True, kw_only=True)
class RunView:
    """A run as it stands. `activities` are open ones, at most 1,000; `nodes` only if asked for."""

    row: RunRow
    input: Payload
    output: Payload | None = None
    failure: Failure | None = None
    activities: list[Activity] = field(default_factory=list)
    activity_count: int = 0
    cancel_requested: bool = False
    incident: str = ""
    paused: bool = False
    attributes: dict[str, Payload] = field(default_factory=dict)
    """What code says of its run."""
    next_run_id: bytes = b""
    warnings: list[str] = field(default_factory=list)
    active_states: tuple[str, ...] = ()
    accepted_events: list[str] = field(default_factory=list)
    """Of a state machine."""
    status: str = ""
    """In a word for people."""
    timers: list[Timer] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    nodes: list[tuple[str, NodeState]] = field(default_factory=list)


@dataclass(slots=True)
class RunEnd:
    """A run that has ended."""

    row: RunRow
    output: Payload | None
    failure: Failure | None
    next_run_id: bytes


@dataclass(slots=True, kw_only=True)
class GroupItem:
    """One run of a group. `input` is plain JSON; without a `workflow_id` one is made."""

    workflow: str
    version: int = 0
    workflow_id: str = ""
    input: Any = None


@dataclass(slots=True, kw_only=True)
class GroupRequest:
    """Start many runs as a group, and wait: for all, or until `quota` of them have completed
    (ended, if `counts_ended`), and no longer than `duration`. What has not ended then is cancelled,
    or left to itself (`leaves`).
    """

    namespace: str
    items: list[GroupItem]
    workflow_id: str = ""
    request_id: str = ""
    content_hash: bytes = b""
    quota: int = 0
    counts_ended: bool = False
    leaves: bool = False
    duration: Duration | None = None
    traceparent: str = ""


@dataclass(slots=True, kw_only=True)
class GroupView:
    """A group as it stands. `reason`: why its waiting is over, empty while it goes on."""

    run_id: bytes
    stage: RunStage
    total: int
    quota: int
    counts: dict[ChildEnd, int]
    running: int
    not_started: int
    reason: str
    members: list[Member]


@dataclass(slots=True, kw_only=True)
class DefinitionView:
    """A stored version. `document` is empty in lists."""

    workflow: str
    version: int
    kind: str
    description: str
    content_hash: str
    create_time: Instant
    node_count: int
    document: bytes = b""
    state: VersionState = VersionState.ACTIVE
    current: bool = False


@dataclass(slots=True, kw_only=True)
class Deployed:
    """What became of a document: the version, whether it is new, and advice about it."""

    view: DefinitionView
    created: bool
    hints: list[Hint]


@dataclass(slots=True, kw_only=True)
class TaskView:
    """One attempt as a worker gets it."""

    token: bytes
    namespace: str
    run_id: bytes
    workflow_id: str
    workflow: str
    version: int
    lease: int
    attempt: int
    activity: Activity
    started_time: Instant
    deadline: Instant
    memory: dict[str, Payload] = field(default_factory=dict)
    heartbeat_details: Payload | None = None
    size: int = 0
    """About how many bytes it has."""
    decision: Callable[[], DecisionView] | None = None
    """Of a decision: what its code has to see. Asked for when the task is handed over, when what it
    tells is committed.
    """

    @property
    def key(self) -> str:
        """The activity's key in its run."""
        return self.activity.scheduled.key


@dataclass(slots=True, kw_only=True)
class StepView:
    """A step that waits for the decision's worker."""

    index: int
    attempt: int
    heartbeat_details: Payload | None = None


@dataclass(slots=True, kw_only=True)
class DecisionView:
    """What code has to see, and what its worker has to do."""

    after_seq: int
    batches: list[bytes] = field(default_factory=list)
    steps: list[StepView] = field(default_factory=list)
    token: bytes = b""
    leases: list[tuple[int, bytes]] = field(default_factory=list)
    """(index, token) of steps that go on under a lease of their own."""


@dataclass(slots=True, kw_only=True)
class Stop:
    """A control message. `abandon`: nobody waits for the result any more; else: stop and report it
    as cancelled.
    """

    token: bytes
    abandon: bool


@dataclass(slots=True, kw_only=True)
class PollRequest:
    """A worker asks for tasks. `types` None: any type without a session, as in the last poll with
    one.
    """

    namespace: str
    queue: str
    max_tasks: int
    wait: Duration
    identity: str = ""
    build_id: str = ""
    session_id: str = ""
    types: frozenset[str] | None = None
    descriptions: dict[str, str] = field(default_factory=dict)
    held_tokens: list[bytes] | None = None
    """Not None: the session begins, or begins again after a lost connection."""
    acknowledged: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class PollAnswer:
    """Tasks, control messages, and the delivery to acknowledge (0: none)."""

    tasks: list[TaskView] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    delivery_id: int = 0


@dataclass(slots=True, kw_only=True)
class Result:
    """How an attempt ended: exactly one of these."""

    token: bytes
    output: Payload | None = None
    memory_operations: tuple[MemoryOperation, ...] = ()
    skipped: bool = False
    failure: Failure | None = None
    cancelled: bool = False
    returned: str | None = None
    report: ReportDecision | None = None
    """Of a decision; its lease is that of the token."""


@dataclass(slots=True, kw_only=True)
class CompleteRequest:
    """Results, and how many tasks the worker wants at once in the reply."""

    namespace: str
    results: list[Result]
    want_next: int = 0
    session_id: str = ""
    acknowledged: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class CompleteAnswer:
    """One entry per result: None if accepted, else why not."""

    refusals: list[Exception | None]
    tasks: list[TaskView] = field(default_factory=list)
    delivery_id: int = 0
    decisions: list[DecisionView] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Beat:
    """One heartbeat."""

    token: bytes
    details: Payload | None = None


@dataclass(slots=True, kw_only=True)
class BeatAnswer:
    """Whether it counted, and whether to stop."""

    refusal: Exception | None = None
    cancel_requested: bool = False


@dataclass(slots=True, kw_only=True)
class AnswerRequest:
    """What a person decided about an incident."""

    reference: RunReference
    key: str
    answer: IncidentAnswer
    reason: str
    actor: str = "local"
    request_id: str = ""
    output: Payload | None = None
