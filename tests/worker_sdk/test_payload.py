"""Values as bytes and back."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import uuid
from types import MappingProxyType
from typing import Any

import pytest

from treadle import payload
from treadle.errors import PayloadError
from treadle.v1 import payload_pb2


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: object = None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ({"a": [1, 2.5, True, "ü"]}, '{"a":[1,2.5,true,"ü"]}'),
        ((1, 2), "[1,2]"),
        ({1}, "[1]"),
        (Point(1, Point(2)), '{"x":1,"y":{"x":2,"y":null}}'),
        (Level.LOW, "1"),
        (uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (decimal.Decimal("1.10"), '"1.10"'),
        (datetime.datetime(2031, 5, 6, tzinfo=datetime.UTC), '"2031-05-06T00:00:00+00:00"'),
        (datetime.date(2031, 5, 6), '"2031-05-06"'),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        ({"raw": b"\x00\xff"}, '{"raw":"AP8="}'),
    ],
    ids=repr,
)
def test_written_as_json(value: object, text: str) -> None:
    written = payload.encode(value)
    assert written.data.decode() == text
    assert not written.metadata


@pytest.mark.parametrize("value", [b"\x00\xff", bytearray(b"ab"), memoryview(b"c")])
def test_bytes_travel_as_they_are(value: Any) -> None:
    written = payload.encode(value)
    assert written.metadata["encoding"] == b"binary/plain"
    assert payload.decode(written) == bytes(value)


def test_a_payload_is_passed_on() -> None:
    given = payload_pb2.Payload(metadata={"encoding": b"mine"}, data=b"x")
    assert payload.encode(given) is given


def test_null_has_several_forms() -> None:
    null = payload_pb2.Payload(metadata={"encoding": b"binary/null"})
    for message in (payload_pb2.Payload(), payload.encode(None), null):
        assert payload.decode(message) is None
        assert payload.is_null(message)
    assert not payload.is_null(payload.encode(0))


def test_recursion_is_an_error_of_the_caller() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(PayloadError, match="cannot be written as JSON"):
        payload.encode(endless)


@pytest.mark.parametrize(
    "data", [b"{", b"NaN", b"-Infinity", '"ü"'.encode("latin-1"), "1".encode("utf-16"), b"[" * 9999]
)
def test_what_is_not_json_in_utf_8_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(PayloadError, match="not JSON"):
        payload.decode(payload_pb2.Payload(data=data))


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (payload_pb2.Payload(data=b"[1]"), [1]),
        (payload_pb2.Payload(data=b"["), payload_pb2.Payload(data=b"[")),
        (
            payload_pb2.Payload(metadata={"encoding": b"binary/sealed"}),
            payload_pb2.Payload(metadata={"encoding": b"binary/sealed"}),
        ),
    ],
)
def test_what_is_only_looked_at_may_stay_unread(message: payload_pb2.Payload, read: object) -> None:
    assert payload.decode_if_known(message) == read
