"""How an expression is evaluated: what only moves values is done here, the rest by the library.

A plan is a tree. Names, paths, constants, and map and list literals are nodes of their own; any
other part is one `Computed` leaf. So `{"lines": output.lines, "count": size(output.lines)}`
hands the list on by reference, and the library sees only what it computes with. Each node gives
what the library would give for its part of the source, errors included (except that what is
handed on is neither copied nor limited); a differential test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from treadle_server.definitions.expression.errors import FailureKind, Origin
from treadle_server.definitions.expression.outline import (
    KnownValue,
    ListValue,
    ObjectValue,
    Outline,
    ReadValue,
    computed,
)
from treadle_server.definitions.expression.program import INTEGER_MAX, INTEGER_MIN, Program

RESULT_LIMIT = 1024 * 1024
"""Bytes of JSON that all computed parts of a result may have together."""


class Meter:
    """Counts the size of what was computed in one evaluation."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0


class Plan(Protocol):
    """One node."""

    def value(self, bindings: Mapping[str, object], meter: Meter) -> object:
        """The value on these bindings. Raises ExpressionFailed."""

    def names(self) -> Iterator[str]:
        """The free names that it reads."""

    def may_be_bool(self) -> bool:
        """False if the value is never true or false, whatever is bound."""

    def outline(self) -> Outline:
        """What the value is made of."""


class Constant:
    """A scalar that is known."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def value(self, bindings: Mapping[str, object], meter: Meter) -> object:
        """The constant."""
        return self._value

    def names(self) -> Iterator[str]:
        """None."""
        return iter(())

    def may_be_bool(self) -> bool:
        """Whether it is one."""
        return isinstance(self._value, bool)

    def outline(self) -> Outline:
        """The constant."""
        return KnownValue(self._value)


class Path:
    """A name, and then fields by name and elements by index: `output.items[0].sku`."""

    __slots__ = ("_origin", "name", "steps")

    def __init__(self, name: str, steps: tuple[str | int, ...], origin: Origin) -> None:
        self.name = name
        self.steps = steps
        self._origin = origin

    def value(self, bindings: Mapping[str, object], meter: Meter) -> object:
        """What stands there: the object itself."""
        if self.name not in bindings:
            self._origin.fail(FailureKind.MISSING, f"{self.name!r} has no value in this run")
        value = bindings[self.name]
        for step in self.steps:
            if isinstance(value, dict):
                if step not in value:
                    shown = f'"{step}"' if isinstance(step, str) else step
                    self._origin.fail(FailureKind.MISSING, f"there is no {shown}")
                value = value[step]
            elif not isinstance(value, list):
                what = "reads a field of something that is no object"
                self._origin.fail(FailureKind.WRONG_TYPE, what)
            elif isinstance(step, str):
                self._origin.fail(FailureKind.WRONG_TYPE, "reads a field of a list")
            elif step >= len(value):
                missing = f"there is no [{step}] in a list of {len(value)}"
                self._origin.fail(FailureKind.MISSING, missing)
            else:
                value = value[step]
        if isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
            self._origin.fail(FailureKind.VALUE, "reads an integer of more than 64 bits")
        return value

    def names(self) -> Iterator[str]:
        """The first name."""
        yield self.name

    def may_be_bool(self) -> bool:
        """Nobody knows before the run."""
        return True

    def outline(self) -> Outline:
        """The path."""
        return ReadValue(self.name, self.steps, self._origin.path)


class ObjectOf:
    """A map literal whose keys are strings."""

    __slots__ = ("_parts",)

    def __init__(self, parts: dict[str, Plan]) -> None:
        self._parts = tuple(parts.items())

    def value(self, bindings: Mapping[str, object], meter: Meter) -> object:
        """A new object, its keys in the order of the source."""
        return {key: part.value(bindings, meter) for key, part in self._parts}

    def names(self) -> Iterator[str]:
        """Those of its parts."""
        for _, part in self._parts:
            yield from part.names()

    def may_be_bool(self) -> bool:
        """Never."""
        return False

    def outline(self) -> Outline:
        """Its parts by key."""
        return ObjectValue({key: part.outline() for key, part in self._parts})


class ListOf:
    """A list literal."""

    __slots__ = ("_parts",)

    def __init__(self, parts: list[Plan]) -> None:
        self._parts = tuple(parts)

    def value(self, bindings: Mapping[str, object], meter: Meter) -> object:
        """A new list."""
        return [part.value(bindings, meter) for part in self._parts]

    def names(self) -> Iterator[str]:
        """Those of its parts."""
        for part in self._parts:
            yield from part.names()

    def may_be_bool(self) -> bool:
        """Never."""
        return False

    def outline(self) -> Outline:
        """Its parts in order."""
        return ListValue(tuple(part.outline() for part in self._parts))


class Computed:
    """What the library evaluates."""

    __slots__ = ("_names", "_origin", "_program")

    def __init__(self, program: Program, names: tuple[str, ...], origin: Origin) -> None:
        self._program = program
        self._names = names
        self._origin = origin

    def value(self, bindings: Mapping[str, object], meter: Meter) -> object:
        """The library's result."""
        result, size = self._program.run(bindings)
        if size:
            meter.size += size
            if meter.size > RESULT_LIMIT:
                what = f"gives more than {RESULT_LIMIT:,} bytes"
                self._origin.fail(FailureKind.SIZE, what)
        return result

    def names(self) -> Iterator[str]:
        """All that it reads."""
        return iter(self._names)

    def may_be_bool(self) -> bool:
        """By its static type."""
        return self._program.result_type in {"BOOL", "DYN"}

    def outline(self) -> Outline:
        """Its static type, if it has one."""
        return computed(self._program.result_type)
