"""Laws of expressions, on generated sources and data.

The reference is the library itself, on the whole source and the whole data. Against it stand the
parts that are evaluated without it, the choice of what is bound, and the free names.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cel_expr_python import cel
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from treadle_server.definitions.expression import (
    Expression,
    ExpressionFailed,
    ExpressionInvalid,
    compile_expression,
    compile_mapping,
    literal,
    mapping_source,
)

NAMES = frozenset({"a", "b", "c"})
FIELDS = ["x", "y", "a"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.fixed_dictionaries({"x": inner, "y": inner}, optional={"a": inner})
    ),
    max_leaves=12,
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
bindings = st.fixed_dictionaries(dict.fromkeys(sorted(NAMES), documents))


@st.composite
def paths(draw: st.DrawFn) -> str:
    steps = st.sampled_from([f".{field}" for field in FIELDS] + ["['x']", '["y"]', "[0]", "[1]"])
    return draw(st.sampled_from(sorted(NAMES))) + "".join(draw(st.lists(steps, max_size=3)))


def compose(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger expressions of smaller ones; `dyn` keeps most of them from being refused."""
    operators = st.sampled_from(["+", "==", "!=", "&&", "||", "<", "in", "%"])
    macros = st.sampled_from(["all", "exists", "exists_one", "map", "filter"])
    tests = st.sampled_from(["all", "exists", "exists_one"])  # the order of a map's keys is open
    variables = st.sampled_from(["v", "a", "x"])
    keys = st.sampled_from(["'k'", '"a b"', "'\\n'", "r'a'", "'x'"])
    conditions = st.tuples(inner, inner).map(lambda e: f"dyn({e[0]}) != dyn({e[1]})")
    loose = inner.map(lambda e: f"dyn({e})")
    return st.one_of(
        conditions,
        st.tuples(loose, operators, loose).map(" ".join),
        st.tuples(inner, operators, inner).map(" ".join),
        inner.map(lambda e: f"( {e} // {e.splitlines()[0]}\n )"),
        conditions.map(lambda e: f"!({e})"),
        loose.map(lambda e: f"size({e})"),
        inner.map(lambda e: f"({e}).x"),
        st.tuples(conditions, loose, loose).map(lambda e: f"{e[0]} ? {e[1]} : {e[2]}"),
        st.lists(inner, max_size=3).map(lambda e: f"[{', '.join(e)}]"),
        st.tuples(inner, inner).map(lambda e: f"[{e[0]}, {e[1]},]"),
        st.lists(st.tuples(keys, inner), max_size=3).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        ),
        st.tuples(loose, inner).map(lambda e: f"{{{e[0]}: {e[1]}}}"),
        st.tuples(inner, macros, variables, inner, st.sampled_from(["v", "a.x", "x"])).map(
            lambda e: f"[{e[0]}].{e[1]}({e[2]}, dyn({e[3]}) == {e[4]})"
        ),
        st.tuples(paths(), tests, variables, inner).map(lambda e: f"{e[0]}.{e[1]}({e[2]}, {e[3]})"),
        st.tuples(paths(), tests, variables, inner).map(
            lambda e: f"{e[0]}.{e[1]}({e[2]}, {e[2]}.x == {e[3]} && dyn({e[3]}) == {e[2]})"
        ),
        paths().map(lambda path: f"has({path}.x)"),
        paths().map(lambda path: f".{path}"),
    )


constants = scalars.map(literal) | st.sampled_from(["0x1f", "1e2", "007", "3u", ".5", "b'a'"])
sources = st.recursive(paths() | constants, compose, max_leaves=6)
pieces = ["a", "b.x", "v", " ", ".", "(", ")", "[", "]", "{", "}", "'k'", "'", '"', "`", ",", ":"]
pieces += ["?", "+", "-", "!", "==", "&&", "//", "\n", "\\", "r", "0", "1.5", "e", "_", "#", "é"]
pieces += ["[0]", ".x", ".all(v, ", "true", "null", "in", "size("]


class Outcome(enum.Enum):
    """What there may be instead of a result."""

    REFUSED = "refused"
    FAILED = "failed"


def declare(names: frozenset[str]) -> Any:
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))


def reference(source: str, bound: dict[str, Any]) -> bytes | Outcome:
    """What the library gives, whatever it takes."""
    try:
        program = declare(NAMES).compile(source)
    except RuntimeError:
        return Outcome.REFUSED
    try:
        outcome = program.eval(data=bound)
    except RuntimeError:
        return Outcome.FAILED
    value = outcome.plain_value()
    if outcome.type() == cel.Type.ERROR or not is_json(value):
        return Outcome.FAILED
    return canonical(value)


