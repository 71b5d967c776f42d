"""From an annotation to a function that checks a JSON value and builds what the annotation says.

Compiled once per activity, when it is defined; what cannot be read from JSON is refused then.
Members that an object has beyond those of its type are ignored, as the whole output of one
activity is often the input of the next. What is not here: JSON itself (`treadle.payload`).
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import datetime
import enum
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from treadle import payload
from treadle._types import hints, libraries
from treadle._types.hints import Member
from treadle._types.mismatch import Mismatch, member
from treadle._types.scalars import SCALARS, Converter
from treadle.errors import DefinitionError, PayloadError

_ARRAYS: Mapping[object, Callable[[Iterable[object]], object]] = {
    list: list,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    set: set,
    collections.abc.Set: frozenset,
    frozenset: frozenset,
}
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def compile_converter(
    annotation: object, cache: dict[object, Converter] | None = None
) -> Converter:
    """The converter of an annotation. Raises `DefinitionError` if JSON has no form of it.

    `cache` holds the classes that are being compiled, so that a type may contain itself.
    """
    cache = {} if cache is None else cache
    annotation = hints.unwrap(annotation)
    scalar = SCALARS.get(annotation)
    if scalar is not None:
        return scalar
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return _compile_class(annotation, cache)
    return _compile_generic(annotation, cache)


def compile_members(
    members: Sequence[Member], cache: dict[object, Converter] | None = None
) -> Callable[[object, str], dict[str, object]]:
    """A converter from an object to the values of its members, absent optional ones left out."""
    cache = {} if cache is None else cache
    compiled = [
        (m.name, compile_converter(m.annotation, cache), m.required, member("", m.name))
        for m in members
    ]

    def convert(value: object, path: str) -> dict[str, object]:
        if not isinstance(value, dict):
            raise Mismatch.expected(path, "an object", value)
        values: dict[str, object] = {}
        faults: list[tuple[str, str]] = []
        for name, convert_member, required, below in compiled:
            if name in value:
                try:
                    values[name] = convert_member(value[name], path + below)
                except Mismatch as mismatch:
                    faults += mismatch.faults
            elif required:
                faults.append((path + below, "is missing"))
        if faults:
            raise Mismatch(faults)
        return values

    return convert


def _compile_class(cls: type, cache: dict[object, Converter]) -> Converter:
    if cls in cache:
        return lambda value, path: cache[cls](value, path)
    cache[cls] = _unfinished
    if cls in _ARRAYS or cls in _OBJECTS or cls is tuple:
        converter = _compile_bare(cls)
    elif issubclass(cls, enum.Enum):
        converter = _enum(cls)
    elif hints.is_typed_dict(cls):
        converter = compile_members(hints.typed_dict_members(cls), cache)
    elif (of_library := libraries.converter(cls)) is not None:
        converter = of_library
    elif dataclasses.is_dataclass(cls):
        converter = _dataclass(cls, cache)
    else:
        raise DefinitionError(
            f"{hints.name_of(cls)} cannot be read from JSON; use a dataclass, a pydantic "
            "model, a msgspec Struct, a TypedDict or a type of JSON itself"
        )
    cache[cls] = converter
    return converter


def _unfinished(value: object, path: str) -> object:
    raise AssertionError("a converter was used before it was compiled")


def _compile_bare(cls: type) -> Converter:
    if cls in _OBJECTS:
        return _object(SCALARS[object])
    return _array(SCALARS[object], _ARRAYS.get(cls, tuple))


def _compile_generic(annotation: object, cache: dict[object, Converter]) -> Converter:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if hints.is_union(origin):
        return _union(annotation, arguments, cache)
    if hints.is_literal(origin):
        return _literal(arguments)
    if isinstance(origin, type) and not arguments:  # typing.List without its item
        return _compile_class(origin, cache)
    if origin in _ARRAYS:
        return _array(compile_converter(arguments[0], cache), _ARRAYS[origin])
    if origin in _OBJECTS:
        if hints.unwrap(arguments[0]) not in (str, object):
            raise DefinitionError(f"{annotation}: the keys of a JSON object are strings")
        return _object(compile_converter(arguments[1], cache))
    if origin is tuple:
        return _tuple(arguments, cache)
    raise DefinitionError(f"{hints.name_of(annotation)} cannot be read from JSON")


def _array(item: Converter, build: Callable[[Iterable[object]], object]) -> Converter:
    def convert(value: object, path: str) -> object:
        if not isinstance(value, list):
            raise Mismatch.expected(path, "an array", value)
        items = [item(entry, f"{path}[{index}]") for index, entry in enumerate(value)]
        try:
            return build(items)
        except TypeError as error:  # unhashable items of a set
            raise Mismatch.at(path, str(error)) from None

    return convert


def _tuple(arguments: tuple[object, ...], cache: dict[object, Converter]) -> Converter:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _array(compile_converter(arguments[0], cache), tuple)
    items = [compile_converter(argument, cache) for argument in arguments]

    def convert(value: object, path: str) -> object:
        if not isinstance(value, list) or len(value) != len(items):
            raise Mismatch.expected(path, f"an array of {len(items)}", value)
        pairs = zip(items, value, strict=True)
        return tuple(item(v, f"{path}[{index}]") for index, (item, v) in enumerate(pairs))

    return convert


def _object(item: Converter) -> Converter:
    def convert(value: object, path: str) -> object:
        if not isinstance(value, dict):
            raise Mismatch.expected(path, "an object", value)
        return {key: item(entry, member(path, key)) for key, entry in value.items()}

    return convert


def _literal(allowed: tuple[object, ...]) -> Converter:
    # By what JSON has for them: 1 == True == 1.0 in Python, but not there.
    written = {payload.encode_json(one): one for one in allowed}
    what = "one of " + ", ".join(repr(payload.decode_json(text)) for text in written)

    def convert(value: object, path: str) -> object:
        if type(value) is float and value.is_integer():
            value = int(value)  # as of an integer
        text = payload.encode_json(value)
        if text not in written:
            raise Mismatch.expected(path, what, value)
        return written[text]

    return convert


def _enum(cls: type[enum.Enum]) -> Converter:
    what = "one of " + ", ".join(repr(entry.value) for entry in cls)
    # Values such as tuples and dates look otherwise in JSON; and True is not 1 there.
    written: dict[bytes, enum.Enum] = {}
    for entry in cls:
        with contextlib.suppress(PayloadError):
            written[payload.encode_json(entry)] = entry

    def convert(value: object, path: str) -> object:
        with contextlib.suppress(ValueError, *_OF_MISSING):
            named = cls(value)
            if not isinstance(value, bool) and not isinstance(named.value, bool):
                return named
        found = written.get(payload.encode_json(value))
        if found is None:
            raise Mismatch.expected(path, what, value)
        return found

    return convert


_OF_MISSING = (TypeError, KeyError, AttributeError)
"""What an enum's own `_missing_` raises of values that it does not expect."""


