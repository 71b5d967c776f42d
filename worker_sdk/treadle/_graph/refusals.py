"""What cannot be recorded, and how a recording says so: with file, line and what to use instead."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import NoReturn

from treadle.errors import DefinitionError

METHODS = (
    "get(key, default)",
    "has(key)",
    "size()",
    "contains(item)",
    "is_in(list)",
    "starts_with(text)",
    "ends_with(text)",
    "matches(pattern)",
    "as_text()",
    "as_int()",
    "as_float()",
    "map(lambda item: ...)",
    "filter(lambda item: ...)",
    "exists(lambda item: ...)",
    "all(lambda item: ...)",
)
"""What may be called on a recorded value."""

_TRUTH = (
    "& for and, | for or, ~ for not, if_else(condition, then, otherwise) for if, "
    ".is_in([...]) for in"
)
_TEXT = "treadle.graph.text(...), which joins its arguments, or .as_text()"
_ROUNDING = "the CEL text itself as a string: CEL rounds towards zero where Python rounds down"

REFUSED = {
    "__bool__": ("its truth is asked for (if, and, or, not, in, or a chained comparison)", _TRUTH),
    "__len__": ("len()", ".size()"),
    "__contains__": ("in", ".contains(item); for membership in a list of your own: .is_in([...])"),
    "__iter__": ("iteration", ".map(), .filter(), .exists() or .all() with a lambda"),
    "__reversed__": ("reversed()", "an activity"),
    "__next__": ("next()", "an index, for example [0]"),
    "__hash__": ("use as a dict's key or in a set", "text as the key"),
    "__str__": ("str() or %-formatting", _TEXT),
    "__repr__": ("repr()", _TEXT),
    "__format__": ("an f-string or format()", _TEXT),
    "__bytes__": ("bytes()", ".as_text()"),
    "__int__": ("int()", ".as_int()"),
    "__float__": ("float()", ".as_float()"),
    "__complex__": ("complex()", ".as_float()"),
    "__index__": ("use as a Python index or in range()", "an activity"),
    "__round__": ("round()", ".as_int(), which cuts off"),
    "__trunc__": ("trunc()", ".as_int()"),
    "__floor__": ("floor()", "an activity"),
    "__ceil__": ("ceil()", "an activity"),
    "__abs__": ("abs()", "if_else(x < 0, -x, x)"),
    "__floordiv__": ("//", _ROUNDING),
    "__rfloordiv__": ("//", _ROUNDING),
    "__mod__": ("%", _ROUNDING),
    "__rmod__": ("%", _ROUNDING),
    "__divmod__": ("divmod()", _ROUNDING),
    "__rdivmod__": ("divmod()", _ROUNDING),
    "__pow__": ("**", "an activity"),
    "__rpow__": ("**", "an activity"),
    "__matmul__": ("@", "an activity"),
    "__rmatmul__": ("@", "an activity"),
    "__lshift__": ("<<", "an activity"),
    "__rlshift__": ("<<", "an activity"),
    "__rshift__": (">>", "an activity"),
    "__rrshift__": (">>", "an activity"),
    "__xor__": ("^", "!= between two conditions"),
    "__rxor__": ("^", "!= between two conditions"),
    "__pos__": ("unary +", "the value itself"),
    "__setitem__": ("assignment to an item", "a new dict"),
    "__delitem__": ("del of an item", "a new dict with the fields to keep"),
    "__delattr__": ("del of an attribute", "a new dict with the fields to keep"),
    "__enter__": ("with", "an activity"),
    "__await__": ("await", "an activity"),
    "__aiter__": ("async for", "an activity"),
}
"""Operations of Python that have no counterpart in CEL: what they are called, and what to use
instead.
"""

IDENTITY = ("is, which Python decides while it records", "== None or != None")


class CannotRecord(DefinitionError):
    """A function cannot be recorded as CEL.

    `file` and `line` are the place, `used` is what was used there, `instead` what to use.
    """

    def __init__(self, *, file: str, line: int, used: str, instead: str) -> None:
        super().__init__(f"{file}:{line}: cannot be recorded as CEL: {used}. Use {instead}.")
        self.file = file
        self.line = line
        self.used = used
        self.instead = instead


class Recording:
    """One call of one function, and where it stands in the source."""

    def __init__(self, function: FunctionType) -> None:
        self.code = function.__code__
        self.refused: CannotRecord | None = None

    @property
    def place(self) -> tuple[str, int]:
        """File and first line of the function."""
        return self.code.co_filename, self.code.co_firstlineno

    def refuse(self, used: str, instead: str, line: int | None = None) -> NoReturn:
        """Raises `CannotRecord` for the line that the function is at."""
        file, first_line = self.place
        found = line or self._current_line() or first_line
        refusal = CannotRecord(file=file, line=found, used=used, instead=instead)
        # Kept, so that an `except` inside the function cannot swallow it.
        self.refused = self.refused or refusal
        raise refusal

    def _current_line(self) -> int | None:
        frame = sys._getframe()
        while frame.f_back is not None:
            frame = frame.f_back
            if frame.f_code is self.code:
                return frame.f_lineno
        return None
