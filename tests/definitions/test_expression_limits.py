"""What expressions may read, give and cost: beyond it they fail, and the server goes on."""

from __future__ import annotations

from typing import Any

import pytest

from treadle_server.definitions.expression import (
    Expression,
    ExpressionFailed,
    FailureKind,
    compile_expression,
)

NAMES = {"params", "memory", "event", "output", "charge_card"}
PATH = "edges[3].when"


def compiled(source: str) -> Expression:
    return compile_expression(source, NAMES, PATH)


def value(source: str, **bindings: object) -> object:
    return compiled(source).evaluate(bindings)


def failure(source: str, **bindings: object) -> ExpressionFailed:
    expression = compiled(source)
    with pytest.raises(ExpressionFailed) as caught:
        expression.evaluate(bindings)
    assert caught.value.path.startswith(PATH)
    assert str(caught.value).startswith(f"{caught.value.path}: ")
    assert ", in `" in str(caught.value)
    return caught.value


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**40])
def test_integers_have_64_bits(number: int) -> None:
    for source in ("output", "output > 5", "[output]"):
        assert failure(source, output=number).kind is FailureKind.VALUE
    assert failure("output.a[0] == 1", output={"a": [number]}).kind is FailureKind.VALUE
    # What merely resembles a wide integer passes.
    assert value("output == 'x'", output=str(number)) is False


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_the_whole_range_of_integers_passes(number: int) -> None:
    assert value("output == params", output=number, params=number) is True
    assert value("output", output=number) == number
    assert value("true ? output : 0", output=number) == number


def test_a_lone_surrogate_is_refused() -> None:
    assert failure("output == ''", output="\ud800").kind is FailureKind.VALUE


def test_a_value_that_is_no_json_is_refused() -> None:
    assert failure("output == ''", output=object()).kind is FailureKind.WRONG_TYPE
    assert failure("output == ''", output=(1, 2)).kind is FailureKind.WRONG_TYPE


def test_deep_nesting_does_not_reach_the_library() -> None:
    """20,000 levels overflow its stack and end the process."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert failure("size(output)", output=deep).kind is FailureKind.SIZE
    assert failure("output == 1 ? output : 0", output=deep).kind is FailureKind.SIZE
    assert value("output", output=deep) is deep


def test_input_and_results_are_bounded() -> None:
    text = "x" * 900_000
    assert failure("output.startsWith('a')", output=text * 3).kind is FailureKind.SIZE
    assert failure("output + params", output=text, params=text[:200_000]).kind is FailureKind.SIZE
    # Each part is small enough, together they are not; what is handed on does not count.
    parts = "{'a': params + '', 'b': params + '', 'c': output}"
    assert failure(parts, output=text, params=text[:600_000]).kind is FailureKind.SIZE
    got: Any = value("{'a': params + '', 'b': output, 'c': output}", output=text, params="p")
    assert got["c"] is text


NUMBERS = [0] * 9_000


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("size([output + output].map(x, x + x + x + x).map(x, x + x + x + x))", "x" * 2_000_000),
        ("output.map(x, output)", NUMBERS),
        ("output.map(x, x)", NUMBERS),
        ("output.filter(x, x == 0)", NUMBERS),
        ("[output].map(x, (x + x + x + x).map(y, y))", NUMBERS[:2_000]),
        ("output.l.exists(x, output.s.contains('a'))", {"l": NUMBERS, "s": "x" * 1_000_000}),
        (
            "output.l.exists(x, output.m.exists(y, (x + 'a') == ''))",
            {"l": ["x" * 10**6], "m": NUMBERS},
        ),
        (
            "output.o.exists(x, output.m.exists(y, (x + 'a') == ''))",
            {"o": {"x" * 10**6: 0}, "m": NUMBERS},
        ),
        ("output.s.contains(output.t)", {"s": "a" * 1_000_000, "t": "a" * 500_000 + "b"}),
        ("output.matches('((a{1,10}){1,10}){1,9}b')", "a" * 1_000_000),
        (r"output.matches('((a\x7b1,10}){1,10}){1,9}b')", "a" * 1_000_000),
        ("output.exists(x, 'a'.matches('(a{1,100}){1,9}b'))", NUMBERS),
        ("output.l.exists(x, output.m == output.n)", {"l": NUMBERS, "m": NUMBERS, "n": NUMBERS}),
    ],
)
def test_what_could_hold_up_the_server_is_not_begun(source: str, output: object) -> None:
    """Each of these took seconds, or gigabytes, when it was let through."""
    assert failure(source, output=output).kind is FailureKind.BUDGET


def test_iterations_are_bounded() -> None:
    assert value("output.all(x, x >= 0)", output=list(range(9_000))) is True
    error = failure("output.all(x, x >= 0)", output=list(range(11_000)))
    assert error.kind is FailureKind.BUDGET
    assert "10,000 iterations" in str(error)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("output.items.exists(i, i.quantity > 100)", 5_000),
        ("output.items.filter(i, i.quantity > 3).map(i, {'sku': i.sku})", 1_000),
        ("output.items.map(i, i.name + ' ' + i.sku)", 1_000),
        ("output.items.all(i, i.sku in params.allowed)", 1_000),
        ("output.items.all(i, i.mail.matches('^[a-z0-9]+@[a-z.]+$'))", 1_000),
        ("output.items.exists(i, i.tags.exists(t, t == params.tag))", 1_000),
    ],
)
def test_ordinary_work_on_a_thousand_items_is_done(source: str, count: int) -> None:
    items = [
        {"sku": f"SKU-{n:06}", "name": f"Item {n}", "quantity": n % 7, "tags": ["a", "b"]}
        | {"mail": f"user{n}@example.com", "price": 12.5}
        for n in range(count)
    ]
    params = {"allowed": [f"SKU-{n:06}" for n in range(500)], "tag": "c"}
    compiled(source).evaluate({"output": {"items": items}, "params": params})
