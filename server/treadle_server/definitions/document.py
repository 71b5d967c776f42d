"""Reading a document's parts: each with its path, every fault collected, unknown keys refused with
the nearest name.
"""

from __future__ import annotations

import difflib
import itertools
import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from treadle_server.definitions.errors import MAX_VIOLATIONS, DefinitionInvalid, Violation
from treadle_server.engine.values import Duration

MAX_DURATION: Duration = 100 * 366 * 86_400 * 1_000_000
"""About a hundred years, in microseconds."""

_SHOWN = 60
_NAMES_COMPARED = 10_000
_LETTERS_COMPARED = 5_000_000
"""Of wrong names times those of the known ones, in one document: some tenths of a second."""

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")


def nearest(name: str, known: Collection[str]) -> str:
    """` Did you mean 'x'?` if a known name is near, else nothing."""
    names = list(itertools.islice(known, _NAMES_COMPARED))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def parse_json(text: bytes | str) -> Any:
    """JSON without duplicate keys, NaN, infinities and numbers that would become infinite. Raises
    `DefinitionInvalid` at path `$`.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()  # UTF-8 and nothing else, where json.loads would guess
        return json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise DefinitionInvalid([Violation("$", "nested too deeply")]) from None
    except ValueError as error:
        raise DefinitionInvalid([Violation("$", f"not a JSON document: {error}")]) from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r} stands twice in one object")
            seen.add(key)
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:_SHOWN]} is larger than a number can be")
    return value


def canonical_json(value: Any) -> bytes:
    """JSON without blanks, keys in the order given. Raises ValueError for what is no JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


class Problems:
    """The faults found so far. `stored`: the document is not new, an earlier version has taken it,
    and there may be runs of it.
    """

    def __init__(self, *, stored: bool = False) -> None:
        self.stored = stored
        self.violations: list[Violation] = []
        self._more = 0
        self._letters = 0

    @property
    def is_full(self) -> bool:
        """Whether further faults are only counted."""
        return len(self.violations) >= MAX_VIOLATIONS

    def add(self, path: str, message: str) -> None:
        """Notes one fault."""
        path, message = _printable(path), _printable(message)
        if self.is_full:
            self._more += 1
        else:
            self.violations.append(Violation(path, message))

    def add_if_new(self, path: str, message: str) -> None:
        """Notes a fault that keeps nothing from being run: what has it fails when a run comes
        there, or says what has no effect. What is stored is not held to it: its runs go on, as they
        did before there was such a check.
        """
        if not self.stored:
            self.add(path, message)

    def nearest(self, name: str, known: Collection[str]) -> str:
        """As `nearest`, but nothing where that helps nobody, or would take long by now."""
        if self.is_full:
            return ""
        letters = sum(map(len, itertools.islice(known, _NAMES_COMPARED)))
        self._letters += len(name) * letters
        return nearest(name, known) if self._letters <= _LETTERS_COMPARED else ""

    def raise_if_any(self) -> None:
        """Raises `DefinitionInvalid` with everything noted."""
        if not self.violations:
            return
        if self._more:
            self.violations.append(Violation("$", f"and {self._more} more faults"))
        raise DefinitionInvalid(self.violations)


def _printable(text: str) -> str:
    """Names of the document stand in paths and messages, and may be no valid Unicode."""
    return text.encode("utf-8", "backslashreplace").decode()


class Fields:
    """One object of a document, read key by key; `close` refuses the keys that nobody asked for."""

    __slots__ = ("_asked", "_values", "path", "problems")

    def __init__(self, value: Any, path: str, problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self._asked: set[str] = set()
        if not isinstance(value, Mapping):
            problems.add(path, f"must be an object, is {kind_of(value)}")
            value = {}
        self._values: Mapping[str, Any] = value

    def at(self, name: str) -> str:
        """The path of a key."""
        return f"{self.path}.{name}" if self.path != "$" else name

    def has(self, name: str) -> bool:
        """Whether the key is there."""
        self._asked.add(name)
        return name in self._values

    def raw(self, name: str, default: Any = None) -> Any:
        """The value as it is."""
        self._asked.add(name)
        return self._values.get(name, default)

    def text(self, name: str, default: str = "", *, max_bytes: int = 8_192) -> str:
        """A string."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, str):
            self.problems.add(self.at(name), f"must be a string, is {kind_of(value)}")
            return default
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            self.problems.add(self.at(name), "is not valid Unicode")
            return default
        if size > max_bytes:
            self.problems.add(self.at(name), f"must be at most {max_bytes} bytes long")
        return value

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """One of some words."""
        value = self.text(name, default)
        if value not in choices:
            listed = ", ".join(sorted(choices))
            hint = self.problems.nearest(value, choices)
            self.problems.add(self.at(name), f"must be one of {listed}; is {shown(value)}.{hint}")
            return default
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problems.add(self.at(name), f"must be true or false, is {kind_of(value)}")
            return default
        return value

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """A finite number within bounds."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problems.add(self.at(name), f"must be a number, is {kind_of(value)}")
            return default
        if not low <= value <= high:  # nor is NaN
            self.problems.add(self.at(name), f"must be from {low:g} to {high:g}, is {shown(value)}")
            return default
        return value

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.problems.add(self.at(name), f"must be a whole number, is {kind_of(value)}")
            return default
        if not low <= value <= high:
            self.problems.add(self.at(name), f"must be from {low} to {high}, is {shown(value)}")
            return default
        return value

    def duration(self, name: str, default: Duration | None = None) -> Duration | None:
        """A span of time: `"250ms"`, `"10s"`, `"1h30m"`, or a number of seconds; more than 0, at
        most 100 years.
        """
        value = self.raw(name)
        if value is None:
            return default
        found = parse_duration(value)
        if found is None:
            self.problems.add(
                self.at(name),
                'must be a duration such as "250ms", "10s", "5m", "1h30m" or a number of seconds, '
                f"more than 0 and at most 100 years; is {shown(value)}",
            )
            return default
        return found

    def texts(self, name: str, *, what: str = "strings") -> tuple[str, ...]:
        """A list of strings."""
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.problems.add(self.at(name), f"must be a list of {what}")
            return ()
        return tuple(value)

    def close(self) -> None:
        """Refuses the keys that were not asked for."""
        for key in self._values:
            if key not in self._asked:
                hint = self.problems.nearest(str(key), self._asked)
                self.problems.add(self.at(str(key)), f"is not known here.{hint}")


def parse_duration(value: Any) -> Duration | None:
    """Microseconds, or None if it is no duration that Treadle accepts."""
    microseconds: float
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not 0 < value <= MAX_DURATION:  # nor is NaN; and round() takes no infinity
            return None
        microseconds = value * 1_000_000
    elif isinstance(value, str) and len(value) <= 64 and _DURATION.fullmatch(value):
        microseconds = sum(
            float(amount) * _UNITS[unit] for amount, unit in _DURATION_PART.findall(value)
        )
    else:
        return None
    whole = round(microseconds)
    return whole if 0 < whole <= MAX_DURATION else None


def shown(value: Any) -> str:
    """A value of the document for a message: what was written, cut short."""
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError):
        text = kind_of(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def kind_of(value: Any) -> str:
    """What JSON calls it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
