"""What the value of an expression is made of, as far as its text tells: for checks before a run.

An outline says less than a plan and nothing of how the value is found. `path` is where in the
document the part stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True, frozen=True)
class KnownValue:
    """A constant."""

    value: object


@dataclass(slots=True, frozen=True)
class ReadValue:
    """What stands under a name, and there by these fields and indices."""

    name: str
    steps: tuple[str | int, ...]
    path: str


@dataclass(slots=True, frozen=True)
class ObjectValue:
    """An object with just these keys."""

    parts: Mapping[str, Outline]


@dataclass(slots=True, frozen=True)
class ListValue:
    """A list of just these elements."""

    parts: tuple[Outline, ...]


@dataclass(slots=True, frozen=True)
class ComputedValue:
    """A value of one of these JSON types, in the words of JSON Schema; none: nobody knows."""

    types: frozenset[str]


Outline: TypeAlias = KnownValue | ReadValue | ObjectValue | ListValue | ComputedValue

_JSON_TYPES = {
    "BOOL": "boolean",
    "INT": "integer",
    "UINT": "integer",
    "DOUBLE": "number",
    "STRING": "string",
    "LIST": "array",
    "MAP": "object",
    "NULL": "null",
}


def computed(result_type: str) -> ComputedValue:
    """The outline of what the library computes, by the static type that it names."""
    known = _JSON_TYPES.get(result_type.partition("<")[0])
    return ComputedValue(frozenset() if known is None else frozenset({known}))


_ALL_TYPES = frozenset({"null", "boolean", "number", "string", "array", "object"})


def may_give(outline: Outline, types: frozenset[str]) -> bool:
    """Whether a value may have one of these JSON types; whole numbers are numbers here."""
    match outline:
        case KnownValue(value):
            return json_type(value) in types
        case ObjectValue():
            return "object" in types
        case ListValue():
            return "array" in types
        case ComputedValue(known):
            found = frozenset("number" if word == "integer" else word for word in known)
            return not types.isdisjoint(found or _ALL_TYPES)
        case ReadValue():
            return True


def json_type(value: object) -> str:
    """The type of a JSON value; whole numbers are numbers."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
