"""Which changes of a code workflow's input its open runs survive."""

from __future__ import annotations

from typing import Any

import pytest

from treadle_server.definitions.code.signature import signature_fault

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


def record(*required: str, **members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(required)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (record("a", a=TEXT), record("a", a=TEXT, b=NUMBER)),
        (record("a", a=TEXT), record(a=TEXT)),
        (record(a=TEXT), record(a=TEXT | {"title": "A", "description": "of it", "default": ""})),
        (
            {"$ref": "#/$defs/Old", "$defs": {"Old": record(a=TEXT)}},
            {"$ref": "#/$defs/New", "$defs": {"New": record(a=TEXT)}},
        ),
        (None, None),
    ],
)
def test_what_open_runs_survive(old: Any, new: Any) -> None:
    assert signature_fault(old, new) == ""


@pytest.mark.parametrize("name", ["amount", "title", "description", "default", "$defs"])
def test_members_with_any_name_count(name: str) -> None:
    fault = signature_fault(record(**{name: TEXT}), record(**{name: NUMBER}))
    assert fault == f"has another type for its input member {name!r}"
    fault = signature_fault(record(**{name: TEXT}), record())
    assert fault == f"has an input member {name!r} that is missing now"
    inner, changed = record(**{name: TEXT}), record(**{name: NUMBER})
    fault = signature_fault(record(order=inner), record(order=changed))
    assert fault == "has another type for its input member 'order'"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (record(a=TEXT), record("a", a=TEXT), "does not require its input member 'a'"),
        (record("a", a=TEXT), record("a", "b", a=TEXT, b=TEXT), "does not require"),
        (record(a={"enum": ["x"]}), record(a={"enum": ["x", "y"]}), "another type"),
        (record(a={"const": {"title": 1}}), record(a={"const": {"title": 2}}), "another type"),
        (record(a={"anyOf": [TEXT]}), record(a={"anyOf": [TEXT, NUMBER]}), "another type"),
        (record(), record() | {"additionalProperties": False}, "takes another input"),
        (TEXT, NUMBER, "takes another input"),
        (record(), None, "takes another input"),
    ],
)
def test_what_open_runs_do_not_survive(old: Any, new: Any, fault: str) -> None:
    assert fault in signature_fault(old, new)


def test_a_type_that_contains_itself_often() -> None:
    def tree(name: str, leaf: Any) -> dict[str, Any]:
        branches = {f"branch{number}": {"$ref": f"#/$defs/{name}"} for number in range(100)}
        return {"$ref": f"#/$defs/{name}", "$defs": {name: record(**branches, leaf=leaf)}}

    assert signature_fault(tree("Tree", TEXT), tree("Plant", TEXT)) == ""
    fault = signature_fault(tree("Tree", TEXT), tree("Tree", NUMBER))
    assert fault.startswith("has another type")


@pytest.mark.parametrize(
    "odd",
    [
        {"$ref": "#/$defs/Gone"},
        {"$ref": "#/$defs/Gone", "$defs": 5},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
        {"$ref": ["#"], "required": None},
        {"properties": [], "required": {"a": 1}},
        {"properties": {"a": 1, "b": True}, "required": 7},
    ],
)
def test_what_is_no_schema(odd: dict[str, Any]) -> None:
    assert signature_fault(odd, dict(odd)) == ""
    assert signature_fault(odd, record("x", x=TEXT)) != ""
    assert isinstance(signature_fault(record("x", x=TEXT), odd), str)
