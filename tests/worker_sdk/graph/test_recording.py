"""What a recorded function means: CEL, evaluated by the real library, says what Python says.

The same functions run twice: on plain values, as Python would, and as recorded CEL on the same
values. Where Python has no words of its own for it (`.size()`), the expected result is written out.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable
from typing import Any

import pytest
from cel_expr_python import cel as library
from hypothesis import given
from hypothesis import strategies as st

from treadle._graph import cel
from treadle._graph.recording import record
from treadle.graph import Recorded, all_of, any_of, if_else, not_, text
from treadle_server.definitions.expression import compile_expression

ORDER = {
    "id": "o-17",
    "count": 7,
    "price": 12.5,
    "express": True,
    "note": None,
    "tags": ["new", "gift"],
    "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 3}],
    "address": {"zip-code": "04109", "in": "Leipzig", "size": "XL", "get": 3},
}

ENVIRONMENT = library.NewEnv(
    variables=dict.fromkeys(("output", "params", "error"), library.Type.DYN)
)


def evaluate(source: str, **variables: object) -> object:
    result = ENVIRONMENT.compile(source).eval(data=variables)
    assert str(result.type()) != "ERROR", (source, result.value())
    return result.plain_value()


def evaluate_both_ways(source: str) -> object:
    """By the library alone, and by the server, which has bounds and a short cut of its own."""
    alone = evaluate(source, output=ORDER)
    server = compile_expression(source, frozenset({"output"}), "test").evaluate({"output": ORDER})
    assert server == alone
    return server


def recorded_text(function: Callable[..., object]) -> str:
    return record(function)[0].text


LIKE_PYTHON: list[Callable[[Any], object]] = [
    lambda output: output,
    lambda output: output["count"],
    lambda output: output["address"]["zip-code"],
    lambda output: output["address"]["in"],
    lambda output: output["lines"][1]["sku"],
    lambda output: {"to": output["id"], "fixed": [1, -2, 3.5, None, True, "é\n\"'\\"]},
    lambda output: [output["id"], {"deep": [output["count"]]}],
    lambda output: (output["id"], 1),
    lambda output: {},
    lambda output: None,
    lambda output: output["count"] == 7,
    lambda output: output["count"] != 7,
    lambda output: output["note"] == None,  # noqa: E711
    lambda output: output["tags"] == ["new", "gift"],
    lambda output: output["count"] > 5,
    lambda output: output["price"] >= 12,
    lambda output: (output["count"] == 7) & (output["id"] == "x"),
    lambda output: (output["count"] == 7) | (output["id"] == "x"),
    lambda output: (output["count"] == 7) == (output["id"] == "x"),
    lambda output: True & (output["count"] > 1),
    lambda output: False | (output["count"] > 1),
    lambda output: output["count"] + 1,
    lambda output: 1 + output["count"],
    lambda output: 1 - (output["count"] - 3),
    lambda output: 1 - output["count"] - 3,
    lambda output: 2 * (output["count"] + 1),
    lambda output: (output["count"] + 1) * 2,
    lambda output: output["count"] - -3,
    lambda output: -output["count"] * -1,
    lambda output: -(0 + -output["count"]),
    lambda output: output["count"] * 1.5,
    lambda output: 1.5 + output["count"],
    lambda output: output["count"] / 2,
    lambda output: 7 / output["count"],
    lambda output: output["price"] / output["count"],
    lambda output: (output["count"] + 1) / 2,
    lambda output: 1 / (output["count"] / 2),
    lambda output: "order " + output["id"],
    lambda output: output["id"] + "!",
    lambda output: output["tags"] + ["x"],
    lambda output: output.get("missing", "nothing"),
    lambda output: output.get("count", "nothing"),
    lambda output: output.get("missing"),
    lambda output: output["address"].get("zip-code", 0),
    lambda output: output["address"].get("while", 0),
    lambda output: {"a": output.get("missing", 1) == 1},
    lambda output: output.get("missing", output.get("count", 0)),
    lambda output: {name: output[name] for name in ("id", "count")},
]


def limited(output: Any, limit: int = 7) -> object:
    return output["count"] == limit


@pytest.mark.parametrize("function", [*LIKE_PYTHON, limited], ids=recorded_text)
def test_recorded_means_what_python_means(function: Callable[[Any], object]) -> None:
    expected = function(ORDER)
    if isinstance(expected, tuple):
        expected = list(expected)
    assert evaluate_both_ways(recorded_text(function)) == expected


WITH_WORDS_OF_OURS: list[tuple[Callable[[Any], object], object]] = [
    (lambda output: output.id, "o-17"),
    (lambda output: output.lines[0].sku, "a"),
    (lambda output: output.address.size, "XL"),
    (lambda output: output.address.get, 3),
    (lambda output: output.address.get("size", 0), "XL"),
    (lambda output: ~(output.count == 7), False),
    (lambda output: ~output.express, False),
    (lambda output: all_of(output.express, output.count > 1, output.id == "o-17"), True),
    (lambda output: any_of(output.count > 10, output.id == "x"), False),
    (lambda output: any_of(output.express, all_of(output.express, False)), True),
    (lambda output: all_of(output.express, any_of(output.count == 1, output.count == 7)), True),
    (lambda output: not_(all_of(output.express, output.count > 100)), True),
    (lambda output: not_(output.express) | (output.count == 7), True),
    (lambda output: if_else(output.express, "fast", "slow"), "fast"),
    (lambda output: if_else(output.count > 9, 1, "text"), "text"),
    (lambda output: if_else(output.count > 9, text(output.count), 2.5), 2.5),
    (lambda output: if_else(output.express, "a: " + output.id, "b: " + output.id), "a: o-17"),
    (lambda output: if_else(output.express, [1], ["a"]), [1]),
    (lambda output: if_else(output.express, {"a": 1}, []), {"a": 1}),
    (lambda output: if_else(output.express, output.count + 1, 1.5), 8),
    (lambda output: if_else(output.express, None, 1.5), None),
    (lambda output: if_else(output.express, output.tags.map(lambda t: t), [1]), ["new", "gift"]),
    (lambda output: if_else(output.express, output.tags.size(), output.id.as_text()), 2),
    (lambda output: if_else(output.express, if_else(output.count > 9, 1, 2), 3), 2),
    (lambda output: if_else(if_else(output.express, False, True), 1, 2) + 1, 3),
    (lambda output: text("order ", output.id, ": ", output.count, "/", 3), "order o-17: 7/3"),
    (lambda output: text(output.count), "7"),
    (lambda output: output.tags.size(), 2),
    (lambda output: output.address.size.size(), 2),
    (lambda output: output.has("note"), True),
    (lambda output: output.has("missing"), False),
    (lambda output: output.address.has("zip-code"), True),
    (lambda output: output.tags.contains("gift"), True),
    (lambda output: output.address.contains("size"), True),
    (lambda output: output.id.contains("-1"), True),
    (lambda output: output.tags.contains(7), False),
    (lambda output: output.count.is_in([1, 7]), True),
    (lambda output: ~output.id.is_in(["a", "b"]), True),
    (lambda output: output.id.starts_with("o-") & output.id.ends_with("17"), True),
    (lambda output: output.id.matches("^o-[0-9]+$"), True),
    (lambda output: output.count.as_text() + "x", "7x"),
    (lambda output: output.price.as_int(), 12),
    (lambda output: output.count.as_float() + 0.5, 7.5),
    (lambda output: output.lines.map(lambda line: {"s": line.sku}), [{"s": "a"}, {"s": "b"}]),
    (lambda output: output.lines.filter(lambda line: line.n > 1).size(), 1),
    (lambda output: output.lines.exists(lambda line: line.sku == "b"), True),
    (lambda output: output.lines.all(lambda line: line.n <= output.count), True),
]


@pytest.mark.parametrize(
    ("function", "expected"), WITH_WORDS_OF_OURS, ids=lambda value: recorded_id(value)
)
def test_words_for_what_python_decides_itself(
    function: Callable[[Any], object], expected: object
) -> None:
    assert evaluate_both_ways(recorded_text(function)) == expected


def recorded_id(value: object) -> str:
    return recorded_text(value) if callable(value) else ""


def test_the_text_is_what_a_person_would_write() -> None:
    def mapping(output: Any, params: Any) -> object:
        return {"to": output.user.email, "late": (params["day"] > 3) & ~output.paid}

    assert (
        recorded_text(mapping)
        == '{"to": output.user.email, "late": params.day > 3 && !output.paid}'
    )
    assert recorded_text(lambda output: output["a"]["b-c"][0]) == 'output.a["b-c"][0]'
    assert recorded_text(lambda params: params.get("details", False)) == (
        "has(params.details) ? params.details : false"
    )
    assert recorded_text(lambda a: if_else(a, "x: " + a.b, "y: " + a.c)) == (
        'a ? "x: " + a.b : "y: " + a.c'
    )
    assert recorded_text(lambda a, b, c: any_of(a, b, all_of(b, c))) == "a || b || b && c"
    assert recorded_text(lambda a, b: (a == 1) == (b == 2)) == "(a == 1) == (b == 2)"
    assert recorded_text(lambda a: a - (a - 1)) == "a - (a - 1)"
    assert recorded_text(lambda a: a - 1 - a) == "a - 1 - a"


class Status(str, enum.Enum):  # noqa: UP042 - as it was written before StrEnum
    PAID = "paid"


def test_a_member_of_an_enum_of_texts_is_its_value() -> None:
    """Python's `str` of it is `Status.PAID`, which no output ever says."""
    assert recorded_text(lambda output: output.status == Status.PAID) == 'output.status == "paid"'
    assert recorded_text(lambda output: output[Status.PAID]) == "output.paid"
    assert recorded_text(lambda output: output.has(Status.PAID)) == "has(output.paid)"


