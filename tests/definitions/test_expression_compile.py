"""Expressions when a definition is deployed: what is refused, literals and object forms."""

from __future__ import annotations

import math
from typing import Any

import pytest

from treadle_server.definitions.expression import (
    Expression,
    ExpressionFailed,
    ExpressionInvalid,
    compile_expression,
    compile_guard,
    compile_mapping,
    literal,
    mapping_source,
)

NAMES = {"params", "memory", "event", "output", "charge_card"}
PATH = "edges[3].when"

OUTPUT: dict[str, Any] = {
    "status": "approved",
    "count": 7,
    "ratio": 7.0,
    "none": None,
    "user": {"email": "ann@example.com", "first-name": "Ann"},
    "items": [
        {"sku": "A", "quantity": 2, "tags": ["new", "red"]},
        {"sku": "B", "quantity": 0, "tags": []},
    ],
}


def compiled(source: str) -> Expression:
    return compile_expression(source, NAMES, PATH)


def value(source: str, **bindings: object) -> object:
    return compiled(source).evaluate({"output": OUTPUT, **bindings})


def refusal(source: str) -> str:
    with pytest.raises(ExpressionInvalid) as caught:
        compiled(source)
    assert caught.value.path == PATH
    assert str(caught.value) == f"{PATH}: {caught.value.message}"
    return caught.value.message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "the expression is empty"),
        ("  // nothing\n", "the expression is empty"),
        ("1 +", "line 1, column 4: the expression ends too early"),
        ("output.count >\n  )", "line 2, column 3: unexpected ')'"),
        ("output.user.in", "line 1, column 13: unexpected '.in'"),
        ("[output", "line 1, column 8: the expression ends too early"),
        ("output)", "line 1, column 7: unexpected ')'"),
        ("output == #", "line 1, column 11: unexpected '#'"),
        ('"abc', "line 1, column 1: unclosed string"),
        ("output ==\n '''abc'", "line 2, column 2: unclosed string"),
        ('"\\q"', None),
        ("'a' + 1", "line 1, column 5: '+' does not take (string, int)"),
        ("!1", None),
        ("lower(output.status)", "line 1, column 6: unknown function 'lower'"),
        ("output.status.trim()", "line 1, column 19: unknown function 'trim'"),
        ("if", "line 1, column 1: reserved identifier: if"),
        ("has(output)", None),
        ("{'a': 1, 'a': 2}", "the key 'a' stands there twice"),
        ("1 / 0", "always fails: divide by zero, in `1 / 0`"),
        ("duration('1h')", "gives a duration, which is no JSON value; string(…) makes text of it"),
        ("b'raw'", "gives bytes, which is no JSON value; string(…) makes text of it"),
        ("type(output)", "gives a type, which is no JSON value"),
        ("output.matches(output.pattern)", "the pattern of matches() must be a string literal"),
        ("output.a" + ".a" * 40, None),
        ("(" * 33 + "1" + ")" * 33, None),
        ("'\ud800'", "not valid Unicode"),
        ("'" + "x" * 4095 + "'", "4,097 bytes long; an expression may have 4,096"),
        ("'" + "é" * 2048 + "'", "4,098 bytes long; an expression may have 4,096"),
    ],
)
def test_a_faulty_expression_is_refused(source: str, message: str | None) -> None:
    refused = refusal(source)
    assert "<input>" not in refused
    assert "INVALID_ARGUMENT" not in refused
    if message is not None:
        assert refused == message


def test_nesting_ends_at_32_levels() -> None:
    assert "nested more than 32 levels deep" in refusal("+".join(["output"] * 40))
    with pytest.raises(ExpressionInvalid, match="nested more than 32 levels deep"):
        compiled("[" * 40 + "1" + "]" * 40)
    assert compiled("[" * 20 + "1" + "]" * 20).evaluate({}) is not None


def test_an_expression_of_exactly_4_kib_is_accepted() -> None:
    assert value("'" + "x" * 4094 + "'") == "x" * 4094


@pytest.mark.parametrize(
    "source",
    [
        "output.map(a, a).map(b, b).map(c, c)",
        "output.map(a, a.map(b, b.map(c, c)))",
        "output.map(a, a.filter(b, b)).map(c, c)",
        "output.map(a, a)[0].x.filter(b, b).all(c, c)",
        "(output.map(a, a) + []).filter(b, b).all(c, c)",
        "[output.map(a, a)].filter(b, b).all(c, c)",
        "[1].all(c, output.map(a, a).filter(b, b) == c)",
        "size(output.map(a, a)) > 0 && output.map(a, a.x(output.map(b, b)).map(c, c))",
    ],
)
def test_more_than_two_chained_or_nested_macros_are_refused(source: str) -> None:
    assert refusal(source) == "more than 2 macros (map, filter, …) chained or nested"


