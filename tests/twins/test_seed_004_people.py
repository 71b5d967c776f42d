"""Twins of `seeds/004`: people, templates, results that are kept, tests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.twins.conftest import Bench
from tests.twins.fakes import Outside
from treadle import Workflow, step, workflow
from treadle.errors import ApplicationError, RunFailed
from treadle.testing import Kit, Mock, virtual_time

CODE = True


def _approval(outside: Outside, *, wait: str = "48h") -> Workflow[..., Any]:
    submit, tell = outside.service("submitted"), outside.service("rejected")
    ask, pay = outside.service("requested"), outside.service("paid")

    async def decided_by(expense: dict[str, Any], approver: str) -> bool:
        answer = await workflow.wait_for_event(
            "approval",
            where=lambda event: (event.expense == expense["id"]) & (event.approver == approver),
            timeout=wait,
        )
        return answer is not None and answer["decision"] == "approve"

    @workflow(name="expense-approval")
    async def approval(expense: dict[str, Any]) -> str:
        await step(submit, expense["id"])
        if not await decided_by(expense, expense["manager"]):
            await step(tell, "manager")
            return "rejected"
        if expense["amount"] > 1000:
            await step(ask, expense["vp"])
            if not await decided_by(expense, expense["vp"]):
                await step(tell, "vp")
                return "rejected"
        await step(pay, expense["amount"])
        return "approved"

    return approval


EXPENSE = {"id": "e-1", "amount": 1500, "manager": "mia", "vp": "vic", "employee": "eve"}


def _answer(approver: str, decision: str = "approve", expense: str = "e-1") -> dict[str, str]:
    return {"expense": expense, "approver": approver, "decision": decision}


async def test_s004_23_approval_with_escalation(bench: Bench) -> None:
    """The manager, and above 1,000 the VP as well; somebody else's answer does not count; the VP
    may say no after the manager's yes.
    """
    outside = Outside()
    approval = _approval(outside)
    async with bench.worker(approval):
        good = await bench.start(approval, EXPENSE)
        await good.send_event("approval", _answer("mallory"))
        await good.send_event("approval", _answer("mia", expense="e-2"))
        await good.send_event("approval", _answer("mia"))
        await good.send_event("approval", _answer("vic"))
        assert await good.result(20) == "approved"
        poor = await bench.start(approval, EXPENSE)
        await poor.send_event("approval", _answer("mia"))
        await poor.send_event("approval", _answer("vic", "reject"))
        assert await poor.result(20) == "rejected"
        small = await bench.start(approval, {**EXPENSE, "amount": 10})
        await small.send_event("approval", _answer("mia"))
        assert await small.result(20) == "approved"
    assert outside.names() == [
        *("submitted", "requested", "paid"),
        *("submitted", "requested", "rejected"),
        *("submitted", "paid"),
    ]


async def test_s004_23_nobody_answers(bench: Bench) -> None:
    """A wait that times out gives None: the expense is rejected."""
    approval = _approval(Outside(), wait="300ms")
    assert await bench.result(approval, EXPENSE) == "rejected"


async def test_s004_19_templates(bench: Bench) -> None:
    """A function that makes workflows; the wait has a filter and an answer to its timeout."""
    outside = Outside()

    def make(entity: str) -> Workflow[..., Any]:
        request = outside.service(f"request {entity}", {"request": entity})
        done = outside.service(f"{entity} done")

        @workflow(name=f"{entity}-approval")
        async def approve(item: dict[str, Any]) -> str:
            await step(request, item)
            decision = await workflow.wait_for_event(
                "decided", where=lambda event: event.item == item["id"], timeout="24h"
            )
            if decision is None:
                return "nobody decided"
            await step(done, decision["approved"])
            return "approved" if decision["approved"] else "rejected"

        return approve

    invoice, expense = make("Invoice"), make("Expense")
    async with bench.worker(invoice, expense):
        first = await bench.start(invoice, {"id": 1})
        second = await bench.start(expense, {"id": 2})
        for handle in (first, second):
            await handle.send_event("decided", {"item": 2, "approved": False})
            await handle.send_event("decided", {"item": 1, "approved": True})
        assert await first.result(20) == "approved"
        assert await second.result(20) == "rejected"
    assert ("Invoice done", True) in outside.done
    assert ("Expense done", False) in outside.done


def _review(outside: Outside, first: float, more: float) -> Workflow[..., Any]:
    ask, remind = outside.service("asked"), outside.service("reminded")
    close = outside.service("closed")

    async def reviewers(document: str) -> list[str]:
        return ["ann", "bob", "cy"]

    async def review_by(document: str, reviewer: str) -> dict[str, Any] | None:
        await step(ask, reviewer).named(f"request-review-{reviewer}")

        async def wait(seconds: float) -> dict[str, Any] | None:
            found: dict[str, Any] | None = await workflow.wait_for_event(
                "review",
                where=lambda event: (event.document == document) & (event.reviewer == reviewer),
                timeout=seconds,
            )
            return found

        found = await wait(first)
        if found is None:
            await step(remind, reviewer).named(f"remind-{reviewer}")
            found = await wait(more)
        return found

    @workflow(name="document-review")
    async def review(document: str) -> dict[str, Any]:
        asked = await step(reviewers, document).named("assign-reviewers")
        answers = await asyncio.gather(*(review_by(document, one) for one in asked))
        found = [one["status"] for one in answers if one is not None]
        outcome = "approved"
        if not found:
            outcome = "no review"
        elif "rejected" in found:
            outcome = "rejected"
        elif "changes-requested" in found:
            outcome = "needs changes"
        await step(close, outcome).named("aggregate-feedback")
        return {"outcome": outcome, "reviews": len(found)}

    return review


async def test_s004_24_reviewers_with_reminders(bench: Bench) -> None:
    """All are asked at once; an answer that comes early counts whoever is waited for; who does not
    answer is reminded, and a second silence is no review, not a crash.
    """
    outside = Outside()
    review = _review(outside, 0.6, 0.6)
    async with bench.worker(review):
        handle = await bench.start(review, "d-1")
        said = {"document": "d-1", "reviewer": "cy", "status": "approved"}
        await handle.send_event("review", said)
        await handle.send_event("review", {**said, "reviewer": "bob", "document": "d-2"})
        await asyncio.sleep(0.8)
        late = {**said, "reviewer": "bob", "status": "changes-requested"}
        await handle.send_event("review", late)
        assert await handle.result(20) == {"outcome": "needs changes", "reviews": 2}
    assert sorted(to for name, to in outside.done if name == "reminded") == ["ann", "bob"]


async def test_s004_24_no_review_is_no_approval(bench: Bench) -> None:
    review = _review(Outside(), 0.1, 0.1)
    assert await bench.result(review, "d") == {"outcome": "no review", "reviews": 0}


async def test_s004_32_reminders_of_an_abandoned_cart(bench: Bench) -> None:
    """Both reminders count from the event; they end early when the cart is bought."""
    outside = Outside()
    remind = outside.service("reminder")

    @workflow(name="abandoned-cart")
    async def cart(given: dict[str, Any]) -> str:
        begin = workflow.now().timestamp()
        for number, after in enumerate(given["after"], 1):
            left = begin + after - workflow.now().timestamp()
            bought = await workflow.wait_for_event("bought", timeout=left)
            if bought is not None:
                return f"bought after {number - 1} reminders"
            await step(remind, number).named(f"reminder-{number}")
        return "given up"

    async with bench.worker(cart):
        handle = await bench.start(cart, {"after": [0.3, 0.9]})
        assert await handle.result(20) == "given up"
        described = await handle.describe()
        other = await bench.start(cart, {"after": [0.2, 60]})
        await asyncio.sleep(0.5)
        await other.send_event("bought", {})
        assert await other.result(20) == "bought after 1 reminders"
    assert described.run.end_time is not None
    assert (described.run.end_time - described.run.start_time).total_seconds() < 1.5


async def test_s004_35_a_result_that_is_kept(bench: Bench) -> None:
    """By what the step was called with, for an hour; a hit is recorded as such, a failure is not
    kept.
    """
    outside = Outside()
    compute = outside.service("compute", lambda value: value["n"] * 10)
    outside.fails("compute", ApplicationError("not now", kind="Busy"))

    @workflow(name="expensive-operation")
    async def expensive(given: dict[str, Any]) -> int:
        return await step(compute, given).named("expensive").cached("1h").retry(2, "10ms")  # type: ignore[no-any-return]

    async with bench.worker(expensive):
        first = await bench.finish(await bench.start(expensive, {"n": 1, "unit": "m"}))
        same = await bench.finish(await bench.start(expensive, {"unit": "m", "n": 1}))
        other = await bench.finish(await bench.start(expensive, {"n": 2, "unit": "m"}))
    assert [first.output, same.output, other.output] == [10, 10, 20]
    assert [one.activity_completed.cached for one in same.of_kind("activity_completed")] == [True]
    assert len(outside.attempts) == 3


def _order(outside: Outside) -> Workflow[..., Any]:
    stock = outside.service("stock", {"available": True})
    charge = outside.service("process-payment", {"success": True, "id": "p-1"})
    ship = outside.service("create-shipment", {"id": "s-1"})
    mail, cancel = outside.service("email"), outside.service("cancel")

    @workflow(name="order-workflow")
    async def order(given: dict[str, Any]) -> dict[str, Any]:
        if not (await step(stock, given["items"]))["available"]:
            raise ApplicationError("nothing there", kind="OutOfStock")
        payment = await step(charge, given).retry(2, "1s")
        if not payment["success"]:
            await step(cancel, given["id"])
            raise ApplicationError("Payment failed", kind="PaymentFailed")
        shipment = await step(ship, given["id"])
        await step(mail, {"template": "order-confirmation", "to": given["customer"]})
        return {"status": "completed", "shipment": shipment["id"]}

    return order


GIVEN = {"id": 17, "items": ["x"], "total": 99.99, "customer": "ada@example.com"}


@virtual_time
async def test_s004_38_unit_tests_with_mocks() -> None:
    """Success, a payment that fails, a failure that passes: mocks remember what they were asked."""
    order = _order(Outside())
    payments = Mock(returns={"success": True, "id": "payment-123"})
    mocks = {"process-payment": payments, "create-shipment": {"id": "shipment-123"}}
    async with Kit([order], mocks=mocks) as kit:
        run = await kit.run(order, GIVEN)
        assert run.output == {"status": "completed", "shipment": "shipment-123"}
        assert payments.inputs == [GIVEN]
    order = _order(Outside())
    async with Kit([order], mocks={"process-payment": {"success": False}}) as kit:
        run = await kit.run(order, GIVEN)
        assert run.failure is not None
        assert run.failure.message == "Payment failed"
        assert run.step_completed("cancel")
        assert not run.step_completed("create-shipment")
    flaky = Mock(answers=[TimeoutError("Transient error"), {"success": True}])
    order = _order(Outside())
    async with Kit([order], mocks={"process-payment": flaky}) as kit:
        run = await kit.run(order, GIVEN)
        assert run.state == "COMPLETED"
        assert len(flaky.calls) == run.count("process-payment") == 2


async def test_s004_39_a_whole_order(bench: Bench) -> None:
    """Stock, payment, shipment, mail: the fakes are asked what they did."""
    outside = Outside()
    order = _order(outside)
    assert await bench.result(order, GIVEN) == {"status": "completed", "shipment": "s-1"}
    assert outside.names() == ["stock", "process-payment", "create-shipment", "email"]
    assert outside.done[-1][1] == {"template": "order-confirmation", "to": "ada@example.com"}


async def test_an_error_of_the_code_itself_fails_the_run(bench: Bench) -> None:
    @workflow(name="broken")
    async def broken(given: None) -> None:
        raise KeyError("what")

    async with bench.worker(broken):
        handle = await bench.start(broken)
        with pytest.raises(RunFailed, match="KeyError"):
            await handle.result(20)
