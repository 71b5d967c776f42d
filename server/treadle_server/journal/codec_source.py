"""Derives the codec's functions: one encoder and one decoder for each pair of dataclass and
message.

What lives here: the comparison of the two sides, and the source text that follows from it. What may
be translated, and by which names, is in `codec`; what fields look like as bytes is in `wire`.

An encoder is one expression that joins the pieces of a message, in the order of their numbers as
protobuf has it; a decoder reads a message.
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
from treadle_server.journal import wire

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
    """What was derived: `encode_X(value)`, which gives the bytes of a message, and
    `decode_X(message)` for each class, by class and by oneof name."""

    encoders: dict[type, Callable[..., bytes]]
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
        "join": b"".join,
        "wire": wire,
        "framed": wire.framed,
        "lengths": wire.LENGTHS,
        "clocks": wire.CLOCKS,
    }
    lines: list[str] = []
    for cls, descriptor in descriptors.items():
        lines += _Pair(cls, descriptor, descriptors, namespace).source(member=None)
    for name, cls in classes.items():
        pair = _Pair(cls, kinds[name].message_type, descriptors, namespace)
        lines += pair.source(member=kinds[name])
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
        self._holds_its_own = False

    def source(self, *, member: FieldDescriptor | None) -> list[str]:
        """Lines of `encode_X` and `decode_X`. `member`: that of an event in the oneof, None for
        other values."""
        hints = typing.get_type_hints(self._cls)
        names = [field.name for field in dataclasses.fields(self._cls)]
        if member is not None:
            names = [name for name in names if name not in _ENVELOPE]
        known = self._descriptor.fields_by_name
        if set(names) != set(known):
            odd = sorted(set(names) ^ set(known))
            raise TypeError(f"{self._cls.__name__}: fields without a counterpart: {odd}")
        pieces: list[tuple[int, str]] = []
        decode: list[str] = []
        for name in names:
            self._field(hints[name], known[name], pieces, decode)
        joined = f"join(({''.join(f'{piece}, ' for _, piece in sorted(pieces))}))"
        keywords = [f"{name}={name}_" for name in names]
        if member is None:
            depth = ", depth=0" if self._holds_its_own else ""
            head = [f"def {{0}}(v{depth}):", "def {0}(m):"]
            encode = [*self._limit(), f"return {joined}"]
        else:
            head = ["def {0}(v):", "def {0}(e):"]
            encode = [f"m = {joined}", f"return {self._envelope(member)}"]
            decode = [f"m = e.{member.name}", *decode, *_read_clock("time_", "e.time")]
            keywords = ["seq=e.seq", "time=time_", *keywords]
        name = self._cls.__name__
        return [
            head[0].format(f"encode_{name}"),
            *_indent(encode),
            head[1].format(f"decode_{name}"),
            *_indent(decode),
            f"    return {name}({', '.join(keywords)})",
        ]

    def _limit(self) -> list[str]:
        """Lines that refuse a value that holds too many of its own type."""
        if not self._holds_its_own:
            return []
        return [f"if depth > {MAX_DEPTH}:", f"    raise CodecError({_too_deep(self._cls)!r})"]

    def _envelope(self, member: FieldDescriptor) -> str:
        """The bytes of an event whose own message is `m`."""
        known = cast(Any, member.containing_type).fields_by_name
        numbers = [known[name].number for name in (*_ENVELOPE, member.name)]
        if numbers != sorted(numbers):
            raise TypeError(f"{member.name}: an event begins with its seq and its time")
        seq = self._kept("Numbers", known["seq"], 64, always=False)
        time = f"{_tag(known['time'])}, clocks[v.time]"
        return f"join(({seq}[v.seq], {time}, {_tag(member)}, lengths[len(m)], m))"

    def _field(
        self,
        hint: Any,
        field: FieldDescriptor,
        pieces: list[tuple[int, str]],
        decode: list[str],
    ) -> None:
        """Appends the piece and the lines of one field: here what `T | None` means, in `_single`
        what `T` does."""
        where = f"{self._cls.__name__}.{field.name}"
        value, target, local = f"v.{field.name}", f"m.{field.name}", f"{field.name}_"
        inner = _without_none(hint)
        if inner is not None:
            if not field.has_presence:
                raise TypeError(f"{where} may be None, but its field in the message is always set")
            write, read = self._single(inner, field, "o", target, local)
            write = f"({write} if (o := {value}) is not None else b'')"
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
            write, read = self._repeated(item, field)
            write = f"({write} if (o := {value}) else b'')"
            decode += read
        elif hint == Mapping[str, bytes] and _is_map_of_bytes(field):
            write = f"(wire.entries({_tag(field)}, o) if (o := {value}) else b'')"
            decode += [f"w = {target}", f"{local} = dict(w) if w else NO_METADATA"]
        elif field.containing_oneof is not None and hint is bool:
            # One of several choices: False means that this one was not chosen.
            write = f"({_flag(field, 1)} if {value} else b'')"
            decode.append(f"{local} = {target}")
        else:
            write, read = self._single(hint, field, value, target, local)
            decode += read
        pieces.append((field.number, write))

    def _single(
        self, hint: Any, field: FieldDescriptor, value: str, target: str, local: str
    ) -> tuple[str, list[str]]:
        """An expression for the piece of `value`, and lines that read `target` into `local`."""
        where = f"{self._cls.__name__}.{field.name}"
        message = field.message_type
        if field.is_repeated or not isinstance(hint, type):
            raise TypeError(f"{where}: {hint} has no translation")
        if hint is int and message is not None and message.full_name in _CLOCKS:
            return f"{_tag(field)} + clocks[{value}]", _read_clock(local, target)
        if hint in self._values and message is self._values[hint]:
            depth = ""
            if hint is self._cls:
                depth, self._holds_its_own = ", depth + 1", True
            name = hint.__name__
            return (
                f"framed({_tag(field)}, encode_{name}({value}{depth}))",
                [f"{local} = decode_{name}({target})"],
            )
        if issubclass(hint, enum.IntEnum) and field.enum_type is not None:
            _compare_enum(hint, field.enum_type)
            self._namespace[hint.__name__] = hint
            members = f"{hint.__name__}_members"
            self._namespace[members] = {member.value: member for member in hint}
            return (
                f"{self._kept('Numbers', field, 32, always=field.has_presence)}[{value}]",
                [
                    f"{local} = {members}.get({target})",
                    f"if {local} is None:",
                    f"    enum_member({hint.__name__}, {target})",
                ],
            )
        if field.type in _SCALARS.get(hint, ()):
            return self._scalar(field, value), [f"{local} = {target}"]
        raise TypeError(f"{where}: {hint.__name__} and its field in the message do not match")

    def _scalar(self, field: FieldDescriptor, value: str) -> str:
        """An expression for the piece of a scalar field."""
        always = field.has_presence
        match field.type:
            case FieldDescriptor.TYPE_STRING:
                return f"{self._kept('Texts', field, always=always)}[{value}]"
            case FieldDescriptor.TYPE_INT32:
                return f"{self._kept('Numbers', field, 32, always=always)}[{value}]"
            case FieldDescriptor.TYPE_INT64:
                return f"{self._kept('Numbers', field, 64, always=always)}[{value}]"
            case FieldDescriptor.TYPE_BOOL:
                unset = _flag(field, 0) if always else "b''"
                return f"({_flag(field, 1)} if {value} else {unset})"
            case FieldDescriptor.TYPE_DOUBLE:
                return f"{self._kept('Doubles', field, always=always)}[{value}]"
        written = f"framed({_tag(field)}, {value})"
        return written if always else f"({written} if {value} else b'')"

    def _repeated(self, item: Any, field: FieldDescriptor) -> tuple[str, list[str]]:
        """An expression for the pieces of `o`, which is not empty, and lines that read them."""
        target, local = f"m.{field.name}", f"{field.name}_"
        if item in self._values and field.message_type is self._values[item]:
            name = item.__name__
            return (
                f"wire.messages({_tag(field)}, encode_{name}, o)",
                [f"{local} = tuple([decode_{name}(w) for w in {target}])"],
            )
        if item is str and field.type in _SCALARS[str]:
            texts = self._kept("Texts", field, always=True)
            return f"join([{texts}[w] for w in o])", [f"{local} = tuple({target})"]
        if item is bytes and field.type in _SCALARS[bytes]:
            return (
                f"join([framed({_tag(field)}, w) for w in o])",
                [f"{local} = tuple({target})"],
            )
        raise TypeError(f"{self._cls.__name__}.{field.name}: items do not match")

    def _kept(self, kind: str, field: FieldDescriptor, *arguments: int, **options: bool) -> str:
        """The name of the pieces of such a field; those of the same number share them."""
        shape = [kind, field.number, *arguments, *(name for name, on in options.items() if on)]
        name = "_".join(map(str, shape)).lower()
        if name not in self._namespace:
            self._namespace[name] = getattr(wire, kind)(field.number, *arguments, **options)
        return name


def _descriptor(message: type[Message]) -> Descriptor:
    return cast(Descriptor, message.DESCRIPTOR)


def _without_none(hint: Any) -> Any:
    """`T` for `T | None`, else None."""
    if typing.get_origin(hint) not in (types.UnionType, typing.Union):
        return None
    kept = [part for part in typing.get_args(hint) if part is not type(None)]
    return kept[0] if len(kept) == 1 else None


def _read_clock(local: str, target: str) -> list[str]:
    return [f"t = {target}", f"{local} = t.seconds * 1000000 + t.nanos // 1000"]


def _tag(field: FieldDescriptor) -> str:
    """The source of what a field that is not a number begins with."""
    return repr(wire.tag(field.number, wire.LENGTH))


def _flag(field: FieldDescriptor, value: int) -> str:
    """The source of the piece of a `bool` field."""
    return repr(wire.tag(field.number, wire.VARINT) + bytes([value]))


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
