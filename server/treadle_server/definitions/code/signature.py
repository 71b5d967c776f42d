"""Which changes of a signature the data of open runs survives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def signature_fault(old: Any, new: Any) -> str:
    """What is wrong with giving a version another input schema; empty if nothing is.

    New members that may be left out are fine, as stored inputs still fit; so are words for people.
    """
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return "" if old == new else "takes another input"
    old_members, new_members = _members(old), _members(new)
    for name, schema in old_members.items():
        if name not in new_members:
            return f"has an input member {name!r} that is missing now"
        if _without_words(schema) != _without_words(new_members[name]):
            return f"has another type for its input member {name!r}"
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            return f"does not require its input member {name!r}"
    if _shape(old) != _shape(new):
        return "takes another input"
    return ""


def _members(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    members = schema.get("properties")
    return members if isinstance(members, Mapping) else {}


def _shape(schema: Mapping[str, Any]) -> dict[str, Any]:
    left = {"properties", "required", "description", "title", "$defs"}
    return {name: value for name, value in schema.items() if name not in left}


def _without_words(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: _without_words(value)
        for name, value in schema.items()
        if name not in ("description", "title", "default")
    }
