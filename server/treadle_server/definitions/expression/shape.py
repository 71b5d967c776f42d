"""What a part of an expression uses: its free names, its macros, and what it may cost.

Read off the tokens once, when a definition is compiled. Which name is free is decided here, so
that an evaluation binds only what the expression reads, and of a large value only those fields.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Optional

from treadle_server.definitions.expression.tokens import KEYWORDS, TYPES, Scan, TokenKind

MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
REPEAT_LIMIT = 1000
"""RE2 refuses patterns that repeat more often than this, nested repetitions multiplied."""

Wanted = dict[str, Optional["Wanted"]]
"""Fields that are read, and what is read of each; None: all of it."""

_REPEAT = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")
_NUMERIC_ESCAPE = re.compile(r"\\[xXuU0-7]")


@dataclass(slots=True, frozen=True)
class Macro:
    """One `range.macro(variable, …)`, as token indices."""

    receiver: int
    open: int
    close: int
    level: int
    """1, or one more than the highest macro in its range or its arguments."""


@dataclass(slots=True)
class Shape:
    """What `cost` and the binding of names need to know of an expression."""

    wanted: Wanted = field(default_factory=dict)
    outside: Counter[str] = field(default_factory=Counter)
    """Free names by how often they stand outside of all macros' arguments."""
    inside: Counter[str] = field(default_factory=Counter)
    """Free names by how often they stand inside, where each iteration reads them again."""
    variables: int = 0
    """How often a macro's variable is read."""
    variables_deeper: int = 0
    """How often it is read by a macro inside, so more than once per element."""
    level: int = 0
    """How many macros are chained or nested, in the worst place."""
    nesting: int = 0
    """How many are nested."""
    macros: int = 0
    joins: int = 0
    """Uses of `+` outside of macros."""
    joins_inside: int = 0
    builds_list: bool = False
    """Has `map` or `filter`."""
    literal_length: int = 0
    """No list or map literal has more elements; 0: there is none."""
    text: int = 0
    """Length of all string literals."""
    pattern: int = 0
    """About the size of the program of all `matches` patterns."""
    computed_pattern: bool = False
    computed_needle: bool = False
    """Looks with `contains` for something else than a string literal."""


def find_macros(scan: Scan, first: int, last: int) -> dict[int, Macro]:
    """The macros among the tokens, by the index of their opening parenthesis."""
    found: list[Macro] = []
    for index in range(first + 2, last - 3):
        token = scan.tokens[index]
        if (
            token.text in MACROS
            and scan.sign(index - 1, ".")
            and scan.ends_operand(index - 2)
            and scan.sign(index + 1, "(")
            and scan.tokens[index + 2].kind is TokenKind.NAME
            and scan.sign(index + 3, ",")
        ):
            receiver = _receiver(scan, first, index - 1)
            found.append(Macro(receiver, index + 1, scan.partners[index + 1], 0))
    # A macro in the range or the arguments of another is closed before it.
    levelled: list[Macro] = []
    for macro in sorted(found, key=lambda macro: macro.close):
        below = (m.level for m in levelled if macro.receiver <= m.open < macro.close)
        level = 1 + max(below, default=0)
        levelled.append(Macro(macro.receiver, macro.open, macro.close, level))
    return {macro.open: macro for macro in levelled}


def _receiver(scan: Scan, first: int, dot: int) -> int:
    """Where the operand before a `.` begins: back over names, fields, calls and indices."""
    index = dot
    while index > first:
        before = index - 1
        if scan.tokens[before].text in (")", "]", "}"):
            index = scan.partners[before]
            if scan.tokens[index].text in "([" and scan.ends_operand(index - 1):
                continue  # a call or an index: what is called or indexed stands before it
        else:
            index = before
        if not (scan.sign(index - 1, ".") and scan.ends_operand(index - 2)):
            return index
        index -= 1
    return first


def find_shape(scan: Scan, first: int, last: int) -> Shape:
    """Reads the shape of the tokens from `first` up to, without, `last`; brackets are balanced."""
    macros = find_macros(scan, first, last)
    shape = Shape(level=max((m.level for m in macros.values()), default=0), macros=len(macros))
    scopes: list[tuple[int, str]] = []
    index = first
    while index < last:
        while scopes and index >= scopes[-1][0]:
            scopes.pop()
        kind, text, _, _ = scan.tokens[index]
        if kind is TokenKind.NAME:
            _read_name(scan, index, scopes, shape)
        elif kind is TokenKind.STRING:
            shape.text += len(text)
        elif macro := macros.get(index):
            scopes.append((macro.close, scan.tokens[index + 1].text))
            shape.nesting = max(shape.nesting, len(scopes))
            shape.builds_list |= scan.tokens[index - 1].text in {"map", "filter"}
            index += 1  # the variable is declared here, not read
        elif text == "+":
            shape.joins += not scopes
            shape.joins_inside += bool(scopes)
        elif text == "{" or (text == "[" and not scan.ends_operand(index - 1)):
            commas = sum(scan.sign(i, ",") for i in range(index, scan.partners[index]))
            shape.literal_length = max(shape.literal_length, commas + 1)
        index += 1
    return shape


def _read_name(scan: Scan, index: int, scopes: list[tuple[int, str]], shape: Shape) -> None:
    name = scan.tokens[index].text
    dotted = scan.sign(index - 1, ".")
    if scan.sign(index + 1, "("):
        _read_call(scan, index, shape)
        return
    if (dotted and scan.ends_operand(index - 2)) or name in KEYWORDS:
        return
    variables = [] if dotted else [variable for _, variable in scopes]
    if name in variables:
        shape.variables += 1
        shape.variables_deeper += variables[-1] != name
        return
    if name in TYPES:
        return
    (shape.inside if scopes else shape.outside)[name] += 1
    chain = [name]
    while (
        scan.sign(index + 1, ".")
        and index + 2 < len(scan.tokens)
        and scan.tokens[index + 2].kind is TokenKind.NAME
        and not scan.sign(index + 3, "(")
    ):
        index += 2
        chain.append(scan.tokens[index].text)
    _want(shape.wanted, chain)


def _read_call(scan: Scan, index: int, shape: Shape) -> None:
    """Notes what the last argument of a call to `matches` or `contains` is."""
    function = scan.tokens[index].text
    if function not in {"matches", "contains"}:
        return
    close = scan.partners[index + 1]
    argument = scan.tokens[close - 1]
    constant = argument.kind is TokenKind.STRING and scan.tokens[close - 2].text in "(,"
    if function == "contains":
        shape.computed_needle |= not constant
    elif constant:
        shape.pattern += _pattern_size(argument.text)
    else:
        shape.computed_pattern = True


def _pattern_size(text: str) -> int:
    """About the size of a pattern's program: its length, times all its counted repetitions."""
    if _NUMERIC_ESCAPE.search(text):
        return len(text) * REPEAT_LIMIT  # could hide a `{`
    repeats = 1
    for lower, upper in _REPEAT.findall(text):
        repeats = min(REPEAT_LIMIT, repeats * max(1, int((upper or lower)[:4])))
    return len(text) * repeats


def _want(wanted: Wanted, chain: list[str]) -> None:
    """Adds a chain of fields, unless all of a value on the way is wanted already."""
    for step in chain[:-1]:
        below = wanted.setdefault(step, {})
        if below is None:
            return
        wanted = below
    wanted[chain[-1]] = None


def prune(value: object, wanted: Wanted | None) -> object:
    """Of an object, only the fields that are read: a missing field stays missing."""
    if wanted is None or not isinstance(value, dict):
        return value
    return {name: prune(value[name], below) for name, below in wanted.items() if name in value}
