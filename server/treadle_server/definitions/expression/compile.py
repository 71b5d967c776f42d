"""From source text to an `Expression` that can be evaluated many times."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from treadle_server.definitions.expression.errors import (
    ExpressionInvalid,
    FailureKind,
    Origin,
)
from treadle_server.definitions.expression.outline import Outline, json_type
from treadle_server.definitions.expression.plan import (
    Constant,
    ListOf,
    Meter,
    ObjectOf,
    Path,
    Plan,
)
from treadle_server.definitions.expression.planner import Planner, key_path
from treadle_server.definitions.expression.program import DEPTH_LIMIT
from treadle_server.definitions.expression.source import mapping_source
from treadle_server.definitions.expression.tokens import scan

SOURCE_LIMIT = 4 * 1024
"""Bytes of UTF-8 that one expression may have; in an object form each string leaf is one."""


class Expression:
    """A checked expression, compiled once per definition version; evaluating changes nothing."""

    __slots__ = ("_origin", "_plan", "names", "path", "source")

    def __init__(self, source: str, path: str, plan: Plan) -> None:
        self.source = source
        """CEL text: what was compiled, or for an object form its one map literal."""
        self.path = path
        """Where in the document it stands."""
        self.names: frozenset[str] = frozenset(plan.names())
        """The free names that it reads: the bindings that an evaluation needs."""
        self._plan = plan
        self._origin = Origin(path, source)

    def __repr__(self) -> str:
        return f"<Expression {self.path}: {self.source}>"

    @property
    def bare_name(self) -> str | None:
        """The name, if it is nothing but a name: then its value may be handed on undecoded."""
        plan = self._plan
        return plan.name if isinstance(plan, Path) and not plan.steps else None

    @property
    def may_be_bool(self) -> bool:
        """False if it is certain that it never gives true or false."""
        return self._plan.may_be_bool()

    def outline(self) -> Outline:
        """What its value is made of, as far as its text tells."""
        return self._plan.outline()

    def evaluate(self, bindings: Mapping[str, object]) -> object:
        """The value on these bindings: JSON, sharing what it can with them, so never change it.

        Bindings that it does not name are ignored. Raises ExpressionFailed.
        """
        return self._plan.value(bindings, Meter())

    def evaluate_guard(self, bindings: Mapping[str, object]) -> bool:
        """As `evaluate`; a value that is not true or false is an ExpressionFailed too."""
        value = self._plan.value(bindings, Meter())
        if not isinstance(value, bool):
            self._origin.fail(FailureKind.WRONG_TYPE, f"gives {_kind(value)}, not true or false")
        return value


def compile_expression(source: str, known_names: Collection[str], path: str) -> Expression:
    """Checks and compiles one expression.

    `known_names` are all that it may name (a set, if there are many); `path` says where in the
    document it stands, `edges[3].when`. Raises ExpressionInvalid.
    """
    return Expression(source, path, _compile(source, known_names, path))


def compile_guard(mapping: object, known_names: Collection[str], path: str) -> Expression:
    """As `compile_mapping`; refuses what can never be true or false, too."""
    expression = compile_mapping(mapping, known_names, path)
    if not expression.may_be_bool:
        raise ExpressionInvalid(path, "a guard must give true or false, and this never does")
    return expression


def compile_mapping(mapping: object, known_names: Collection[str], path: str) -> Expression:
    """Checks and compiles the object form of a mapping.

    Strings in it are expressions; objects and lists are built as they stand; all else is constant.
    A lone string is the same as `compile_expression`. Raises ExpressionInvalid, its path leading
    to the leaf (`edges[3].map.to`).
    """
    plan = _compile_mapping(mapping, known_names, path, 0)
    source = mapping if isinstance(mapping, str) else mapping_source(mapping, path)
    return Expression(source, path, plan)


def _compile(source: str, known_names: Collection[str], path: str) -> Plan:
    if not isinstance(source, str):
        raise ExpressionInvalid(path, f"an expression must be a string, not {_kind(source)}")
    try:
        size = len(source.encode())
    except UnicodeEncodeError:
        raise ExpressionInvalid(path, "not valid Unicode") from None
    if size > SOURCE_LIMIT:
        message = f"{size:,} bytes long; an expression may have {SOURCE_LIMIT:,}"
        raise ExpressionInvalid(path, message)
    scanned = scan(source, path)
    if not scanned.tokens:
        raise ExpressionInvalid(path, "the expression is empty")
    return Planner(scanned, known_names).plan(path)


def _compile_mapping(mapping: object, known_names: Collection[str], path: str, depth: int) -> Plan:
    if depth > DEPTH_LIMIT:
        raise ExpressionInvalid(path, f"nested more than {DEPTH_LIMIT} levels deep")
    match mapping:
        case str():
            return _compile(mapping, known_names, path)
        case dict():
            parts: dict[str, Plan] = {}
            for key, part in mapping.items():
                if not isinstance(key, str):
                    raise ExpressionInvalid(path, f"the key {key!r} is no string")
                parts[key] = _compile_mapping(part, known_names, key_path(path, key), depth + 1)
            return ObjectOf(parts)
        case list():
            return ListOf(
                [
                    _compile_mapping(part, known_names, key_path(path, number), depth + 1)
                    for number, part in enumerate(mapping)
                ]
            )
        case _:
            mapping_source(mapping, path)  # refuses what is no JSON
            return Constant(mapping)


_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
}


def _kind(value: object) -> str:
    """A value's type in words."""
    return _WORDS[json_type(value)]
