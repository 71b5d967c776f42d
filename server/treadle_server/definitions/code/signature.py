"""Which changes of a signature the data of open runs survives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_REFERENCES_FOLLOWED = 32
_REFERENCE = "#/$defs/"
_FOR_PEOPLE = frozenset({"description", "title", "default"})
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas"})
"""Keywords under which stand names that somebody chose, and not keywords."""
_VALUES = frozenset({"enum", "const"})


def signature_fault(old: Any, new: Any) -> str:
    """What is wrong with giving a version another input schema; empty if nothing is.

    New members that may be left out are fine, as stored inputs still fit; so are words for people
    and the names of types.
    """
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return "" if old == new else "takes another input"
    before, after = _resolved(old, old), _resolved(new, new)
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return "" if before == after else "takes another input"
    new_members = _members(after)
    for name, schema in _members(before).items():
        if name not in new_members:
            return f"has an input member {name!r} that is missing now"
        if not _is_same(schema, new_members[name], old, new):
            return f"has another type for its input member {name!r}"
    if more := _required(after) - _required(before):
        return f"does not require its input member {min(more)!r}"
    if not _is_same(_without_members(before), _without_members(after), old, new):
        return "takes another input"
    return ""


def _members(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    members = schema.get("properties")
    return members if isinstance(members, Mapping) else {}


def _required(schema: Mapping[str, Any]) -> set[str]:
    required = schema.get("required")
    return (
        {name for name in required if isinstance(name, str)}
        if isinstance(required, list)
        else set()
    )


def _without_members(schema: Mapping[str, Any]) -> dict[str, Any]:
    left = {"properties", "required"}
    return {name: value for name, value in schema.items() if name not in left}


def _is_same(old: Any, new: Any, old_root: Any, new_root: Any) -> bool:
    """Whether two schemas say the same, words for people and the names of types apart.

    A type may contain itself: two schemas that are being compared are the same until a difference
    is found.
    """
    seen: set[tuple[int, int]] = set()
    todo: list[tuple[Any, Any]] = [(old, new)]
    while todo:
        one, other = todo.pop()
        one, other = _resolved(one, old_root), _resolved(other, new_root)
        if isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            todo += zip(one, other, strict=True)
        elif not isinstance(one, Mapping) or not isinstance(other, Mapping):
            if one != other:
                return False
        elif (id(one), id(other)) not in seen:
            seen.add((id(one), id(other)))
            pairs = _keyword_pairs(one, other)
            if pairs is None:
                return False
            todo += pairs
    return True


def _keyword_pairs(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> list[tuple[Any, Any]] | None:
    """The schemas within two schemas that must say the same; None if the two differ anyway."""
    keywords = one.keys() - _FOR_PEOPLE - {"$defs"}
    if keywords != other.keys() - _FOR_PEOPLE - {"$defs"}:
        return None
    pairs: list[tuple[Any, Any]] = []
    for keyword in keywords:
        first, second = one[keyword], other[keyword]
        if keyword in _VALUES:
            if first != second:
                return None
        elif keyword in _BY_NAME and isinstance(first, Mapping) and isinstance(second, Mapping):
            if first.keys() != second.keys():
                return None
            pairs += ((first[name], second[name]) for name in first)
        else:
            pairs.append((first, second))
    return pairs


def _resolved(schema: Any, root: Any) -> Any:
    """What a reference within the same schema leads to; anything else as it is."""
    for _ in range(_REFERENCES_FOLLOWED):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        types = root.get("$defs") if isinstance(root, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith(_REFERENCE):
            return schema
        if not isinstance(types, Mapping):
            return schema
        schema = types.get(reference.removeprefix(_REFERENCE))
    return schema
