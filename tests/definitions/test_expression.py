"""Expressions: what they give, what they read, and how they fail in a run.

That moving values by reference gives what the library gives, for any expression and any data, is
in `test_expression_laws.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from treadle_server.definitions.expression import (
    Expression,
    ExpressionFailed,
    ExpressionInvalid,
    FailureKind,
    compile_expression,
    compile_guard,
    is_name,
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


def failure(source: str, **bindings: object) -> ExpressionFailed:
    expression = compiled(source)
    with pytest.raises(ExpressionFailed) as caught:
        expression.evaluate({"output": OUTPUT, **bindings})
    assert caught.value.path.startswith(PATH)
    assert str(caught.value).startswith(f"{caught.value.path}: ")
    assert ", in `" in str(caught.value)
    return caught.value


# What expressions give.


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('output.status == "approved"', True),
        ('output.status != "approved" || output.count > 100', False),
        ("output.count + 1", 8),
        ("output.count == 7.0 && output.ratio == 7", True),
        ("double(output.count) + output.ratio", 14.0),
        ("output.count % 4 == 3 ? 'three' : 'other'", "three"),
        ("has(output.user.email)", True),
        ("has(output.user.phone)", False),
        ("has(output.user.phone) ? output.user.phone : 'none'", "none"),
        ("'count' in output && !('price' in output)", True),
        ("output.count in [5, 6, 7]", True),
        ("size(output.items) + output.items.size() + size('é')", 5),
        ("output.user.email.endsWith('@example.com')", True),
        ("output.user.email.startsWith('bob') || output.user.email.contains('nn@')", True),
        (r'output.user.email.matches("^[a-z]+@[a-z.]+$")', True),
        ("string(output.count) + '/' + string(1.5)", "7/1.5"),
        ("int('12') + int(3.9)", 15),
        ("output.items.all(i, i.quantity >= 0)", True),
        ("output.items.exists(i, i.quantity == 0)", True),
        ("output.items.exists_one(i, i.sku == 'A')", True),
        ("output.items.filter(i, i.quantity > 0).map(i, i.sku)", ["A"]),
        ("output.items.map(i, i.tags.map(t, i.sku + t))", [["Anew", "Ared"], []]),
        ("output.none == null", True),
        ("string(duration('90m'))", "5400s"),
        ("timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z')", True),
        ("output.user // the whole user", OUTPUT["user"]),
        ("output.user['first-name']", "Ann"),
        ("output.user.`first-name` + '!'", "Ann!"),
        ("output.items[1].sku", "B"),
        ("type(output.count) == int", True),
        (".output.count", 7),
    ],
)
def test_a_value_is_given(source: str, expected: object) -> None:
    got = value(source)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("null", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-12", -12),
        ("0x1F", 31),
        ("7u", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1.5", 1.5),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("'a'", "a"),
        ("1 + 1", 2),
    ],
)
def test_a_constant_needs_no_bindings(source: str, expected: object) -> None:
    expression = compiled(source)
    assert expression.names == frozenset()
    got = expression.evaluate({})
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r'"tab\t \"quoted\" \u00e9 \x41 \101 \U0001F600"', 'tab\t "quoted" é A A 😀'),
        (r"r'\n stays'", r"\n stays"),
        ("'''one\n'two' ''three'''", "one\n'two' ''three"),
        ('"""a"b"""', 'a"b'),
        ("'// no comment'", "// no comment"),
        ("'output.count + memory'", "output.count + memory"),
        ("''", ""),
    ],
)
def test_strings_are_read_as_cel_writes_them(source: str, expected: str) -> None:
    assert value(source) == expected
    assert value(f"[{source}][0] + ''") == expected
    assert value(f"{{{source}: 1}}") == {expected: 1}
    assert compiled(f"{source} == event.text").names == {"event"}


def test_a_json_integer_and_a_json_double_do_not_add() -> None:
    error = failure("output.count + output.ratio")
    assert error.kind is FailureKind.WRONG_TYPE
    assert "'+' does not take (int, double); double(…) or int(…) converts" in str(error)


def test_a_mapping_keeps_the_order_of_its_keys() -> None:
    source = '{"to": output.user.email, "about": {"z": 1, "a": [output.count, 2 + 2]}}'
    got = value(source)
    assert repr(got) == "{'to': 'ann@example.com', 'about': {'z': 1, 'a': [7, 4]}}"


