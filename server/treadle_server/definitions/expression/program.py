"""The CEL library, and everything that is particular to it.

cel-expr-python 0.1.3 binds cel-cpp. What it does that callers must not see:

- A failed evaluation mostly does not raise: it gives a value of type ERROR, whose plain value is a
  text, and so truthy. Some failures raise RuntimeError instead.
- Deeply nested input overflows the C++ stack, and text with lone surrogates raises: both are found
  by encoding the input as JSON first, which also gives its size.
- An int between 2^63 and 2^64 silently becomes a uint, which then fits no operator.
- Maps come back in an order that differs from one evaluation to the next.
- Parsing is bounded to 32 levels, comprehensions to 10,000 iterations; nothing else is (`cost`).
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

import msgspec.json
from cel_expr_python import cel

from treadle_server.definitions.expression.cost import (
    INPUT_LIMIT,
    ITERATION_LIMIT,
    allowance,
    fits,
)
from treadle_server.definitions.expression.errors import ExpressionInvalid, FailureKind, Origin
from treadle_server.definitions.expression.shape import Shape, prune

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1
DEPTH_LIMIT = 32

_ENVIRONMENTS_KEPT = 256
_MESSAGE_LENGTH = 200

_encode = msgspec.json.Encoder().encode
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_WIDE = b"0" * len(str(INTEGER_MAX))

_NO_RESULT = {
    "BYTES": "bytes",
    "DURATION": "a duration",
    "TIMESTAMP": "a timestamp",
    "TYPE": "a type",
    "bytearray": "bytes",
    "timedelta": "a duration",
    "datetime": "a timestamp",
    "Type": "a type",
}

_SYNTAX = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNEXPECTED = re.compile(
    r"Syntax error: (?:mismatched input|extraneous input|no viable alternative at input"
    r"|token recognition error at:) '(.*?)'(?: expecting .*)?$"
)
_UNDECLARED = re.compile(r"undeclared reference to '(.*?)' ")
_NO_OVERLOAD = re.compile(r"found no matching overload for '(.*?)' applied to '(.*)'")

_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_NO_KEY = re.compile(r"Key not found in map : (.*)")
_NO_INDEX = re.compile(r"Index error: index=(-?\d+) size=(\d+)")
_NO_OPERATOR = re.compile(r"No matching overloads found : ([^(]+)(\(.*\))?")


@functools.lru_cache(_ENVIRONMENTS_KEPT)
def _environment(names: frozenset[str]) -> Any:
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))


class Program:
    """A compiled expression, or the part of an object form that only the library can evaluate."""

    __slots__ = ("_allowance", "_compiled", "_origin", "_shape", "_wanted", "result_type")

    result_type: str
    """The library's name of the static type: BOOL, INT, DYN, LIST<DYN>, …"""

    def __init__(self, source: str, origin: Origin, shape: Shape) -> None:
        """Compiles `source`; all its free names are declared. Raises ExpressionInvalid."""
        self._origin = origin
        self._compiled = compile_source(source, shape.wanted, origin.path)
        try:
            self.result_type = str(self._compiled.return_type().name())
        except RuntimeError:  # the type of `{null: 1}` cannot be named
            raise ExpressionInvalid(origin.path, "a key of an object must be a string") from None
        if (found := self.result_type.partition("<")[0]) in _NO_RESULT:
            raise ExpressionInvalid(origin.path, _no_result(found))
        self._shape = shape
        self._allowance = allowance(shape)
        if not self._allowance:
            raise ExpressionInvalid(origin.path, "takes too much work whatever its input is")
        self._wanted = tuple(shape.wanted.items())

    def run(self, bindings: Mapping[str, object]) -> tuple[object, int]:
        """The result, and its size as JSON (0 for small scalars). Raises ExpressionFailed."""
        bound: dict[str, object] = {}
        for name, wanted in self._wanted:
            if name not in bindings:
                self._origin.fail(FailureKind.MISSING, f"{name!r} has no value in this run")
            value = bindings[name]
            bound[name] = value if wanted is None else prune(value, wanted)
        self._admit(bound)
        try:
            outcome = self._compiled.eval(data=bound)
            result = outcome.plain_value()
        except RuntimeError as error:
            self._fail(str(error))
        except MemoryError:
            self._origin.fail(FailureKind.BUDGET, "takes more memory than there is")
        if isinstance(result, str):
            if outcome.type() == cel.Type.ERROR:
                self._fail(result)
            return result, len(result)
        if result is None or isinstance(result, bool):
            return result, 0
        try:
            result = self._clean(result)
            return result, len(_encode(result)) if isinstance(result, (list, dict)) else 0
        except RecursionError:
            self._origin.fail(FailureKind.SIZE, "gives a result that is nested too deeply")

    def _admit(self, bound: dict[str, object]) -> None:
        """Refuses input that the library cannot take, or that would take too long."""
        try:
            encoded = _encode(bound)
            if len(encoded) > INPUT_LIMIT:
                read = f"reads {len(encoded):,} bytes, more than {INPUT_LIMIT:,}"
                self._origin.fail(FailureKind.SIZE, f"{read}; pass large values on whole")
            if _WIDE in encoded.translate(_DIGITS_AS_ZERO) and _has_wide_integer(bound):
                self._origin.fail(FailureKind.VALUE, "reads an integer of more than 64 bits")
            if len(encoded) > self._allowance and not fits(self._shape, bound):
                hint = f"on these {len(encoded):,} bytes; read fewer fields, or use an activity"
                self._origin.fail(FailureKind.BUDGET, f"would take too much work {hint}")
        except RecursionError:
            self._origin.fail(FailureKind.SIZE, "reads a value that is nested too deeply")
        except UnicodeEncodeError:
            self._origin.fail(FailureKind.VALUE, "reads a text that is not valid Unicode")
        except TypeError:
            self._origin.fail(FailureKind.WRONG_TYPE, "reads a value that is not JSON")

    def _clean(self, result: object) -> object:
        """The result with only JSON in it, and objects in a fixed order."""
        match result:
            case None | bool() | str():
                return result
            case int() if INTEGER_MIN <= result <= INTEGER_MAX:
                return result
            case float() if math.isfinite(result):
                return result
            case list():
                return [self._clean(element) for element in result]
            case dict():
                if not all(isinstance(key, str) for key in result):
                    what = "gives an object with a key that is no string"
                    self._origin.fail(FailureKind.WRONG_TYPE, what)
                return {key: self._clean(result[key]) for key in sorted(result)}
            case int():
                self._origin.fail(FailureKind.VALUE, "gives an integer of more than 64 bits")
            case float():
                self._origin.fail(FailureKind.VALUE, f"gives {result}, which is no JSON number")
            case _:
                self._origin.fail(FailureKind.WRONG_TYPE, _no_result(type(result).__name__))

    def _fail(self, text: str) -> NoReturn:
        kind, message = _explain(text)
        self._origin.fail(kind, message)


