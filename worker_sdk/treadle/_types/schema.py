"""JSON Schema (2020-12) of annotations, for the `activities` section of a document.

Objects are open, as conversion ignores members it does not know. Classes are described once, under
`$defs`, so that a type may contain itself.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import datetime
import decimal
import enum
import typing
import uuid
from collections.abc import Sequence

from treadle import payload
from treadle._types import hints, libraries
from treadle._types.hints import MISSING, Member
from treadle.errors import DefinitionError, PayloadError

Schema = dict[str, object]

_SCALARS: dict[object, Schema] = {
    object: {},
    None: {"type": "null"},
    type(None): {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    decimal.Decimal: {"type": ["string", "number"]},
    uuid.UUID: {"type": "string", "format": "uuid"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
}
_SETS = (set, frozenset, collections.abc.Set)
_ARRAYS = (
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def of_annotation(annotation: object) -> Schema:
    """JSON Schema of an annotation. Raises `DefinitionError` if JSON has no form of it."""
    writer = _Writer()
    return writer.finish(writer.write(annotation))


def of_members(members: Sequence[Member]) -> Schema:
    """JSON Schema of an object with these members."""
    writer = _Writer()
    return writer.finish(writer.write_members(members))


class _Writer:
    """Writes one schema; collects the classes that it refers to."""

    def __init__(self) -> None:
        self._definitions: Schema = {}
        self._names: dict[type, str] = {}

    def finish(self, schema: Schema) -> Schema:
        return {**schema, "$defs": self._definitions} if self._definitions else schema

    def write(self, annotation: object) -> Schema:
        annotation = hints.unwrap(annotation)
        if annotation in _SCALARS:
            return dict(_SCALARS[annotation])
        if isinstance(annotation, type) and typing.get_origin(annotation) is None:
            return self._write_class(annotation)
        return self._write_generic(annotation)

    def write_members(self, members: Sequence[Member]) -> Schema:
        schema: Schema = {
            "type": "object",
            "properties": {m.name: self._write_member(m) for m in members},
        }
        if required := [m.name for m in members if m.required]:
            schema["required"] = required
        return schema

    def _write_member(self, described: Member) -> Schema:
        schema = self.write(described.annotation)
        if described.default is not MISSING:
            # A default that JSON cannot write is only missing from the description.
            with contextlib.suppress(PayloadError):
                schema["default"] = _written(described.default)
        return schema

    def _write_class(self, cls: type) -> Schema:
        if cls in _SETS:
            return {"type": "array", "uniqueItems": True}
        if cls in _ARRAYS or cls is tuple:
            return {"type": "array"}
        if cls in _OBJECTS:
            return {"type": "object"}
        if issubclass(cls, enum.Enum):
            return {"enum": [_written(entry) for entry in cls]}
        if cls not in self._names:
            name = self._name(cls)
            self._names[cls] = name
            self._definitions[name] = self._describe(cls, name)
        return {"$ref": f"#/$defs/{self._names[cls]}"}

    def _name(self, cls: type) -> str:
        taken = set(self._names.values())
        return cls.__name__ if cls.__name__ not in taken else f"{cls.__module__}.{cls.__qualname__}"

    def _describe(self, cls: type, name: str) -> Schema:
        if hints.is_typed_dict(cls):
            return self.write_members(hints.typed_dict_members(cls))
        if (of_library := libraries.schema(cls, name)) is not None:
            schema, components = of_library
            self._definitions.update(components)
            return schema
        if dataclasses.is_dataclass(cls):
            return self.write_members(hints.dataclass_members(cls))
        raise DefinitionError(f"{hints.name_of(cls)} cannot be described as JSON Schema")

    def _write_generic(self, annotation: object) -> Schema:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if isinstance(origin, type) and not arguments:  # typing.List without its item
            return self._write_class(origin)
        if hints.is_union(origin):
            return {"anyOf": [self.write(argument) for argument in arguments]}
        if hints.is_literal(origin):
            return {"enum": [_written(argument) for argument in arguments]}
        if origin in _SETS:
            return {"type": "array", "items": self.write(arguments[0]), "uniqueItems": True}
        if origin in _ARRAYS or (origin is tuple and arguments[1:] == (Ellipsis,)):
            return {"type": "array", "items": self.write(arguments[0])}
        if origin is tuple:
            return {
                "type": "array",
                "prefixItems": [self.write(argument) for argument in arguments],
                "minItems": len(arguments),
                "maxItems": len(arguments),
            }
        if origin in _OBJECTS:
            return {"type": "object", "additionalProperties": self.write(arguments[1])}
        raise DefinitionError(f"{hints.name_of(annotation)} cannot be described as JSON Schema")


def _written(value: object) -> object:
    """A value as JSON has it."""
    return payload.decode_json(payload.encode_json(value))
