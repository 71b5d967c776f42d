"""Whether values of a shape can fit a JSON Schema: a fault is a proof that none of them does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from treadle_server.definitions.document import shown
from treadle_server.definitions.graph.shapes import (
    Described,
    Exactly,
    Listed,
    Shape,
    Step,
)

_DEPTH = 32
_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
}


@dataclass(slots=True, frozen=True)
class Misfit:
    """Where in the value, and what is wrong there."""

    where: tuple[Step, ...]
    message: str
    missing: bool = False
    """The last step of `where` is not there."""

    def below(self, step: Step) -> Misfit:
        """The same fault, seen from one level up."""
        return Misfit((step, *self.where), self.message, self.missing)


def find_misfit(value: Shape, wanted: Described) -> Misfit | None:
    """Why no value of the shape fits, or None if one may."""
    return _Search().find(value, wanted, 0)


class _Search:
    """One comparison. Types contain each other and themselves, so each pair is looked at once; one
    that is met again within itself has no faults but those that are found elsewhere.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], Misfit | None] = {}
        self._kept: list[tuple[Shape, Described]] = []
        """Their parts have their identities for as long as these are known."""

    def find(self, value: Shape, wanted: Described, depth: int) -> Misfit | None:
        """See `find_misfit`."""
        pair = (*_identity(value), *_identity(wanted))
        if pair not in self._known:
            self._known[pair] = None
            self._kept.append((value, wanted))
            self._known[pair] = self._compare(value, wanted, depth)
        return self._known[pair]

    def _compare(self, value: Shape, wanted: Described, depth: int) -> Misfit | None:
        options = wanted.options()
        if depth > _DEPTH or not all(isinstance(option, Described) for option in options):
            return None
        worst: Misfit | None = None
        for one in value.options():
            nearest: Misfit | None = None
            for option in options:
                assert isinstance(option, Described), "checked above"
                found = self._find(one, option, wanted, depth)
                if found is None:
                    return None
                if nearest is None or len(found.where) > len(nearest.where):
                    nearest = found
            # That null does not fit is the least interesting of several faults.
            if worst is None or worst.message.endswith("is null"):
                worst = nearest
        return worst

    def _find(
        self, value: Shape, option: Described, wanted: Described, depth: int
    ) -> Misfit | None:
        """The fault of one shape without choice, at one alternative of the schema."""
        if value.types().isdisjoint(option.types()) or _is_fraction(value, option):
            return Misfit((), f"must be {_needed(wanted)}, is {_found(value)}")
        if (values := option.values()) is not None:
            return _find_in_values(value, values)
        if value.types() == {"object"} or option.types() == {"object"}:
            return next(self._object_faults(value, option, depth), None)
        if value.types() == {"array"} or option.types() == {"array"}:
            return next(self._list_faults(value, option, depth), None)
        return None

    def _object_faults(self, value: Shape, option: Described, depth: int) -> Iterator[Misfit]:
        properties = option.keyword("properties") or {}
        required = option.keyword("required") or []
        for name in required:
            part = value.step(name)
            if part is None:
                needed = _needed(option.under(properties.get(name, True)))
                yield Misfit((name,), f"is missing; it must be {needed}", missing=True)
            elif name in properties:
                yield from self._below(part, option.under(properties[name]), name, depth)
        others = option.keyword("additionalProperties")
        for name in value.certain_keys():
            part = value.step(name)
            if part is None or name in required:
                continue
            if name in properties:
                yield from self._below(part, option.under(properties[name]), name, depth)
            elif option.keyword("patternProperties"):
                continue
            elif others is False:
                yield Misfit((name,), "is not known there")
            elif others is not None:
                yield from self._below(part, option.under(others), name, depth)

    def _list_faults(self, value: Shape, option: Described, depth: int) -> Iterator[Misfit]:
        if isinstance(value, Exactly):
            count = len(value.value)
        else:
            count = len(value.parts) if isinstance(value, Listed) else 0
        first = option.keyword("prefixItems") or []
        for place in range(count):
            part = value.step(place)
            schema = first[place] if place < len(first) else option.keyword("items")
            if part is not None and schema is not None:
                yield from self._below(part, option.under(schema), place, depth)

    def _below(self, part: Shape, wanted: Described, step: Step, depth: int) -> Iterator[Misfit]:
        found = self.find(part, wanted, depth + 1)
        if found is not None:
            yield found.below(step)


def _identity(shape: Shape) -> tuple[int, ...]:
    """The same for parts that are the same, although the shapes are made anew each time."""
    if isinstance(shape, Described):
        return (id(shape.schema), id(shape.root))
    return (id(shape.value),) if isinstance(shape, Exactly) else (id(shape),)


def _is_fraction(value: Shape, option: Described) -> bool:
    return (
        option.keyword("type") == "integer"
        and isinstance(value, Exactly)
        and isinstance(value.value, float)
        and not value.value.is_integer()
    )


def _find_in_values(value: Shape, values: list[Any]) -> Misfit | None:
    possible = [value.value] if isinstance(value, Exactly) else None
    if isinstance(value, Described):
        possible = value.values()
    if possible is None or any(_same(one, other) for one in possible for other in values):
        return None
    listed = ", ".join(shown(one) for one in values[:10])
    return Misfit((), f"must be one of {listed}; is {' or '.join(map(shown, possible[:3]))}")


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is no 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _needed(wanted: Described) -> str:
    words: dict[str, None] = {}
    for option in wanted.options():
        if not isinstance(option, Described):
            return "there"
        word = option.keyword("type")
        for one in [word] if isinstance(word, str) else sorted(option.types()):
            words[_WORDS[one]] = None
    return " or ".join(words) if len(words) < len(_WORDS) - 1 else "there"


def _found(value: Shape) -> str:
    if isinstance(value, Exactly) and not isinstance(value.value, dict | list):
        return shown(value.value)
    return " or ".join(_WORDS[word] for word in sorted(value.types()))
