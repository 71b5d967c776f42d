"""One spelling for every expression: the same tokens, blanks in the usual places, no comments.

Documents that were written apart (by hand, by a builder, over several lines) are compared by it.
Only blanks, comments and the quotes of plain strings change; the tokens, and so the meaning, stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from treadle_server.definitions.expression.errors import ExpressionInvalid
from treadle_server.definitions.expression.tokens import Scan, Token, TokenKind, scan

_PLAIN_STRING = re.compile(r"'([^\\\n\r\"']*)'")
_PREFIX_OPERATORS = frozenset({"-", "!"})
_WORDS = frozenset({TokenKind.NAME, TokenKind.ESCAPED, TokenKind.NUMBER})


def canonical_source(source: str, limit: int) -> str:
    """The canonical spelling, of at most `limit` bytes of UTF-8.

    Of a very long expression that is one with hardly any blanks. What cannot be split into tokens
    comes back as it is.
    """
    try:
        scanned = scan(source, "")
    except ExpressionInvalid:
        return source
    texts = [_spelling(token) for token in scanned.tokens]
    for spaced in (_usual_blanks(scanned), _needed_blanks(scanned)):
        text = "".join(
            f" {word}" if blank else word for word, blank in zip(texts, spaced, strict=True)
        )
        if len(text.encode()) <= limit and _same_tokens(text, texts):
            return text
    return source.strip()


def _spelling(token: Token) -> str:
    """Double quotes, where nothing in the string speaks against them."""
    if token.kind is TokenKind.STRING and (match := _PLAIN_STRING.fullmatch(token.text)):
        return f'"{match[1]}"'
    return token.text


def _same_tokens(text: str, texts: list[str]) -> bool:
    """The proof that blanks were no more than blanks."""
    try:
        return [token.text for token in scan(text, "").tokens] == texts
    except ExpressionInvalid:
        return False


def _needed_blanks(scanned: Scan) -> Iterator[bool]:
    """Before each token, whether it would become one with the token before it."""
    previous: Token | None = None
    for token in scanned.tokens:
        yield (
            previous is not None
            and previous.kind in _WORDS
            and token.kind
            in {
                *_WORDS,
                TokenKind.STRING,
            }
        )
        previous = token


def _usual_blanks(scanned: Scan) -> Iterator[bool]:
    """Before each token, whether people would write a blank there."""
    tokens = scanned.tokens
    # For each open bracket, how many `?` wait for their `:`; the others belong to map entries.
    conditions = [0]
    glued = True  # to what stands before: an opening bracket, a `.`, a prefix operator
    for index, token in enumerate(tokens):
        text, after_operand = token.text, scanned.ends_operand(index - 1)
        is_sign = token.kind is TokenKind.SIGN
        blank, glues = not glued, False
        if is_sign and text in {"(", "[", "{"}:
            blank = blank and not after_operand
            glues = True
            conditions.append(0)
        elif is_sign and text in {")", "]", "}"}:
            blank = False
            if len(conditions) > 1:
                conditions.pop()
        elif is_sign and text == ".":
            blank, glues = blank and not after_operand, True
        elif is_sign and (text == "," or (text == ":" and not conditions[-1])):
            blank = False
        elif is_sign and text == ":":
            conditions[-1] -= 1
        elif is_sign and text == "?":
            conditions[-1] += 1
        elif is_sign and text in _PREFIX_OPERATORS and not after_operand:
            glues = True
        yield blank and index > 0
        glued = glues
