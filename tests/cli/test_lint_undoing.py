"""`treadle lint` of code: what undoes a step must be able to take the step's result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Treadle

TYPES = """
from dataclasses import dataclass

import treadle
from treadle import Context, activity, step, workflow


@dataclass
class Paid:
    payment: str


def charge(number: str) -> Paid: ...
def said_nothing(number: str) -> None: ...
def untyped(number): ...

@activity
def charge_card(number: str) -> Paid: ...
@activity
def refund_text(payment: str) -> None: ...
@activity
def refund_paid(paid: Paid) -> None: ...
@activity
def refund_member(payment: str, context: Context, reason: str = "") -> None: ...
@activity
def refund_number(payment: int, context: Context, reason: str = "") -> None: ...
@activity
def refund_default(paid: str = "all") -> None: ...
@activity
def clean_up() -> None: ...

def undo_text(payment: str) -> None: ...
def undo_paid(paid: Paid, context: Context) -> None: ...
def undo_two(paid: Paid, reason: str) -> None: ...
def undo_named(paid: Paid, *, reason: str) -> None: ...
def undo_none() -> None: ...
def undo_any(paid): ...
def undo_all(*given): ...


@workflow
async def order(number: str) -> None:
"""


def said(treadle: Treadle, folder: Path, code: str) -> list[str]:
    file = folder / "orders.py"
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    file.write_text(TYPES + lines)
    done = treadle("lint", str(file), "-o", "json")
    assert done.exit_code in (0, 1), done.stderr
    found = json.loads(done.stdout)["findings"]
    assert {(one["rule"], one["level"]) for one in found} <= {("undo-does-not-fit", "hint")}
    assert {one["line"] for one in found} <= {TYPES.count("\n") + code.count("\n") + 1}
    return [one["message"] for one in found]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("await step(charge, number).compensate(refund_text)", "must be a string, is an object"),
        ("await step(charge, number).compensate(undo_text)", "must be a string, is an object"),
        ("await treadle.step(charge, number).retry(3).compensate(undo_text)", "must be a string"),
        ("await workflow.step(charge, number).compensate(undo_text)", "must be a string"),
        ("await step(charge_card, number).compensate(undo_text)", "must be a string"),
        ("await workflow.activity(charge_card).retry(2).compensate(refund_text)", "is an object"),
        (
            "await workflow.activity(charge_card).compensate(refund_number)",
            "`payment` must be a whole number, is a string",
        ),
        ("await step(said_nothing, number).compensate(undo_paid)", "must be an object, is null"),
        ("await step(charge, number).compensate(undo_none)", "takes no argument"),
        ("await step(charge, number).compensate(undo_two)", "takes 2 arguments"),
        ("await step(charge, number).compensate(undo_named)", "takes 2 arguments"),
        (
            "pay = workflow.activity(charge_card)\nawait pay.retry(2).compensate(refund_text)",
            "'refund_text' undoes 'charge_card', and does not fit what that gives",
        ),
        (
            "async def inner() -> None:\n    await step(charge, number).compensate(undo_text)",
            "is called only when a run is undone",
        ),
    ],
)
def test_an_undo_that_never_fits(code: str, why: str, treadle: Treadle, tmp_path: Path) -> None:
    [message] = said(treadle, tmp_path, code)
    assert why in message


@pytest.mark.parametrize(
    "code",
    [
        "await step(charge, number).compensate(refund_paid)",
        "await step(charge, number).compensate(refund_member)",
        "await step(charge, number).compensate(undo_paid)",
        "await step(charge, number).compensate(undo_any)",
        "await step(charge, number).compensate(undo_all)",
        "await step(charge, number).compensate(clean_up)",
        "await step(said_nothing, number).compensate(refund_default)",
        "await step(untyped, number).compensate(undo_text)",
        "await step(charge, number).compensate(lambda paid: None)",
        "await step(charge, number).compensate('refund')",
        "await workflow.activity('charge', number).compensate(undo_text)",
        "await workflow.activity(charge_card).returns(str).compensate(undo_text)",
        "charge = untyped\nawait step(charge, number).compensate(undo_text)",
        "undo_text = untyped\nawait step(charge, number).compensate(undo_text)",
        "call = step(charge)\ncall = step(untyped)\nawait call.compensate(undo_text)",
        "for call in [step(charge)]:\n    await call.compensate(undo_text)",
    ],
)
def test_an_undo_that_may_fit(code: str, treadle: Treadle, tmp_path: Path) -> None:
    assert said(treadle, tmp_path, code) == []
