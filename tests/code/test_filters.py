"""Filters of waits that are written as lambdas."""

from __future__ import annotations

import enum
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from treadle._code.waits import filter_text
from treadle._graph.refusals import CannotRecord
from treadle.errors import DefinitionError


class Status(str, enum.Enum):  # noqa: UP042 - as it was written before StrEnum
    PAID = "paid"


FILTERS: list[tuple[Callable[[Any], object], str]] = [
    (lambda e: e.n == 1, "event.n == 1"),
    (lambda _: _.status == Status.PAID, 'event.status == "paid"'),
    (lambda package: package.id.is_in(["a", "b"]), 'event.id in ["a", "b"]'),
]


@pytest.mark.parametrize(("where", "text"), FILTERS, ids=[text for _, text in FILTERS])
def test_a_lambda_is_recorded_whatever_its_parameter_is_called(
    where: Callable[[Any], object], text: str
) -> None:
    assert filter_text(where) == text


def test_what_would_never_be_true_is_refused() -> None:
    """`is` leaves no trace on a stand-in: the filter would be `false`."""
    with pytest.raises(CannotRecord, match="None") as refused:
        filter_text(lambda event: event.approver is None)
    assert refused.value.file == __file__


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(DefinitionError, match="give a lambda"):
        filter_text(Status)


def test_methods_are_there_for_whoever_imports_workflows_alone() -> None:
    """A program of its own: here everything is imported."""
    program = """
import treadle.workflows
from treadle._code.waits import filter_text
assert filter_text(lambda event: event.tags.size() > 1) == "event.tags.size() > 1"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
