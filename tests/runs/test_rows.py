"""How a turn is written."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any, cast

from treadle_server.journal.port import RunRow
from treadle_server.runs.rows import copy_row


def test_a_copied_row_has_every_field() -> None:
    # Field by field, so that one that is added to the row and not to the copy is noticed.
    different: dict[str, Any] = {one.name: f"that of {one.name}" for one in fields(RunRow)}
    row = RunRow(**different)
    copy = copy_row(cast(Any, SimpleNamespace(row=row)))
    assert copy == row
    assert copy is not row
