"""CEL as text: constants, and the operators with as few parentheses as the grammar allows.

The text is what a person would write by hand (`output.status == "approved"`), because it ends up in
documents that people read and compare. What is not here: where the parts come from (`recording`),
and what an expression may name.
"""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

RESERVED = frozenset(
    "as break const continue else false for function if import in let loop namespace "  # noqa: SIM905
    "null package return true var void while".split()
)
"""Words that CEL keeps for itself: never the name of a variable or, in this text, of a field."""

DYNAMIC, BOOL, INT, DOUBLE, STRING = "dyn", "bool", "int", "double", "string"
"""Types that CEL's checker knows, by the names of the conversions to them."""

MIN_INT = -(2**63)
MAX_INT = 2**63 - 1

MAX_DEPTH = 32
"""How deep a constant may be nested; CEL's parser has a bound of its own not far above."""


class NotAConstant(ValueError):
    """A Python value has no counterpart in CEL. The message says which value and why."""


class Level(enum.IntEnum):
    """How tightly CEL's operators bind, loosest first."""

    TERNARY = 1
    OR = 2
    AND = 3
    RELATION = 4
    SUM = 5
    PRODUCT = 6
    UNARY = 7
    MEMBER = 8


LEVELS = {
    "||": Level.OR,
    "&&": Level.AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), Level.RELATION),
    **dict.fromkeys(("+", "-"), Level.SUM),
    **dict.fromkeys(("*", "/", "%"), Level.PRODUCT),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """CEL text, how tightly its outermost operator binds, and the variables it names.

    `type` is what CEL's checker knows its type to be: "dyn" for variables and their parts, of which
    it knows nothing and so accepts anything; empty if it is not worth knowing here.
    """

    text: str
    level: Level = Level.MEMBER
    names: frozenset[str] = field(default=frozenset())
    type: str = ""

    def at(self, level: Level) -> str:
        """The text, in parentheses if it binds less tightly than `level`."""
        return self.text if self.level >= level else f"({self.text})"


def is_identifier(name: str) -> bool:
    """Whether CEL reads `name` as the name of a variable or field."""
    return _IDENTIFIER.match(name) is not None and name not in RESERVED


def variable(name: str) -> Expression:
    """A variable. `name` must be an identifier."""
    return Expression(name, names=frozenset((name,)), type=DYNAMIC)


def binary(operator: str, left: Expression, right: Expression) -> Expression:
    """`left operator right`. CEL's operators group to the left, so an equal level on the right
    needs parentheses.

    `&&` and `||` are associative, and a comparison of a comparison is written with parentheses on
    either side: nobody reads `a == b == c` right.
    """
    level = LEVELS[operator]
    left_level = Level(level + 1) if level is Level.RELATION else level
    right_level = level if level in (Level.AND, Level.OR) else Level(level + 1)
    text = f"{left.at(left_level)} {operator} {right.at(right_level)}"
    found = BOOL
    if level in (Level.SUM, Level.PRODUCT):
        # With one side unknown, the checker takes the other's type.
        found = right.type if left.type == DYNAMIC else left.type
    return Expression(text, level, left.names | right.names, found)


def unary(operator: str, operand: Expression) -> Expression:
    """`!operand` or `-operand`."""
    # "--5" is no number: a sign before a sign keeps its parentheses.
    inner = operand.at(Level.UNARY)
    text = f"{operator}({inner})" if inner.startswith(operator) else f"{operator}{inner}"
    return Expression(text, Level.UNARY, operand.names, BOOL if operator == "!" else operand.type)


