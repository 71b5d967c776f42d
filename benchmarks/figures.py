"""Small statistics, and the table at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; `share` from 0 to 100."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)]


Say = Callable[[str], None]
"""Tells the one who waits what is measured now."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `passed` is None where no mark is set."""

    name: str
    value: str
    note: str = ""
    passed: bool | None = None

    def to_json(self) -> dict[str, object]:
        """For `-o json`."""
        return {"name": self.name, "value": self.value, "note": self.note, "passed": self.passed}


def milliseconds(values: Sequence[float]) -> str:
    """p50 / p99 of times in seconds."""
    return f"{percentile(values, 50) * 1e3:.2f} / {percentile(values, 99) * 1e3:.2f} ms"


def at_least(mark: float, values: Sequence[float]) -> bool:
    """Whether the median is."""
    return percentile(values, 50) >= mark


def spread(values: Sequence[float], unit: str = "") -> str:
    """Median, and from where to where the repetitions went."""
    middle = percentile(values, 50)
    return f"{middle:,.0f}{unit} ({min(values):,.0f}-{max(values):,.0f})"


def table(figures: Sequence[Figure]) -> str:
    """Aligned columns."""
    marks = {True: "ok", False: "MISSED", None: ""}
    widths = (max(len(one.name) for one in figures), max(len(one.value) for one in figures))
    lines = (
        f"{one.name:{widths[0]}}  {one.value:>{widths[1]}}  {marks[one.passed]:6}  {one.note}"
        for one in figures
    )
    return "\n".join(line.rstrip() for line in lines)
