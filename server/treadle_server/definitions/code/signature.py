"""Which changes of a signature the data of open runs survives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEEPEST = 20
_REFERENCE = "#/$defs/"


def signature_fault(old: Any, new: Any) -> str:
    """What is wrong with giving a version another input schema; empty if nothing is.

    New members that may be left out are fine, as stored inputs still fit; so are words for people
    and the names of types.
    """
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return "" if old == new else "takes another input"
    before, after = _inlined(old, old), _inlined(new, new)
    old_members, new_members = _members(before), _members(after)
    for name, schema in old_members.items():
        if name not in new_members:
            return f"has an input member {name!r} that is missing now"
        if schema != new_members[name]:
            return f"has another type for its input member {name!r}"
    for name in after.get("required", ()):
        if name not in before.get("required", ()):
            return f"does not require its input member {name!r}"
    if _shape(before) != _shape(after):
        return "takes another input"
    return ""


def _members(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    members = schema.get("properties")
    return members if isinstance(members, Mapping) else {}


def _shape(schema: Mapping[str, Any]) -> dict[str, Any]:
    left = {"properties", "required"}
    return {name: value for name, value in schema.items() if name not in left}


def _inlined(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Any:
    """The schema with its references put in place, and without words for people."""
    if isinstance(schema, list):
        return [_inlined(one, root, depth + 1) for one in schema]
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        named = root.get("$defs", {}).get(reference.removeprefix(_REFERENCE))
        return _inlined(named, root, depth + 1)
    return {
        name: _inlined(value, root, depth + 1)
        for name, value in schema.items()
        if name not in ("description", "title", "default", "$defs")
    }
