"""What is wrong with a document or a run's input, all of it at once, each fault with its path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_VIOLATIONS = 50
"""More faults than this are counted, not listed."""


@dataclass(slots=True, frozen=True)
class Violation:
    """One fault: where (`edges[3].when`), and what is wrong and what to do about it."""

    path: str
    message: str


class DefinitionInvalid(Exception):
    """The document is refused; nothing is stored."""

    reason = "DEFINITION_INVALID"

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{v.path}: {v.message}" for v in self.violations[:3]))


class InputInvalid(DefinitionInvalid):
    """The start's input does not fit the workflow's parameters; nothing is stored."""

    reason = "INPUT_INVALID"