def test_a_computed_object_is_sorted_by_key() -> None:
    source = "output.count > 1 ? {'b': 1, 'c': 2, 'a': {'z': 1, 'y': 2}} : {}"
    assert repr(value(source)) == "{'a': {'y': 2, 'z': 1}, 'b': 1, 'c': 2}"


# What is moved is not copied.


@pytest.mark.parametrize(
    "source",
    ["output", " output // whole", "output.user", "output.items[0].tags", "output['user']"],
)
def test_a_path_gives_the_very_object(source: str) -> None:
    document: dict[str, Any] = {"user": {}, "items": [{"tags": []}]}
    parts = (document, document["user"], document["items"][0]["tags"])
    got = compiled(source).evaluate({"output": document})
    assert any(got is part for part in parts)


def test_large_values_are_handed_on_inside_of_literals() -> None:
    results = [{"row": number, "text": "x" * 400} for number in range(10_000)]
    source = '{"results": output, "all": [output, output], "count": size(params.names)}'
    got: Any = compiled(source).evaluate({"output": results, "params": {"names": ["a", "b"]}})
    assert got["results"] is results
    assert got["all"][1] is results
    assert got["count"] == 2


def test_only_what_is_read_is_looked_at() -> None:
    document = {"status": "ok", "user": {"name": "Ann", "blob": object()}, "blob": "x" * 3_000_000}
    assert value("output.status + output.user.name", output=document) == "okAnn"
    assert failure("output.user == output.status", output=document).kind is FailureKind.WRONG_TYPE
    assert failure("size(output) > 2", output=document).kind is FailureKind.WRONG_TYPE


def test_a_bare_name_is_told_apart() -> None:
    assert compiled(" output ").bare_name == "output"
    assert compiled("output.user").bare_name is None
    assert compiled("[output]").bare_name is None


# Names.


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("charge_card.amount > params.limit", {"charge_card", "params"}),
        ("output.items.exists(event, event.sku == params.sku)", {"output", "params"}),
        ("output.exists(event, event == 1) && event.x", {"output", "event"}),
        ("output.items.all(output, .output.count == output)", {"output"}),
        ("params.output.memory", {"params"}),
        ("{'event': 'memory', 'params': output}", {"output"}),
        ("size(params) + output.size()", {"params", "output"}),
        ("[params, true, null][0] in [memory]", {"params", "memory"}),
        ("type(output) == map && int('1') == 1", {"output"}),
        ("params.x // and memory\n + 1", {"params"}),
        ('\'memory\' + r\'event\' + """params"""', set()),
        ("has(event.output)", {"event"}),
    ],
)
def test_only_free_names_count(source: str, names: set[str]) -> None:
    assert compiled(source).names == names


def test_a_name_that_is_not_known_is_refused() -> None:
    assert refusal("outptu.count > 1") == "unknown name 'outptu'; did you mean 'output'?"
    assert refusal("qqq").startswith("unknown name 'qqq'; known here: charge_card, event")
    assert refusal("output.x == memry") == "unknown name 'memry'; did you mean 'memory'?"
    many = {f"node_{number}" for number in range(50)}
    with pytest.raises(ExpressionInvalid, match=r"unknown name 'qqq'$"):
        compile_expression("qqq", many, PATH)


def test_a_name_without_a_value_fails() -> None:
    for source in ("event", "event.x", "event.x == 1", "{'a': [event]}"):
        expression = compiled(source)
        with pytest.raises(ExpressionFailed, match="'event' has no value in this run") as caught:
            expression.evaluate({"output": 1})
        assert caught.value.kind is FailureKind.MISSING


@pytest.mark.parametrize("name", ["size", "e", "r", "_", "exists", "duration", "x1", "google"])
def test_a_node_can_be_named(name: str) -> None:
    assert is_name(name)
    for source in (f"{name}.x", f"{name}.x + 0", f"[1].map(i, i + {name}.x)[0] - 1"):
        assert compile_expression(source, {name}, PATH).evaluate({name: {"x": 5}}) == 5


@pytest.mark.parametrize("name", ["if", "in", "true", "loop", "int", "map", "list", "type"])
def test_words_of_the_language_are_no_names(name: str) -> None:
    assert not is_name(name)
    for source in (f"{name}.x", f"{name}.x + 0", name + " == 1"):
        with pytest.raises(ExpressionInvalid):
            compile_expression(source, {name}, PATH)


@pytest.mark.parametrize("text", ["", "1a", "a-b", "a.b", "é", "a b", " a", "a\n"])
def test_other_texts_are_no_names(text: str) -> None:
    assert not is_name(text)


# What fails in a run.


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("output.price", FailureKind.MISSING, 'there is no "price"'),
        ("output.price > 5", FailureKind.MISSING, 'there is no "price"'),
        ("output.user.address.street", FailureKind.MISSING, 'there is no "address"'),
        ("output.items[2]", FailureKind.MISSING, "there is no [2] in a list of 2"),
        ("output.items[2].sku + ''", FailureKind.MISSING, "there is no [2] in a list of 2"),
        ("output.user[0]", FailureKind.MISSING, "there is no 0"),
        ("output.count.value", FailureKind.WRONG_TYPE, "a field of something that is no object"),
        ("output.none.x == 1", FailureKind.WRONG_TYPE, "a field of something that is no object"),
        ("output.items.sku", FailureKind.WRONG_TYPE, "reads a field of"),
        ("output.status + output.count", FailureKind.WRONG_TYPE, "'+' does not take (string, int)"),
        ("!output.count", FailureKind.WRONG_TYPE, "'!' does not take"),
        ("output.status && true", FailureKind.WRONG_TYPE, "'&&' does not take"),
        ("output.count ? 1 : 2", FailureKind.WRONG_TYPE, "before '?' is not true or false"),
        ("size(output.count)", FailureKind.WRONG_TYPE, "'size' does not take (int)"),
        ("10 / (output.count - 7)", FailureKind.VALUE, "divide by zero"),
        ("output.count * 9223372036854775807", FailureKind.VALUE, "overflow"),
        ("int(output.status)", FailureKind.VALUE, "cannot convert string to int"),
        ("output.ratio / 0.0", FailureKind.VALUE, "gives inf, which is no JSON number"),
        ("[0.0 * (output.ratio / 0.0)][0]", FailureKind.VALUE, "gives nan"),
        ("uint(output.count) + 9223372036854775808u", FailureKind.VALUE, "more than 64 bits"),
        ("output.items.map(i, duration('1s'))", FailureKind.WRONG_TYPE, "gives a duration"),
        ("output.items.map(i, bytes(i.sku))", FailureKind.WRONG_TYPE, "gives bytes"),
        ("output.items.map(i, type(i))", FailureKind.WRONG_TYPE, "gives a type"),
        ("{output.count: 1}", FailureKind.WRONG_TYPE, "a key that is no string"),
        ("{output.status: 1, 'approved': 2}", FailureKind.VALUE, "duplicate key"),
        ("dyn(timestamp(output.count))", FailureKind.WRONG_TYPE, "gives a timestamp"),
        ("output.status.matches('(')", FailureKind.VALUE, "invalid regular expression"),
    ],
)
def test_a_failure_is_typed(source: str, kind: FailureKind, message: str) -> None:
    error = failure(source)
    assert error.kind is kind
    assert message in str(error)
    assert "INVALID_ARGUMENT" not in str(error)


def test_a_failed_guard_is_not_true() -> None:
    """The library's plain value of an error is a text, which Python takes for true."""
    guard = compile_guard("output.prise > 5", NAMES, PATH)
    with pytest.raises(ExpressionFailed):
        guard.evaluate_guard({"output": OUTPUT})


@pytest.mark.parametrize(
    ("output", "shown"),
    [("true", "a string"), (1, "a number"), (None, "null"), ([], "a list"), ({}, "an object")],
)
def test_a_guard_gives_true_or_false_and_nothing_else(output: object, shown: str) -> None:
    guard = compile_guard("output", NAMES, PATH)
    with pytest.raises(ExpressionFailed, match=f"gives {shown}, not true or false") as caught:
        guard.evaluate_guard({"output": output})
    assert caught.value.kind is FailureKind.WRONG_TYPE
    assert guard.evaluate_guard({"output": True}) is True


def test_a_long_expression_is_cut_in_messages() -> None:
    error = failure("output.price ==\n  'a' || output.price == '" + "x" * 200 + "'")
    assert "\n" not in str(error)
    assert len(str(error)) < 200
