"""What a run group starts with, checked: whoever starts it, by its own call, as any run, or as the
child of another.
"""

from __future__ import annotations

from typing import Any

from treadle_server.definitions.document import Fields, Problems, kind_of, parse_json
from treadle_server.definitions.errors import DefinitionInvalid, InputInvalid
from treadle_server.engine.values import Payload

MAX_MEMBERS = 20_000

_LONGEST = 100 * 366 * 86_400 * 1_000_000
_TEXT_BYTES = 200


def check_request(payload: Payload) -> None:
    """Raises `InputInvalid` with the path of each fault."""
    problems = Problems()
    try:
        fields = Fields(parse_json(payload.data), "$", problems)
        items = fields.raw("items")
        count = len(items) if isinstance(items, list) else 0
        if not 1 <= count <= MAX_MEMBERS:
            problems.add("items", f"must be 1 to {MAX_MEMBERS:,} runs")
        for number, item in enumerate(items if isinstance(items, list) else ()):
            _check_item(item, f"items[{number}]", problems)
        _check_quota(fields, count, problems)
        fields.flag("counts_ended")
        fields.flag("leaves")
        fields.integer("duration", 1, low=1, high=_LONGEST)
        fields.close()
        problems.raise_if_any()
    except InputInvalid:
        raise
    except DefinitionInvalid as invalid:
        raise InputInvalid(invalid.violations) from None


def _check_item(item: Any, path: str, problems: Problems) -> None:
    fields = Fields(item, path, problems)
    if not fields.text("workflow", max_bytes=_TEXT_BYTES):
        problems.add(f"{path}.workflow", "is the name of a workflow; it cannot be empty")
    fields.integer("version", 0, low=0, high=2**53)
    fields.text("workflow_id", max_bytes=_TEXT_BYTES)
    fields.raw("input")
    fields.close()


def _check_quota(fields: Fields, count: int, problems: Problems) -> None:
    quota = fields.raw("quota", 0)
    if isinstance(quota, bool) or not isinstance(quota, int) or quota < 0:
        problems.add("quota", f"must be a number from 0 on, is {kind_of(quota)}")
    elif quota > count:
        problems.add("quota", f"is {quota}, and there are {count} runs")
