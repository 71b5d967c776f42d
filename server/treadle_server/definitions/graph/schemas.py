"""The JSON Schemas that a document carries for its activities: read, and checked as schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from treadle_server.definitions.document import Fields, Problems
from treadle_server.definitions.graph.shapes import Described

_DIALECTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema#",
)


@dataclass(slots=True, frozen=True)
class ActivitySchemas:
    """What an activity takes and gives, as far as the document says."""

    input: Described | None
    output: Described | None


def read_schemas(value: Any, problems: Problems) -> dict[str, ActivitySchemas]:
    """The `activities` of a document, by type."""
    if value is None:
        return {}
    types = Fields(value, "activities", problems)
    found: dict[str, ActivitySchemas] = {}
    for name in value if isinstance(value, dict) else ():
        fields = Fields(types.raw(name), f"activities.{name}", problems)
        fields.text("description")
        found[name] = ActivitySchemas(_schema(fields, "input"), _schema(fields, "output"))
        fields.close()
    return found


def _schema(fields: Fields, name: str) -> Described | None:
    schema = fields.raw(name)
    if schema is None:
        return None
    path = fields.at(name)
    if isinstance(schema, dict) and schema.get("$schema", _DIALECTS[0]) not in _DIALECTS:
        fields.problems.add(f"{path}.$schema", "is no dialect of JSON Schema that is known here")
        return None
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        place = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path
        )
        fields.problems.add(f"{path}{place}", f"is no JSON Schema: {error.message[:300]}")
        return None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        fields.problems.add(path, f"is no JSON Schema: {str(error)[:300]}")
        return None
    return Described(schema, schema)
