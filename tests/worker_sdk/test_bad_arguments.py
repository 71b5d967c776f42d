"""What cannot be asked for is refused before the server is asked, as an error of Treadle's."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from treadle import workflow
from treadle._client import requests
from treadle.errors import InvalidRequest
from treadle.graph import Graph


@workflow(version=3)
async def order(given: None) -> None: ...


@pytest.mark.parametrize("what", [Graph("orders"), len, None, 7])
def test_what_is_no_workflow(what: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"cannot be started: give a workflow .* their names"):
        requests.start(requests.Start(workflow=what), "default")


def test_what_is_one() -> None:
    assert requests.start(requests.Start(workflow="order"), "default").version == 0
    assert requests.start(requests.Start(workflow=order), "default").version == 3


@pytest.mark.parametrize("time", ["1h", math.inf, math.nan, [5]])
def test_what_is_no_duration(time: Any) -> None:
    with pytest.raises(InvalidRequest, match="is no duration: give seconds, or a timedelta"):
        requests.start(requests.Start(workflow="order", run_timeout=time), "default")


@pytest.mark.parametrize("seconds", [-1.5, -1, -0.25, 0, 0.000001, 1.5, 2, 10**9])
def test_a_duration_is_what_it_was(seconds: float) -> None:
    """Those below 0 as well, which the server refuses with the field's name."""
    assert requests.duration(seconds).ToTimedelta() == timedelta(seconds=seconds)
    assert requests.duration(timedelta(seconds=seconds)) == requests.duration(seconds)


@pytest.mark.parametrize("begin", [5, "tomorrow"])
def test_what_is_no_begin(begin: Any) -> None:
    with pytest.raises(InvalidRequest, match="is neither a datetime nor a timedelta"):
        requests.start(requests.Start(workflow="order", begin=begin), "default")


@pytest.mark.parametrize("document", ["\ud800", {"name": "\ud800"}])
def test_a_document_that_is_no_text(document: Any) -> None:
    with pytest.raises(InvalidRequest, match="cannot be written as JSON"):
        requests.deploy(document, "default", None, False)


def test_a_document_that_contains_itself() -> None:
    endless: dict[str, object] = {}
    endless["nodes"] = endless
    with pytest.raises(InvalidRequest, match="cannot be written as JSON"):
        requests.deploy(endless, "default", None, validate_only=True)
