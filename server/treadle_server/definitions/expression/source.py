"""CEL text of things that are no text yet: for builders, and for object forms."""

from __future__ import annotations

import json
import math
import re

from treadle_server.definitions.expression.errors import ExpressionInvalid
from treadle_server.definitions.expression.planner import key_path
from treadle_server.definitions.expression.program import DEPTH_LIMIT, INTEGER_MAX, INTEGER_MIN
from treadle_server.definitions.expression.tokens import KEYWORDS, RESERVED, TYPES, scan

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_name(text: str) -> bool:
    """Whether expressions can name something so: an identifier that CEL has no meaning for."""
    return bool(_NAME.fullmatch(text)) and text not in KEYWORDS | RESERVED | TYPES


def literal(value: object) -> str:
    """The CEL literal of a JSON value. Raises ValueError if it is none, with the place in it.

    Integers have 64 bits, floats are finite, keys are strings, nesting ends at 32 levels.
    """
    return _literal(value, "value", 0)


def mapping_source(mapping: object, path: str = "mapping") -> str:
    """The object form of a mapping as one CEL literal.

    Strings in it are expressions and stand in the literal as they are, without blanks around
    them; everything else is constant. Raises ExpressionInvalid, its path leading to the leaf.
    Compiling the text gives what `compile_mapping` gives, if it is short enough for one.
    """
    try:
        return _mapping(mapping, path, 0)
    except ValueError as error:
        raise ExpressionInvalid(path, str(error)) from None


def _literal(value: object, place: str, depth: int) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            if not INTEGER_MIN <= value <= INTEGER_MAX:
                raise ValueError(f"{place} is an integer of more than 64 bits")
            return str(value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{place} is {value}, which is no JSON number")
            return repr(value)
        case str():
            return _string(value, place)
    if depth >= DEPTH_LIMIT:
        raise ValueError(f"{place} is nested more than {DEPTH_LIMIT} levels deep")
    match value:
        case list():
            parts = (_literal(v, key_path(place, i), depth + 1) for i, v in enumerate(value))
            return f"[{', '.join(parts)}]"
        case dict():
            pairs = (
                f"{_key(k, place)}: {_literal(v, key_path(place, k), depth + 1)}"
                for k, v in value.items()
            )
            return f"{{{', '.join(pairs)}}}"
    raise ValueError(f"{place} is a {type(value).__name__}, which is no JSON value")


def _string(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{place} is not valid Unicode") from None
    # All escapes that JSON writes are CEL's too, once characters outside of ASCII stay as they are.
    return json.dumps(value, ensure_ascii=False)


def _key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"{place} has the key {key!r}, which is no string")
    return _string(key, place)


def _mapping(mapping: object, path: str, depth: int) -> str:
    if depth > DEPTH_LIMIT:
        raise ExpressionInvalid(path, f"nested more than {DEPTH_LIMIT} levels deep")
    match mapping:
        case str():
            return _leaf(mapping, path)
        case list():
            parts = (_mapping(v, key_path(path, i), depth + 1) for i, v in enumerate(mapping))
            return f"[{', '.join(parts)}]"
        case dict():
            pairs = (
                f"{_key(k, path)}: {_mapping(v, key_path(path, k), depth + 1)}"
                for k, v in mapping.items()
            )
            return f"{{{', '.join(pairs)}}}"
    try:
        return literal(mapping)
    except ValueError as error:
        raise ExpressionInvalid(path, str(error)) from None


def _leaf(source: str, path: str) -> str:
    """An expression as part of a literal: it must not end its part, nor open the next one."""
    scanned = scan(source, path)
    if not scanned.tokens:
        raise ExpressionInvalid(path, "the expression is empty")
    depth = 0
    for token in scanned.tokens:
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0 and token.text == ",":
            raise ExpressionInvalid(path, "a comma outside of brackets: one expression per leaf")
    if not scanned.balanced:
        raise ExpressionInvalid(path, "the brackets do not match")
    return scanned.text(0, len(scanned.tokens))
