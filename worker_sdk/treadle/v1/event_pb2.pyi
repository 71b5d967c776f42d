import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from treadle.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CancelCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CANCEL_CAUSE_UNSPECIFIED: _ClassVar[CancelCause]
    CANCEL_CAUSE_REQUEST: _ClassVar[CancelCause]
    CANCEL_CAUSE_RUN_TIMEOUT: _ClassVar[CancelCause]

class IncidentAnswer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_ANSWER_UNSPECIFIED: _ClassVar[IncidentAnswer]
    INCIDENT_ANSWER_RETRY: _ClassVar[IncidentAnswer]
    INCIDENT_ANSWER_FAIL: _ClassVar[IncidentAnswer]
    INCIDENT_ANSWER_SKIP: _ClassVar[IncidentAnswer]

class RetryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RETRY_STATE_UNSPECIFIED: _ClassVar[RetryState]
    RETRY_STATE_NO_POLICY: _ClassVar[RetryState]
    RETRY_STATE_MAX_ATTEMPTS: _ClassVar[RetryState]
    RETRY_STATE_NON_RETRYABLE: _ClassVar[RetryState]
    RETRY_STATE_TIMEOUT: _ClassVar[RetryState]
    RETRY_STATE_CANCEL_REQUESTED: _ClassVar[RetryState]
    RETRY_STATE_ANSWERED: _ClassVar[RetryState]

class SkipReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SKIP_REASON_UNSPECIFIED: _ClassVar[SkipReason]
    SKIP_REASON_RUN_IF: _ClassVar[SkipReason]
    SKIP_REASON_BY_HAND: _ClassVar[SkipReason]

class ParentClosePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PARENT_CLOSE_POLICY_UNSPECIFIED: _ClassVar[ParentClosePolicy]
    PARENT_CLOSE_POLICY_TERMINATE: _ClassVar[ParentClosePolicy]
    PARENT_CLOSE_POLICY_CANCEL: _ClassVar[ParentClosePolicy]
    PARENT_CLOSE_POLICY_ABANDON: _ClassVar[ParentClosePolicy]

