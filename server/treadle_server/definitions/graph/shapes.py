"""What is known of values before a run: constants, objects that are built, values with a schema.

A shape stands for all values that something may have. What is said of it must hold for every one
of them, so that a refusal is a proof; where nothing is known, that is `ANYTHING`.

Of JSON Schema these keywords are read: type, properties, required, additionalProperties, items,
prefixItems, enum, const, anyOf, oneOf, and `$ref` within the same schema. A schema that has others
allows more, as far as we can see.

One rule goes beyond JSON Schema: an object schema that lists `properties` and does not mention
`additionalProperties` has these properties and no others. This is what a dataclass, a TypedDict or
a model becomes, and without it a forgotten mapping could never be found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from treadle_server.definitions.expression import json_type

Step: TypeAlias = str | int

ALL_TYPES = frozenset({"null", "boolean", "number", "string", "array", "object"})
"""Whole numbers are numbers here: which of the two a value will be is hardly ever known before."""

_REFERENCES_FOLLOWED = 32
_ALTERNATIVES = 100
# What may declare properties elsewhere than under `properties`.
_OPENING = frozenset(
    {"allOf", "anyOf", "oneOf", "if", "dependentSchemas", "patternProperties"}
    | {"unevaluatedProperties", "$dynamicRef", "dependencies"}
)
_DECLARING = _OPENING | {"properties", "additionalProperties"}


class Shape:
    """One of the classes below."""

    def types(self) -> frozenset[str]:
        """The JSON types that a value may have."""
        return ALL_TYPES

    def options(self) -> Sequence[Shape]:
        """Shapes without choice, one of which every value has."""
        return (self,)

    def step(self, step: Step) -> Shape | None:
        """What stands under a field or index; None if no value has anything there."""
        return ANYTHING

    def certain_keys(self) -> Iterator[str]:
        """The fields that every value has, if it is an object."""
        return iter(())

    def known_keys(self) -> list[str] | None:
        """All fields that a value can have; None if nobody knows."""
        return None


class Anything(Shape):
    """Nothing is known."""


ANYTHING = Anything()


@dataclass(slots=True, frozen=True)
class OfTypes(Shape):
    """A value of one of these types."""

    known: frozenset[str]

    def types(self) -> frozenset[str]:
        """These."""
        return self.known

    def step(self, step: Step) -> Shape | None:
        """Unknown, if there can be anything."""
        container = "object" if isinstance(step, str) else "array"
        return ANYTHING if container in self.known or "object" in self.known else None


@dataclass(slots=True, frozen=True)
class Exactly(Shape):
    """A constant."""

    value: Any

    def types(self) -> frozenset[str]:
        """The one type."""
        return frozenset({json_type(self.value)})

    def step(self, step: Step) -> Shape | None:
        """What stands there."""
        try:
            return Exactly(self.value[step])
        except (KeyError, IndexError, TypeError):
            return None

    def certain_keys(self) -> Iterator[str]:
        """Its own."""
        return iter(self.value if isinstance(self.value, dict) else ())

    def known_keys(self) -> list[str] | None:
        """Its own."""
        return list(self.certain_keys())


@dataclass(slots=True, frozen=True)
class Built(Shape):
    """An object with just these fields."""

    parts: Mapping[str, Shape]

    def types(self) -> frozenset[str]:
        """An object."""
        return frozenset({"object"})

    def step(self, step: Step) -> Shape | None:
        """The part."""
        return self.parts.get(step) if isinstance(step, str) else None

    def certain_keys(self) -> Iterator[str]:
        """All of them."""
        return iter(self.parts)

    def known_keys(self) -> list[str] | None:
        """All of them."""
        return list(self.parts)


@dataclass(slots=True, frozen=True)
class Listed(Shape):
    """A list of just these elements."""

    parts: tuple[Shape, ...]

    def types(self) -> frozenset[str]:
        """A list."""
        return frozenset({"array"})

    def step(self, step: Step) -> Shape | None:
        """The element."""
        return self.parts[step] if isinstance(step, int) and step < len(self.parts) else None


@dataclass(slots=True, frozen=True)
class OneOf(Shape):
    """Any of several."""

    choices: tuple[Shape, ...]

    def types(self) -> frozenset[str]:
        """All of theirs."""
        return frozenset().union(*(choice.types() for choice in self.choices))

    def options(self) -> Sequence[Shape]:
        """All of theirs."""
        found = [option for choice in self.choices for option in choice.options()]
        return found if len(found) <= _ALTERNATIVES else (ANYTHING,)

    def step(self, step: Step) -> Shape | None:
        """What stands there in those that have it."""
        found = [under for choice in self.choices if (under := choice.step(step)) is not None]
        return one_of(found) if found else None

    def known_keys(self) -> list[str] | None:
        """All of theirs."""
        each = [choice.known_keys() for choice in self.choices]
        if None in each:
            return None
        return list(dict.fromkeys(key for keys in each if keys for key in keys))


@dataclass(slots=True, frozen=True)
class Described(Shape):
    """A value that a JSON Schema describes. `root` is where its references lead into."""

    schema: Any
    root: Any

    def under(self, schema: Any) -> Described:
        """A part of the same schema."""
        return Described(schema, self.root)

    def resolved(self) -> Described | None:
        """After references; None if they lead nowhere that we know, or stand beside more fields."""
        schema = self.schema
        for _ in range(_REFERENCES_FOLLOWED):
            if not isinstance(schema, dict) or "$ref" not in schema:
                return self.under(schema)
            found = _pointed_at(schema["$ref"], self.root)
            if found is None or not _DECLARING.isdisjoint(schema):
                return None
            schema = found
        return None

    def keyword(self, name: str) -> Any:
        """What the schema says under a keyword, without references."""
        return self.schema.get(name) if isinstance(self.schema, dict) else None

    def options(self) -> Sequence[Shape]:
        """Its alternatives, each without references; `Described`, or `ANYTHING`."""
        found: list[Shape] = []
        todo: list[tuple[Described, int]] = [(self, 0)]
        while todo:
            one, depth = todo.pop(0)
            plain = one.resolved()
            if plain is None or depth > _REFERENCES_FOLLOWED or len(found) > _ALTERNATIVES:
                return (ANYTHING,)
            choices = plain.keyword("anyOf") or plain.keyword("oneOf")
            if isinstance(choices, list):
                if plain._has_fields_beside(choices):
                    return (ANYTHING,)
                todo += [(plain.under(choice), depth + 1) for choice in choices]
            elif isinstance(types := plain.keyword("type"), list):
                found += [plain.under({**plain.schema, "type": word}) for word in types]
            else:
                found.append(plain if isinstance(plain.schema, dict) else ANYTHING)
        return found

    def _has_fields_beside(self, choices: Sequence[Any]) -> bool:
        """Whether a choice that lists fields of an object may not list all of them."""
        others = _DECLARING.intersection(self.schema) - {"anyOf"}
        if "anyOf" not in self.schema:
            others -= {"oneOf"}
        return bool(others) and any(
            isinstance(choice, dict) and not {"properties", "$ref"}.isdisjoint(choice)
            for choice in choices
        )

    def types(self) -> frozenset[str]:
        """By `type`, or by the values of `enum` and `const`."""
        if isinstance(word := self.keyword("type"), str):
            return frozenset({"number" if word == "integer" else word})
        if (values := self.values()) is not None:
            return frozenset(json_type(value) for value in values)
        options = self.options()
        if all(isinstance(one, Described) and one.schema is self.schema for one in options):
            return ALL_TYPES
        return frozenset().union(*(option.types() for option in options))

    def values(self) -> list[Any] | None:
        """The only possible values, if they are listed."""
        if isinstance(self.schema, dict) and "const" in self.schema:
            return [self.schema["const"]]
        values = self.keyword("enum")
        return values if isinstance(values, list) else None

    def step(self, step: Step) -> Shape | None:
        """What stands there, by the rule at the top of this module."""
        options = self.options()
        if len(options) != 1 or options[0] is ANYTHING:
            return OneOf(tuple(options)).step(step) if options else None
        [one] = options
        assert isinstance(one, Described), "an option is described, or anything"
        return one._field(step) if isinstance(step, str) else one._element(step)

    def _field(self, name: str) -> Shape | None:
        if "object" not in self.types():
            return None
        properties = self.keyword("properties")
        if isinstance(properties, dict) and name in properties:
            return None if properties[name] is False else self.under(properties[name])
        if not _OPENING.isdisjoint(self.schema):
            return ANYTHING
        more = self.keyword("additionalProperties")
        if more is None:
            return None if isinstance(properties, dict) else ANYTHING
        return None if more is False else self.under(more)

    def _element(self, place: int) -> Shape | None:
        if not self.types() & {"array", "object"}:
            return None
        first, items = self.keyword("prefixItems"), self.keyword("items")
        if isinstance(first, list) and place < len(first):
            return self.under(first[place])
        return ANYTHING if items is None else self.under(items)

    def certain_keys(self) -> Iterator[str]:
        """Those that are required."""
        required = self.keyword("required")
        return iter(required if isinstance(required, list) else ())

    def known_keys(self) -> list[str] | None:
        """Those that are listed, if no others are possible."""
        options = self.options()
        if len(options) != 1 or options[0] is ANYTHING:
            return OneOf(tuple(options)).known_keys() if options else None
        [one] = options
        assert isinstance(one, Described), "an option is described, or anything"
        properties = one.keyword("properties")
        is_open = one._field("\0") is not None
        return None if is_open or not isinstance(properties, dict) else list(properties)


def one_of(shapes: Sequence[Shape]) -> Shape:
    """Any of the shapes."""
    return shapes[0] if len(shapes) == 1 else OneOf(tuple(shapes))


def _pointed_at(reference: Any, root: Any) -> Any:
    """What `#/$defs/Order` leads to; None for anything else."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    found = root
    for part in reference[2:].split("/") if reference != "#" else ():
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return found
