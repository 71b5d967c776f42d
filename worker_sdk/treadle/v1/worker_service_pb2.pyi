import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from treadle.v1 import decision_pb2 as _decision_pb2
from treadle.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_KIND_UNSPECIFIED: _ClassVar[TaskKind]
    TASK_KIND_ACTIVITY: _ClassVar[TaskKind]
    TASK_KIND_DECISION: _ClassVar[TaskKind]
    TASK_KIND_STEP: _ClassVar[TaskKind]

class ControlAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTROL_ACTION_UNSPECIFIED: _ClassVar[ControlAction]
    CONTROL_ACTION_CANCEL: _ClassVar[ControlAction]
    CONTROL_ACTION_ABANDON: _ClassVar[ControlAction]
TASK_KIND_UNSPECIFIED: TaskKind
TASK_KIND_ACTIVITY: TaskKind
TASK_KIND_DECISION: TaskKind
TASK_KIND_STEP: TaskKind
CONTROL_ACTION_UNSPECIFIED: ControlAction
CONTROL_ACTION_CANCEL: ControlAction
CONTROL_ACTION_ABANDON: ControlAction

class ActivityType(_message.Message):
    __slots__ = ("name", "description")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class WorkflowType(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class SessionResume(_message.Message):
    __slots__ = ("held_task_tokens",)
    HELD_TASK_TOKENS_FIELD_NUMBER: _ClassVar[int]
    held_task_tokens: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, held_task_tokens: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PollTasksRequest(_message.Message):
    __slots__ = ("namespace", "queue", "kinds", "max_tasks", "wait", "identity", "build_id", "session_id", "activity_types", "resume", "acknowledged_delivery_ids", "plain_json", "workflow_types")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    MAX_TASKS_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TYPES_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    PLAIN_JSON_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPES_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    queue: str
    kinds: _containers.RepeatedScalarFieldContainer[TaskKind]
    max_tasks: int
    wait: _duration_pb2.Duration
    identity: str
    build_id: str
    session_id: str
    activity_types: _containers.RepeatedCompositeFieldContainer[ActivityType]
    resume: SessionResume
    acknowledged_delivery_ids: _containers.RepeatedScalarFieldContainer[int]
    plain_json: bool
    workflow_types: _containers.RepeatedCompositeFieldContainer[WorkflowType]
    def __init__(self, namespace: _Optional[str] = ..., queue: _Optional[str] = ..., kinds: _Optional[_Iterable[_Union[TaskKind, str]]] = ..., max_tasks: _Optional[int] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., identity: _Optional[str] = ..., build_id: _Optional[str] = ..., session_id: _Optional[str] = ..., activity_types: _Optional[_Iterable[_Union[ActivityType, _Mapping]]] = ..., resume: _Optional[_Union[SessionResume, _Mapping]] = ..., acknowledged_delivery_ids: _Optional[_Iterable[int]] = ..., plain_json: bool = ..., workflow_types: _Optional[_Iterable[_Union[WorkflowType, _Mapping]]] = ...) -> None: ...

class PollTasksResponse(_message.Message):
    __slots__ = ("tasks", "control_messages", "delivery_id")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    CONTROL_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    control_messages: _containers.RepeatedCompositeFieldContainer[ControlMessage]
    delivery_id: int
    def __init__(self, tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., control_messages: _Optional[_Iterable[_Union[ControlMessage, _Mapping]]] = ..., delivery_id: _Optional[int] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("task_token", "kind", "run_id", "workflow_id", "workflow", "version", "key", "activity_type", "attempt", "input", "input_json", "scheduled_time", "started_time", "deadline", "heartbeat_timeout", "traceparent", "memory", "heartbeat_details", "queue", "max_attempts", "decision")
    class MemoryEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _payload_pb2.Payload
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_DETAILS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    kind: TaskKind
    run_id: str
    workflow_id: str
    workflow: str
    version: int
    key: str
    activity_type: str
    attempt: int
    input: _payload_pb2.Payload
    input_json: _struct_pb2.Value
    scheduled_time: _timestamp_pb2.Timestamp
    started_time: _timestamp_pb2.Timestamp
    deadline: _timestamp_pb2.Timestamp
    heartbeat_timeout: _duration_pb2.Duration
    traceparent: str
    memory: _containers.MessageMap[str, _payload_pb2.Payload]
    heartbeat_details: _payload_pb2.Payload
    queue: str
    max_attempts: int
    decision: _decision_pb2.DecisionTask
    def __init__(self, task_token: _Optional[bytes] = ..., kind: _Optional[_Union[TaskKind, str]] = ..., run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., workflow: _Optional[str] = ..., version: _Optional[int] = ..., key: _Optional[str] = ..., activity_type: _Optional[str] = ..., attempt: _Optional[int] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., input_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., heartbeat_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., traceparent: _Optional[str] = ..., memory: _Optional[_Mapping[str, _payload_pb2.Payload]] = ..., heartbeat_details: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., queue: _Optional[str] = ..., max_attempts: _Optional[int] = ..., decision: _Optional[_Union[_decision_pb2.DecisionTask, _Mapping]] = ...) -> None: ...

class ControlMessage(_message.Message):
    __slots__ = ("task_token", "action")
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    action: ControlAction
    def __init__(self, task_token: _Optional[bytes] = ..., action: _Optional[_Union[ControlAction, str]] = ...) -> None: ...

class CompleteTasksRequest(_message.Message):
    __slots__ = ("namespace", "results", "want_next", "session_id", "acknowledged_delivery_ids", "identity")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    WANT_NEXT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_DELIVERY_IDS_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    results: _containers.RepeatedCompositeFieldContainer[TaskResult]
    want_next: int
    session_id: str
    acknowledged_delivery_ids: _containers.RepeatedScalarFieldContainer[int]
    identity: str
    def __init__(self, namespace: _Optional[str] = ..., results: _Optional[_Iterable[_Union[TaskResult, _Mapping]]] = ..., want_next: _Optional[int] = ..., session_id: _Optional[str] = ..., acknowledged_delivery_ids: _Optional[_Iterable[int]] = ..., identity: _Optional[str] = ...) -> None: ...

class TaskResult(_message.Message):
    __slots__ = ("task_token", "completed", "failed", "cancelled", "returned", "decided")
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    completed: TaskCompleted
    failed: _payload_pb2.Failure
    cancelled: TaskCancelled
    returned: TaskReturned
    decided: _decision_pb2.DecisionReport
    def __init__(self, task_token: _Optional[bytes] = ..., completed: _Optional[_Union[TaskCompleted, _Mapping]] = ..., failed: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., cancelled: _Optional[_Union[TaskCancelled, _Mapping]] = ..., returned: _Optional[_Union[TaskReturned, _Mapping]] = ..., decided: _Optional[_Union[_decision_pb2.DecisionReport, _Mapping]] = ...) -> None: ...

class TaskCompleted(_message.Message):
    __slots__ = ("output", "output_json", "memory_operations", "skipped")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    MEMORY_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    output: _payload_pb2.Payload
    output_json: _struct_pb2.Value
    memory_operations: _containers.RepeatedCompositeFieldContainer[_payload_pb2.MemoryOperation]
    skipped: bool
    def __init__(self, output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., output_json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., memory_operations: _Optional[_Iterable[_Union[_payload_pb2.MemoryOperation, _Mapping]]] = ..., skipped: bool = ...) -> None: ...

class TaskCancelled(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TaskReturned(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class CompleteTasksResponse(_message.Message):
    __slots__ = ("statuses", "tasks", "delivery_id", "decisions")
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedCompositeFieldContainer[_payload_pb2.ItemStatus]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    delivery_id: int
    decisions: _containers.RepeatedCompositeFieldContainer[_decision_pb2.DecisionAnswer]
    def __init__(self, statuses: _Optional[_Iterable[_Union[_payload_pb2.ItemStatus, _Mapping]]] = ..., tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., delivery_id: _Optional[int] = ..., decisions: _Optional[_Iterable[_Union[_decision_pb2.DecisionAnswer, _Mapping]]] = ...) -> None: ...

class HeartbeatRequest(_message.Message):
    __slots__ = ("namespace", "session_id", "heartbeats")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    HEARTBEATS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    session_id: str
    heartbeats: _containers.RepeatedCompositeFieldContainer[TaskHeartbeat]
    def __init__(self, namespace: _Optional[str] = ..., session_id: _Optional[str] = ..., heartbeats: _Optional[_Iterable[_Union[TaskHeartbeat, _Mapping]]] = ...) -> None: ...

class TaskHeartbeat(_message.Message):
    __slots__ = ("task_token", "details")
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    details: _payload_pb2.Payload
    def __init__(self, task_token: _Optional[bytes] = ..., details: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class HeartbeatResponse(_message.Message):
    __slots__ = ("statuses",)
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedCompositeFieldContainer[TaskHeartbeatStatus]
    def __init__(self, statuses: _Optional[_Iterable[_Union[TaskHeartbeatStatus, _Mapping]]] = ...) -> None: ...

class TaskHeartbeatStatus(_message.Message):
    __slots__ = ("status", "cancel_requested")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    status: _payload_pb2.ItemStatus
    cancel_requested: bool
    def __init__(self, status: _Optional[_Union[_payload_pb2.ItemStatus, _Mapping]] = ..., cancel_requested: bool = ...) -> None: ...

class EndSessionRequest(_message.Message):
    __slots__ = ("namespace", "session_id")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    session_id: str
    def __init__(self, namespace: _Optional[str] = ..., session_id: _Optional[str] = ...) -> None: ...

class EndSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReadHistoryRequest(_message.Message):
    __slots__ = ("namespace", "task_token", "after_seq")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    task_token: bytes
    after_seq: int
    def __init__(self, namespace: _Optional[str] = ..., task_token: _Optional[bytes] = ..., after_seq: _Optional[int] = ...) -> None: ...

class ReadHistoryResponse(_message.Message):
    __slots__ = ("event_batches", "more", "last_seq")
    EVENT_BATCHES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    event_batches: _containers.RepeatedScalarFieldContainer[bytes]
    more: bool
    last_seq: int
    def __init__(self, event_batches: _Optional[_Iterable[bytes]] = ..., more: bool = ..., last_seq: _Optional[int] = ...) -> None: ...
