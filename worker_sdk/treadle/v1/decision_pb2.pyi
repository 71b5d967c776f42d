import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from treadle.v1 import event_pb2 as _event_pb2
from treadle.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecisionTask(_message.Message):
    __slots__ = ("after_seq", "event_batches", "steps")
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    EVENT_BATCHES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    after_seq: int
    event_batches: _containers.RepeatedScalarFieldContainer[bytes]
    steps: _containers.RepeatedCompositeFieldContainer[StepTask]
    def __init__(self, after_seq: _Optional[int] = ..., event_batches: _Optional[_Iterable[bytes]] = ..., steps: _Optional[_Iterable[_Union[StepTask, _Mapping]]] = ...) -> None: ...

class StepTask(_message.Message):
    __slots__ = ("index", "attempt", "heartbeat_details")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_DETAILS_FIELD_NUMBER: _ClassVar[int]
    index: int
    attempt: int
    heartbeat_details: _payload_pb2.Payload
    def __init__(self, index: _Optional[int] = ..., attempt: _Optional[int] = ..., heartbeat_details: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class DecisionReport(_message.Message):
    __slots__ = ("seen_seq", "first_index", "commands", "steps", "keep", "ending")
    SEEN_SEQ_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    ENDING_FIELD_NUMBER: _ClassVar[int]
    seen_seq: int
    first_index: int
    commands: _containers.RepeatedCompositeFieldContainer[DecisionCommand]
    steps: _containers.RepeatedCompositeFieldContainer[StepReport]
    keep: bool
    ending: _containers.RepeatedCompositeFieldContainer[DecisionCommand]
    def __init__(self, seen_seq: _Optional[int] = ..., first_index: _Optional[int] = ..., commands: _Optional[_Iterable[_Union[DecisionCommand, _Mapping]]] = ..., steps: _Optional[_Iterable[_Union[StepReport, _Mapping]]] = ..., keep: bool = ..., ending: _Optional[_Iterable[_Union[DecisionCommand, _Mapping]]] = ...) -> None: ...

class StepReport(_message.Message):
    __slots__ = ("index", "took", "output", "failure", "cancelled", "goes_on")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TOOK_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    GOES_ON_FIELD_NUMBER: _ClassVar[int]
    index: int
    took: _duration_pb2.Duration
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    cancelled: bool
    goes_on: bool
    def __init__(self, index: _Optional[int] = ..., took: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ..., cancelled: bool = ..., goes_on: bool = ...) -> None: ...

class DecisionAnswer(_message.Message):
    __slots__ = ("task_token", "after_seq", "event_batches", "steps", "leases")
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    EVENT_BATCHES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LEASES_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    after_seq: int
    event_batches: _containers.RepeatedScalarFieldContainer[bytes]
    steps: _containers.RepeatedCompositeFieldContainer[StepTask]
    leases: _containers.RepeatedCompositeFieldContainer[StepLease]
    def __init__(self, task_token: _Optional[bytes] = ..., after_seq: _Optional[int] = ..., event_batches: _Optional[_Iterable[bytes]] = ..., steps: _Optional[_Iterable[_Union[StepTask, _Mapping]]] = ..., leases: _Optional[_Iterable[_Union[StepLease, _Mapping]]] = ...) -> None: ...

class StepLease(_message.Message):
    __slots__ = ("index", "task_token")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    index: int
    task_token: bytes
    def __init__(self, index: _Optional[int] = ..., task_token: _Optional[bytes] = ...) -> None: ...

class DecisionCommand(_message.Message):
    __slots__ = ("description", "schedule_activity", "start_timer", "start_wait", "start_child", "send_event", "stop", "set_attribute", "record_marker", "answer_update", "register_compensation", "start_compensation", "end_compensation", "complete_run", "fail_run", "cancel_run", "continue_as_new")
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    START_TIMER_FIELD_NUMBER: _ClassVar[int]
    START_WAIT_FIELD_NUMBER: _ClassVar[int]
    START_CHILD_FIELD_NUMBER: _ClassVar[int]
    SEND_EVENT_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    SET_ATTRIBUTE_FIELD_NUMBER: _ClassVar[int]
    RECORD_MARKER_FIELD_NUMBER: _ClassVar[int]
    ANSWER_UPDATE_FIELD_NUMBER: _ClassVar[int]
    REGISTER_COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    START_COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    END_COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_RUN_FIELD_NUMBER: _ClassVar[int]
    FAIL_RUN_FIELD_NUMBER: _ClassVar[int]
    CANCEL_RUN_FIELD_NUMBER: _ClassVar[int]
    CONTINUE_AS_NEW_FIELD_NUMBER: _ClassVar[int]
    description: str
    schedule_activity: ScheduleActivityCommand
    start_timer: StartTimerCommand
    start_wait: StartWaitCommand
    start_child: StartChildCommand
    send_event: SendEventCommand
    stop: StopCommand
    set_attribute: SetAttributeCommand
    record_marker: RecordMarkerCommand
    answer_update: AnswerUpdateCommand
    register_compensation: RegisterCompensationCommand
    start_compensation: StartCompensationCommand
    end_compensation: EndCompensationCommand
    complete_run: CompleteRunCommand
    fail_run: FailRunCommand
    cancel_run: CancelRunCommand
    continue_as_new: ContinueAsNewCommand
    def __init__(self, description: _Optional[str] = ..., schedule_activity: _Optional[_Union[ScheduleActivityCommand, _Mapping]] = ..., start_timer: _Optional[_Union[StartTimerCommand, _Mapping]] = ..., start_wait: _Optional[_Union[StartWaitCommand, _Mapping]] = ..., start_child: _Optional[_Union[StartChildCommand, _Mapping]] = ..., send_event: _Optional[_Union[SendEventCommand, _Mapping]] = ..., stop: _Optional[_Union[StopCommand, _Mapping]] = ..., set_attribute: _Optional[_Union[SetAttributeCommand, _Mapping]] = ..., record_marker: _Optional[_Union[RecordMarkerCommand, _Mapping]] = ..., answer_update: _Optional[_Union[AnswerUpdateCommand, _Mapping]] = ..., register_compensation: _Optional[_Union[RegisterCompensationCommand, _Mapping]] = ..., start_compensation: _Optional[_Union[StartCompensationCommand, _Mapping]] = ..., end_compensation: _Optional[_Union[EndCompensationCommand, _Mapping]] = ..., complete_run: _Optional[_Union[CompleteRunCommand, _Mapping]] = ..., fail_run: _Optional[_Union[FailRunCommand, _Mapping]] = ..., cancel_run: _Optional[_Union[CancelRunCommand, _Mapping]] = ..., continue_as_new: _Optional[_Union[ContinueAsNewCommand, _Mapping]] = ...) -> None: ...

class ScheduleActivityCommand(_message.Message):
    __slots__ = ("type", "queue", "input", "retry", "schedule_to_start_timeout", "start_to_close_timeout", "schedule_to_close_timeout", "heartbeat_timeout", "priority", "hold_on_failure", "local", "compensates", "is_compensation", "cache_key", "cache_ttl")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TO_START_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    START_TO_CLOSE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TO_CLOSE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    HOLD_ON_FAILURE_FIELD_NUMBER: _ClassVar[int]
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    COMPENSATES_FIELD_NUMBER: _ClassVar[int]
    IS_COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    CACHE_KEY_FIELD_NUMBER: _ClassVar[int]
    CACHE_TTL_FIELD_NUMBER: _ClassVar[int]
    type: str
    queue: str
    input: _payload_pb2.Payload
    retry: _payload_pb2.RetryPolicy
    schedule_to_start_timeout: _duration_pb2.Duration
    start_to_close_timeout: _duration_pb2.Duration
    schedule_to_close_timeout: _duration_pb2.Duration
    heartbeat_timeout: _duration_pb2.Duration
    priority: int
    hold_on_failure: bool
    local: bool
    compensates: int
    is_compensation: bool
    cache_key: str
    cache_ttl: _duration_pb2.Duration
    def __init__(self, type: _Optional[str] = ..., queue: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., retry: _Optional[_Union[_payload_pb2.RetryPolicy, _Mapping]] = ..., schedule_to_start_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., start_to_close_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., schedule_to_close_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., heartbeat_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., priority: _Optional[int] = ..., hold_on_failure: bool = ..., local: bool = ..., compensates: _Optional[int] = ..., is_compensation: bool = ..., cache_key: _Optional[str] = ..., cache_ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class StartTimerCommand(_message.Message):
    __slots__ = ("due_time",)
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    due_time: _timestamp_pb2.Timestamp
    def __init__(self, due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StartWaitCommand(_message.Message):
    __slots__ = ("event_name", "filter", "timeout")
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    event_name: str
    filter: str
    timeout: _duration_pb2.Duration
    def __init__(self, event_name: _Optional[str] = ..., filter: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class StartChildCommand(_message.Message):
    __slots__ = ("workflow", "version", "workflow_id", "input", "on_parent_end")
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    ON_PARENT_END_FIELD_NUMBER: _ClassVar[int]
    workflow: str
    version: int
    workflow_id: str
    input: _payload_pb2.Payload
    on_parent_end: _event_pb2.ParentClosePolicy
    def __init__(self, workflow: _Optional[str] = ..., version: _Optional[int] = ..., workflow_id: _Optional[str] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., on_parent_end: _Optional[_Union[_event_pb2.ParentClosePolicy, str]] = ...) -> None: ...

class SendEventCommand(_message.Message):
    __slots__ = ("event_name", "payload", "workflow_id")
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    event_name: str
    payload: _payload_pb2.Payload
    workflow_id: str
    def __init__(self, event_name: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., workflow_id: _Optional[str] = ...) -> None: ...

class StopCommand(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    def __init__(self, index: _Optional[int] = ...) -> None: ...

class SetAttributeCommand(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: _payload_pb2.Payload
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class RecordMarkerCommand(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class AnswerUpdateCommand(_message.Message):
    __slots__ = ("update_id", "output", "failure")
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    update_id: str
    output: _payload_pb2.Payload
    failure: _payload_pb2.Failure
    def __init__(self, update_id: _Optional[str] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...

class RegisterCompensationCommand(_message.Message):
    __slots__ = ("index", "type")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    index: int
    type: str
    def __init__(self, index: _Optional[int] = ..., type: _Optional[str] = ...) -> None: ...

class StartCompensationCommand(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EndCompensationCommand(_message.Message):
    __slots__ = ("undone", "not_undone")
    UNDONE_FIELD_NUMBER: _ClassVar[int]
    NOT_UNDONE_FIELD_NUMBER: _ClassVar[int]
    undone: _containers.RepeatedScalarFieldContainer[int]
    not_undone: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, undone: _Optional[_Iterable[int]] = ..., not_undone: _Optional[_Iterable[int]] = ...) -> None: ...

class CompleteRunCommand(_message.Message):
    __slots__ = ("output",)
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    output: _payload_pb2.Payload
    def __init__(self, output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class FailRunCommand(_message.Message):
    __slots__ = ("failure",)
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    failure: _payload_pb2.Failure
    def __init__(self, failure: _Optional[_Union[_payload_pb2.Failure, _Mapping]] = ...) -> None: ...

class CancelRunCommand(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ContinueAsNewCommand(_message.Message):
    __slots__ = ("input", "version")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    input: _payload_pb2.Payload
    version: int
    def __init__(self, input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...
