import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from treadle.v1 import event_pb2 as _event_pb2
from treadle.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_RUNNING: _ClassVar[RunState]
    RUN_STATE_COMPLETED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]
    RUN_STATE_TIMED_OUT: _ClassVar[RunState]
    RUN_STATE_TERMINATED: _ClassVar[RunState]
    RUN_STATE_CONTINUED: _ClassVar[RunState]

class ActivityState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTIVITY_STATE_UNSPECIFIED: _ClassVar[ActivityState]
    ACTIVITY_STATE_READY: _ClassVar[ActivityState]
    ACTIVITY_STATE_BACKING_OFF: _ClassVar[ActivityState]
    ACTIVITY_STATE_RUNNING: _ClassVar[ActivityState]
    ACTIVITY_STATE_CANCELLING: _ClassVar[ActivityState]
    ACTIVITY_STATE_HELD: _ClassVar[ActivityState]

class NodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATE_UNSPECIFIED: _ClassVar[NodeState]
    NODE_STATE_PENDING: _ClassVar[NodeState]
    NODE_STATE_RUNNING: _ClassVar[NodeState]
    NODE_STATE_COMPLETED: _ClassVar[NodeState]
    NODE_STATE_FAILED: _ClassVar[NodeState]
    NODE_STATE_SKIPPED: _ClassVar[NodeState]
    NODE_STATE_UNREACHED: _ClassVar[NodeState]
    NODE_STATE_CANCELLED: _ClassVar[NodeState]

class WorkflowIdConflictPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED: _ClassVar[WorkflowIdConflictPolicy]
    WORKFLOW_ID_CONFLICT_POLICY_FAIL: _ClassVar[WorkflowIdConflictPolicy]
    WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING: _ClassVar[WorkflowIdConflictPolicy]

class WorkflowIdReusePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED: _ClassVar[WorkflowIdReusePolicy]
    WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE: _ClassVar[WorkflowIdReusePolicy]
    WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY: _ClassVar[WorkflowIdReusePolicy]
    WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE: _ClassVar[WorkflowIdReusePolicy]
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_RUNNING: RunState
RUN_STATE_COMPLETED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_CANCELLED: RunState
RUN_STATE_TIMED_OUT: RunState
RUN_STATE_TERMINATED: RunState
RUN_STATE_CONTINUED: RunState
ACTIVITY_STATE_UNSPECIFIED: ActivityState
ACTIVITY_STATE_READY: ActivityState
ACTIVITY_STATE_BACKING_OFF: ActivityState
ACTIVITY_STATE_RUNNING: ActivityState
ACTIVITY_STATE_CANCELLING: ActivityState
ACTIVITY_STATE_HELD: ActivityState
NODE_STATE_UNSPECIFIED: NodeState
NODE_STATE_PENDING: NodeState
NODE_STATE_RUNNING: NodeState
NODE_STATE_COMPLETED: NodeState
NODE_STATE_FAILED: NodeState
NODE_STATE_SKIPPED: NodeState
NODE_STATE_UNREACHED: NodeState
NODE_STATE_CANCELLED: NodeState
WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED: WorkflowIdConflictPolicy
WORKFLOW_ID_CONFLICT_POLICY_FAIL: WorkflowIdConflictPolicy
WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING: WorkflowIdConflictPolicy
WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED: WorkflowIdReusePolicy
WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE: WorkflowIdReusePolicy
WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY: WorkflowIdReusePolicy
WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE: WorkflowIdReusePolicy

class Run(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "workflow", "version", "state", "start_time", "end_time", "last_seq", "trace_id", "held")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    workflow: str
    version: int
    state: RunState
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    last_seq: int
    trace_id: str
    held: _event_pb2.Held
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., workflow: _Optional[str] = ..., version: _Optional[int] = ..., state: _Optional[_Union[RunState, str]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seq: _Optional[int] = ..., trace_id: _Optional[str] = ..., held: _Optional[_Union[_event_pb2.Held, _Mapping]] = ...) -> None: ...

