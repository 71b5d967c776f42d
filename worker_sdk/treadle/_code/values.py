"""Journaled values, read as what the code says they are; copies of what steps are called with."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from treadle import payload
from treadle._types import conversion
from treadle._types.hints import MISSING
from treadle.v1 import payload_pb2

_Value = TypeVar("_Value")

_ATOMS = frozenset({str, int, float, bool, bytes, type(None)})

_PLAIN = (MISSING, None, type(None), Any, object)


def read_as(annotation: Any, written: payload_pb2.Payload, what: str) -> Any:
    """A value of the annotated type, or as it is without one. Members that are missing get their
    defaults, unknown ones are passed over. Raises `treadle._types.mismatch.Mismatch`.
    """
    value = payload.decode(written)
    if any(annotation is plain for plain in _PLAIN):
        return value
    return _converter(annotation)(value, what)


def _converter(annotation: Any) -> Callable[[object, str], Any]:
    try:
        return _remembered(annotation)
    except TypeError:  # an annotation that cannot be hashed
        return conversion.compile_converter(annotation)


@functools.lru_cache(maxsize=10_000)
def _remembered(annotation: Any) -> Callable[[object, str], Any]:
    return conversion.compile_converter(annotation)


def copied(value: _Value) -> _Value:
    """A copy as `copy.deepcopy` makes it; of what JSON has, as nearly all values are, in less
    than half of the time.
    """
    try:
        made: _Value = _copied(value, {})
    except _Other:
        made = copy.deepcopy(value)
    return made


class _Other(Exception):
    """Something that JSON does not have."""


def _copied(value: Any, made: dict[int, Any]) -> Any:
    """`made`: copies by the id of what they are of. What is there twice stays one thing."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if id(value) in made:
        return made[id(value)]
    new: Any
    if kind is dict:
        new = made[id(value)] = {}
        for key, entry in value.items():
            new[_copied(key, made)] = _copied(entry, made)
    elif kind is list:
        new = made[id(value)] = []
        for entry in value:
            new.append(_copied(entry, made))
    elif kind is tuple:
        new = made[id(value)] = tuple([_copied(entry, made) for entry in value])
    else:
        raise _Other
    return new
