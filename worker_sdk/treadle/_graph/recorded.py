"""`Recorded`: the stand-in for a value that only the server will see.

It answers every operation that CEL has with another stand-in, which remembers the text so far; the
rest of Python's operations are refused (`refusals`). What is not here: the methods behind the dot
(`methods`), and how a function is called with stand-ins (`recording`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from treadle._graph import cel
from treadle._graph.cel import Expression
from treadle._graph.refusals import REFUSED, Recording

CallMethod = Callable[["Recorded", str, tuple[object, ...], dict[str, object]], "Recorded"]

_methods: dict[str, CallMethod] = {}


def install_methods(call_method: CallMethod) -> None:
    """Says how methods of recorded values are called. They make such values, so they are above."""
    _methods["call"] = call_method


class Recorded:
    """A stand-in for a value that only the server will see.

    `output.name` and `output["name"]` are the same field. A field is told from a method by the call
    alone, so that fields named `size` or `get` stay reachable.
    """

    __slots__ = ("_treadle_expression", "_treadle_owner", "_treadle_recording")

    _treadle_expression: Expression
    _treadle_recording: Recording
    # The value and the name whose attribute this is, if it is one: what a call of it means.
    _treadle_owner: tuple[Recorded, str] | None

    def __init__(
        self,
        expression: Expression,
        recording: Recording,
        owner: tuple[Recorded, str] | None = None,
    ) -> None:
        object.__setattr__(self, "_treadle_expression", expression)
        object.__setattr__(self, "_treadle_recording", recording)
        object.__setattr__(self, "_treadle_owner", owner)

    # --- parts ---

    def __getattr__(self, name: str) -> Recorded:
        if name.startswith("__"):
            raise AttributeError(name)
        return Recorded(
            cel.select(self._treadle_expression, name), self._treadle_recording, (self, name)
        )

    def __getitem__(self, key: object) -> Recorded:
        if isinstance(key, slice):
            self._treadle_recording.refuse("a slice", ".filter() with a lambda, or an activity")
        if type(key) is not Recorded and isinstance(key, str):
            return self._treadle_new(cel.select(self._treadle_expression, key))
        if type(key) is int and key < 0:
            self._treadle_recording.refuse(
                f"the index {key}, counted from the end", "x[x.size() - 1] and the like"
            )
        if type(key) is float or key is None or type(key) is bool:
            self._treadle_recording.refuse(f"{key!r} as an index", "a name or a whole number")
        return self._treadle_new(
            cel.index(self._treadle_expression, to_expression(key, self._treadle_recording))
        )

    def __call__(self, *arguments: object, **keywords: object) -> Recorded:
        if self._treadle_owner is None:
            self._treadle_recording.refuse("a call of a recorded value", "an activity")
        owner, name = self._treadle_owner
        return _methods["call"](owner, name, arguments, keywords)

    def __setattr__(self, name: str, value: object) -> None:
        self._treadle_recording.refuse("assignment to an attribute", "a new dict")

    @property  # type: ignore[misc]
    def __class__(self) -> NoReturn:  # type: ignore[override]
        self._treadle_recording.refuse(
            "its class (isinstance)", "an activity for what depends on types"
        )

    # --- comparisons ---

    def __eq__(self, other: object) -> Recorded:  # type: ignore[override]
        return self._treadle_binary("==", other)

    def __ne__(self, other: object) -> Recorded:  # type: ignore[override]
        return self._treadle_binary("!=", other)

    def __lt__(self, other: object) -> Recorded:
        return self._treadle_binary("<", other)

    def __le__(self, other: object) -> Recorded:
        return self._treadle_binary("<=", other)

    def __gt__(self, other: object) -> Recorded:
        return self._treadle_binary(">", other)

    def __ge__(self, other: object) -> Recorded:
        return self._treadle_binary(">=", other)

    # --- logic ---

    def __and__(self, other: object) -> Recorded:
        return self._treadle_logic("&&", other)

    def __rand__(self, other: object) -> Recorded:
        return self._treadle_logic("&&", other, swapped=True)

    def __or__(self, other: object) -> Recorded:
        return self._treadle_logic("||", other)

    def __ror__(self, other: object) -> Recorded:
        return self._treadle_logic("||", other, swapped=True)

    def __invert__(self) -> Recorded:
        return self._treadle_new(cel.unary("!", self._treadle_expression))

    # --- arithmetic ---

    def __add__(self, other: object) -> Recorded:
        return self._treadle_arithmetic("+", other)

    def __radd__(self, other: object) -> Recorded:
        return self._treadle_arithmetic("+", other, swapped=True)

    def __sub__(self, other: object) -> Recorded:
        return self._treadle_arithmetic("-", other)

    def __rsub__(self, other: object) -> Recorded:
        return self._treadle_arithmetic("-", other, swapped=True)

    def __mul__(self, other: object) -> Recorded:
        return self._treadle_arithmetic("*", other)

    def __rmul__(self, other: object) -> Recorded:
        return self._treadle_arithmetic("*", other, swapped=True)

    def __truediv__(self, other: object) -> Recorded:
        return self._treadle_division(self, other)

    def __rtruediv__(self, other: object) -> Recorded:
        return self._treadle_division(other, self)

    def __neg__(self) -> Recorded:
        return self._treadle_new(cel.unary("-", self._treadle_expression))

    # --- how the operators are written ---

    def _treadle_new(self, expression: Expression) -> Recorded:
        return Recorded(expression, self._treadle_recording)

    def _treadle_binary(self, operator: str, other: object, *, swapped: bool = False) -> Recorded:
        right = to_expression(other, self._treadle_recording)
        operands = (
            (right, self._treadle_expression) if swapped else (self._treadle_expression, right)
        )
        return self._treadle_new(cel.binary(operator, *operands))

    def _treadle_logic(self, operator: str, other: object, *, swapped: bool = False) -> Recorded:
        if type(other) is not Recorded and type(other) is not bool:
            python = "&" if operator == "&&" else "|"
            self._treadle_recording.refuse(
                f"{python} with {other!r}",
                f"parentheses around each comparison: (a == b) {python} (c == d)",
            )
        return self._treadle_binary(operator, other, swapped=swapped)

    def _treadle_arithmetic(
        self, operator: str, other: object, *, swapped: bool = False
    ) -> Recorded:
        # CEL does not mix whole and broken numbers; where Python would, because of a constant, the
        # other side is made a broken number as well.
        if type(other) is float:
            broken = self._treadle_new(cel.call("double", self._treadle_expression))
            return broken._treadle_binary(operator, other, swapped=swapped)
        return self._treadle_binary(operator, other, swapped=swapped)

    def _treadle_division(self, left: object, right: object) -> Recorded:
        # CEL divides whole numbers without remainder; Python's / never does.
        operands = [
            float(side) if type(side) is int else side  # the operands are a stand-in and anything
            for side in (left, right)
        ]
        written = [to_expression(side, self._treadle_recording) for side in operands]
        pair = [
            cel.call("double", text) if type(side) is Recorded else text
            for side, text in zip(operands, written, strict=True)
        ]
        return self._treadle_new(cel.binary("/", *pair))


def _refuser(used: str, instead: str) -> Callable[..., NoReturn]:
    def refuse(self: Recorded, *_: object) -> NoReturn:
        described = f"{used} of {self._treadle_expression.text}"
        self._treadle_recording.refuse(described, instead)

    return refuse


for _name, (_used, _instead) in REFUSED.items():
    setattr(Recorded, _name, _refuser(_used, _instead))


def to_expression(value: object, recording: Recording) -> Expression:
    """The expression for what a recorded function used or gave: stand-ins, constants, or both
    mixed.
    """

    def convert(item: object) -> Expression | None:
        return item._treadle_expression if type(item) is Recorded else None

    try:
        return cel.literal(value, convert)
    except cel.NotAConstant as error:
        recording.refuse(str(error), "constants that JSON has")