class PendingActivity(_message.Message):
    __slots__ = ("key", "type", "queue", "state", "attempt", "max_attempts", "scheduled_time", "next_attempt_time", "started_time", "last_failure", "identity")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    key: str
    type: str
    queue: str
    state: ActivityState
    attempt: int
    max_attempts: int
    scheduled_time: _timestamp_pb2.Timestamp
    next_attempt_time: _timestamp_pb2.Timestamp
    started_time: _timestamp_pb2.Timestamp
    last_failure: _payload_pb2.Failure
    identity: str
    def __init__(self, key: _Optional[str] = ..., type: _Optional[str] = ..., queue: _Optional[str] = ..., state: _Optional[_Union[ActivityState, str]] = ..., attempt: _Optional[int] = ..., max_attempts: _Optional[int] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., identity: _Optional[str] = ...) -> None: ...

class PendingTimer(_message.Message):
    __slots__ = ("key", "due_time")
    KEY_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    key: str
    due_time: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PendingWait(_message.Message):
    __slots__ = ("key", "event_name", "started_time", "due_time")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    key: str
    event_name: str
    started_time: _timestamp_pb2.Timestamp
    due_time: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., event_name: _Optional[str] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PendingChild(_message.Message):
    __slots__ = ("key", "run_id", "workflow_id", "workflow", "started")
    KEY_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    key: str
    run_id: str
    workflow_id: str
    workflow: str
    started: bool
    def __init__(self, key: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., workflow: _Optional[str] = ..., started: bool = ...) -> None: ...

class NodeStatus(_message.Message):
    __slots__ = ("node", "state")
    NODE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    node: str
    state: NodeState
    def __init__(self, node: _Optional[str] = ..., state: _Optional[_Union[NodeState, str]] = ...) -> None: ...

class StartRunRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "workflow", "version", "workflow_id", "input", "input_json", "run_timeout", "conflict_policy", "reuse_policy", "begin_time", "begin_delay", "events", "wait_timeout")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    RUN_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    CONFLICT_POLICY_FIELD_NUMBER: _ClassVar[int]
    REUSE_POLICY_FIELD_NUMBER: _ClassVar[int]
    BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    BEGIN_DELAY_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    workflow: str
    version: int
    workflow_id: str
    input: _payload_pb2.Payload
    input_json: _struct_pb2.Value
    run_timeout: _duration_pb2.Duration
    conflict_policy: WorkflowIdConflictPolicy
    reuse_policy: WorkflowIdReusePolicy
    begin_time: _timestamp_pb2.Timestamp
    begin_delay: _duration_pb2.Duration
    events: _containers.RepeatedCompositeFieldContainer[StartEvent]
    wait_timeout: _duration_pb2.Duration
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., workflow: _Optional[str] = ..., version: _Optional[int] = ..., workflow_id: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., input_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., run_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., conflict_policy: _Optional[_Union[WorkflowIdConflictPolicy, str]] = ..., reuse_policy: _Optional[_Union[WorkflowIdReusePolicy, str]] = ..., begin_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., begin_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., events: _Optional[_Iterable[_Union[StartEvent, _Mapping]]] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class StartEvent(_message.Message):
    __slots__ = ("event_id", "name", "payload", "payload_json")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_JSON_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    name: str
    payload: _payload_pb2.Payload
    payload_json: _struct_pb2.Value
    def __init__(self, event_id: _Optional[str] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., payload_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class StartRunResponse(_message.Message):
    __slots__ = ("run_id", "workflow_id", "version", "started", "trace_id", "end")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    version: int
    started: bool
    trace_id: str
    end: WaitRunResponse
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., version: _Optional[int] = ..., started: bool = ..., trace_id: _Optional[str] = ..., end: _Optional[_Union[WaitRunResponse, _Mapping]] = ...) -> None: ...

class BatchStartRunsRequest(_message.Message):
    __slots__ = ("namespace", "items")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    items: _containers.RepeatedCompositeFieldContainer[StartRunRequest]
    def __init__(self, namespace: _Optional[str] = ..., items: _Optional[_Iterable[_Union[StartRunRequest, _Mapping]]] = ...) -> None: ...

class BatchStartRunsResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[BatchStartRunsItem]
    def __init__(self, items: _Optional[_Iterable[_Union[BatchStartRunsItem, _Mapping]]] = ...) -> None: ...

class BatchStartRunsItem(_message.Message):
    __slots__ = ("status", "run")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    status: _payload_pb2.ItemStatus
    run: StartRunResponse
    def __init__(self, status: _Optional[_Union[_payload_pb2.ItemStatus, _Mapping]] = ..., run: _Optional[_Union[StartRunResponse, _Mapping]] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "include_nodes")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_NODES_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    include_nodes: bool
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., include_nodes: bool = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run", "input", "output", "failure", "pending_activities", "pending_activity_count", "cancel_requested", "incident", "nodes", "paused", "pending_timers", "pending_waits", "pending_children", "attributes", "status", "warnings", "active_states", "accepted_events")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _payload_pb2.Payload
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...
    RUN_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    PENDING_ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    PENDING_ACTIVITY_COUNT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PENDING_TIMERS_FIELD_NUMBER: _ClassVar[int]
    PENDING_WAITS_FIELD_NUMBER: _ClassVar[int]
    PENDING_CHILDREN_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_STATES_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    run: Run
    input: _payload_pb2.Payload
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    pending_activities: _containers.RepeatedCompositeFieldContainer[PendingActivity]
    pending_activity_count: int
    cancel_requested: bool
    incident: str
    nodes: _containers.RepeatedCompositeFieldContainer[NodeStatus]
    paused: bool
    pending_timers: _containers.RepeatedCompositeFieldContainer[PendingTimer]
    pending_waits: _containers.RepeatedCompositeFieldContainer[PendingWait]
    pending_children: _containers.RepeatedCompositeFieldContainer[PendingChild]
    attributes: _containers.MessageMap[str, _payload_pb2.Payload]
    status: str
    warnings: _containers.RepeatedScalarFieldContainer[str]
    active_states: _containers.RepeatedScalarFieldContainer[str]
    accepted_events: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., pending_activities: _Optional[_Iterable[_Union[PendingActivity, _Mapping]]] = ..., pending_activity_count: _Optional[int] = ..., cancel_requested: bool = ..., incident: _Optional[str] = ..., nodes: _Optional[_Iterable[_Union[NodeStatus, _Mapping]]] = ..., paused: bool = ..., pending_timers: _Optional[_Iterable[_Union[PendingTimer, _Mapping]]] = ..., pending_waits: _Optional[_Iterable[_Union[PendingWait, _Mapping]]] = ..., pending_children: _Optional[_Iterable[_Union[PendingChild, _Mapping]]] = ..., attributes: _Optional[_Mapping[str, _payload_pb2.Payload]] = ..., status: _Optional[str] = ..., warnings: _Optional[_Iterable[str]] = ..., active_states: _Optional[_Iterable[str]] = ..., accepted_events: _Optional[_Iterable[str]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("namespace", "page_size", "page_token", "workflow", "state", "held")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    page_size: int
    page_token: str
    workflow: str
    state: RunState
    held: bool
    def __init__(self, namespace: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., workflow: _Optional[str] = ..., state: _Optional[_Union[RunState, str]] = ..., held: bool = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetRunHistoryRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "after_seq")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    after_seq: int
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., after_seq: _Optional[int] = ...) -> None: ...

class GetRunHistoryResponse(_message.Message):
    __slots__ = ("events", "next_after_seq")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    next_after_seq: int
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ..., next_after_seq: _Optional[int] = ...) -> None: ...

class WatchRunRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "after_seq")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    after_seq: int
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., after_seq: _Optional[int] = ...) -> None: ...

class WatchRunResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class WaitRunRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "timeout")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    timeout: _duration_pb2.Duration
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WaitRunResponse(_message.Message):
    __slots__ = ("ended", "run", "output", "failure", "next_run_id")
    ENDED_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    NEXT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ended: bool
    run: Run
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    next_run_id: str
    def __init__(self, ended: bool = ..., run: _Optional[_Union[Run, _Mapping]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., next_run_id: _Optional[str] = ...) -> None: ...

class CancelRunRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "run_id", "workflow_id", "reason", "skip_compensation")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SKIP_COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    run_id: str
    workflow_id: str
    reason: str
    skip_compensation: bool
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., reason: _Optional[str] = ..., skip_compensation: bool = ...) -> None: ...

class CancelRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class TerminateRunRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "run_id", "workflow_id", "reason")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    run_id: str
    workflow_id: str
    reason: str
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class TerminateRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class AnswerIncidentRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "run_id", "workflow_id", "key", "answer", "reason", "output", "output_json")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    run_id: str
    workflow_id: str
    key: str
    answer: _event_pb2.IncidentAnswer
    reason: str
    output: _payload_pb2.Payload
    output_json: _struct_pb2.Value
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., key: _Optional[str] = ..., answer: _Optional[_Union[_event_pb2.IncidentAnswer, str]] = ..., reason: _Optional[str] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., output_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class AnswerIncidentResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class SendEventRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "event_id", "name", "payload", "payload_json")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_JSON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    event_id: str
    name: str
    payload: _payload_pb2.Payload
    payload_json: _struct_pb2.Value
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., event_id: _Optional[str] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., payload_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class SendEventResponse(_message.Message):
    __slots__ = ("run", "event_id")
    RUN_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    run: Run
    event_id: str
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., event_id: _Optional[str] = ...) -> None: ...

class UpdateRunRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "update_id", "name", "input", "input_json", "wait")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    update_id: str
    name: str
    input: _payload_pb2.Payload
    input_json: _struct_pb2.Value
    wait: _duration_pb2.Duration
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., update_id: _Optional[str] = ..., name: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., input_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class UpdateRunResponse(_message.Message):
    __slots__ = ("update_id", "answered", "output", "failure")
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    update_id: str
    answered: bool
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    def __init__(self, update_id: _Optional[str] = ..., answered: bool = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...

class PauseRunRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "run_id", "workflow_id", "reason")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    run_id: str
    workflow_id: str
    reason: str
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class ResumeRunRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "run_id", "workflow_id", "reason")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    run_id: str
    workflow_id: str
    reason: str
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResumeRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class SkipActivityRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "run_id", "workflow_id", "key", "reason", "output", "output_json")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    run_id: str
    workflow_id: str
    key: str
    reason: str
    output: _payload_pb2.Payload
    output_json: _struct_pb2.Value
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., key: _Optional[str] = ..., reason: _Optional[str] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., output_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class SkipActivityResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class RetryRunRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "run_id", "workflow_id", "input", "input_json", "from_key")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    FROM_KEY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    run_id: str
    workflow_id: str
    input: _payload_pb2.Payload
    input_json: _struct_pb2.Value
    from_key: str
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., input_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., from_key: _Optional[str] = ...) -> None: ...

class RetryRunResponse(_message.Message):
    __slots__ = ("run_id", "workflow_id", "version", "started", "trace_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    version: int
    started: bool
    trace_id: str
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., version: _Optional[int] = ..., started: bool = ..., trace_id: _Optional[str] = ...) -> None: ...

class WatchRunsRequest(_message.Message):
    __slots__ = ("namespace", "workflow", "after_position", "from_now")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    AFTER_POSITION_FIELD_NUMBER: _ClassVar[int]
    FROM_NOW_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    workflow: str
    after_position: int
    from_now: bool
    def __init__(self, namespace: _Optional[str] = ..., workflow: _Optional[str] = ..., after_position: _Optional[int] = ..., from_now: bool = ...) -> None: ...

class WatchRunsResponse(_message.Message):
    __slots__ = ("runs", "position")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunEvents]
    position: int
    def __init__(self, runs: _Optional[_Iterable[_Union[RunEvents, _Mapping]]] = ..., position: _Optional[int] = ...) -> None: ...

class RunEvents(_message.Message):
    __slots__ = ("run_id", "workflow_id", "workflow", "events")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    workflow: str
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., workflow: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class DeleteRunRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "reason", "allow_missing")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ALLOW_MISSING_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    reason: str
    allow_missing: bool
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., reason: _Optional[str] = ..., allow_missing: bool = ...) -> None: ...

class DeleteRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRunNodesRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "page_size", "page_token")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    page_size: int
    page_token: str
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRunNodesResponse(_message.Message):
    __slots__ = ("executions", "next_page_token")
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[NodeExecution]
    next_page_token: str
    def __init__(self, executions: _Optional[_Iterable[_Union[NodeExecution, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class NodeExecution(_message.Message):
    __slots__ = ("key", "kind", "state", "type", "attempts", "scheduled_time", "started_time", "end_time", "input", "output", "failure", "worker")
    KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    key: str
    kind: str
    state: NodeState
    type: str
    attempts: int
    scheduled_time: _timestamp_pb2.Timestamp
    started_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    input: _payload_pb2.Payload
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    worker: str
    def __init__(self, key: _Optional[str] = ..., kind: _Optional[str] = ..., state: _Optional[_Union[NodeState, str]] = ..., type: _Optional[str] = ..., attempts: _Optional[int] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., worker: _Optional[str] = ...) -> None: ...

class BroadcastEventRequest(_message.Message):
    __slots__ = ("namespace", "event_id", "name", "payload", "payload_json")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_JSON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    event_id: str
    name: str
    payload: _payload_pb2.Payload
    payload_json: _struct_pb2.Value
    def __init__(self, namespace: _Optional[str] = ..., event_id: _Optional[str] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., payload_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class BroadcastEventResponse(_message.Message):
    __slots__ = ("event_id", "receivers")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    receivers: int
    def __init__(self, event_id: _Optional[str] = ..., receivers: _Optional[int] = ...) -> None: ...

class StartGroupRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "workflow_id", "items", "quota", "count_ended", "duration", "leave_rest")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    COUNT_ENDED_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    LEAVE_REST_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    workflow_id: str
    items: _containers.RepeatedCompositeFieldContainer[GroupItem]
    quota: int
    count_ended: bool
    duration: _duration_pb2.Duration
    leave_rest: bool
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[GroupItem, _Mapping]]] = ..., quota: _Optional[int] = ..., count_ended: bool = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., leave_rest: bool = ...) -> None: ...

class GroupItem(_message.Message):
    __slots__ = ("workflow", "version", "workflow_id", "input", "input_json")
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    workflow: str
    version: int
    workflow_id: str
    input: _payload_pb2.Payload
    input_json: _struct_pb2.Value
    def __init__(self, workflow: _Optional[str] = ..., version: _Optional[int] = ..., workflow_id: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., input_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class StartGroupResponse(_message.Message):
    __slots__ = ("run_id", "workflow_id", "started")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    started: bool
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., started: bool = ...) -> None: ...

class GetGroupRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id", "include_members", "page_size", "page_token")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    include_members: bool
    page_size: int
    page_token: str
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., include_members: bool = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetGroupResponse(_message.Message):
    __slots__ = ("status", "members", "next_page_token")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    status: GroupStatus
    members: _containers.RepeatedCompositeFieldContainer[GroupMember]
    next_page_token: str
    def __init__(self, status: _Optional[_Union[GroupStatus, _Mapping]] = ..., members: _Optional[_Iterable[_Union[GroupMember, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchGroupRequest(_message.Message):
    __slots__ = ("namespace", "run_id", "workflow_id")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    run_id: str
    workflow_id: str
    def __init__(self, namespace: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ...) -> None: ...

class WatchGroupResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: GroupStatus
    def __init__(self, status: _Optional[_Union[GroupStatus, _Mapping]] = ...) -> None: ...

class GroupStatus(_message.Message):
    __slots__ = ("run_id", "state", "total", "not_started", "running", "completed", "failed", "cancelled", "timed_out", "terminated", "quota", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    NOT_STARTED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    TERMINATED_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    state: RunState
    total: int
    not_started: int
    running: int
    completed: int
    failed: int
    cancelled: int
    timed_out: int
    terminated: int
    quota: int
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., state: _Optional[_Union[RunState, str]] = ..., total: _Optional[int] = ..., not_started: _Optional[int] = ..., running: _Optional[int] = ..., completed: _Optional[int] = ..., failed: _Optional[int] = ..., cancelled: _Optional[int] = ..., timed_out: _Optional[int] = ..., terminated: _Optional[int] = ..., quota: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class GroupMember(_message.Message):
    __slots__ = ("index", "run_id", "workflow_id", "state", "output", "failure")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    index: int
    run_id: str
    workflow_id: str
    state: RunState
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    def __init__(self, index: _Optional[int] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., state: _Optional[_Union[RunState, str]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...
