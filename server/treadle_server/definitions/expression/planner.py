"""From source to plan: which parts only move values, and which are for the library.

Parts are found by brackets and commas alone, and what looks in any way unusual is left to the
library, mistakes too: it has the better messages.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from treadle_server.definitions.expression.errors import (
    ExpressionFailed,
    ExpressionInvalid,
    Origin,
)
from treadle_server.definitions.expression.plan import (
    Computed,
    Constant,
    ListOf,
    Meter,
    ObjectOf,
    Path,
    Plan,
)
from treadle_server.definitions.expression.program import (
    DEPTH_LIMIT,
    Program,
    compile_source,
    constant,
)
from treadle_server.definitions.expression.shape import find_shape
from treadle_server.definitions.expression.tokens import (
    KEYWORDS,
    RESERVED,
    TYPES,
    Scan,
    TokenKind,
)

CHAIN_LIMIT = 2
"""How many macros may be chained or nested."""

_PLAIN_STRING = re.compile(r"""(["'])([^\\\n\r"']*)\1""")
_PLAIN_NUMBER = re.compile(r"[0-9]{1,18}|[0-9]{1,18}\.[0-9]{1,18}")
_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None}
_NOT_BLANK = re.compile(r"[^\n]")

_NAMES_LISTED = 8
_NAMES_COMPARED = 1_000
_LETTERS_COMPARED = 1_000_000
"""Of an unknown name times those of the known ones."""


def key_path(path: str, key: str | int) -> str:
    """The path of one part of an object form: `edges[3].map.to`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if re.fullmatch(r"\w+", key) else f'{path}["{key}"]'


@dataclass(slots=True, frozen=True)
class Planner:
    """Makes the plan of one scanned source. `known_names` are those that it may read."""

    scan: Scan
    known_names: Collection[str]

    def plan(self, path: str) -> Plan:
        """The plan of all of it. Raises ExpressionInvalid."""
        return self._part(0, len(self.scan.tokens), path, 0)

    def _part(self, first: int, last: int, path: str, depth: int) -> Plan:
        if depth > DEPTH_LIMIT:
            raise ExpressionInvalid(path, f"nested more than {DEPTH_LIMIT} levels deep")
        scan = self.scan
        opening = scan.tokens[first].text
        if scan.balanced and opening in ("{", "[") and scan.partners[first] == last - 1:
            parts = self._split(first + 1, last - 1)
            if parts is not None and opening == "[":
                paths = (key_path(path, number) for number in range(len(parts)))
                return ListOf([self._part(*part, next(paths), depth + 1) for part in parts])
            if parts is not None and all(self._has_plain_key(*part) for part in parts):
                return self._object(parts, path, depth)
        if (found := self._constant(first, last)) is not None:
            return found
        origin = Origin(path, scan.text(first, last))
        return self._path(first, last, origin) or self._computed(first, last, origin)

    def _split(self, first: int, last: int) -> list[tuple[int, int]] | None:
        """The parts between commas, as ranges of tokens; None if one is empty: a mistake."""
        parts: list[tuple[int, int]] = []
        start = index = first
        while index < last:
            if self.scan.sign(index, ","):
                parts.append((start, index))
                start = index + 1
            elif self.scan.partners[index] > index:
                index = self.scan.partners[index]
            index += 1
        if start < last:  # a comma may stand at the end
            parts.append((start, last))
        return parts if all(start < end for start, end in parts) else None

    def _has_plain_key(self, first: int, last: int) -> bool:
        token = self.scan.tokens[first]
        is_string = token.kind is TokenKind.STRING and token.text[0] not in "bB"
        return is_string and self.scan.sign(first + 1, ":") and last > first + 2

    def _object(self, parts: list[tuple[int, int]], path: str, depth: int) -> ObjectOf:
        planned: dict[str, Plan] = {}
        for start, end in parts:
            key = _string(self.scan.tokens[start].text, path)
            if key in planned:
                raise ExpressionInvalid(path, f"the key {key!r} stands there twice")
            planned[key] = self._part(start + 2, end, key_path(path, key), depth + 1)
        return ObjectOf(planned)

    def _constant(self, first: int, last: int) -> Constant | None:
        """A number, string or word in its plainest form; for the others there is `_computed`."""
        negative = self.scan.sign(first, "-") and last - first == 2
        if last - first != 1 + negative:
            return None
        kind, text, _, _ = self.scan.tokens[last - 1]
        if kind is TokenKind.NUMBER and _PLAIN_NUMBER.fullmatch(text):
            number = float(text) if "." in text else int(text)
            return Constant(-number if negative else number)
        if negative:
            return None
        if kind is TokenKind.STRING and (match := _PLAIN_STRING.fullmatch(text)):
            return Constant(match[2])
        return Constant(_WORDS[text]) if text in _WORDS else None

    def _path(self, first: int, last: int, origin: Origin) -> Path | None:
        """The tokens as a path, if they are nothing else."""
        scan = self.scan
        kind, name, _, _ = scan.tokens[first]
        if kind is not TokenKind.NAME or name in KEYWORDS | RESERVED:
            return None
        if name in TYPES:
            if name in self.known_names and not scan.sign(first + 1, "("):
                hint = "an expression cannot read what has this name"
                raise ExpressionInvalid(origin.path, f"{name!r} is a type in CEL; {hint}")
            return None
        steps: list[str | int] = []
        index = first + 1
        while index < last:
            if scan.sign(index, ".") and index + 1 < last:
                kind, text, _, _ = scan.tokens[index + 1]
                if kind is not TokenKind.NAME or text in KEYWORDS:
                    return None
                steps.append(text)
                index += 2
            elif scan.sign(index, "[") and scan.sign(index + 2, "]") and index + 2 < last:
                step = self._constant(index + 1, index + 2)
                found = step.value({}, Meter()) if step else None
                if not isinstance(found, (str, int)) or isinstance(found, bool):
                    return None
                steps.append(found)
                index += 3
            else:
                return None
        if len(steps) >= DEPTH_LIMIT:
            return None
        self._check_names([name], origin.path)
        return Path(name, tuple(steps), origin)

    def _computed(self, first: int, last: int, origin: Origin) -> Plan:
        """A part for the library; one that needs no input is computed now, and must not fail."""
        # Blanks in place of what stands before it keep the library's line and column right.
        start = self.scan.tokens[first].start
        source = _NOT_BLANK.sub(" ", self.scan.source[:start]) + origin.text
        if not self.scan.balanced:
            names = {t.text for t in self.scan.tokens if t.kind is TokenKind.NAME}
            compile_source(source, names - KEYWORDS - RESERVED - TYPES, origin.path)
            raise ExpressionInvalid(origin.path, "the brackets do not match")
        shape = find_shape(self.scan, first, last)
        if shape.level > CHAIN_LIMIT:
            message = f"more than {CHAIN_LIMIT} macros (map, filter, …) chained or nested"
            raise ExpressionInvalid(origin.path, message)
        if shape.computed_pattern:
            message = "the pattern of matches() must be a string literal"
            raise ExpressionInvalid(origin.path, message)
        program = Program(source, origin, shape)
        self._check_names(shape.wanted, origin.path)
        computed = Computed(program, tuple(shape.wanted), origin)
        if shape.wanted:
            return computed
        try:
            value = computed.value({}, Meter())
        except ExpressionFailed as failure:
            message = failure.message.removeprefix(f"{origin.path}: ")
            raise ExpressionInvalid(origin.path, f"always fails: {message}") from None
        return computed if isinstance(value, (list, dict)) else Constant(value)

    def _check_names(self, names: Collection[str], path: str) -> None:
        for name in names:
            if name not in self.known_names:
                raise ExpressionInvalid(path, f"unknown name {name!r}{self._suggest(name)}")

    def _suggest(self, name: str) -> str:
        """The nearest known name, or all of them if they are few. There may be very many."""
        known = list(itertools.islice(self.known_names, _NAMES_COMPARED))
        is_short = len(name) * sum(map(len, known)) <= _LETTERS_COMPARED
        if is_short and (nearest := difflib.get_close_matches(name, known, n=1)):
            return f"; did you mean {nearest[0]!r}?"
        if len(known) > _NAMES_LISTED:
            return ""
        return f"; known here: {', '.join(sorted(known)) or 'no names'}"


def _string(text: str, path: str) -> str:
    """The value of a string literal."""
    if match := _PLAIN_STRING.fullmatch(text):
        return match[2]
    try:
        return str(constant(text))
    except RuntimeError:
        raise ExpressionInvalid(path, f"{text[:40]} is no valid string") from None
