import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VersionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERSION_STATE_UNSPECIFIED: _ClassVar[VersionState]
    VERSION_STATE_ACTIVE: _ClassVar[VersionState]
    VERSION_STATE_DEPRECATED: _ClassVar[VersionState]
    VERSION_STATE_RETIRED: _ClassVar[VersionState]
VERSION_STATE_UNSPECIFIED: VersionState
VERSION_STATE_ACTIVE: VersionState
VERSION_STATE_DEPRECATED: VersionState
VERSION_STATE_RETIRED: VersionState

class Definition(_message.Message):
    __slots__ = ("workflow", "version", "kind", "description", "content_hash", "create_time", "node_count", "json", "state", "current")
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    NODE_COUNT_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    workflow: str
    version: int
    kind: str
    description: str
    content_hash: str
    create_time: _timestamp_pb2.Timestamp
    node_count: int
    json: str
    state: VersionState
    current: bool
    def __init__(self, workflow: _Optional[str] = ..., version: _Optional[int] = ..., kind: _Optional[str] = ..., description: _Optional[str] = ..., content_hash: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., node_count: _Optional[int] = ..., json: _Optional[str] = ..., state: _Optional[_Union[VersionState, str]] = ..., current: bool = ...) -> None: ...

class DeployDefinitionRequest(_message.Message):
    __slots__ = ("namespace", "request_id", "json", "gzip_json", "plain", "validate_only")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    GZIP_JSON_FIELD_NUMBER: _ClassVar[int]
    PLAIN_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    request_id: str
    json: str
    gzip_json: bytes
    plain: _struct_pb2.Struct
    validate_only: bool
    def __init__(self, namespace: _Optional[str] = ..., request_id: _Optional[str] = ..., json: _Optional[str] = ..., gzip_json: _Optional[bytes] = ..., plain: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., validate_only: bool = ...) -> None: ...

class DeployDefinitionResponse(_message.Message):
    __slots__ = ("definition", "created", "hints")
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    definition: Definition
    created: bool
    hints: _containers.RepeatedCompositeFieldContainer[Hint]
    def __init__(self, definition: _Optional[_Union[Definition, _Mapping]] = ..., created: bool = ..., hints: _Optional[_Iterable[_Union[Hint, _Mapping]]] = ...) -> None: ...

class Hint(_message.Message):
    __slots__ = ("rule", "path", "message")
    RULE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    path: str
    message: str
    def __init__(self, rule: _Optional[str] = ..., path: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class GetDefinitionRequest(_message.Message):
    __slots__ = ("namespace", "workflow", "version")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    workflow: str
    version: int
    def __init__(self, namespace: _Optional[str] = ..., workflow: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetDefinitionResponse(_message.Message):
    __slots__ = ("definition",)
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    definition: Definition
    def __init__(self, definition: _Optional[_Union[Definition, _Mapping]] = ...) -> None: ...

class ListDefinitionsRequest(_message.Message):
    __slots__ = ("namespace", "page_size", "page_token", "workflow")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    page_size: int
    page_token: str
    workflow: str
    def __init__(self, namespace: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., workflow: _Optional[str] = ...) -> None: ...

class ListDefinitionsResponse(_message.Message):
    __slots__ = ("definitions", "next_page_token")
    DEFINITIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    definitions: _containers.RepeatedCompositeFieldContainer[Definition]
    next_page_token: str
    def __init__(self, definitions: _Optional[_Iterable[_Union[Definition, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateVersionRequest(_message.Message):
    __slots__ = ("namespace", "workflow", "version", "state", "make_current", "force")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MAKE_CURRENT_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    workflow: str
    version: int
    state: VersionState
    make_current: bool
    force: bool
    def __init__(self, namespace: _Optional[str] = ..., workflow: _Optional[str] = ..., version: _Optional[int] = ..., state: _Optional[_Union[VersionState, str]] = ..., make_current: bool = ..., force: bool = ...) -> None: ...

class UpdateVersionResponse(_message.Message):
    __slots__ = ("definition", "paused_runs")
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    PAUSED_RUNS_FIELD_NUMBER: _ClassVar[int]
    definition: Definition
    paused_runs: int
    def __init__(self, definition: _Optional[_Union[Definition, _Mapping]] = ..., paused_runs: _Optional[int] = ...) -> None: ...
