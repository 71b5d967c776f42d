import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FindLocalSocketRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FindLocalSocketResponse(_message.Message):
    __slots__ = ("path", "greeting", "ticket")
    PATH_FIELD_NUMBER: _ClassVar[int]
    GREETING_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    path: str
    greeting: bytes
    ticket: bytes
    def __init__(self, path: _Optional[str] = ..., greeting: _Optional[bytes] = ..., ticket: _Optional[bytes] = ...) -> None: ...

class ConverseRequest(_message.Message):
    __slots__ = ("calls", "withdrawn")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[CarriedCall]
    withdrawn: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, calls: _Optional[_Iterable[_Union[CarriedCall, _Mapping]]] = ..., withdrawn: _Optional[_Iterable[int]] = ...) -> None: ...

class CarriedCall(_message.Message):
    __slots__ = ("number", "method", "request", "timeout")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    number: int
    method: str
    request: bytes
    timeout: _duration_pb2.Duration
    def __init__(self, number: _Optional[int] = ..., method: _Optional[str] = ..., request: _Optional[bytes] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ConverseResponse(_message.Message):
    __slots__ = ("answers", "end_status")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    END_STATUS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[CarriedAnswer]
    end_status: bytes
    def __init__(self, answers: _Optional[_Iterable[_Union[CarriedAnswer, _Mapping]]] = ..., end_status: _Optional[bytes] = ...) -> None: ...

class CarriedAnswer(_message.Message):
    __slots__ = ("number", "response", "status")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    number: int
    response: bytes
    status: bytes
    def __init__(self, number: _Optional[int] = ..., response: _Optional[bytes] = ..., status: _Optional[bytes] = ...) -> None: ...