def _union(
    annotation: object, arguments: tuple[object, ...], cache: dict[object, Converter]
) -> Converter:
    options = [(hints.unwrap(a), compile_converter(a, cache)) for a in arguments]
    others = [one for one in options if one[0] is not type(None)]
    # A date's text can be read as a time, and not the other way round.
    others.sort(key=lambda one: one[0] is datetime.datetime)
    what = hints.name_of(annotation)

    def convert(value: object, path: str) -> object:
        # First the option of exactly this type, so that `float | int` keeps 3 an integer.
        for option, converter in options:
            if type(value) is option:
                return converter(value, path)
        if len(others) == 1:
            return others[0][1](value, path)
        fitting = list(_fitting(others, value, path))
        if not fitting:
            raise Mismatch.expected(path, what, value)
        return min(fitting, key=lambda one: one[0])[1]

    return convert


def _fitting(
    options: Sequence[tuple[object, Converter]], value: object, path: str
) -> Iterator[tuple[int, object]]:
    """What a value can be read as, with how many of its members that passes over: of two classes
    the one is meant that knows more of them. Whatever is no class of members counts if nothing
    before it fits.
    """
    found = False
    for option, converter in options:
        names = hints.member_names(option) if isinstance(value, dict) else None
        if names is None and found:
            continue
        try:
            read = converter(value, path)
        except Mismatch:
            continue
        found = True
        yield len(value.keys() - names) if isinstance(value, dict) and names else 0, read
        if names is None:
            return


def _dataclass(cls: type, cache: dict[object, Converter]) -> Converter:
    convert_members = compile_members(hints.dataclass_members(cls), cache)

    def convert(value: object, path: str) -> object:
        values = convert_members(value, path)
        try:
            return cls(**values)
        except (ValueError, TypeError) as error:  # what __post_init__ refuses
            raise Mismatch.at(path, str(error)) from error

    return convert
