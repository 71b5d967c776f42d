"""What a request may hold: names, sizes, counts, durations. A fault names its field and says what
would be right.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import unicodedata
import uuid
import zlib
from collections.abc import Iterable
from typing import Any

from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from treadle.v1 import payload_pb2
from treadle_server.api.errors import invalid
from treadle_server.definitions.document import MAX_DURATION
from treadle_server.engine.values import Duration, Instant, MemoryOperation, Payload
from treadle_server.journal.codec import memory_operation_from_message, payload_from_message

_LAST_SECONDS = {2200: 7_258_118_400, 9999: 253_402_300_799}
DEFAULT_NAMESPACE = "default"
MAX_ID_BYTES = 1_000
MAX_REQUEST_ID_BYTES = 200
MAX_PAYLOAD_BYTES = 2 << 20
MAX_METADATA_BYTES = 4_096
MAX_METADATA_KEYS = 16
MAX_DOCUMENT_BYTES = 64 << 20
MAX_BATCH = 1_000
MAX_PAGE = 1_000
DEFAULT_PAGE = 100

_plain: Any = MessageToDict
"""Its type says that it gives a dict, and compiled code holds it to that; of a `Value` that is a
string or a number it gives just that.
"""

_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def namespace(value: str) -> str:
    """`default` if empty."""
    if not value:
        return DEFAULT_NAMESPACE
    if not _NAMESPACE.fullmatch(value):
        raise invalid(
            "namespace",
            "has 1 to 100 letters, digits, `_`, `.` or `-`, beginning with a letter or digit",
        )
    return value


def identifier(field: str, value: str, *, limit: int = MAX_ID_BYTES, required: bool = False) -> str:
    """An id of the caller: byte for byte as given; no control or format characters, no outer
    spaces.
    """
    if not value:
        if required:
            raise invalid(field, "is missing")
        return value
    plain = value.isascii() and value.isprintable()
    if (len(value) if plain else len(value.encode())) > limit:
        raise invalid(field, f"is longer than {limit} bytes")
    if value != value.strip() or not (
        plain or all(unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in value)
    ):
        raise invalid(field, "must not have control characters, nor spaces at its ends")
    return value


def run_id(field: str, value: str, *, required: bool = False) -> bytes:
    """A run id as 16 bytes; empty stays empty, unless it is required."""
    if not value and not required:
        return b""
    try:
        return uuid.UUID(value).bytes
    except ValueError:
        raise invalid(field, f"is no run id: {value[:80]!r}; a run id is a UUID") from None


def enum_value(field: str, message: Any, name: str) -> int:
    """The number of an enum field, known to us."""
    number: int = getattr(message, name)
    if number not in message.DESCRIPTOR.fields_by_name[name].enum_type.values_by_number:
        raise invalid(field, f"has no value {number}")
    return number


def count(field: str, value: int, *, low: int, high: int) -> int:
    """A count within bounds."""
    if not low <= value <= high:
        raise invalid(field, f"must be from {low} to {high}, is {value}")
    return value


def batch(field: str, items: Any) -> Any:
    """At most 1,000 items."""
    if len(items) > MAX_BATCH:
        raise invalid(field, f"has {len(items)} items; at most {MAX_BATCH} are possible")
    return items


def page_size(value: int) -> int:
    """100 if 0; clamped to 1,000."""
    if value < 0:
        raise invalid("page_size", f"cannot be negative, is {value}")
    return min(value or DEFAULT_PAGE, MAX_PAGE)


def duration(field: str, message: DurationMessage) -> Duration:
    """Microseconds, more than 0 and at most 100 years."""
    if not 0 <= message.nanos <= 999_999_999:
        raise invalid(field, "has nanos out of range")
    microseconds = message.seconds * 1_000_000 + message.nanos // 1_000
    if not 0 < microseconds <= MAX_DURATION:
        raise invalid(field, "must be more than 0 and at most 100 years")
    return microseconds


def instant(field: str, message: Timestamp, *, last_year: int = 2200) -> Instant:
    """Microseconds since the epoch, from 1970 to 2200, or to 9999, the last year of a timestamp."""
    in_time = 0 <= message.seconds <= _LAST_SECONDS[last_year]
    if not (in_time and 0 <= message.nanos <= 999_999_999):
        raise invalid(field, f"must be a time between 1970 and {last_year}")
    return message.seconds * 1_000_000 + message.nanos // 1_000


def payload(field: str, message: payload_pb2.Payload) -> Payload:
    """A payload within its limits."""
    _must_fit(field, message.data)
    if metadata := message.metadata:
        size = sum(len(key) + len(value) for key, value in metadata.items())
        if len(metadata) > MAX_METADATA_KEYS or size > MAX_METADATA_BYTES:
            raise invalid(
                f"{field}.metadata",
                f"has more than {MAX_METADATA_KEYS} keys or {MAX_METADATA_BYTES} bytes",
            )
    return payload_from_message(message)


def json_payload(field: str, value: Value) -> Payload:
    """Plain JSON as a payload, which has the same limits."""
    data = json.dumps(plain_value(field, value)).encode()
    _must_fit(field, data)
    return Payload(data)


def _must_fit(field: str, data: bytes) -> None:
    if len(data) > MAX_PAYLOAD_BYTES:
        raise invalid(field, f"has {len(data)} bytes; at most {MAX_PAYLOAD_BYTES} are possible")


def memory_operations(
    field: str, messages: Iterable[payload_pb2.MemoryOperation]
) -> tuple[MemoryOperation, ...]:
    """What an attempt writes into its run's memory."""
    for message in batch(field, messages):
        identifier(f"{field}.key", message.key, limit=200, required=True)
        match message.WhichOneof("operation"):
            case "set":
                payload(f"{field}.set", message.set)
            case "compare_and_set":
                payload(f"{field}.compare_and_set.expected", message.compare_and_set.expected)
                payload(f"{field}.compare_and_set.value", message.compare_and_set.value)
            case None:
                raise invalid(field, "has an operation that does nothing")
    return tuple([memory_operation_from_message(message) for message in messages])


def plain_value(field: str, value: Value | Struct) -> Any:
    """JSON as Python has it; whole numbers, which the message turned into doubles, are whole
    again.
    """
    try:
        return whole_numbers(_plain(value))
    except ValueError:
        raise invalid(field, "holds NaN or an infinity, which are not JSON") from None


def whole_numbers(value: Any) -> Any:
    """Doubles without a fraction become ints, at any depth."""
    match value:
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case dict():
            return {key: whole_numbers(part) for key, part in value.items()}
        case list():
            return [whole_numbers(part) for part in value]
        case _:
            return value


def unpack(data: bytes) -> bytes:
    """Gzip, unpacked within bounds: a bomb is noticed before it is unpacked."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            text = stream.read(MAX_DOCUMENT_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise invalid("gzip_json", f"cannot be unpacked: {error}") from None
    if len(text) > MAX_DOCUMENT_BYTES:
        raise invalid("gzip_json", f"is larger than {MAX_DOCUMENT_BYTES} bytes unpacked")
    return text


def tokens(field: str, values: Iterable[bytes]) -> list[bytes]:
    """Task tokens of a plausible size."""
    found = list(values)
    if any(not 0 < len(token) <= 2_048 for token in found):
        raise invalid(field, "holds something that is no task token")
    return found
