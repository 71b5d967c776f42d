"""Values as bytes and back: what a `treadle.v1.Payload` holds.

JSON is the default (`json/plain`); `bytes` travel as they are (`binary/plain`). What is not here:
checking a value against a type (`_types`).

JSON is written by the standard library even where a faster one is installed: what a value looks
like must not depend on what else is in the environment.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import sys
import uuid
from collections.abc import Mapping, Set

from treadle.errors import PayloadError
from treadle.v1 import payload_pb2

ENCODING = "encoding"
JSON = b"json/plain"
BINARY = b"binary/plain"
NULL = b"binary/null"

MAX_BYTES = 2 * 1024 * 1024
"""The largest value the contract allows."""


def encode(value: object) -> payload_pb2.Payload:
    """Writes a value. Raises `PayloadError` if it cannot be written or is larger than 2 MiB."""
    if isinstance(value, payload_pb2.Payload):
        written = value
    elif isinstance(value, (bytes, bytearray, memoryview)):
        written = payload_pb2.Payload(metadata={ENCODING: BINARY}, data=bytes(value))
    else:
        written = payload_pb2.Payload(data=encode_json(value))
    if len(written.data) > MAX_BYTES:
        raise PayloadError(
            f"the value is {len(written.data):,} bytes long; at most {MAX_BYTES:,} are allowed. "
            "Store large values elsewhere and pass a reference."
        )
    return written


def encode_json(value: object) -> bytes:
    """Writes a value as JSON text in UTF-8.

    Beside JSON's own types: dataclasses, pydantic models and msgspec structs become objects, enums
    their value, datetime, date and time ISO 8601 text, UUID and Decimal text, sets arrays, bytes
    inside a value base64 text. Raises `PayloadError` for anything else, and for NaN and infinities,
    which JSON does not have.
    """
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"the value cannot be written as JSON: {error}") from error


def decode(message: payload_pb2.Payload) -> object:
    """Reads a value; an empty payload is None. Raises `PayloadError`."""
    if is_json(message):
        return decode_json(message.data) if message.data else None
    encoding = message.metadata[ENCODING]
    if encoding == BINARY:
        return message.data
    if encoding == NULL:
        return None
    raise PayloadError(
        f"the payload's encoding {encoding.decode(errors='replace')!r} is not known here; "
        "known are json/plain, binary/plain and binary/null"
    )


def decode_if_known(message: payload_pb2.Payload) -> object:
    """Reads a value that is only looked at: what cannot be read stays the message that it is."""
    try:
        return decode(message)
    except PayloadError:
        return message


def is_json(message: payload_pb2.Payload) -> bool:
    """Whether `data` is JSON text."""
    return not message.metadata or message.metadata.get(ENCODING, JSON) == JSON


def is_null(message: payload_pb2.Payload) -> bool:
    """Whether the value is None: absent, empty or null."""
    if is_json(message):
        return message.data in (b"", b"null")
    return message.metadata[ENCODING] == NULL


def decode_json(data: bytes) -> object:
    """Reads JSON text in UTF-8. Raises `PayloadError`."""
    try:
        return _DECODER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"the payload is not JSON: {error}") from error


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def plain(value: object) -> object:
    """One step from a value that JSON does not have towards one it does: for `json.dumps`. Raises
    `TypeError` for a value that has no form in JSON.
    """
    return _to_json(value)


def _to_json(value: object) -> object:
    """One step from a value json does not know towards one it does."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    return _model_to_json(value)


def _model_to_json(value: object) -> object:
    # A value can only be of a library's class if that library has been imported.
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    msgspec = sys.modules.get("msgspec")
    if msgspec is not None and isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} has no form in JSON")


# `json.dumps` and `json.loads` would make a new one for each value, for these options.
_ENCODER = json.JSONEncoder(
    default=_to_json, ensure_ascii=False, allow_nan=False, separators=(",", ":")
)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
