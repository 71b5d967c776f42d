"""Journaled values, read as what the code says they are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from treadle import payload
from treadle._types import conversion
from treadle._types.hints import MISSING
from treadle.v1 import payload_pb2

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