def test_names_are_the_variables_an_expression_reads() -> None:
    expression, _ = record(
        lambda output, params, unused: output.lines.map(lambda line: [line.n, params.x])
    )
    assert expression.names == {"output", "params"}


# --- constants, and the grammar ------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(cel.MIN_INT, cel.MAX_INT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_constants_come_out_of_cel_as_they_went_in(value: object) -> None:
    source = cel.literal(value).text
    assert evaluate(source) == value
    assert "\n" not in source


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ("\ud800", "surrogate"),
        ({1: 2}, "key 1"),
        ({"a": {1, 2}}, "builtins.set"),
        (b"x", "builtins.bytes"),
        (object, "builtins.type"),
    ],
)
def test_what_is_no_constant(value: object, reason: str) -> None:
    with pytest.raises(cel.NotAConstant, match=reason):
        cel.literal(value)


def test_a_constant_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(cel.NotAConstant, match="nested deeper than 32"):
        cel.literal(endless)


# An expression as a tree: a name, or an operator with its operands. The tree is built with recorded
# values on one side and with numbers on the other; wrong parentheses would make a difference.
OPERATORS: list[Callable[[Any, Any], Any]] = [operator.add, operator.sub, operator.mul]
COMPARISONS: list[Callable[[Any, Any], Any]] = [
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]
LOGIC: list[Callable[[Any, Any], Any]] = [operator.and_, operator.or_, operator.eq, operator.ne]