def compiled(source: str) -> Expression | ExpressionInvalid:
    try:
        return compile_expression(source, NAMES, "when")
    except ExpressionInvalid as invalid:
        return invalid


def evaluated(expression: Expression, bound: dict[str, Any]) -> bytes | Outcome:
    try:
        value = expression.evaluate(bound)
    except ExpressionFailed:
        return Outcome.FAILED
    assert is_json(value)
    return canonical(value)


def is_json(value: object) -> bool:
    match value:
        case None | bool() | str():
            return True
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
        case list():
            return all(map(is_json, value))
        case dict():
            return all(isinstance(key, str) and is_json(value[key]) for key in value)
    return False


def canonical(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


SAMPLE = {"a": {"x": [{"y": 1}, 2.0], "y": "s"}, "b": [[1], 2], "c": True}


@settings(max_examples=300)
@given(sources, bindings)
@example("{'k': a.x, 'x': [b[0], c, -1, 2.5], 'a b': {'x': a.x[0].y + 1}}", SAMPLE)
@example("b.exists(a, a == a.x) || a.x.exists(x, x == c)", SAMPLE)
@example("has(a.x.x) ? a.x : a.y", SAMPLE)
@example("{'k': a.x}.k", SAMPLE)
@example("[a, b][1] == [b][0] && [a][0].y == 's'", SAMPLE)
@example("a.x[0]['y'] == a['x'][0].y", SAMPLE)
@example("c['x']", SAMPLE)
@example("b['x']", SAMPLE)
@example("b.x", SAMPLE)
@example("a[0]", SAMPLE)
@example("a.x[2]", SAMPLE)
@example("{'k': 1, 'k': a}", SAMPLE)
@example("a.y < 's' || a.y in b", SAMPLE)
def test_an_expression_gives_what_the_library_gives(source: str, bound: dict[str, Any]) -> None:
    expected = reference(source, bound)
    expression = compiled(source)
    if isinstance(expression, ExpressionInvalid):
        event("refused")
        # More is refused than the library refuses: what always fails, and long chains of macros.
        allowed = isinstance(expected, Outcome) or "chained or nested" in expression.message
        assert allowed, expression
        return
    result = evaluated(expression, {name: bound[name] for name in expression.names})
    event("failed" if result is Outcome.FAILED else "evaluated")
    assert result == expected


@given(sources)
@example("{null: a}")
@example("a.b.c[b].exists(c, c.a && .c == b) && {'c': 'c'}.c == c // a\n")
def test_the_free_names_are_those_that_the_library_needs(source: str) -> None:
    expression = compiled(source)
    assume(isinstance(expression, Expression))
    assert isinstance(expression, Expression)
    declare(expression.names).compile(source)
    for name in expression.names:
        with pytest.raises(RuntimeError, match=rf"undeclared reference to '\.?{name}"):
            declare(expression.names - {name}).compile(source)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(pieces), max_size=8).map("".join), bindings)
def test_any_text_is_refused_or_evaluated(source: str, bound: dict[str, Any]) -> None:
    expression = compiled(source)
    if isinstance(expression, Expression):
        event("accepted")
        assert evaluated(expression, bound) == reference(source, bound)
    else:
        assert expression.path.startswith("when")


@given(values)
@example("\x00\x7f\x85\u2028\ufeff\U0010ffff'\"`\\?${}")
@example({"": {"a\nb": [-0.0, 5e-324, 1.7976931348623157e308, 2**53 + 1]}})
def test_a_literal_stands_for_its_value(value: Any) -> None:
    source = literal(value)
    assume(len(source.encode()) <= 4096)
    expression = compile_expression(source, frozenset(), "value")
    assert canonical(expression.evaluate({})) == canonical(value)
    # The library reads it so, too.
    assert reference(source, {}) == canonical(value)


mappings = st.recursive(
    sources | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(mappings, bindings)
def test_an_object_form_is_its_text(mapping: Any, bound: dict[str, Any]) -> None:
    def outcome(make: Callable[[], Expression]) -> object:
        try:
            return canonical(make().evaluate(bound))
        except (ExpressionInvalid, ExpressionFailed) as wrong:
            return type(wrong)  # of several faults, either may be found first

    from_form = outcome(lambda: compile_mapping(mapping, NAMES, "map"))
    from_text = outcome(lambda: compile_expression(mapping_source(mapping, "map"), NAMES, "map"))
    assert from_form == from_text
