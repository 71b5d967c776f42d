"""Writes the journal's codec: one encoder and one decoder for each pair of dataclass and message.

`make codec` writes `journal/codec_functions.py`; `make verify` says if it is not current. A
dataclass and its message have the same field names, so one pass over both gives the source of the
two functions, much as `dataclasses` makes `__init__`. Where they disagree (a field that only one
side has, an enum whose numbers differ) there is none: neither side can change alone.

What lives here: the comparison of the two sides, and the source text that follows from it. What
fields look like as bytes is in `journal.wire`.

An encoder is one expression that joins the pieces of a message, in the order of their numbers as
protobuf has it; a decoder reads a message.
"""

from __future__ import annotations

import argparse
import dataclasses
import enum
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from treadle.v1 import event_pb2, payload_pb2
from treadle_server.engine.events import (
    EVENT_TYPES,
    CarriedEvent,
    DecidedEdge,
    StateHistory,
    StateVisit,
)
from treadle_server.engine.values import (
    CompareAndSet,
    Failure,
    Held,
    MemoryOperation,
    Payload,
    RetryPolicy,
    SeedOutcome,
)
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


VALUES: Final[Mapping[type, type[Message]]] = {
    Payload: payload_pb2.Payload,
    Failure: payload_pb2.Failure,
    RetryPolicy: payload_pb2.RetryPolicy,
    CompareAndSet: payload_pb2.CompareAndSet,
    MemoryOperation: payload_pb2.MemoryOperation,
    DecidedEdge: event_pb2.DecidedEdge,
    CarriedEvent: event_pb2.CarriedEvent,
    SeedOutcome: event_pb2.SeedOutcome,
    StateVisit: event_pb2.StateVisit,
    StateHistory: event_pb2.StateHistory,
    Held: event_pb2.Held,
}
"""What is stored by itself or inside of events, with its message."""

_HEAD: Final = '''"""The bytes of each event, and of what is in it: see `codec` and `wire`.

Written by `make codec` (tools/codec_source.py); not to be edited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

'''