class ChildEnd(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHILD_END_UNSPECIFIED: _ClassVar[ChildEnd]
    CHILD_END_COMPLETED: _ClassVar[ChildEnd]
    CHILD_END_FAILED: _ClassVar[ChildEnd]
    CHILD_END_CANCELLED: _ClassVar[ChildEnd]
    CHILD_END_TIMED_OUT: _ClassVar[ChildEnd]
    CHILD_END_TERMINATED: _ClassVar[ChildEnd]

class TransitionCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSITION_CAUSE_UNSPECIFIED: _ClassVar[TransitionCause]
    TRANSITION_CAUSE_START: _ClassVar[TransitionCause]
    TRANSITION_CAUSE_EVENT: _ClassVar[TransitionCause]
    TRANSITION_CAUSE_RAISED: _ClassVar[TransitionCause]
    TRANSITION_CAUSE_ALWAYS: _ClassVar[TransitionCause]
    TRANSITION_CAUSE_AFTER: _ClassVar[TransitionCause]
    TRANSITION_CAUSE_RESULT: _ClassVar[TransitionCause]
    TRANSITION_CAUSE_ERROR: _ClassVar[TransitionCause]
CANCEL_CAUSE_UNSPECIFIED: CancelCause
CANCEL_CAUSE_REQUEST: CancelCause
CANCEL_CAUSE_RUN_TIMEOUT: CancelCause
INCIDENT_ANSWER_UNSPECIFIED: IncidentAnswer
INCIDENT_ANSWER_RETRY: IncidentAnswer
INCIDENT_ANSWER_FAIL: IncidentAnswer
INCIDENT_ANSWER_SKIP: IncidentAnswer
RETRY_STATE_UNSPECIFIED: RetryState
RETRY_STATE_NO_POLICY: RetryState
RETRY_STATE_MAX_ATTEMPTS: RetryState
RETRY_STATE_NON_RETRYABLE: RetryState
RETRY_STATE_TIMEOUT: RetryState
RETRY_STATE_CANCEL_REQUESTED: RetryState
RETRY_STATE_ANSWERED: RetryState
SKIP_REASON_UNSPECIFIED: SkipReason
SKIP_REASON_RUN_IF: SkipReason
SKIP_REASON_BY_HAND: SkipReason
PARENT_CLOSE_POLICY_UNSPECIFIED: ParentClosePolicy
PARENT_CLOSE_POLICY_TERMINATE: ParentClosePolicy
PARENT_CLOSE_POLICY_CANCEL: ParentClosePolicy
PARENT_CLOSE_POLICY_ABANDON: ParentClosePolicy
CHILD_END_UNSPECIFIED: ChildEnd
CHILD_END_COMPLETED: ChildEnd
CHILD_END_FAILED: ChildEnd
CHILD_END_CANCELLED: ChildEnd
CHILD_END_TIMED_OUT: ChildEnd
CHILD_END_TERMINATED: ChildEnd
TRANSITION_CAUSE_UNSPECIFIED: TransitionCause
TRANSITION_CAUSE_START: TransitionCause
TRANSITION_CAUSE_EVENT: TransitionCause
TRANSITION_CAUSE_RAISED: TransitionCause
TRANSITION_CAUSE_ALWAYS: TransitionCause
TRANSITION_CAUSE_AFTER: TransitionCause
TRANSITION_CAUSE_RESULT: TransitionCause
TRANSITION_CAUSE_ERROR: TransitionCause

class Event(_message.Message):
    __slots__ = ("seq", "time", "run_started", "run_completed", "run_failed", "run_cancelled", "run_timed_out", "run_terminated", "cancel_requested", "run_held", "incident_answered", "run_paused", "run_resumed", "run_continued", "attribute_set", "state_recorded", "activity_scheduled", "attempt_started", "attempt_failed", "activity_requeued", "activity_completed", "activity_failed", "activity_cancel_requested", "activity_cancelled", "activity_overridden", "timer_started", "timer_fired", "timer_cancelled", "event_received", "wait_started", "wait_satisfied", "wait_timed_out", "wait_cancelled", "event_sent", "child_requested", "child_started", "child_ended", "child_cancel_requested", "edges_decided", "node_skipped", "nodes_unreached", "node_failed", "node_completed", "loop_turned", "map_started", "map_ended", "decision_completed", "marker_recorded", "update_received", "update_answered", "compensation_registered", "compensation_started", "compensation_ended", "transition_taken", "configuration_settled", "event_ignored", "event_raised", "memory_changed", "group_started", "group_closed")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    RUN_STARTED_FIELD_NUMBER: _ClassVar[int]
    RUN_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    RUN_FAILED_FIELD_NUMBER: _ClassVar[int]
    RUN_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    RUN_TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    RUN_TERMINATED_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    RUN_HELD_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ANSWERED_FIELD_NUMBER: _ClassVar[int]
    RUN_PAUSED_FIELD_NUMBER: _ClassVar[int]
    RUN_RESUMED_FIELD_NUMBER: _ClassVar[int]
    RUN_CONTINUED_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_SET_FIELD_NUMBER: _ClassVar[int]
    STATE_RECORDED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_SCHEDULED_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_STARTED_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FAILED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_REQUEUED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_FAILED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_OVERRIDDEN_FIELD_NUMBER: _ClassVar[int]
    TIMER_STARTED_FIELD_NUMBER: _ClassVar[int]
    TIMER_FIRED_FIELD_NUMBER: _ClassVar[int]
    TIMER_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    EVENT_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    WAIT_STARTED_FIELD_NUMBER: _ClassVar[int]
    WAIT_SATISFIED_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    WAIT_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    EVENT_SENT_FIELD_NUMBER: _ClassVar[int]
    CHILD_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CHILD_STARTED_FIELD_NUMBER: _ClassVar[int]
    CHILD_ENDED_FIELD_NUMBER: _ClassVar[int]
    CHILD_CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    EDGES_DECIDED_FIELD_NUMBER: _ClassVar[int]
    NODE_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    NODES_UNREACHED_FIELD_NUMBER: _ClassVar[int]
    NODE_FAILED_FIELD_NUMBER: _ClassVar[int]
    NODE_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    LOOP_TURNED_FIELD_NUMBER: _ClassVar[int]
    MAP_STARTED_FIELD_NUMBER: _ClassVar[int]
    MAP_ENDED_FIELD_NUMBER: _ClassVar[int]
    DECISION_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    MARKER_RECORDED_FIELD_NUMBER: _ClassVar[int]
    UPDATE_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ANSWERED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_REGISTERED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_STARTED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_ENDED_FIELD_NUMBER: _ClassVar[int]
    TRANSITION_TAKEN_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_SETTLED_FIELD_NUMBER: _ClassVar[int]
    EVENT_IGNORED_FIELD_NUMBER: _ClassVar[int]
    EVENT_RAISED_FIELD_NUMBER: _ClassVar[int]
    MEMORY_CHANGED_FIELD_NUMBER: _ClassVar[int]
    GROUP_STARTED_FIELD_NUMBER: _ClassVar[int]
    GROUP_CLOSED_FIELD_NUMBER: _ClassVar[int]
    seq: int
    time: _timestamp_pb2.Timestamp
    run_started: RunStarted
    run_completed: RunCompleted
    run_failed: RunFailed
    run_cancelled: RunCancelled
    run_timed_out: RunTimedOut
    run_terminated: RunTerminated
    cancel_requested: CancelRequested
    run_held: RunHeld
    incident_answered: IncidentAnswered
    run_paused: RunPaused
    run_resumed: RunResumed
    run_continued: RunContinued
    attribute_set: AttributeSet
    state_recorded: StateRecorded
    activity_scheduled: ActivityScheduled
    attempt_started: AttemptStarted
    attempt_failed: AttemptFailed
    activity_requeued: ActivityRequeued
    activity_completed: ActivityCompleted
    activity_failed: ActivityFailed
    activity_cancel_requested: ActivityCancelRequested
    activity_cancelled: ActivityCancelled
    activity_overridden: ActivityOverridden
    timer_started: TimerStarted
    timer_fired: TimerFired
    timer_cancelled: TimerCancelled
    event_received: EventReceived
    wait_started: WaitStarted
    wait_satisfied: WaitSatisfied
    wait_timed_out: WaitTimedOut
    wait_cancelled: WaitCancelled
    event_sent: EventSent
    child_requested: ChildRequested
    child_started: ChildStarted
    child_ended: ChildEnded
    child_cancel_requested: ChildCancelRequested
    edges_decided: EdgesDecided
    node_skipped: NodeSkipped
    nodes_unreached: NodesUnreached
    node_failed: NodeFailed
    node_completed: NodeCompleted
    loop_turned: LoopTurned
    map_started: MapStarted
    map_ended: MapEnded
    decision_completed: DecisionCompleted
    marker_recorded: MarkerRecorded
    update_received: UpdateReceived
    update_answered: UpdateAnswered
    compensation_registered: CompensationRegistered
    compensation_started: CompensationStarted
    compensation_ended: CompensationEnded
    transition_taken: TransitionTaken
    configuration_settled: ConfigurationSettled
    event_ignored: EventIgnored
    event_raised: EventRaised
    memory_changed: MemoryChanged
    group_started: GroupStarted
    group_closed: GroupClosed
    def __init__(self, seq: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., run_started: _Optional[_Union[RunStarted, _Mapping]] = ..., run_completed: _Optional[_Union[RunCompleted, _Mapping]] = ..., run_failed: _Optional[_Union[RunFailed, _Mapping]] = ..., run_cancelled: _Optional[_Union[RunCancelled, _Mapping]] = ..., run_timed_out: _Optional[_Union[RunTimedOut, _Mapping]] = ..., run_terminated: _Optional[_Union[RunTerminated, _Mapping]] = ..., cancel_requested: _Optional[_Union[CancelRequested, _Mapping]] = ..., run_held: _Optional[_Union[RunHeld, _Mapping]] = ..., incident_answered: _Optional[_Union[IncidentAnswered, _Mapping]] = ..., run_paused: _Optional[_Union[RunPaused, _Mapping]] = ..., run_resumed: _Optional[_Union[RunResumed, _Mapping]] = ..., run_continued: _Optional[_Union[RunContinued, _Mapping]] = ..., attribute_set: _Optional[_Union[AttributeSet, _Mapping]] = ..., state_recorded: _Optional[_Union[StateRecorded, _Mapping]] = ..., activity_scheduled: _Optional[_Union[ActivityScheduled, _Mapping]] = ..., attempt_started: _Optional[_Union[AttemptStarted, _Mapping]] = ..., attempt_failed: _Optional[_Union[AttemptFailed, _Mapping]] = ..., activity_requeued: _Optional[_Union[ActivityRequeued, _Mapping]] = ..., activity_completed: _Optional[_Union[ActivityCompleted, _Mapping]] = ..., activity_failed: _Optional[_Union[ActivityFailed, _Mapping]] = ..., activity_cancel_requested: _Optional[_Union[ActivityCancelRequested, _Mapping]] = ..., activity_cancelled: _Optional[_Union[ActivityCancelled, _Mapping]] = ..., activity_overridden: _Optional[_Union[ActivityOverridden, _Mapping]] = ..., timer_started: _Optional[_Union[TimerStarted, _Mapping]] = ..., timer_fired: _Optional[_Union[TimerFired, _Mapping]] = ..., timer_cancelled: _Optional[_Union[TimerCancelled, _Mapping]] = ..., event_received: _Optional[_Union[EventReceived, _Mapping]] = ..., wait_started: _Optional[_Union[WaitStarted, _Mapping]] = ..., wait_satisfied: _Optional[_Union[WaitSatisfied, _Mapping]] = ..., wait_timed_out: _Optional[_Union[WaitTimedOut, _Mapping]] = ..., wait_cancelled: _Optional[_Union[WaitCancelled, _Mapping]] = ..., event_sent: _Optional[_Union[EventSent, _Mapping]] = ..., child_requested: _Optional[_Union[ChildRequested, _Mapping]] = ..., child_started: _Optional[_Union[ChildStarted, _Mapping]] = ..., child_ended: _Optional[_Union[ChildEnded, _Mapping]] = ..., child_cancel_requested: _Optional[_Union[ChildCancelRequested, _Mapping]] = ..., edges_decided: _Optional[_Union[EdgesDecided, _Mapping]] = ..., node_skipped: _Optional[_Union[NodeSkipped, _Mapping]] = ..., nodes_unreached: _Optional[_Union[NodesUnreached, _Mapping]] = ..., node_failed: _Optional[_Union[NodeFailed, _Mapping]] = ..., node_completed: _Optional[_Union[NodeCompleted, _Mapping]] = ..., loop_turned: _Optional[_Union[LoopTurned, _Mapping]] = ..., map_started: _Optional[_Union[MapStarted, _Mapping]] = ..., map_ended: _Optional[_Union[MapEnded, _Mapping]] = ..., decision_completed: _Optional[_Union[DecisionCompleted, _Mapping]] = ..., marker_recorded: _Optional[_Union[MarkerRecorded, _Mapping]] = ..., update_received: _Optional[_Union[UpdateReceived, _Mapping]] = ..., update_answered: _Optional[_Union[UpdateAnswered, _Mapping]] = ..., compensation_registered: _Optional[_Union[CompensationRegistered, _Mapping]] = ..., compensation_started: _Optional[_Union[CompensationStarted, _Mapping]] = ..., compensation_ended: _Optional[_Union[CompensationEnded, _Mapping]] = ..., transition_taken: _Optional[_Union[TransitionTaken, _Mapping]] = ..., configuration_settled: _Optional[_Union[ConfigurationSettled, _Mapping]] = ..., event_ignored: _Optional[_Union[EventIgnored, _Mapping]] = ..., event_raised: _Optional[_Union[EventRaised, _Mapping]] = ..., memory_changed: _Optional[_Union[MemoryChanged, _Mapping]] = ..., group_started: _Optional[_Union[GroupStarted, _Mapping]] = ..., group_closed: _Optional[_Union[GroupClosed, _Mapping]] = ...) -> None: ...

class EventBatch(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class RunStarted(_message.Message):
    __slots__ = ("workflow", "version", "workflow_id", "rules", "input", "deadline", "traceparent", "actor", "request_id", "parent_run_id", "parent_key", "retry_of", "seed", "depth")
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_KEY_FIELD_NUMBER: _ClassVar[int]
    RETRY_OF_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    workflow: str
    version: int
    workflow_id: str
    rules: int
    input: _payload_pb2.Payload
    deadline: _timestamp_pb2.Timestamp
    traceparent: str
    actor: str
    request_id: str
    parent_run_id: bytes
    parent_key: str
    retry_of: bytes
    seed: _containers.RepeatedCompositeFieldContainer[SeedOutcome]
    depth: int
    def __init__(self, workflow: _Optional[str] = ..., version: _Optional[int] = ..., workflow_id: _Optional[str] = ..., rules: _Optional[int] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., traceparent: _Optional[str] = ..., actor: _Optional[str] = ..., request_id: _Optional[str] = ..., parent_run_id: _Optional[bytes] = ..., parent_key: _Optional[str] = ..., retry_of: _Optional[bytes] = ..., seed: _Optional[_Iterable[_Union[SeedOutcome, _Mapping]]] = ..., depth: _Optional[int] = ...) -> None: ...

class SeedOutcome(_message.Message):
    __slots__ = ("node", "output", "skipped", "command", "open")
    NODE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    node: str
    output: _payload_pb2.Payload
    skipped: bool
    command: str
    open: bool
    def __init__(self, node: _Optional[str] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., skipped: bool = ..., command: _Optional[str] = ..., open: bool = ...) -> None: ...

class RunCompleted(_message.Message):
    __slots__ = ("output", "started_time", "workflow")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    output: _payload_pb2.Payload
    started_time: _timestamp_pb2.Timestamp
    workflow: str
    def __init__(self, output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., workflow: _Optional[str] = ...) -> None: ...

class RunFailed(_message.Message):
    __slots__ = ("failure", "node", "started_time", "workflow")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    failure: _payload_pb2.Failure
    node: str
    started_time: _timestamp_pb2.Timestamp
    workflow: str
    def __init__(self, failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., node: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., workflow: _Optional[str] = ...) -> None: ...

class RunCancelled(_message.Message):
    __slots__ = ("reason", "started_time", "workflow")
    REASON_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    reason: str
    started_time: _timestamp_pb2.Timestamp
    workflow: str
    def __init__(self, reason: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., workflow: _Optional[str] = ...) -> None: ...

class RunTimedOut(_message.Message):
    __slots__ = ("started_time", "workflow")
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    started_time: _timestamp_pb2.Timestamp
    workflow: str
    def __init__(self, started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., workflow: _Optional[str] = ...) -> None: ...

class RunTerminated(_message.Message):
    __slots__ = ("reason", "actor", "started_time", "workflow")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    reason: str
    actor: str
    started_time: _timestamp_pb2.Timestamp
    workflow: str
    def __init__(self, reason: _Optional[str] = ..., actor: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., workflow: _Optional[str] = ...) -> None: ...

class CancelRequested(_message.Message):
    __slots__ = ("reason", "actor", "cause", "skip_compensation")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    SKIP_COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    reason: str
    actor: str
    cause: CancelCause
    skip_compensation: bool
    def __init__(self, reason: _Optional[str] = ..., actor: _Optional[str] = ..., cause: _Optional[_Union[CancelCause, str]] = ..., skip_compensation: bool = ...) -> None: ...

class RunPaused(_message.Message):
    __slots__ = ("reason", "actor")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    reason: str
    actor: str
    def __init__(self, reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class RunResumed(_message.Message):
    __slots__ = ("actor",)
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    actor: str
    def __init__(self, actor: _Optional[str] = ...) -> None: ...

class RunContinued(_message.Message):
    __slots__ = ("next_run_id", "input", "next_version", "started_time", "workflow", "events", "workflow_id", "depth", "parent_run_id", "parent_key")
    NEXT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NEXT_VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    PARENT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_KEY_FIELD_NUMBER: _ClassVar[int]
    next_run_id: bytes
    input: _payload_pb2.Payload
    next_version: int
    started_time: _timestamp_pb2.Timestamp
    workflow: str
    events: _containers.RepeatedCompositeFieldContainer[CarriedEvent]
    workflow_id: str
    depth: int
    parent_run_id: bytes
    parent_key: str
    def __init__(self, next_run_id: _Optional[bytes] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., next_version: _Optional[int] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., workflow: _Optional[str] = ..., events: _Optional[_Iterable[_Union[CarriedEvent, _Mapping]]] = ..., workflow_id: _Optional[str] = ..., depth: _Optional[int] = ..., parent_run_id: _Optional[bytes] = ..., parent_key: _Optional[str] = ...) -> None: ...

class CarriedEvent(_message.Message):
    __slots__ = ("event_id", "name", "payload")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    name: str
    payload: _payload_pb2.Payload
    def __init__(self, event_id: _Optional[str] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class AttributeSet(_message.Message):
    __slots__ = ("key", "name", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    name: str
    value: _payload_pb2.Payload
    def __init__(self, key: _Optional[str] = ..., name: _Optional[str] = ..., value: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class RunHeld(_message.Message):
    __slots__ = ("incident", "key", "failure")
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    incident: str
    key: str
    failure: _payload_pb2.Failure
    def __init__(self, incident: _Optional[str] = ..., key: _Optional[str] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...

class Held(_message.Message):
    __slots__ = ("key", "incident", "since_time", "incident_count")
    KEY_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    key: str
    incident: str
    since_time: _timestamp_pb2.Timestamp
    incident_count: int
    def __init__(self, key: _Optional[str] = ..., incident: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., incident_count: _Optional[int] = ...) -> None: ...

class IncidentAnswered(_message.Message):
    __slots__ = ("key", "answer", "actor", "reason", "output")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    key: str
    answer: IncidentAnswer
    actor: str
    reason: str
    output: _payload_pb2.Payload
    def __init__(self, key: _Optional[str] = ..., answer: _Optional[_Union[IncidentAnswer, str]] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class ActivityScheduled(_message.Message):
    __slots__ = ("key", "type", "queue", "input", "retry", "schedule_to_start_timeout", "start_to_close_timeout", "schedule_to_close_timeout", "heartbeat_timeout", "priority", "memory_keys", "start_time", "hold_on_failure", "compensates", "local", "cache_key", "cache_ttl")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TO_START_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    START_TO_CLOSE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TO_CLOSE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    MEMORY_KEYS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    HOLD_ON_FAILURE_FIELD_NUMBER: _ClassVar[int]
    COMPENSATES_FIELD_NUMBER: _ClassVar[int]
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    CACHE_KEY_FIELD_NUMBER: _ClassVar[int]
    CACHE_TTL_FIELD_NUMBER: _ClassVar[int]
    key: str
    type: str
    queue: str
    input: _payload_pb2.Payload
    retry: _payload_pb2.RetryPolicy
    schedule_to_start_timeout: _duration_pb2.Duration
    start_to_close_timeout: _duration_pb2.Duration
    schedule_to_close_timeout: _duration_pb2.Duration
    heartbeat_timeout: _duration_pb2.Duration
    priority: int
    memory_keys: _containers.RepeatedScalarFieldContainer[str]
    start_time: _timestamp_pb2.Timestamp
    hold_on_failure: bool
    compensates: str
    local: bool
    cache_key: str
    cache_ttl: _duration_pb2.Duration
    def __init__(self, key: _Optional[str] = ..., type: _Optional[str] = ..., queue: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., retry: _Optional[_Union[_payload_pb2.RetryPolicy, _Mapping]] = ..., schedule_to_start_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., start_to_close_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., schedule_to_close_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., heartbeat_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., priority: _Optional[int] = ..., memory_keys: _Optional[_Iterable[str]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hold_on_failure: bool = ..., compensates: _Optional[str] = ..., local: bool = ..., cache_key: _Optional[str] = ..., cache_ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AttemptStarted(_message.Message):
    __slots__ = ("key", "lease", "attempt", "session_id", "identity", "build_id", "until", "ready_time", "waiting_since_time", "type")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    READY_TIME_FIELD_NUMBER: _ClassVar[int]
    WAITING_SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    key: str
    lease: int
    attempt: int
    session_id: str
    identity: str
    build_id: str
    until: _timestamp_pb2.Timestamp
    ready_time: _timestamp_pb2.Timestamp
    waiting_since_time: _timestamp_pb2.Timestamp
    type: str
    def __init__(self, key: _Optional[str] = ..., lease: _Optional[int] = ..., attempt: _Optional[int] = ..., session_id: _Optional[str] = ..., identity: _Optional[str] = ..., build_id: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ready_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., waiting_since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., type: _Optional[str] = ...) -> None: ...

class AttemptFailed(_message.Message):
    __slots__ = ("key", "lease", "attempt", "failure", "next_time", "started_time", "identity", "type", "lost")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIME_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    key: str
    lease: int
    attempt: int
    failure: _payload_pb2.Failure
    next_time: _timestamp_pb2.Timestamp
    started_time: _timestamp_pb2.Timestamp
    identity: str
    type: str
    lost: bool
    def __init__(self, key: _Optional[str] = ..., lease: _Optional[int] = ..., attempt: _Optional[int] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., next_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., identity: _Optional[str] = ..., type: _Optional[str] = ..., lost: bool = ...) -> None: ...

class ActivityRequeued(_message.Message):
    __slots__ = ("key", "lease", "reason")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    key: str
    lease: int
    reason: str
    def __init__(self, key: _Optional[str] = ..., lease: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class ActivityCompleted(_message.Message):
    __slots__ = ("key", "lease", "attempt", "output", "memory_operations", "started_time", "scheduled_time", "identity", "type", "skipped", "cached")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    key: str
    lease: int
    attempt: int
    output: _payload_pb2.Payload
    memory_operations: _containers.RepeatedCompositeFieldContainer[_payload_pb2.MemoryOperation]
    started_time: _timestamp_pb2.Timestamp
    scheduled_time: _timestamp_pb2.Timestamp
    identity: str
    type: str
    skipped: bool
    cached: bool
    def __init__(self, key: _Optional[str] = ..., lease: _Optional[int] = ..., attempt: _Optional[int] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., memory_operations: _Optional[_Iterable[_Union[_payload_pb2.MemoryOperation, _Mapping]]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., identity: _Optional[str] = ..., type: _Optional[str] = ..., skipped: bool = ..., cached: bool = ...) -> None: ...

class ActivityFailed(_message.Message):
    __slots__ = ("key", "lease", "attempt", "failure", "retry_state", "started_time", "scheduled_time", "identity", "type")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    RETRY_STATE_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    key: str
    lease: int
    attempt: int
    failure: _payload_pb2.Failure
    retry_state: RetryState
    started_time: _timestamp_pb2.Timestamp
    scheduled_time: _timestamp_pb2.Timestamp
    identity: str
    type: str
    def __init__(self, key: _Optional[str] = ..., lease: _Optional[int] = ..., attempt: _Optional[int] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., retry_state: _Optional[_Union[RetryState, str]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., identity: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class ActivityCancelRequested(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class ActivityCancelled(_message.Message):
    __slots__ = ("key", "lease", "attempt", "started_time", "scheduled_time", "identity", "type")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    key: str
    lease: int
    attempt: int
    started_time: _timestamp_pb2.Timestamp
    scheduled_time: _timestamp_pb2.Timestamp
    identity: str
    type: str
    def __init__(self, key: _Optional[str] = ..., lease: _Optional[int] = ..., attempt: _Optional[int] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., identity: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class EdgesDecided(_message.Message):
    __slots__ = ("node", "edges")
    NODE_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    node: str
    edges: _containers.RepeatedCompositeFieldContainer[DecidedEdge]
    def __init__(self, node: _Optional[str] = ..., edges: _Optional[_Iterable[_Union[DecidedEdge, _Mapping]]] = ...) -> None: ...

class DecidedEdge(_message.Message):
    __slots__ = ("edge", "to", "taken")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    edge: int
    to: str
    taken: bool
    def __init__(self, edge: _Optional[int] = ..., to: _Optional[str] = ..., taken: bool = ...) -> None: ...

class NodeSkipped(_message.Message):
    __slots__ = ("node", "reason", "output")
    NODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    node: str
    reason: SkipReason
    output: _payload_pb2.Payload
    def __init__(self, node: _Optional[str] = ..., reason: _Optional[_Union[SkipReason, str]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class NodesUnreached(_message.Message):
    __slots__ = ("nodes",)
    NODES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, nodes: _Optional[_Iterable[str]] = ...) -> None: ...

class NodeFailed(_message.Message):
    __slots__ = ("node", "failure")
    NODE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    node: str
    failure: _payload_pb2.Failure
    def __init__(self, node: _Optional[str] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...

class NodeCompleted(_message.Message):
    __slots__ = ("node", "output", "seeded")
    NODE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SEEDED_FIELD_NUMBER: _ClassVar[int]
    node: str
    output: _payload_pb2.Payload
    seeded: bool
    def __init__(self, node: _Optional[str] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., seeded: bool = ...) -> None: ...

class LoopTurned(_message.Message):
    __slots__ = ("header", "iteration")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    header: str
    iteration: int
    def __init__(self, header: _Optional[str] = ..., iteration: _Optional[int] = ...) -> None: ...

class MapStarted(_message.Message):
    __slots__ = ("node", "items")
    NODE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    node: str
    items: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, node: _Optional[str] = ..., items: _Optional[_Iterable[bytes]] = ...) -> None: ...

class MapEnded(_message.Message):
    __slots__ = ("node", "completed", "failed", "started_time", "failure")
    NODE_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    node: str
    completed: int
    failed: int
    started_time: _timestamp_pb2.Timestamp
    failure: _payload_pb2.Failure
    def __init__(self, node: _Optional[str] = ..., completed: _Optional[int] = ..., failed: _Optional[int] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...

class ActivityOverridden(_message.Message):
    __slots__ = ("key", "output", "actor", "reason", "scheduled_time", "type")
    KEY_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    key: str
    output: _payload_pb2.Payload
    actor: str
    reason: str
    scheduled_time: _timestamp_pb2.Timestamp
    type: str
    def __init__(self, key: _Optional[str] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., type: _Optional[str] = ...) -> None: ...

class TimerStarted(_message.Message):
    __slots__ = ("key", "due_time", "output")
    KEY_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    key: str
    due_time: _timestamp_pb2.Timestamp
    output: _payload_pb2.Payload
    def __init__(self, key: _Optional[str] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class TimerFired(_message.Message):
    __slots__ = ("key", "started_time")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    key: str
    started_time: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TimerCancelled(_message.Message):
    __slots__ = ("key", "started_time")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    key: str
    started_time: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EventReceived(_message.Message):
    __slots__ = ("event_id", "name", "payload", "actor")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    name: str
    payload: _payload_pb2.Payload
    actor: str
    def __init__(self, event_id: _Optional[str] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., actor: _Optional[str] = ...) -> None: ...

class WaitStarted(_message.Message):
    __slots__ = ("key", "name", "until", "filter")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    key: str
    name: str
    until: _timestamp_pb2.Timestamp
    filter: str
    def __init__(self, key: _Optional[str] = ..., name: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., filter: _Optional[str] = ...) -> None: ...

class WaitSatisfied(_message.Message):
    __slots__ = ("key", "event_id", "started_time")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    key: str
    event_id: str
    started_time: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., event_id: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WaitTimedOut(_message.Message):
    __slots__ = ("key", "started_time")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    key: str
    started_time: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WaitCancelled(_message.Message):
    __slots__ = ("key", "started_time")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    key: str
    started_time: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EventSent(_message.Message):
    __slots__ = ("key", "event_id", "name", "payload", "workflow_id")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    key: str
    event_id: str
    name: str
    payload: _payload_pb2.Payload
    workflow_id: str
    def __init__(self, key: _Optional[str] = ..., event_id: _Optional[str] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., workflow_id: _Optional[str] = ...) -> None: ...

class ChildRequested(_message.Message):
    __slots__ = ("key", "run_id", "workflow", "version", "workflow_id", "input", "on_parent_end", "awaited", "depth")
    KEY_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    ON_PARENT_END_FIELD_NUMBER: _ClassVar[int]
    AWAITED_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    key: str
    run_id: bytes
    workflow: str
    version: int
    workflow_id: str
    input: _payload_pb2.Payload
    on_parent_end: ParentClosePolicy
    awaited: bool
    depth: int
    def __init__(self, key: _Optional[str] = ..., run_id: _Optional[bytes] = ..., workflow: _Optional[str] = ..., version: _Optional[int] = ..., workflow_id: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., on_parent_end: _Optional[_Union[ParentClosePolicy, str]] = ..., awaited: bool = ..., depth: _Optional[int] = ...) -> None: ...

class ChildStarted(_message.Message):
    __slots__ = ("key", "started_time")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    key: str
    started_time: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ChildEnded(_message.Message):
    __slots__ = ("key", "end", "started_time", "output", "failure")
    KEY_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    key: str
    end: ChildEnd
    started_time: _timestamp_pb2.Timestamp
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    def __init__(self, key: _Optional[str] = ..., end: _Optional[_Union[ChildEnd, str]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...

class ChildCancelRequested(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class DecisionCompleted(_message.Message):
    __slots__ = ("key", "lease", "attempt", "seen_seq", "first_index", "commands", "build_id", "keeps", "started_time", "scheduled_time", "identity", "type")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SEEN_SEQ_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    KEEPS_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    key: str
    lease: int
    attempt: int
    seen_seq: int
    first_index: int
    commands: _containers.RepeatedScalarFieldContainer[str]
    build_id: str
    keeps: bool
    started_time: _timestamp_pb2.Timestamp
    scheduled_time: _timestamp_pb2.Timestamp
    identity: str
    type: str
    def __init__(self, key: _Optional[str] = ..., lease: _Optional[int] = ..., attempt: _Optional[int] = ..., seen_seq: _Optional[int] = ..., first_index: _Optional[int] = ..., commands: _Optional[_Iterable[str]] = ..., build_id: _Optional[str] = ..., keeps: bool = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., identity: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class MarkerRecorded(_message.Message):
    __slots__ = ("key", "id")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    key: str
    id: str
    def __init__(self, key: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class UpdateReceived(_message.Message):
    __slots__ = ("update_id", "name", "input", "actor")
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    update_id: str
    name: str
    input: _payload_pb2.Payload
    actor: str
    def __init__(self, update_id: _Optional[str] = ..., name: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., actor: _Optional[str] = ...) -> None: ...

class UpdateAnswered(_message.Message):
    __slots__ = ("update_id", "output", "failure")
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    update_id: str
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    def __init__(self, update_id: _Optional[str] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...

class CompensationRegistered(_message.Message):
    __slots__ = ("key", "of", "type", "queue", "input", "retry", "start_to_close_timeout")
    KEY_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    START_TO_CLOSE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    key: str
    of: str
    type: str
    queue: str
    input: _payload_pb2.Payload
    retry: _payload_pb2.RetryPolicy
    start_to_close_timeout: _duration_pb2.Duration
    def __init__(self, key: _Optional[str] = ..., of: _Optional[str] = ..., type: _Optional[str] = ..., queue: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., retry: _Optional[_Union[_payload_pb2.RetryPolicy, _Mapping]] = ..., start_to_close_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CompensationStarted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CompensationEnded(_message.Message):
    __slots__ = ("undone", "not_undone")
    UNDONE_FIELD_NUMBER: _ClassVar[int]
    NOT_UNDONE_FIELD_NUMBER: _ClassVar[int]
    undone: _containers.RepeatedScalarFieldContainer[str]
    not_undone: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, undone: _Optional[_Iterable[str]] = ..., not_undone: _Optional[_Iterable[str]] = ...) -> None: ...

class StateVisit(_message.Message):
    __slots__ = ("state", "visit", "entered_time")
    STATE_FIELD_NUMBER: _ClassVar[int]
    VISIT_FIELD_NUMBER: _ClassVar[int]
    ENTERED_TIME_FIELD_NUMBER: _ClassVar[int]
    state: str
    visit: int
    entered_time: _timestamp_pb2.Timestamp
    def __init__(self, state: _Optional[str] = ..., visit: _Optional[int] = ..., entered_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StateHistory(_message.Message):
    __slots__ = ("state", "remembered")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REMEMBERED_FIELD_NUMBER: _ClassVar[int]
    state: str
    remembered: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, state: _Optional[str] = ..., remembered: _Optional[_Iterable[str]] = ...) -> None: ...

class TransitionTaken(_message.Message):
    __slots__ = ("number", "cause", "name", "event_id", "key", "transitions", "exited", "entered", "settled", "active", "history")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    TRANSITIONS_FIELD_NUMBER: _ClassVar[int]
    EXITED_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    number: int
    cause: TransitionCause
    name: str
    event_id: str
    key: str
    transitions: _containers.RepeatedScalarFieldContainer[str]
    exited: _containers.RepeatedCompositeFieldContainer[StateVisit]
    entered: _containers.RepeatedScalarFieldContainer[str]
    settled: bool
    active: _containers.RepeatedScalarFieldContainer[str]
    history: _containers.RepeatedCompositeFieldContainer[StateHistory]
    def __init__(self, number: _Optional[int] = ..., cause: _Optional[_Union[TransitionCause, str]] = ..., name: _Optional[str] = ..., event_id: _Optional[str] = ..., key: _Optional[str] = ..., transitions: _Optional[_Iterable[str]] = ..., exited: _Optional[_Iterable[_Union[StateVisit, _Mapping]]] = ..., entered: _Optional[_Iterable[str]] = ..., settled: bool = ..., active: _Optional[_Iterable[str]] = ..., history: _Optional[_Iterable[_Union[StateHistory, _Mapping]]] = ...) -> None: ...

class ConfigurationSettled(_message.Message):
    __slots__ = ("active", "history", "failed", "moved")
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    active: _containers.RepeatedScalarFieldContainer[str]
    history: _containers.RepeatedCompositeFieldContainer[StateHistory]
    failed: bool
    moved: bool
    def __init__(self, active: _Optional[_Iterable[str]] = ..., history: _Optional[_Iterable[_Union[StateHistory, _Mapping]]] = ..., failed: bool = ..., moved: bool = ...) -> None: ...

class EventIgnored(_message.Message):
    __slots__ = ("name", "cause", "event_id", "key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    cause: TransitionCause
    event_id: str
    key: str
    def __init__(self, name: _Optional[str] = ..., cause: _Optional[_Union[TransitionCause, str]] = ..., event_id: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class EventRaised(_message.Message):
    __slots__ = ("key", "name", "payload")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    key: str
    name: str
    payload: _payload_pb2.Payload
    def __init__(self, key: _Optional[str] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class MemoryChanged(_message.Message):
    __slots__ = ("key", "operations")
    KEY_FIELD_NUMBER: _ClassVar[int]
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    key: str
    operations: _containers.RepeatedCompositeFieldContainer[_payload_pb2.MemoryOperation]
    def __init__(self, key: _Optional[str] = ..., operations: _Optional[_Iterable[_Union[_payload_pb2.MemoryOperation, _Mapping]]] = ...) -> None: ...

class StateRecorded(_message.Message):
    __slots__ = ("state", "keeps_from")
    STATE_FIELD_NUMBER: _ClassVar[int]
    KEEPS_FROM_FIELD_NUMBER: _ClassVar[int]
    state: _payload_pb2.Payload
    keeps_from: int
    def __init__(self, state: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., keeps_from: _Optional[int] = ...) -> None: ...

class GroupStarted(_message.Message):
    __slots__ = ("total", "quota", "counts_ended", "leaves", "duration")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    COUNTS_ENDED_FIELD_NUMBER: _ClassVar[int]
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    total: int
    quota: int
    counts_ended: bool
    leaves: bool
    duration: _duration_pb2.Duration
    def __init__(self, total: _Optional[int] = ..., quota: _Optional[int] = ..., counts_ended: bool = ..., leaves: bool = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GroupClosed(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...
