"""A workflow's start parameters: declared types and defaults, checked before anything is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from treadle_server.definitions.document import Fields, Problems, kind_of, parse_json
from treadle_server.definitions.errors import DefinitionInvalid, InputInvalid, Violation
from treadle_server.engine.values import Payload

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "any": (object,),
}
_ABSENT: Any = object()


@dataclass(slots=True, frozen=True)
class Parameter:
    """One declared parameter. Required unless it has a default or says otherwise."""

    name: str
    type: str
    description: str
    required: bool
    default: Any
    min_length: int
    has_default: bool = False
    """Null is a default as well."""

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value, or None."""
        expected = _TYPES[self.type]
        whole_float = self.type == "integer" and isinstance(value, float) and value.is_integer()
        wrong_bool = isinstance(value, bool) and self.type in ("integer", "number")
        if wrong_bool or not (isinstance(value, expected) or whole_float):
            return f"must be of type {self.type}, is {kind_of(value)}"
        if self.min_length and isinstance(value, str | list) and len(value) < self.min_length:
            return f"must have a length of at least {self.min_length}"
        return None


def read_parameters(value: Any, path: str, problems: Problems) -> tuple[Parameter, ...] | None:
    """The `params` of a document; None if it declares none, and then any input is accepted."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        problems.add(path, f"must be an object, is {kind_of(value)}")
        return None
    parameters = []
    for name, body in value.items():
        fields = Fields(body, f"{path}.{name}", problems)
        default = fields.raw("default", _ABSENT)
        has_default = default is not _ABSENT
        parameter = Parameter(
            name=name,
            type=fields.choice("type", _TYPES, "any"),
            description=fields.text("description"),
            required=fields.flag("required", default=not has_default) and not has_default,
            default=default if has_default else None,
            min_length=fields.integer("min_length", 0, low=0, high=1_000_000),
            has_default=has_default,
        )
        fields.close()
        if has_default and (fault := parameter.fault(default)) is not None:
            problems.add(f"{path}.{name}.default", fault)
        parameters.append(parameter)
    return tuple(parameters)


def complete_input(parameters: tuple[Parameter, ...] | None, payload: Payload) -> Payload:
    """The input with defaults filled in. Raises `InputInvalid` with the path of each fault."""
    if parameters is None:
        return payload
    given = _read(payload)
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise InputInvalid(
            [Violation("input", f"must be an object of parameters, is {kind_of(given)}")]
        )
    problems = Problems()
    known = {parameter.name for parameter in parameters}
    for name in given:
        if name not in known:
            hint = problems.nearest(name, known)
            problems.add(f"input.{name}", f"is no parameter of this workflow.{hint}")
    changed = False
    for parameter in parameters:
        if parameter.name in given:
            if (fault := parameter.fault(given[parameter.name])) is not None:
                problems.add(f"input.{parameter.name}", fault)
        elif parameter.required:
            problems.add(
                f"input.{parameter.name}",
                f"is missing; it is required and of type {parameter.type}",
            )
        elif parameter.has_default:
            given[parameter.name] = parameter.default
            changed = True
    if problems.violations:
        raise InputInvalid(problems.violations)
    if not changed:
        return payload
    try:
        data = json.dumps(given, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputInvalid([Violation("input", "is not valid Unicode")]) from None
    return Payload(data, payload.metadata)


def _read(payload: Payload) -> Any:
    try:
        return parse_json(payload.data or b"null")
    except DefinitionInvalid as invalid:
        [fault] = invalid.violations
        message = "must be JSON, because the workflow declares parameters: "
        raise InputInvalid([Violation("input", message + fault.message)]) from None
