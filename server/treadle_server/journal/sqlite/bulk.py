"""Statements that take many rows at a time.

Python's `sqlite3` gives the interpreter's lock away around each step of a statement, and
`executemany` makes a step for each row. Under load the event loop takes the lock meanwhile, and the
commit waits for it again, row by row: measured, the loop and the commit then spend more time on
handing the lock to each other than on their work. So rows go 64, 16 or 4 to a statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

SIZES: Final = (64, 16, 4, 1)
"""Of groups. Few, as each is a statement of its own in SQLite's cache."""

Row = tuple[Any, ...]


class Bulk:
    """One statement for any number of rows; `text` makes it for so many."""

    def __init__(self, text: Callable[[int], str]) -> None:
        self._text = cache(text)

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Carries it out for all rows, in order; how many rows of the table it touched."""
        touched = done = 0
        for size in SIZES:
            while len(rows) - done >= size:
                group = rows[done : done + size]
                values = group[0] if size == 1 else [value for row in group for value in row]
                touched += connection.execute(self._text(size), values).rowcount
                done += size
        return touched


def marks(columns: int, rows: int) -> str:
    """Question marks for the rows of a VALUES clause."""
    row = f"({', '.join('?' * columns)})"
    return ", ".join([row] * rows)
