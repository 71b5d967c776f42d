"""Derives the codec's functions: one encoder and one decoder for each pair of dataclass and
message.

What lives here: the comparison of the two sides, and the source text that follows from it. What may
be translated, and by which names, is in `codec`.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from treadle_server.engine.values import NO_METADATA

MAX_DEPTH: Final = 64
"""How deep a value may hold values of its own type (failures and their causes)."""

_ENVELOPE: Final = ("seq", "time")

_SCALARS: Final[Mapping[type, frozenset[int]]] = {
    str: frozenset({FieldDescriptor.TYPE_STRING}),
    bytes: frozenset({FieldDescriptor.TYPE_BYTES}),
    bool: frozenset({FieldDescriptor.TYPE_BOOL}),
    int: frozenset({FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64}),
    float: frozenset({FieldDescriptor.TYPE_DOUBLE}),
}

_CLOCKS: Final = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})


class CodecError(ValueError):
    """Bytes or a message that are not what this version writes, or a value that a message cannot
    hold."""


@dataclass(slots=True)
class Functions:
    """What was derived: `encode_X(value, message)` and `decode_X(message)` for each class, by class
    and by oneof name."""

    encoders: dict[type, Callable[..., None]]
    decoders: dict[type, Callable[[Any], Any]]
    event_decoders: dict[str, Callable[[Any], Any]]


def derive(
    values: Mapping[type, type[Message]], events: Iterable[type], event: type[Message]
) -> Functions:
    """Compares both sides and compiles the functions. Raises `TypeError` naming the first
    disagreement.

    An event class is written into the member of `event`'s oneof that has its name, beside `seq` and
    `time`.
    """
    descriptors = {cls: _descriptor(message) for cls, message in values.items()}
    kinds: dict[str, Any] = {
        member.message_type.name: member
        for member in cast(Any, _descriptor(event)).oneofs_by_name["kind"].fields
    }
    classes = {cls.__name__: cls for cls in events}
    if classes.keys() != kinds.keys():
        raise TypeError(f"events without a counterpart: {sorted(classes.keys() ^ kinds.keys())}")
    namespace: dict[str, Any] = {
        "NO_METADATA": NO_METADATA,
        "CodecError": CodecError,
        "enum_member": _enum_member,
    }
    lines: list[str] = []
    for cls, descriptor in descriptors.items():
        lines += _Pair(cls, descriptor, descriptors, namespace).source(member=None)
    for name, cls in classes.items():
        pair = _Pair(cls, kinds[name].message_type, descriptors, namespace)
        lines += pair.source(member=kinds[name].name)
    exec(compile("\n".join(lines), "<derived codec>", "exec"), namespace)
    every = [*values, *classes.values()]
    return Functions(
        encoders={cls: namespace[f"encode_{cls.__name__}"] for cls in every},
        decoders={cls: namespace[f"decode_{cls.__name__}"] for cls in every},
        event_decoders={kinds[name].name: namespace[f"decode_{name}"] for name in classes},
    )


class _Pair:
    """One dataclass with its message; writes the source of their two functions."""

    def __init__(
        self,
        cls: type,
        descriptor: Descriptor,
        values: Mapping[type, Descriptor],
        namespace: dict[str, Any],
    ) -> None:
        self._cls = cls
        self._descriptor = descriptor
        self._values = values
        self._namespace = namespace
        self._namespace[cls.__name__] = cls

    def source(self, *, member: str | None) -> list[str]:
        """Lines of `encode_X` and `decode_X`. `member`: the oneof's name of an event, None for
        other values."""
        hints = typing.get_type_hints(self._cls)
        names = [field.name for field in dataclasses.fields(self._cls)]
        if member is not None:
            names = [name for name in names if name not in _ENVELOPE]
        known = self._descriptor.fields_by_name
        if set(names) != set(known):
            odd = sorted(set(names) ^ set(known))
            raise TypeError(f"{self._cls.__name__}: fields without a counterpart: {odd}")
        encode: list[str] = []
        decode: list[str] = []
        for name in names:
            self._field(hints[name], known[name], encode, decode)
        keywords = [f"{name}={name}_" for name in names]
        if member is None:
            head = ["def {0}(v, m, depth=0):", "def {0}(m):"]
            # Present even if every field has its zero value.
            encode = ["m.SetInParent()", *encode]
        else:
            head = ["def {0}(v, e):", "def {0}(e):"]
            envelope = ["e.seq = v.seq", *_write_clock("v.time", "e.time")]
            encode = [*envelope, f"m = e.{member}", "m.SetInParent()", *encode]
            decode = [f"m = e.{member}", *decode, *_read_clock("time_", "e.time")]
            keywords = ["seq=e.seq", "time=time_", *keywords]
        name = self._cls.__name__
        return [
            head[0].format(f"encode_{name}"),
            *_indent(encode),
            head[1].format(f"decode_{name}"),
            *_indent(decode),
            f"    return {name}({', '.join(keywords)})",
        ]

    def _field(
        self, hint: Any, field: FieldDescriptor, encode: list[str], decode: list[str]
    ) -> None:
        """Appends the lines of one field: here what `T | None` means, in `_single` what `T`
        does."""
        where = f"{self._cls.__name__}.{field.name}"
        value, target, local = f"v.{field.name}", f"m.{field.name}", f"{field.name}_"
        inner = _without_none(hint)
        if inner is not None:
            if not field.has_presence:
                raise TypeError(f"{where} may be None, but its field in the message is always set")
            write, read = self._single(inner, field, "w", target, local)
            encode += [f"w = {value}", "if w is not None:", *_indent(write)]
            decode += [
                f"if m.HasField({field.name!r}):",
                *_indent(read),
                "else:",
                f"    {local} = None",
            ]
        elif typing.get_origin(hint) is tuple:
            item, ellipsis = typing.get_args(hint)
            if not field.is_repeated or ellipsis is not Ellipsis:
                raise TypeError(f"{where}: a tuple of any length and `repeated` go together")
            self._repeated(item, field, encode, decode)
        elif hint == Mapping[str, bytes] and _is_map_of_bytes(field):
            encode += [f"w = {value}", "if w:", f"    {target}.update(w)"]
            decode += [f"w = {target}", f"{local} = dict(w) if w else NO_METADATA"]
        elif field.containing_oneof is not None and hint is bool:
            # One of several choices: False means that this one was not chosen.
            encode += [f"if {value}:", f"    {target} = True"]
            decode.append(f"{local} = {target}")
        else:
            write, read = self._single(hint, field, value, target, local)
            if not field.has_presence and self._mostly_default(field.name):
                write = [f"if {value}:", *_indent(write)]  # what is not set is zero
            encode += write
            decode += read

    def _mostly_default(self, name: str) -> bool:
        """Whether a field has its type's zero value unless somebody says otherwise."""
        [default] = [one.default for one in dataclasses.fields(self._cls) if one.name == name]
        return default is not dataclasses.MISSING and not default

    def _single(
        self, hint: Any, field: FieldDescriptor, value: str, target: str, local: str
    ) -> tuple[list[str], list[str]]:
        """Lines that write `value` into `target`, and lines that read `target` into `local`."""
        where = f"{self._cls.__name__}.{field.name}"
        message = field.message_type
        if field.is_repeated or not isinstance(hint, type):
            raise TypeError(f"{where}: {hint} has no translation")
        if hint is int and message is not None and message.full_name in _CLOCKS:
            return _write_clock(value, target), _read_clock(local, target)
        if hint in self._values and message is self._values[hint]:
            depth = ""
            write = []
            if hint is self._cls:
                depth = ", depth + 1"
                write = [f"if depth >= {MAX_DEPTH}:", f"    raise CodecError({_too_deep(hint)!r})"]
            name = hint.__name__
            return (
                [*write, f"encode_{name}({value}, {target}{depth})"],
                [f"{local} = decode_{name}({target})"],
            )
        if issubclass(hint, enum.IntEnum) and field.enum_type is not None:
            _compare_enum(hint, field.enum_type)
            self._namespace[hint.__name__] = hint
            members = f"{hint.__name__}_members"
            self._namespace[members] = {member.value: member for member in hint}
            return (
                [f"{target} = {value}"],
                [
                    f"{local} = {members}.get({target})",
                    f"if {local} is None:",
                    f"    enum_member({hint.__name__}, {target})",
                ],
            )
        if field.type in _SCALARS.get(hint, ()):
            return [f"{target} = {value}"], [f"{local} = {target}"]
        raise TypeError(f"{where}: {hint.__name__} and its field in the message do not match")

    def _repeated(
        self, item: Any, field: FieldDescriptor, encode: list[str], decode: list[str]
    ) -> None:
        value, target, local = f"v.{field.name}", f"m.{field.name}", f"{field.name}_"
        if item in self._values and field.message_type is self._values[item]:
            name = item.__name__
            encode += [f"for w in {value}:", f"    encode_{name}(w, {target}.add())"]
            decode.append(f"{local} = tuple([decode_{name}(w) for w in {target}])")
        elif field.type in _SCALARS.get(item, ()):
            encode += [f"w = {value}", "if w:", f"    {target}.extend(w)"]
            decode.append(f"{local} = tuple({target})")
        else:
            raise TypeError(f"{self._cls.__name__}.{field.name}: items do not match")


