"""Twins of `seeds/004`, semantic workflows as code: structure, errors, composition."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.twins.conftest import Bench
from tests.twins.fakes import Outside
from treadle import step, workflow
from treadle.errors import ApplicationError, ChildFailed, StepFailed
from treadle.workflows import Retry

CODE = True


@dataclass
class Inventory:
    available: bool
    places: list[str]


@dataclass
class Post:
    title: str
    words: int


async def test_s004_01_sequential(bench: Bench) -> None:
    """Three steps, one after the other, each awaited."""
    outside = Outside()
    mail = outside.service("email")
    account = outside.service("account", lambda customer: {"id": "a-1", "customer": customer["id"]})
    meeting = outside.service("meeting")

    @workflow(name="customer-onboarding")
    async def onboarding(customer: dict[str, Any]) -> dict[str, Any]:
        await step(mail, {"to": customer["email"], "template": "welcome"}).named("welcome-email")
        made = await step(account, customer).named("create-account")
        await step(meeting, {"attendees": [customer["email"]]}).named("schedule-call")
        return {"customer": customer, "account": made}

    customer = {"id": "c-1", "email": "ada@example.com"}
    record = await bench.record(onboarding, customer)
    assert record.output == {"customer": customer, "account": {"id": "a-1", "customer": "c-1"}}
    assert outside.names() == ["email", "account", "meeting"]
    assert record.commands[:3] == [
        "step welcome-email",
        "step create-account",
        "step schedule-call",
    ]


async def test_s004_02_parallel(bench: Bench) -> None:
    """Three look-ups side by side, merged."""
    together: set[str] = set()
    most = 0

    async def look_up(what: str) -> dict[str, Any]:
        nonlocal most
        together.add(what)
        most = max(most, len(together))
        await asyncio.sleep(0.05)
        together.discard(what)
        return {"what": what, "valid": True}

    @workflow(name="enrich-lead")
    async def enrich(lead: dict[str, Any]) -> dict[str, Any]:
        email, company, social = await asyncio.gather(
            step(look_up, lead["email"]).named("verify-email"),
            step(look_up, lead["domain"]).named("lookup-company"),
            step(look_up, lead["name"]).named("find-social"),
        )
        return {**lead, "emailValid": email["valid"], "company": company, "social": social}

    lead = {"email": "e", "domain": "d", "name": "n"}
    found = await bench.result(enrich, lead)
    assert found["emailValid"]
    assert found["company"]["what"] == "d"
    assert most == 3


def _fulfilment(outside: Outside, stock: dict[str, int]) -> Any:
    """In stock: reserve, ship; else back-order, tell. Available only if every item is."""

    async def check(items: list[dict[str, Any]]) -> bool:
        return all(stock.get(item["product"], 0) >= item["quantity"] for item in items)

    reserve, ship = outside.service("reserve"), outside.service("ship")
    backorder, mail = outside.service("backorder"), outside.service("email")

    @workflow(name="fulfill-order")
    async def fulfil(order: dict[str, Any]) -> str:
        if await step(check, order["items"]).named("check-inventory"):
            await step(reserve, order["items"]).named("reserve-inventory")
            await step(ship, order["id"]).named("create-shipment")
            return "shipped"
        await step(backorder, order["id"]).named("create-backorder")
        await step(mail, "backorder-notification").named("notify-customer")
        return "back-ordered"

    return fulfil


async def test_s004_03_conditional(bench: Bench) -> None:
    outside = Outside()
    fulfil = _fulfilment(outside, {"p1": 5, "p2": 0})
    first = {"id": 1, "items": [{"product": "p1", "quantity": 2}]}
    second = {"id": 2, "items": [*first["items"], {"product": "p2", "quantity": 1}]}  # type: ignore[misc]
    async with bench.worker(fulfil):
        assert await (await bench.start(fulfil, first)).result(20) == "shipped"
        assert await (await bench.start(fulfil, second)).result(20) == "back-ordered"
    assert outside.names() == ["reserve", "ship", "backorder", "email"]


async def test_s004_04_a_loop(bench: Bench) -> None:
    """One mail per recipient, with a pause between; recipients are found in a step."""
    outside = Outside()
    mail = outside.service("email")

    async def recipients(segment: str) -> list[str]:
        return [f"{segment}-{number}@example.com" for number in range(5)]

    @workflow(name="email-campaign")
    async def campaign(segment: str) -> dict[str, int]:
        found = await step(recipients, segment).named("get-recipients")
        for one in found:
            await step(mail, one).named(f"send-{one}")
            await asyncio.sleep(0.02)
        return {"sent": len(found)}

    assert await bench.result(campaign, "vip") == {"sent": 5}
    assert [to for _, to in outside.done] == [f"vip-{number}@example.com" for number in range(5)]


async def test_s004_05_compensating_by_hand(bench: Bench) -> None:
    """Try, except, release, tell, raise again; and the charge is given back, too."""
    outside = Outside()
    reserve = outside.service("reserve", {"reservation": "r-1"})
    charge, refund = outside.service("charge", {"payment": "p-1"}), outside.service("refund")
    confirm, release = outside.service("confirm"), outside.service("release")
    tell = outside.service("tell")

    @workflow(name="process-payment")
    async def pay(order: dict[str, Any]) -> dict[str, Any]:
        reservation = await step(reserve, order["items"])
        payment = None
        try:
            payment = await step(charge, order["total"])
            await step(confirm, order["id"])
            return {"success": True, "payment": payment}
        except StepFailed as failed:
            if payment is not None:
                await step(refund, payment)
            await step(release, reservation)
            await step(tell, {"order": order["id"], "error": failed.kind})
            raise

    order = {"id": 7, "items": ["x"], "total": 10}
    outside.fails("confirm", ApplicationError("no", kind="OrderLocked"))
    record = await bench.record(pay, order)
    assert record.state == "FAILED"
    assert record.failure is not None
    assert record.failure.kind == "OrderLocked"
    assert outside.done == [
        ("reserve", ["x"]),
        ("charge", 10),
        ("refund", {"payment": "p-1"}),
        ("release", {"reservation": "r-1"}),
        ("tell", {"order": 7, "error": "OrderLocked"}),
    ]


async def test_s004_12_variables(bench: Bench) -> None:
    """Plain variables hold results; typed ones are read as what they are."""

    async def check(items: list[str]) -> Inventory:
        return Inventory(True, ["north"])

    async def pay(total: int) -> dict[str, int]:
        return {"paid": total}

    @workflow(name="order-processing-in-code")
    async def process(order: dict[str, Any]) -> dict[str, Any]:
        payment = shipment = None
        inventory = await step(check, order["items"]).named("check-inventory")
        if inventory.available:
            payment = await step(pay, order["total"]).named("process-payment")
            shipment = await step(lambda: inventory.places[0]).named("create-shipment")
        return {"places": inventory.places, "payment": payment, "shipment": shipment}

    assert await bench.result(process, {"items": ["a"], "total": 3}) == {
        "places": ["north"],
        "payment": {"paid": 3},
        "shipment": "north",
    }


async def test_s004_13_and_40_retries(bench: Bench) -> None:
    """3 attempts in all, exponential from 1 s; the other two backoffs as well."""
    outside = Outside()
    outside.fails("flaky", *(ApplicationError("try again", kind="Transient") for _ in range(2)))
    flaky = outside.service("flaky", "at last")
    brief: dict[str, Any] = {"initial": "20ms", "jitter": 0}

    @workflow(name="api-call")
    async def call(data: str) -> list[str]:
        retried = step(flaky, data).retry(3, backoff="exponential", factor=2, **brief)
        return [
            await retried.named("exponential"),
            await step(flaky, data).retry(3, backoff="linear", increment="20ms", **brief),
            await step(flaky, data).retry(Retry(max_attempts=3, backoff="fixed", initial="20ms")),
        ]

    async with bench.worker(call):
        record = await bench.finish(await bench.start(call, "x"))
    assert record.output == ["at last"] * 3
    assert [one.outcome for one in record.attempts_at("exponential")] == [
        "failed",
        "failed",
        "completed",
    ]
    waits = [
        (one.attempt_failed.next_time.ToMicroseconds() - one.time.ToMicroseconds()) / 1e6
        for one in record.of_kind("attempt_failed")
    ]
    assert waits == [0.02, 0.04]


async def test_s004_14_error_handling(bench: Bench) -> None:
    """The error goes into a step's input, as its kind, message and details; the fallback's result
    is the run's.
    """
    outside = Outside()
    outside.fails("risky", ApplicationError("too hot", kind="Overheated", details={"degrees": 90}))
    risky, log = outside.service("risky", "never"), outside.service("log")
    fallback = outside.service("fallback", "second best")

    @workflow(name="resilient")
    async def resilient(data: str) -> Any:
        try:
            return await step(risky, data).named("risky-operation")
        except StepFailed as failed:
            told = {"kind": failed.kind, "details": failed.failure.details, "data": data}
            await step(log, told).named("log-error")
            return await step(fallback, data)

    assert await bench.result(resilient, "d") == "second best"
    assert outside.done[0] == (
        "log",
        {"kind": "Overheated", "details": {"degrees": 90}, "data": "d"},
    )


async def test_s004_15_a_timeout(bench: Bench) -> None:
    """A step that takes too long is stopped, and has failed with a kind of its own."""

    async def slow() -> None:
        await asyncio.sleep(60)

    @workflow(name="timed")
    async def timed(data: None) -> str:
        try:
            await step(slow).named("slow-operation").timeout("800ms")
        except StepFailed as failed:
            return f"{failed.kind} {failed.failure.timeout_kind}"
        return "never"

    assert await bench.result(timed, None) == "treadle.Timeout start_to_close"


async def test_s004_16_progress(bench: Bench) -> None:
    """Step 2 of 5, for whoever asks or watches, without a worker; the last one counts."""
    outside = Outside()
    work = outside.service("work")

    @workflow(name="tracked")
    async def tracked(steps: int) -> str:
        for number in range(1, steps + 1):
            workflow.progress(number, steps, f"step {number}")
            await step(work, number).named(f"step-{number}")
        return "done"

    record = await bench.record(tracked, 3)
    said = [one.attribute_set.value.data for one in record.of_kind("attribute_set")]
    assert said == [
        b'{"done":%d,"total":3,"text":"step %d"}' % (number, number) for number in (1, 2, 3)
    ]
    assert record.description.attributes["progress"] == {"done": 3, "total": 3, "text": "step 3"}


async def test_s004_18_sub_workflows(bench: Bench) -> None:
    """Two workflows as children of a third, one after the other."""

    @workflow(name="verify-email")
    async def verify(email: str) -> bool:
        return "@" in email

    @workflow(name="enrich-data")
    async def enrich(lead: dict[str, str]) -> dict[str, str]:
        return {**lead, "company": "Acme"}

    @workflow(name="main-workflow")
    async def main(lead: dict[str, str]) -> dict[str, Any]:
        valid = await workflow.run_child(verify, lead["email"])
        return {"valid": valid, "lead": await workflow.run_child(enrich, lead)}

    lead = {"email": "ada@example.com"}
    async with bench.worker(main, verify, enrich):
        for child in (verify, enrich):
            await bench.client.deploy(child)
        found = await (await bench.start(main, lead)).result(20)
    assert found == {"valid": True, "lead": {**lead, "company": "Acme"}}


async def test_s004_20_and_21_outside_services(bench: Bench) -> None:
    """Calls to the outside are steps: the token comes from the worker's side, the answer is a
    payload of status and body; a user, then a profile.
    """
    outside = Outside()
    secrets = {"token": "in the worker only"}

    async def post_lead(data: dict[str, Any]) -> dict[str, Any]:
        assert secrets["token"]
        return outside.call("post", data, {"status": 201, "body": {"id": "l-1"}})  # type: ignore[no-any-return]

    user = outside.service("user", {"id": "u-1"})
    profile = outside.service("profile")

    @workflow(name="integration")
    async def integrate(data: dict[str, Any]) -> dict[str, Any]:
        answer = await step(post_lead, data).named("call-crm")
        created = await step(user, data).named("create-user")
        await step(profile, {"user": created["id"], "bio": ""}).named("create-profile")
        return {"status": answer["status"], "user": created["id"]}

    record = await bench.record(integrate, {"name": "Ada"})
    assert record.output == {"status": 201, "user": "u-1"}
    history = b"".join(one.SerializeToString() for one in record.events)
    assert b"in the worker only" not in history


async def test_s004_22_typed_results_of_a_model(bench: Bench) -> None:
    """Generate, then review; what comes back has a type."""

    async def generate(topic: str) -> Post:
        return Post(f"About {topic}", 900)

    async def review(post: Post) -> Post:
        return Post(post.title, post.words - 100)

    @workflow(name="ai-content")
    async def content(topic: str) -> Post:
        draft = await step(generate, topic)
        assert isinstance(draft, Post)
        return await step(review, draft)  # type: ignore[no-any-return]

    assert await bench.result(content, "looms") == {"title": "About looms", "words": 800}


async def test_s004_28_and_29_parent_and_children(bench: Bench) -> None:
    """Three children at once, results of two, undone by a child, the third outlives its parent.
    Items that were reserved before a shortage do not stay so.
    """
    outside = Outside()
    stock = {"p1": 5, "p2": 1}

    async def take(item: dict[str, Any]) -> dict[str, Any]:
        if stock[item["product"]] < item["quantity"]:
            raise ApplicationError(f"not enough of {item['product']}", kind="OutOfStock")
        stock[item["product"]] -= item["quantity"]
        return item

    async def give_back(item: dict[str, Any]) -> None:
        stock[item["product"]] += item["quantity"]

    @workflow(name="reserve-inventory")
    async def reserve(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            await step(take, item).named(f"reserve-{item['product']}").compensate(give_back)
            for item in items
        ]

    @workflow(name="release-inventory")
    async def release(items: list[dict[str, Any]]) -> None:
        for item in items:
            await step(give_back, item)

    @workflow(name="process-payment-child")
    async def payment(request: dict[str, Any]) -> dict[str, bool]:
        return {"success": request["amount"] < 100}

    @workflow(name="send-confirmation")
    async def confirm(order: int) -> None:
        await asyncio.sleep(0.3)
        await step(outside.service("confirmation"), order)

    @workflow(name="ecommerce-order")
    async def order(given: dict[str, Any]) -> str:
        inventory, paid, _ = await asyncio.gather(
            workflow.start_child(reserve, given["items"]),
            workflow.start_child(payment, {"amount": given["total"]}),
            workflow.start_child(confirm, given["id"], on_parent_end="abandon"),
        )
        reserved = await inventory.result()
        if not (await paid.result())["success"]:
            await workflow.run_child(release, reserved)
            raise ApplicationError("payment failed", kind="PaymentFailed")
        return "fulfilled"

    items = [{"product": "p1", "quantity": 2}]
    async with bench.worker(order, reserve, release, payment, confirm):
        for child in (reserve, release, payment, confirm):
            await bench.client.deploy(child)
        good = await bench.start(order, {"id": 1, "items": items, "total": 10})
        assert await good.result(20) == "fulfilled"
        assert stock == {"p1": 3, "p2": 1}
        poor = await bench.finish(await bench.start(order, {"id": 2, "items": items, "total": 500}))
        assert poor.failure is not None
        assert poor.failure.kind == "PaymentFailed"
        assert stock == {"p1": 3, "p2": 1}
        short = {"id": 3, "items": [*items, {"product": "p2", "quantity": 9}], "total": 10}
        none = await bench.finish(await bench.start(order, short))
        assert none.failure is not None
        assert none.failure.kind == "OutOfStock"
        assert stock == {"p1": 3, "p2": 1}
        await asyncio.sleep(1)  # the third child of each goes on without its parent


async def test_a_child_that_fails_is_a_typed_error(bench: Bench) -> None:
    @workflow(name="failing-child")
    async def child(given: None) -> None:
        raise ApplicationError("no", kind="ChildSaysNo")

    @workflow(name="parent-of-one")
    async def parent(given: None) -> list[str]:
        try:
            await workflow.run_child(child)
        except ChildFailed as failed:
            first = failed.kind
        try:
            await workflow.run_child("never-deployed")
        except ChildFailed as failed:
            return [first, failed.kind]
        return []

    async with bench.worker(parent, child):
        await bench.client.deploy(child)
        found = await (await bench.start(parent, None)).result(20)
    assert found == ["ChildSaysNo", "treadle.ChildFailed"]


async def test_s004_33_and_34_parallel_with_a_limit(bench: Bench) -> None:
    """One after the other, all at once, at most 10 at a time: one step for each operation, so that
    a crash repeats none that is done; results in the order of the input.
    """
    inside = most = 0

    async def operation(number: int) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        inside -= 1
        return number * number

    @workflow(name="parallel-processing")
    async def process(count: int) -> dict[str, Any]:
        slow = [await step(operation, number).named(f"slow-{number}") for number in range(3)]
        fast = await asyncio.gather(*(step(operation, n).named(f"fast-{n}") for n in range(3)))
        places = asyncio.Semaphore(10)

        async def limited(number: int) -> int:
            async with places:
                return await step(operation, number).named(f"limited-{number}")  # type: ignore[no-any-return]

        found = await asyncio.gather(*(limited(number) for number in range(count)))
        return {"slow": slow, "fast": fast, "limited": found}

    found = await bench.result(process, 40)
    assert found["slow"] == found["fast"] == [0, 1, 4]
    assert found["limited"] == [number * number for number in range(40)]
    assert most <= 10