def ternary(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
    """`condition ? then : otherwise`.

    The checker wants both branches of one type where it knows the types; `dyn` tells it not to.
    """
    if DYNAMIC not in (then.type, otherwise.type) and not then.type == otherwise.type != "":
        otherwise = call("dyn", otherwise, type=DYNAMIC)
    text = f"{condition.at(Level.OR)} ? {then.at(Level.OR)} : {otherwise.at(Level.TERNARY)}"
    names = _names(condition, then, otherwise)
    found = then.type if otherwise.type == then.type else DYNAMIC
    return Expression(text, Level.TERNARY, names, found)


def select(owner: Expression, key: str) -> Expression:
    """The field `key`: with a dot where it is an identifier, with brackets where not."""
    key = str.__str__(key)  # the member of an enum says its name otherwise, not its value
    if is_identifier(key):
        return Expression(f"{owner.at(Level.MEMBER)}.{key}", names=owner.names, type=DYNAMIC)
    return index(owner, literal(key))


def index(owner: Expression, position: Expression) -> Expression:
    """`owner[position]`."""
    text = f"{owner.at(Level.MEMBER)}[{position.text}]"
    return Expression(text, names=owner.names | position.names, type=DYNAMIC)


def has(owner: Expression, key: str) -> Expression:
    """Whether the object has the field `key`."""
    if is_identifier(key):
        return Expression(f"has({select(owner, key).text})", names=owner.names, type=BOOL)
    return binary("in", literal(key), owner)


def call(function: str, *arguments: Expression, type: str = "") -> Expression:  # noqa: A002
    """`function(arguments)`; a conversion is named for the type it gives."""
    text = f"{function}({', '.join(argument.text for argument in arguments)})"
    return Expression(text, names=_names(*arguments), type=type or function)


def method(owner: Expression, name: str, *arguments: Expression, type: str) -> Expression:  # noqa: A002
    """`owner.name(arguments)`, which gives a `type`."""
    text = f"{owner.at(Level.MEMBER)}.{name}({', '.join(argument.text for argument in arguments)})"
    return Expression(text, names=_names(owner, *arguments), type=type)


def macro(owner: Expression, name: str, bound: str, body: Expression, *, type: str) -> Expression:  # noqa: A002
    """`owner.name(bound, body)`, where `bound` is a variable of the body alone."""
    text = f"{owner.at(Level.MEMBER)}.{name}({bound}, {body.text})"
    return Expression(text, names=owner.names | (body.names - {bound}), type=type)


def literal(
    value: object,
    convert: Callable[[object], Expression | None] = lambda value: None,
    depth: int = 0,
) -> Expression:
    """Writes a Python value as a CEL constant: None, bool, int, float, str, and lists and dicts of
    them.

    `convert` is asked first about every value and may give the expression for it (recorded values
    inside a dict, say). Raises `NotAConstant`.
    """
    known = convert(value)
    if known is not None:
        return known
    if depth > MAX_DEPTH:
        raise NotAConstant(f"the value is nested deeper than {MAX_DEPTH} levels")
    match value:
        case None:
            return Expression("null")
        case bool():
            return Expression("true" if value else "false", type=BOOL)
        case int():
            return _integer(int(value))
        case float():
            return _number(float(value))
        case str():
            return Expression(_string(str.__str__(value)), type=STRING)
        case list() | tuple():
            items = [literal(item, convert, depth + 1) for item in value]
            return Expression(f"[{', '.join(item.text for item in items)}]", names=_names(*items))
        case dict():
            return _map(value, convert, depth)
    kind = type(value)
    raise NotAConstant(
        f"a value of type {kind.__module__}.{kind.__qualname__} has no counterpart in CEL; "
        "bind None, bool, int, float, str, or lists and dicts of them"
    )


def _map(
    value: dict[object, object], convert: Callable[[object], Expression | None], depth: int
) -> Expression:
    entries = []
    names: frozenset[str] = frozenset()
    for key, item in value.items():
        if not isinstance(key, str):
            raise NotAConstant(f"the key {key!r} is not text; keys of JSON objects are")
        written = literal(item, convert, depth + 1)
        entries.append(f"{_string(key)}: {written.text}")
        names |= written.names
    return Expression("{" + ", ".join(entries) + "}", names=names)


def _integer(value: int) -> Expression:
    if not MIN_INT <= value <= MAX_INT:
        raise NotAConstant(f"the integer {value} does not fit in 64 bits")
    return Expression(str(value), Level.UNARY if value < 0 else Level.MEMBER, type=INT)


def _number(value: float) -> Expression:
    if not math.isfinite(value):
        raise NotAConstant(f"{value} is no number in JSON")
    level = Level.UNARY if math.copysign(1, value) < 0 else Level.MEMBER
    return Expression(repr(value), level, type=DOUBLE)


def _string(value: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise NotAConstant("the text has a lone surrogate, which is no character")
    # JSON's escapes are CEL's as well; beyond the control characters nothing has to be escaped. DEL
    # and the C1 controls are escaped for the eyes of those who read the document.
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _names(*expressions: Expression) -> frozenset[str]:
    return frozenset().union(*(expression.names for expression in expressions))