@pytest.mark.parametrize(
    "source",
    [
        "output.items.map(a, a.tags).map(b, size(b)) == [2, 0]",
        "output.items.exists(a, a.tags.exists(b, b == 'red'))",
        "output.items.all(a, true) && output.items.all(b, true) && output.items.all(c, true)",
        "[output.items.all(a, true), output.items.all(b, true), 'x.map(y, y).map(z, z)' != ''][2]",
    ],
)
def test_two_are_accepted_and_more_side_by_side(source: str) -> None:
    assert value(source) is True


def test_a_guard_must_be_able_to_be_true() -> None:
    for source in ("'yes'", "1", "{'a': true}", "[true]", "size(output)", "null", "'a' + 'b'"):
        with pytest.raises(ExpressionInvalid, match="a guard must give true or false"):
            compile_guard(source, NAMES, PATH)
    for source in ("true", "output.ok", "output.count > 1", "output.a ? output.b : output.c"):
        compile_guard(source, NAMES, PATH)


# Building expressions.


def test_a_literal_is_cel_text() -> None:
    assert literal({"a": [1, 1.0, True, None, 'say "é"\n']}) == (
        '{"a": [1, 1.0, true, null, "say \\"é\\"\\n"]}'
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"a": [2**63]}, r"value\.a\[0\] is an integer of more than 64 bits"),
        (math.nan, "value is nan"),
        ([math.inf], r"value\[0\] is inf"),
        ({1: 2}, "value has the key 1, which is no string"),
        ({"a": {1, 2}}, r"value\.a is a set, which is no JSON value"),
        ("\ud800", "value is not valid Unicode"),
    ],
)
def test_what_is_no_json_has_no_literal(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        literal(wrong)


MAPPING = {"to": " output.user.email ", "copies": 2, "lines": ["output.items", "'a, b'", None]}


def test_an_object_form_is_one_map_literal() -> None:
    assert mapping_source(MAPPING) == (
        '{"to": output.user.email, "copies": 2, "lines": [output.items, \'a, b\', null]}'
    )
    assert mapping_source("output // all") == "output"
    expected = {
        "to": "ann@example.com",
        "copies": 2,
        "lines": [OUTPUT["items"], "a, b", None],
    }
    expression = compile_mapping(MAPPING, NAMES, "edges[0].map")
    assert expression.evaluate({"output": OUTPUT}) == expected
    assert expression.names == {"output"}
    assert compiled(expression.source).evaluate({"output": OUTPUT}) == expected


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        ("1, 'b': 2", "a comma outside of brackets"),
        ("1} + {'b': 2", "brackets do not match"),
        ("(1", "brackets do not match"),
        ("", "the expression is empty"),
        ("'a", "unclosed string"),
    ],
)
def test_a_leaf_cannot_reach_out_of_its_place(leaf: str, message: str) -> None:
    with pytest.raises(ExpressionInvalid, match=message) as caught:
        mapping_source({"a": [leaf]}, "edges[0].map")
    assert caught.value.path == "edges[0].map.a[0]"
    with pytest.raises(ExpressionInvalid) as caught:
        compile_mapping({"a": [leaf]}, NAMES, "edges[0].map")
    assert caught.value.path == "edges[0].map.a[0]"


def test_faults_in_an_object_form_have_the_path_of_their_leaf() -> None:
    for mapping in ({"a": [1, {"b-c": "outptu"}]}, "{'a': [1, {'b-c': outptu}]}"):
        with pytest.raises(ExpressionInvalid, match="did you mean 'output'") as caught:
            compile_mapping(mapping, NAMES, "edges[0].map")
        assert caught.value.path == 'edges[0].map.a[1]["b-c"]'
    with pytest.raises(ExpressionFailed) as failed:
        compile_mapping({"a": "output.b + 1"}, NAMES, "map").evaluate({"output": {}})
    assert failed.value.path == "map.a"
    for wrong in ({"a": {1: "output"}}, {"a": 2**70}, {"a": {"b"}}):
        with pytest.raises(ExpressionInvalid):
            compile_mapping(wrong, NAMES, "map")


def test_the_size_limit_holds_for_each_leaf_of_an_object_form() -> None:
    mapping = {f"text{number}": literal("x" * 3_000) for number in range(5)}
    assert compile_mapping(mapping, NAMES, "map").evaluate({}) == dict.fromkeys(mapping, "x" * 3000)
    with pytest.raises(ExpressionInvalid, match="4,096"):
        compile_mapping({"text": literal("x" * 5_000)}, NAMES, "map")
