"""Reading the document that an SDK makes of a workflow that is code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from treadle_server.definitions.code.model import CodeDefinition
from treadle_server.definitions.document import (
    Fields,
    Problems,
    canonical_json,
    kind_of,
    shown,
)
from treadle_server.definitions.errors import DefinitionInvalid, Violation
from treadle_server.definitions.names import NAME_RULE, is_name
from treadle_server.definitions.versions import VersionState

MAX_VERSION = 1_000_000_000


def parse_code(document: Any) -> CodeDefinition:
    """Checks a document of kind `code`. Raises `DefinitionInvalid` with every fault."""
    problems = Problems()
    fields = Fields(document, "$", problems)
    fields.choice("treadle", {"v1"}, "v1")
    fields.choice("kind", {"code"}, "code")
    name = fields.text("name")
    if not is_name(name):
        problems.add("name", f"{NAME_RULE}; is {shown(name)}")
    version = fields.integer("version", 1, low=1, high=MAX_VERSION)
    description = fields.text("description")
    queue = fields.text("queue", "default", max_bytes=200)
    run_timeout = fields.duration("run_timeout")
    state = None
    if fields.has("state"):
        named = fields.choice("state", {"active", "deprecated", "retired"}, "active")
        state = VersionState[named.upper()]
    for schema in ("input", "output"):
        value = fields.raw(schema)
        if value is not None and not isinstance(value, Mapping):
            problems.add(schema, f"must be a JSON Schema, an object; is {kind_of(value)}")
    fields.close()
    problems.raise_if_any()
    try:
        normalised = canonical_json(document)
    except (ValueError, RecursionError) as error:
        raise DefinitionInvalid([Violation("$", f"is no JSON document: {error}")]) from None
    return CodeDefinition(
        name=name,
        version=version,
        description=description,
        queue=queue or "default",
        state=state,
        run_timeout=run_timeout,
        document=normalised,
        content_hash=hashlib.sha256(normalised).hexdigest(),
    )
