"""Start parameters: declared with types and defaults, checked before a run is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.definitions.documents import accepted, faults, graph
from treadle_server.definitions.errors import InputInvalid
from treadle_server.engine.values import Payload

PARAMS = {
    "user_id": {"type": "integer"},
    "details": {"type": "boolean", "default": False},
    "name": {"type": "string", "min_length": 1, "required": False},
    "anything": {"default": None},
}


def completed(given: Any, params: dict[str, Any] | None = PARAMS) -> Any:
    document = graph() if params is None else graph(params=params)
    data = given if isinstance(given, bytes) else json.dumps(given).encode()
    return json.loads(accepted(document).complete_input(Payload(data)).data)


def refused(given: Any, params: dict[str, Any] = PARAMS) -> dict[str, str]:
    with pytest.raises(InputInvalid) as caught:
        completed(given, params)
    assert caught.value.reason == "INPUT_INVALID"
    return {violation.path: violation.message for violation in caught.value.violations}


def test_defaults_are_filled_in() -> None:
    assert completed({"user_id": 3}) == {"user_id": 3, "details": False, "anything": None}
    given = {"user_id": 3, "details": True, "name": "Ann", "anything": [1]}
    assert completed(given) == given


def test_what_is_given_whole_stays_to_the_byte() -> None:
    payload = Payload(b' {"user_id": 3.0, "details":true, "anything":0}', {"x": b"y"})
    assert accepted(graph(params=PARAMS)).complete_input(payload) is payload


def test_without_parameters_any_input_is_taken() -> None:
    compiled = accepted(graph())
    for data in (b"", b"7", b"\xff", b'{"x": 1}'):
        payload = Payload(data)
        assert compiled.complete_input(payload) is payload


def test_with_none_declared_none_are_taken() -> None:
    assert completed({}, {}) == {}
    assert completed(None, {}) is None
    assert refused({"x": 1}, {}) == {"input.x": "is no parameter of this workflow."}


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        ({}, "input.user_id", "is missing; it is required and of type integer"),
        (b"", "input.user_id", "is missing"),
        (None, "input.user_id", "is missing"),
        ({"user_id": "3"}, "input.user_id", "must be of type integer, is a string"),
        ({"user_id": 3.5}, "input.user_id", "must be of type integer, is a number"),
        ({"user_id": True}, "input.user_id", "must be of type integer, is a boolean"),
        ({"user_id": None}, "input.user_id", "must be of type integer, is null"),
        ({"user_id": 3, "details": 0}, "input.details", "must be of type boolean, is a number"),
        ({"user_id": 3, "name": ""}, "input.name", "must have a length of at least 1"),
        ({"user_id": 3, "detials": True}, "input.detials", "Did you mean 'details'?"),
        ([1], "input", "must be an object of parameters, is a list"),
        ("text", "input", "must be an object of parameters, is a string"),
        (b"{", "input", "must be JSON"),
        (b'{"user_id": NaN}', "input", "NaN is not JSON"),
        (b'{"user_id": 1, "user_id": 2}', "input", "the key 'user_id' stands twice"),
        (b'{"user_id": 1, "details": [1e999]}', "input", "the number 1e999 is larger"),
        (b"\xff\xfe1\x00", "input", "must be JSON"),
        (b"[" * 100_000, "input", "nested too deeply"),
        (b'{"user_id": ' + b"9" * 5_000 + b"}", "input", "must be JSON"),
        (b'{"user_id": 1, "name": "\\ud800"}', "input", "is not valid Unicode"),
        (b'{"user_id": 1, "\\ud800": 1}', "input.\\ud800", "is no parameter"),
    ],
)
def test_inputs_that_are_refused(given: Any, path: str, message: str) -> None:
    found = refused(given)
    assert found.keys() == {path}
    assert message in found[path]


def test_all_faults_are_told_at_once() -> None:
    assert refused({"x": 1, "details": 1}).keys() == {
        "input.x",
        "input.details",
        "input.user_id",
    }


@pytest.mark.parametrize(
    ("declared", "path", "message"),
    [
        ({"type": "text"}, "params.p.type", "must be one of any, array, boolean"),
        ({"type": "strng"}, "params.p.type", "Did you mean 'string'?"),
        ({"type": "integer", "default": "1"}, "params.p.default", "must be of type integer"),
        (
            {"type": "string", "default": None},
            "params.p.default",
            "must be of type string, is null",
        ),
        ({"min_length": 2, "default": "x"}, "params.p.default", "at least 2"),
        ({"min_length": -1}, "params.p.min_length", "must be from 0"),
        ({"required": "yes"}, "params.p.required", "must be true or false"),
        ({"defualt": 1}, "params.p.defualt", "Did you mean 'default'?"),
        ("string", "params.p", "must be an object, is a string"),
    ],
)
def test_declarations_that_are_refused(declared: Any, path: str, message: str) -> None:
    found = faults(graph(params={"p": declared}))
    assert found.keys() == {path}
    assert message in found[path]


def test_parameters_are_an_object() -> None:
    assert faults(graph(params=["p"])) == {"params": "must be an object, is a list"}