def _descriptor(message: type[Message]) -> Descriptor:
    return cast(Descriptor, message.DESCRIPTOR)


def _without_none(hint: Any) -> Any:
    """`T` for `T | None`, else None."""
    if typing.get_origin(hint) not in (types.UnionType, typing.Union):
        return None
    kept = [part for part in typing.get_args(hint) if part is not type(None)]
    return kept[0] if len(kept) == 1 else None


def _write_clock(value: str, target: str) -> list[str]:
    return [
        f"t = {target}",
        f"t.seconds, n = divmod({value}, 1000000)",
        "t.nanos = n * 1000",
    ]


def _read_clock(local: str, target: str) -> list[str]:
    return [f"t = {target}", f"{local} = t.seconds * 1000000 + t.nanos // 1000"]


def _is_map_of_bytes(field: FieldDescriptor) -> bool:
    entry = field.message_type
    if entry is None or not entry.GetOptions().map_entry:
        return False
    parts = entry.fields_by_name
    return (parts["key"].type, parts["value"].type) == (
        FieldDescriptor.TYPE_STRING,
        FieldDescriptor.TYPE_BYTES,
    )


def _compare_enum(cls: type[enum.IntEnum], descriptor: EnumDescriptor) -> None:
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).upper() + "_"
    ours = {prefix + member.name: member.value for member in cls}
    theirs = {value.name: value.number for value in descriptor.values}
    if ours != theirs or cls.__name__ != descriptor.name:
        raise TypeError(f"{cls.__name__}: names or numbers differ from {descriptor.full_name}")


def _enum_member(cls: type[enum.IntEnum], number: int) -> None:
    raise CodecError(f"{number} is not a {cls.__name__} that this version of Treadle knows")


def _too_deep(cls: type) -> str:
    return f"a {cls.__name__} is nested deeper than {MAX_DEPTH}; shorten the chain of its causes"


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]
