"""How a turn is written."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

from treadle_server.journal.port import RunRow
from treadle_server.runs.rows import copy_row


def test_a_copied_row_has_every_field() -> None:
    # Field by field, so that one that is added to the row and not to the copy is noticed.
    hints = get_type_hints(RunRow)
    different: dict[str, Any] = {}
    for number, one in enumerate(fields(RunRow), 1):
        texts = {str: f"that of {one.name}", bytes: bytes(number)}
        different[one.name] = texts.get(hints[one.name], number)
    row = RunRow(**different)
    copy = copy_row(row)
    assert copy == row
    assert copy is not row
