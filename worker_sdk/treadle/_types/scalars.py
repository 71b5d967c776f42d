"""Converters of the types whose JSON form is one string or number."""

from __future__ import annotations

import base64
import datetime
import decimal
import uuid
from collections.abc import Callable

from treadle._types.mismatch import Mismatch

Converter = Callable[[object, str], object]
"""Takes a JSON value and its path; returns what the annotation says or raises `Mismatch`."""


def anything(value: object, path: str) -> object:
    return value


def null(value: object, path: str) -> None:
    if value is not None:
        raise Mismatch.expected(path, "null", value)


def string(value: object, path: str) -> str:
    if type(value) is not str:
        raise Mismatch.expected(path, "a string", value)
    return value


def boolean(value: object, path: str) -> bool:
    if type(value) is not bool:
        raise Mismatch.expected(path, "a boolean", value)
    return value


def integer(value: object, path: str) -> int:
    if type(value) is int:
        return value
    # JSON has one kind of number: 3.0 is what an expression with a division in it makes of 3.
    if type(value) is float and value.is_integer():
        return int(value)
    raise Mismatch.expected(path, "an integer", value)


def number(value: object, path: str) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise Mismatch.expected(path, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise Mismatch.expected(path, "a number that fits a float", value) from None


def binary(value: object, path: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(string(value, path), validate=True)
    except ValueError:
        raise Mismatch.expected(path, "bytes as base64 text", value) from None


def exact_decimal(value: object, path: str) -> decimal.Decimal:
    if type(value) is int:
        return decimal.Decimal(value)
    # A float has already lost what a Decimal is chosen to keep; its shortest text is what was sent.
    text = repr(value) if type(value) is float else string(value, path)
    try:
        result = decimal.Decimal(text)
    except decimal.InvalidOperation:
        raise Mismatch.expected(path, "a decimal number as text", value) from None
    if not result.is_finite():
        raise Mismatch.expected(path, "a finite decimal number", value)
    return result


def _parsed(parse: Callable[[str], object], what: str) -> Converter:
    def convert(value: object, path: str) -> object:
        try:
            return parse(string(value, path))
        except ValueError:
            raise Mismatch.expected(path, what, value) from None

    return convert


SCALARS: dict[object, Converter] = {
    object: anything,
    None: null,
    type(None): null,
    str: string,
    bool: boolean,
    int: integer,
    float: number,
    bytes: binary,
    decimal.Decimal: exact_decimal,
    uuid.UUID: _parsed(uuid.UUID, "a UUID"),
    datetime.datetime: _parsed(datetime.datetime.fromisoformat, "a date and time in ISO 8601"),
    datetime.date: _parsed(datetime.date.fromisoformat, "a date in ISO 8601"),
    datetime.time: _parsed(datetime.time.fromisoformat, "a time in ISO 8601"),
}