Tree = Callable[[Any], Any]

numbers: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from("abc").map(lambda name: lambda row: row[name])
    | st.integers(-9, 9).map(lambda number: lambda row: number + row["zero"]),
    lambda inner: (
        st.builds(
            lambda apply, x, y: lambda row: apply(x(row), y(row)),
            st.sampled_from(OPERATORS),
            inner,
            inner,
        )
        | inner.map(lambda x: lambda row: -x(row))
    ),
    max_leaves=6,
)

truths: st.SearchStrategy[Tree] = st.recursive(
    st.builds(
        lambda apply, x, y: lambda row: apply(x(row), y(row)),
        st.sampled_from(COMPARISONS),
        numbers,
        numbers,
    ),
    lambda inner: (
        st.builds(
            lambda apply, x, y: lambda row: apply(x(row), y(row)),
            st.sampled_from(LOGIC),
            inner,
            inner,
        )
        | inner.map(lambda x: lambda row: negate(x(row)))
    ),
    max_leaves=5,
)


def negate(value: Any) -> Any:
    return ~value if type(value) is Recorded else not value


@given(numbers | truths, st.lists(st.integers(-4, 4), min_size=3, max_size=3))
def test_operators_group_as_in_python(tree: Tree, values: list[int]) -> None:
    row = {**dict(zip("abc", values, strict=True)), "zero": 0}
    source = record(lambda output: tree(output))[0].text
    assert evaluate(source, output=row) == tree(row)