def source(
    values: Mapping[type, type[Message]], events: Iterable[type], event: type[Message]
) -> str:
    """Compares both sides; the module with the functions. Raises `TypeError` naming the first
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
    names = _Names()
    lines: list[str] = []
    for cls, descriptor in descriptors.items():
        lines += _Pair(cls, descriptor, descriptors, names).source(member=None)
    for name, cls in classes.items():
        lines += _Pair(cls, kinds[name].message_type, descriptors, names).source(member=kinds[name])
    every = [cls.__name__ for cls in (*values, *classes.values())]
    lines += [
        *_table("ENCODERS", "type, Callable[..., bytes]", {one: f"encode_{one}" for one in every}),
        *_table(
            "EVENT_DECODERS",
            "str, Callable[[Any], Any]",
            {f'"{kinds[name].name}"': f"decode_{name}" for name in classes},
        ),
    ]
    return _HEAD + "\n".join([*names.lines(), *lines]) + "\n"


class _Names:
    """What the functions use by name: classes, pieces that are kept, members of enums."""

    def __init__(self) -> None:
        self._classes: dict[str, set[str]] = {"treadle_server.engine.values": {"NO_METADATA"}}
        self._kept: dict[str, str] = {}
        self._members: set[str] = set()

    def use(self, cls: type) -> None:
        """It is imported."""
        self._classes.setdefault(cls.__module__, set()).add(cls.__name__)

    def members_of(self, cls: type[enum.IntEnum]) -> str:
        """The name of the members of an enum, by number."""
        self.use(cls)
        self._members.add(cls.__name__)
        return f"{cls.__name__}_members"

    def kept(self, kind: str, field: FieldDescriptor, *arguments: int, always: bool) -> str:
        """The name of the pieces of such a field; those of the same number share them."""
        numbers = [field.number, *arguments]
        name = "_".join([kind.lower(), *map(str, numbers), *(["always"] if always else [])])
        self._kept[name] = f"wire.{kind}({', '.join(map(str, numbers))}, always={always})"
        return name

    def lines(self) -> Iterator[str]:
        """What stands before the functions."""
        for module, classes in sorted(self._classes.items()):
            yield f"from {module} import ("
            yield from (f"    {name}," for name in sorted(classes))
            yield ")"
        yield "from treadle_server.journal import wire"
        yield "from treadle_server.journal.wire import CLOCKS, LENGTHS, CodecError, framed, unknown"
        yield ""
        yield 'join: Final = b"".join'
        for name, made in sorted(self._kept.items()):
            yield f"{name}: Final = {made}"
        for name in sorted(self._members):
            yield f"{name}_members: Final = {{one.value: one for one in {name}}}"


class _Pair:
    """One dataclass with its message; writes the source of their two functions."""

    def __init__(
        self, cls: type, descriptor: Descriptor, values: Mapping[type, Descriptor], names: _Names
    ) -> None:
        self._cls = cls
        self._descriptor = descriptor
        self._values = values
        self._names = names
        self._holds_its_own = False
        names.use(cls)

    def source(self, *, member: FieldDescriptor | None) -> list[str]:
        """Lines of `encode_X` and `decode_X`. `member`: that of an event in the oneof, None for
        other values."""
        hints = typing.get_type_hints(self._cls)
        fields = [field.name for field in dataclasses.fields(self._cls)]
        if member is not None:
            fields = [name for name in fields if name not in _ENVELOPE]
        known = self._descriptor.fields_by_name
        if set(fields) != set(known):
            odd = sorted(set(fields) ^ set(known))
            raise TypeError(f"{self._cls.__name__}: fields without a counterpart: {odd}")
        pieces: list[tuple[int, str]] = []
        decode: list[str] = []
        for name in fields:
            self._field(hints[name], known[name], pieces, decode)
        joined = ["join(", "    (", *(f"        {piece}," for _, piece in sorted(pieces))]
        joined = [*joined, "    )", ")"] if pieces else ['b""']
        made = [f"{name}={name}_," for name in fields]
        if member is None:
            encode = [*self._limit(), *_after("return ", joined)]
        else:
            encode = [*_after("m = ", joined), *self._envelope(member)]
            read = [f"m = e.{member.name}"] if fields else []
            decode = [*read, *decode, *_read_clock("time_", "e.time")]
            made = ["seq=e.seq,", "time=time_,", *made]
        name = self._cls.__name__
        depth = ", depth: int = 0" if self._holds_its_own else ""
        return [
            *("", "", f"def encode_{name}(v: {name}{depth}) -> bytes:"),
            *_indent(encode),
            *("", "", f"def decode_{name}({'m' if member is None else 'e'}: Any) -> {name}:"),
            *_indent([*decode, f"return {name}(", *_indent(made), ")"]),
        ]

    def _limit(self) -> list[str]:
        """Lines that refuse a value that holds too many of its own type."""
        if not self._holds_its_own:
            return []
        return [f"if depth > {MAX_DEPTH}:", f"    raise CodecError({_too_deep(self._cls)!r})"]

    def _envelope(self, member: FieldDescriptor) -> list[str]:
        """Lines for the bytes of an event whose own message is `m`."""
        known = cast(Any, member.containing_type).fields_by_name
        numbers = [known[name].number for name in (*_ENVELOPE, member.name)]
        if numbers != sorted(numbers):
            raise TypeError(f"{member.name}: an event begins with its seq and its time")
        seq = self._names.kept("Numbers", known["seq"], 64, always=False)
        time = f"{_tag(known['time'])}, CLOCKS[v.time]"
        return [f"return join(({seq}[v.seq], {time}, {_tag(member)}, LENGTHS[len(m)], m))"]

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
            write, read = self._single(inner, field, local, target, local)
            write = f'({write} if ({local} := {value}) is not None else b"")'
            decode += [
                f"{local}: {inner.__name__} | None = None",
                f'if m.HasField("{field.name}"):',
                *_indent(read),
            ]
        elif typing.get_origin(hint) is tuple:
            item, ellipsis = typing.get_args(hint)
            if not field.is_repeated or ellipsis is not Ellipsis:
                raise TypeError(f"{where}: a tuple of any length and `repeated` go together")
            write, read = self._repeated(item, field)
            write = f'({write} if ({local} := {value}) else b"")'
            decode += read
        elif hint == Mapping[str, bytes] and _is_map_of_bytes(field):
            write = f"wire.entries({_tag(field)}, {local})"
            write = f'({write} if ({local} := {value}) else b"")'
            decode.append(f"{local} = dict({target}) if {target} else NO_METADATA")
        elif field.containing_oneof is not None and hint is bool:
            # One of several choices: False means that this one was not chosen.
            write = f'({_flag(field, 1)} if {value} else b"")'
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
            return f"{_tag(field)} + CLOCKS[{value}]", _read_clock(local, target)
        if hint in self._values and message is self._values[hint]:
            depth = ""
            if hint is self._cls:
                depth, self._holds_its_own = ", depth + 1", True
            self._names.use(hint)
            name = hint.__name__
            return (
                f"framed({_tag(field)}, encode_{name}({value}{depth}))",
                [f"{local} = decode_{name}({target})"],
            )
        if issubclass(hint, enum.IntEnum) and field.enum_type is not None:
            _compare_enum(hint, field.enum_type)
            kept = self._names.kept("Numbers", field, 32, always=field.has_presence)
            members = self._names.members_of(hint)
            return f"{kept}[{value}]", [
                f"{local} = {members}.get({target})",
                f"if {local} is None:",
                f"    raise unknown({hint.__name__}, {target})",
            ]
        if field.type in _SCALARS.get(hint, ()):
            return self._scalar(field, value), [f"{local} = {target}"]
        raise TypeError(f"{where}: {hint.__name__} and its field in the message do not match")

    def _scalar(self, field: FieldDescriptor, value: str) -> str:
        """An expression for the piece of a scalar field."""
        always = field.has_presence
        kept = self._names.kept
        match field.type:
            case FieldDescriptor.TYPE_STRING:
                return f"{kept('Texts', field, always=always)}[{value}]"
            case FieldDescriptor.TYPE_INT32:
                return f"{kept('Numbers', field, 32, always=always)}[{value}]"
            case FieldDescriptor.TYPE_INT64:
                return f"{kept('Numbers', field, 64, always=always)}[{value}]"
            case FieldDescriptor.TYPE_BOOL:
                unset = _flag(field, 0) if always else 'b""'
                return f"({_flag(field, 1)} if {value} else {unset})"
            case FieldDescriptor.TYPE_DOUBLE:
                return f"{kept('Doubles', field, always=always)}[{value}]"
        written = f"framed({_tag(field)}, {value})"
        return written if always else f'({written} if {value} else b"")'

    def _repeated(self, item: Any, field: FieldDescriptor) -> tuple[str, list[str]]:
        """An expression for the pieces of the items, and lines that read them."""
        target, local = f"m.{field.name}", f"{field.name}_"
        if item in self._values and field.message_type is self._values[item]:
            self._names.use(item)
            name = item.__name__
            return (
                f"wire.messages({_tag(field)}, encode_{name}, {local})",
                [f"{local} = tuple([decode_{name}(w) for w in {target}])"],
            )
        if item is str and field.type in _SCALARS[str]:
            texts = self._names.kept("Texts", field, always=True)
            return f"join([{texts}[w] for w in {local}])", [f"{local} = tuple({target})"]
        if item is bytes and field.type in _SCALARS[bytes]:
            return (
                f"join([framed({_tag(field)}, w) for w in {local}])",
                [f"{local} = tuple({target})"],
            )
        raise TypeError(f"{self._cls.__name__}.{field.name}: items do not match")


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
    return _literal(wire.tag(field.number, wire.LENGTH))


def _flag(field: FieldDescriptor, value: int) -> str:
    """The source of the piece of a `bool` field."""
    return _literal(wire.tag(field.number, wire.VARINT) + bytes([value]))


def _literal(value: bytes) -> str:
    return 'b"' + "".join(f"\\x{byte:02x}" for byte in value) + '"'


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


def _too_deep(cls: type) -> str:
    return f"a {cls.__name__} is nested deeper than {MAX_DEPTH}; shorten the chain of its causes"


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _after(beginning: str, lines: list[str]) -> list[str]:
    return [beginning + lines[0], *lines[1:]]


def _table(name: str, types_: str, entries: Mapping[str, str]) -> list[str]:
    items = [f"    {key}: {value}," for key, value in entries.items()]
    return ["", "", f"{name}: Final[dict[{types_}]] = {{", *items, "}"]


def main() -> int:
    """Writes the module, or says whether the one there is current."""
    parser = argparse.ArgumentParser(prog="python tools/codec_source.py", description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    current = source(VALUES, EVENT_TYPES, event_pb2.Event)
    if not options.check:
        options.path.write_text(current)
    elif options.path.read_text() != current:
        print(f"{options.path} is not current: run 'make codec' and commit it.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
