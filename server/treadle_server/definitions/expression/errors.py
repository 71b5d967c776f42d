"""The two ways an expression can be wrong: in the document, or on the data of one run."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NoReturn

EXCERPT_LENGTH = 80


class ExpressionInvalid(Exception):
    """The document is at fault: the expression can never be evaluated. Nothing was compiled.

    `path` says where in the document (`edges[3].when`), `message` what is wrong and what to do.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class FailureKind(enum.StrEnum):
    """Why an evaluation failed."""

    MISSING = "missing"
    """A name without a value, a field that is not there, an index outside its list."""
    WRONG_TYPE = "wrong_type"
    """An operand or the result has a type that does not fit."""
    VALUE = "value"
    """A value that cannot be worked with: division by zero, text that is no number, overflow."""
    SIZE = "size"
    """More input or result than one evaluation may have."""
    BUDGET = "budget"
    """More work than one evaluation may take."""


class ExpressionFailed(Exception):
    """The data is at fault: this evaluation has no result. Trying again gives the same.

    `message` is complete: where the expression stands, what is wrong, and an excerpt of it.
    """

    def __init__(self, path: str, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.kind = kind
        self.message = message


@dataclass(slots=True, frozen=True)
class Origin:
    """Where an expression, or one part of an object form, stands in the document."""

    path: str
    text: str

    def fail(self, kind: FailureKind, message: str) -> NoReturn:
        """Raises ExpressionFailed with the path and an excerpt."""
        excerpt = " ".join(self.text.split())
        if len(excerpt) > EXCERPT_LENGTH:
            excerpt = excerpt[: EXCERPT_LENGTH - 1] + "…"
        raise ExpressionFailed(self.path, kind, f"{self.path}: {message}, in `{excerpt}`")