def compile_source(source: str, names: Collection[str], path: str) -> Any:
    """The library's expression. Raises ExpressionInvalid with its first complaint, in our words."""
    try:
        return _environment(frozenset(names)).compile(source)
    except RuntimeError as error:
        text = str(error)
    if "recursion" in text:
        hint = "parentheses, fields and chained operators count one level each"
        raise ExpressionInvalid(path, f"nested more than {DEPTH_LIMIT} levels deep; {hint}")
    if not (found := _SYNTAX.search(text)):
        raise ExpressionInvalid(path, _STATUS.sub("", text)[:_MESSAGE_LENGTH])
    line, column, complaint = found.groups()
    if match := _UNEXPECTED.match(complaint):
        ended = match[1] == "<EOF>"
        complaint = "the expression ends too early" if ended else f"unexpected {match[1]!r}"
    elif match := _UNDECLARED.match(complaint):
        complaint = f"unknown function {match[1]!r}"
    elif match := _NO_OVERLOAD.match(complaint):
        complaint = f"{_operator(match[1])} does not take ({match[2].strip('()')})"
    complaint = complaint[:_MESSAGE_LENGTH]
    raise ExpressionInvalid(path, f"line {line}, column {column}: {complaint}")


def constant(source: str) -> object:
    """The value of a literal that needs no input, such as a string with escapes."""
    return _environment(frozenset()).compile(source).eval(data={}).plain_value()


def _explain(text: str) -> tuple[FailureKind, str]:
    """What the library says of a failed evaluation, in our words."""
    text = _STATUS.sub("", _STATUS.sub("", text))
    if match := _NO_KEY.fullmatch(text):
        return FailureKind.MISSING, f"there is no {match[1][:_MESSAGE_LENGTH]}"
    if match := _NO_INDEX.fullmatch(text):
        return FailureKind.MISSING, f"there is no [{match[1]}] in a list of {match[2]}"
    if "<jump_condition>" in text:
        return FailureKind.WRONG_TYPE, "the condition before '?' is not true or false"
    if match := _NO_OPERATOR.fullmatch(text):
        operands = (match[2] or "").replace("int64", "int").replace("uint64", "uint")
        message = f"{_operator(match[1])} does not take {operands or 'these types'}"
        if "int" in operands and "double" in operands:
            message += "; double(…) or int(…) converts"
        return FailureKind.WRONG_TYPE, message
    if "SELECT" in text:
        return FailureKind.WRONG_TYPE, "reads a field of something that is no object"
    if "Index error" in text:
        return FailureKind.WRONG_TYPE, "a list is indexed by something that is no int"
    if "Iteration budget exceeded" in text:
        return FailureKind.BUDGET, f"takes more than {ITERATION_LIMIT:,} iterations"
    if "Non-CEL value" in text or "Invalid map key" in text:
        return FailureKind.WRONG_TYPE, "reads a value that is not JSON"
    return FailureKind.VALUE, text[:_MESSAGE_LENGTH]


def _operator(name: str) -> str:
    """`_+_` as a person writes it; functions have their own names."""
    if name.startswith(("_", "@")) or name.endswith("_"):
        name = name.replace("_", "").replace("@", "")
    return f"'{name}'"


def _no_result(type_name: str) -> str:
    if (what := _NO_RESULT.get(type_name)) is None:
        return "gives something that is no JSON value"
    hint = "" if what == "a type" else "; string(…) makes text of it"
    return f"gives {what}, which is no JSON value{hint}"


def _has_wide_integer(value: object) -> bool:
    """Whether an integer outside of 64 bits, signed, is anywhere in a value."""
    if isinstance(value, dict):
        return any(map(_has_wide_integer, value.values()))
    if isinstance(value, list):
        return any(map(_has_wide_integer, value))
    return isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX
