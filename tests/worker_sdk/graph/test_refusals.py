"""What cannot be recorded is refused where it stands: file, line, what was used, and instead."""

from __future__ import annotations

import functools
import json
import math
import operator
import types
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from treadle._graph.recording import record
from treadle.errors import DefinitionError, TreadleError
from treadle.graph import CannotRecord, Graph, all_of, if_else, text

REFUSED: list[tuple[Callable[..., object], str, str]] = [
    (lambda output: 1 if output.ok else 2, "truth", "if_else"),
    (lambda output: output.a and output.b, "truth", "& for and"),
    (lambda output: output.a or output.b, "truth", "| for or"),
    (lambda output: not output.a, "truth", "~ for not"),
    (lambda output: 1 < output.a < 3, "truth", "& for and"),
    (lambda output: output.a in ["x", "y"], "truth", "is_in"),
    (lambda output: min(output.a, output.b), "truth", "if_else"),
    (lambda output: "x" in output.tags, "in of output.tags", ".contains(item)"),
    (lambda output: len(output.tags), "len() of output.tags", ".size()"),
    (lambda output: [tag for tag in output.tags], "iteration of output.tags", ".map()"),  # noqa: C416
    (lambda output: list(output.tags), "iteration", ".map()"),
    (lambda output: sum(output.tags), "iteration", ".map()"),
    (lambda output: [*output.tags], "iteration", ".map()"),
    (lambda output: {**output}, ".keys()", "an activity"),
    (lambda output: dict(output), ".keys()", "an activity"),
    (lambda output: reversed(output.tags), "reversed()", "an activity"),
    (lambda output: sorted(output.tags), "iteration", ".map()"),
    (lambda output: f"order {output.id}", "f-string", "treadle.graph.text"),
    (lambda output: f"order {output.id!r}", "repr()", "treadle.graph.text"),
    (lambda output: str(output.id), "str()", ".as_text()"),
    (lambda output: "order %s" % output.id, "str() or %-formatting", "text("),  # noqa: UP031
    (lambda output: "{}".format(output.id), "format()", "text("),  # noqa: UP032
    (lambda output: int(output.n), "int()", ".as_int()"),
    (lambda output: float(output.n), "float()", ".as_float()"),
    (lambda output: complex(output.n), "complex()", ".as_float()"),
    (lambda output: round(output.n), "round()", ".as_int()"),
    (lambda output: math.floor(output.n), "floor()", "an activity"),
    (lambda output: abs(output.n), "abs()", "if_else"),
    (lambda output: range(output.n), "range()", "an activity"),
    (lambda output: "abc"[output.n], "index", "an activity"),
    (lambda output: output.n // 2, "//", "CEL text"),
    (lambda output: 7 // output.n, "//", "CEL text"),
    (lambda output: output.n % 2, "%", "CEL text"),
    (lambda output: output.n**2, "**", "an activity"),
    (lambda output: output.a ^ output.b, "^", "!="),
    (lambda output: output.a == 1 & output.b == 2, "& with 1", "parentheses"),
    (lambda output: output.a & "x", "& with 'x'", "parentheses"),
    (lambda output: output.tags[1:], "a slice", ".filter()"),
    (lambda output: output.tags[-1], "the index -1", ".size() - 1"),
    (lambda output: output.tags[1.5], "1.5 as an index", "whole number"),
    (lambda output: {output.id: 1}, "dict's key", "text as the key"),
    (lambda output: {output.id}, "in a set", "text as the key"),
    (lambda output: output.name.upper(), "the method .upper()", "an activity"),
    (lambda output: output["get"]("a"), "a call of a recorded value", "an activity"),
    (lambda output: output.get(), ".get() with other arguments", "get(key, default)"),
    (lambda output: output.size(1, 2), ".size() with other arguments", ".size()"),
    (lambda output: output.get(output.key), ".get() with a key that is no constant", "a constant"),
    (lambda output: output.lines.map(1), ".map() without a function", "lambda item"),
    (lambda output: output.lines.map(len), ".map() without a function", "lambda item"),
    (lambda output: output.map(lambda output: output), "means something else", "another name"),
    (lambda output: isinstance(output.a, str), "its class (isinstance)", "an activity"),
    (lambda output: output.a is None, "is, which Python decides", "== None"),
    (lambda output: 1 if output.a is None else 2, "is, which Python decides", "== None"),
    (lambda output: output.a is not None, "is, which Python decides", "== None"),
    (lambda output: [x for x in (1, 2) if x is not output], "is, which Python decides", "== None"),
    (lambda output: output.lines.all(lambda line: line.n is None), "is, which", "== None"),
    (lambda output: output.__setitem__("a", 1), "assignment to an item", "a new dict"),
    (lambda output: setattr(output, "a", 1), "assignment to an attribute", "a new dict"),
    (lambda output: {"a": {1, 2}}, "builtins.set", "constants that JSON has"),
    (lambda output: {"at": Path("x")}, "Path", "constants that JSON has"),
    (lambda output: 2**70 + output.n, "64 bits", "constants that JSON has"),
    (lambda output: ",".join([output.id]), "TypeError", "not there yet"),
    (lambda output: json.dumps(output), "its class", "an activity"),
    (lambda output: {"a": 1}["b"], "KeyError: 'b'", "not there yet"),
    (lambda *outputs: 1, "*outputs", "one parameter for each name"),
    (lambda **outputs: 1, "**outputs", "one parameter for each name"),
    (lambda *, output: 1, "keyword-only", "a plain parameter"),
    (lambda const: const.a, "const", "another name"),
    (lambda größe: größe.a, "größe", "another name"),
    (lambda _: _.a, "named _", "such as output"),
]


@pytest.mark.parametrize(
    ("function", "used", "instead"), REFUSED, ids=[used for _, used, _ in REFUSED]
)
def test_refusal_names_place_use_and_way_out(
    function: types.FunctionType, used: str, instead: str
) -> None:
    with pytest.raises(CannotRecord) as refused:
        record(function)
    error = refused.value
    assert used in error.used
    assert instead in error.instead
    assert (error.file, error.line) == (__file__, function.__code__.co_firstlineno)
    assert str(error).startswith(f"{__file__}:{error.line}: ")
    assert isinstance(error, TreadleError)


def test_the_line_is_that_of_the_fault_not_of_the_function() -> None:
    def mapping(output: Any) -> object:
        total = output.net + output.tax
        rounded = (
            total
            // 100
        )  # fmt: skip
        return {"total": rounded}

    with pytest.raises(CannotRecord) as refused:
        record(mapping)
    assert refused.value.line == mapping.__code__.co_firstlineno + 3


def test_the_line_of_an_error_that_the_function_raised() -> None:
    def mapping(output: Any) -> object:
        names = {"a": output.a}
        return names["b"]

    with pytest.raises(CannotRecord, match="KeyError") as refused:
        record(mapping)
    assert refused.value.line == mapping.__code__.co_firstlineno + 2


def test_a_refusal_cannot_be_swallowed() -> None:
    def mapping(output: Any) -> object:
        try:
            return len(output)
        except Exception:  # noqa: BLE001 - what a careless mapping does
            return 0

    with pytest.raises(CannotRecord, match=r"len\(\)"):
        record(mapping)


def test_a_guard_must_look_at_something() -> None:
    with pytest.raises(CannotRecord, match="always true"):
        record(lambda output: 1 == 1, guard=True)
    with pytest.raises(CannotRecord, match='always "x"'):
        record(lambda output: "x", guard=True)
    assert record(lambda _: {"retry": True})[0].text == '{"retry": true}'


def generator(output: Any) -> Iterator[object]:
    yield output


async def coroutine(output: Any) -> object:
    return output


async def asynchronous_generator(output: Any) -> AsyncIterator[object]:
    yield output


@pytest.mark.parametrize("function", [generator, coroutine, asynchronous_generator])
def test_only_plain_functions(function: Callable[..., object]) -> None:
    with pytest.raises(CannotRecord, match="coroutine or generator"):
        record(function)


@pytest.mark.parametrize(
    "function",
    [operator.itemgetter("a"), functools.partial(lambda a, b: a, 1), len, Graph, "output.a", 17],
)
def test_what_is_no_function_at_all(function: Any) -> None:
    with pytest.raises(DefinitionError, match="give a lambda, a function, or CEL text"):
        record(function)


def test_functions_for_recording_only() -> None:
    def check(function: Callable[..., object], *arguments: object) -> None:
        with pytest.raises(DefinitionError, match="no argument comes from a parameter"):
            function(*arguments)

    check(all_of, True, False)
    check(text, "a")
    check(if_else, True, 1, 2)
