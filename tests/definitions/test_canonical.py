"""One spelling for expressions that differ by blanks, comments and quotes alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.definitions.test_expression_laws import (
    bindings,
    compiled,
    evaluated,
    sources,
)
from treadle_server.definitions.expression import (
    SOURCE_LIMIT,
    ComputedValue,
    Expression,
    ExpressionInvalid,
    KnownValue,
    ListValue,
    ObjectValue,
    ReadValue,
    canonical_source,
    compile_expression,
)
from treadle_server.definitions.expression.tokens import scan


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a+b", "a + b"),
        ("a - -b", "a - -b"),
        ("!  a.b ( c )", "!a.b(c)"),
        ("""{'a':x , "b" : [1 ,2]}""", '{"a": x, "b": [1, 2]}'),
        ("x?y :z", "x ? y : z"),
        ("{'k': a?b:c,'d':e}", '{"k": a ? b : c, "d": e}'),
        ("a in [1,2]&&!(b in c)", "a in [1, 2] && !(b in c)"),
        ("x in(y)", "x in (y)"),
        ("f(a)[ -1 ] . b", "f(a)[-1].b"),
        (" x.map( v,v+1 )  // why\n + 1", "x.map(v, v + 1) + 1"),
        ("a*(b+c)", "a * (b + c)"),
        ("'it\\'s' + 'say \"x\"'", "'it\\'s' + 'say \"x\"'"),
        ("r'a b' == b'c'", "r'a b' == b'c'"),
        ("'  two  blanks '", '"  two  blanks "'),
        ("'unclosed", "'unclosed"),
    ],
)
def test_spelling(source: str, expected: str) -> None:
    assert canonical_source(source, SOURCE_LIMIT) == expected
    assert canonical_source(expected, SOURCE_LIMIT) == expected


@given(source=sources, bound=bindings)
def test_a_spelling_means_the_same(source: str, bound: dict[str, Any]) -> None:
    before, after = compiled(source), compiled(canonical_source(source, SOURCE_LIMIT))
    if isinstance(before, ExpressionInvalid):
        assert isinstance(after, ExpressionInvalid)
        return
    assert isinstance(after, Expression)
    assert after.names == before.names
    assert evaluated(after, bound) == evaluated(before, bound)


@given(source=sources, data=st.data())
def test_blanks_make_no_difference(source: str, data: st.DataObject) -> None:
    blanks = st.sampled_from([" ", "\n", "\t ", " // no\n"])
    apart = "".join(token.text + data.draw(blanks) for token in scan(source, "").tokens)
    once = canonical_source(source, SOURCE_LIMIT)
    assert canonical_source(apart, SOURCE_LIMIT) == once
    assert canonical_source(once, SOURCE_LIMIT) == once
    tight = canonical_source(apart, len(once.encode()) - 1)
    assert len(tight) <= len(apart)
    assert canonical_source(tight, SOURCE_LIMIT) == once


@given(st.text())
def test_any_text_has_a_spelling(text: str) -> None:
    once = canonical_source(text, SOURCE_LIMIT)
    assert canonical_source(once, SOURCE_LIMIT) == once


def test_outlines() -> None:
    source = '{"a": [output.x[0]["y z"], 7, null], "b": size(output) + 1, "c": output + params}'
    outline = compile_expression(source, {"output", "params"}, "edges[0].map").outline()
    assert outline == ObjectValue(
        {
            "a": ListValue(
                (
                    ReadValue("output", ("x", 0, "y z"), "edges[0].map.a[0]"),
                    KnownValue(7),
                    KnownValue(None),
                )
            ),
            "b": ComputedValue(frozenset({"integer"})),
            "c": ComputedValue(frozenset()),
        }
    )


@pytest.mark.parametrize(
    ("source", "types"),
    [
        ("output.a == 1", {"boolean"}),
        ('output.a + "x"', {"string"}),
        ("double(output.a)", {"number"}),
        ("uint(output.a)", {"integer"}),
        ("output.list.map(x, x)", {"array"}),
        ('output.go ? {"a": output.a} : {"a": output.b}', {"object"}),
        ("output.go ? output.a : output.b", set()),
    ],
)
def test_outlines_of_what_is_computed(source: str, types: set[str]) -> None:
    expression = compile_expression(source, {"output"}, "edges[0].map")
    assert expression.outline() == ComputedValue(frozenset(types))
