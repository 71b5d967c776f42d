"""CEL source as tokens: enough to see names, brackets and macros, and to skip strings and comments.

The library parses; this scan only has to agree with it on every source that the library accepts.
What the library refuses may be scanned in any way, because it is compiled before it is used.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import NamedTuple

from treadle_server.definitions.expression.errors import ExpressionInvalid

KEYWORDS = frozenset({"true", "false", "null", "in"})
RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"}
    | {"namespace", "package", "return", "var", "void", "while"}
)
TYPES = frozenset(
    {"bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"}
)
"""Identifiers that CEL gives a meaning of their own, so that no variable can have them."""

_OPENING = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(_OPENING.values())

_TOKEN = re.compile(
    r"""
    (?P<blank>[\t\n\f\r ]+|//[^\n]*)
    |(?P<string>[bB]?(?:
        [rR](?:\"\"\".*?\"\"\"|'''.*?'''|(?!\"\"\")"[^"\n\r]*"|(?!''')'[^'\n\r]*')
        |\"\"\"(?:[^\\]|\\.)*?\"\"\"
        |'''(?:[^\\]|\\.)*?'''
        |(?!\"\"\")"(?:[^"\\\n\r]|\\.)*"
        |(?!''')'(?:[^'\\\n\r]|\\.)*'
    ))
    |(?P<number>(?:0x[0-9a-fA-F]+|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:[eE][+-]?[0-9]+)?)
        [uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<escaped>`[^`\n\r]*`)
    |(?P<sign>&&|\|\||[=!<>]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class TokenKind(enum.Enum):
    """What a token is; values are the group names of the pattern."""

    STRING = "string"
    NUMBER = "number"
    NAME = "name"
    ESCAPED = "escaped"
    SIGN = "sign"


_KINDS = {kind.value: kind for kind in TokenKind}


class Token(NamedTuple):
    """One token and where it stands in the source."""

    kind: TokenKind
    text: str
    start: int
    end: int


@dataclass(slots=True, frozen=True)
class Scan:
    """A source, its tokens, and for each bracket the index of its partner (-1 for the others)."""

    source: str
    tokens: list[Token]
    partners: list[int]
    balanced: bool

    def sign(self, index: int, text: str) -> bool:
        """Whether the token at `index`, which may be outside the source, is this sign."""
        return 0 <= index < len(self.tokens) and self.tokens[index].text == text

    def ends_operand(self, index: int) -> bool:
        """Whether a value may end with this token, so that a `.` after it selects a field."""
        if index < 0:
            return False
        kind, text, _, _ = self.tokens[index]
        if kind is TokenKind.SIGN:
            return text in _CLOSING
        return text != "in"

    def text(self, first: int, last: int) -> str:
        """The source of the tokens from `first` up to, without, `last`."""
        return self.source[self.tokens[first].start : self.tokens[last - 1].end]


def scan(source: str, path: str) -> Scan:
    """Splits a source into tokens. Raises ExpressionInvalid for a string that is not closed."""
    tokens: list[Token] = []
    partners: list[int] = []
    open_brackets: list[int] = []
    balanced = True
    for match in _TOKEN.finditer(source):
        group = match.lastgroup or ""
        if group == "blank":
            continue
        text = match.group()
        index = len(tokens)
        tokens.append(Token(_KINDS[group], text, match.start(), match.end()))
        partners.append(-1)
        if group != "sign":
            continue
        if text in _OPENING:
            open_brackets.append(index)
        elif text in _CLOSING:
            if open_brackets and _OPENING[tokens[open_brackets[-1]].text] == text:
                partners[index] = open_brackets.pop()
                partners[partners[index]] = index
            else:
                balanced = False
        elif text in "\"'":
            raise ExpressionInvalid(path, f"{position(source, match.start())}: unclosed string")
    return Scan(source, tokens, partners, balanced and not open_brackets)


def position(source: str, offset: int) -> str:
    """An offset for people: `line 1, column 7`."""
    line_start = source.rfind("\n", 0, offset) + 1
    return f"line {source.count(chr(10), 0, offset) + 1}, column {offset - line_start + 1}"
