"""Twins of `seeds/004`: the order's state machine."""

from __future__ import annotations

import asyncio
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.twins.conftest import Bench, events
from tests.twins.fakes import Outside
from treadle import activity
from treadle.errors import GuardFailed, TransitionInvalid
from treadle.machine import Assign, Do, Machine, Send
from treadle.testing import Kit, virtual_time


class Order(Enum):
    DRAFT = "draft"
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    RETURNED = "returned"
    KEPT = "kept"


def order_machine(outside: Outside, *, keep: str = "30d") -> tuple[Machine, list[Any]]:
    @activity
    async def waiting_for_payment() -> None:
        outside.call("waiting", None)

    @activity
    async def process_payment(event: dict[str, Any]) -> dict[str, Any]:
        paid: dict[str, Any] = {"payment_id": f"p-{event['payment']}"}
        outside.call("pay", event["payment"])
        return paid

    @activity
    async def create_shipment(payment_id: str) -> None:
        outside.call("ship", payment_id)

    machine = Machine("order", Order, memory={"id": "params.id", "items": "params.items"})
    machine.state(Order.DRAFT).on(
        "submit",
        Order.PENDING,
        guard=lambda memory: memory["items"].size() > 0,
        action=Send("order-submitted", {"id": "memory.id"}),
    )
    machine.state(Order.PENDING, entry=waiting_for_payment).on(
        "pay", Order.PROCESSING, action=process_payment
    ).on("cancel", Order.CANCELLED)
    machine.state(Order.PROCESSING).on("fulfill", Order.COMPLETED, action=create_shipment).on(
        "fail", Order.FAILED
    )
    machine.state(Order.COMPLETED, entry=Assign({"completed_at": "now"})).on(
        "return",
        Order.RETURNED,
        guard="timestamp(now) - timestamp(memory.completed_at) <= duration('720h')",
    ).after(keep, Order.KEPT)
    machine.state(Order.FAILED).on("retry", Order.PROCESSING)
    machine.final(Order.CANCELLED)
    machine.final(Order.RETURNED)
    machine.final(Order.KEPT)
    return machine, [waiting_for_payment, process_payment, create_shipment]


YAML = Path(__file__).parents[2] / "examples" / "order_machine.yaml"
ORDER = {"id": "o-1", "items": ["tea"]}


async def test_s004_26_the_order_from_draft_to_returned(bench: Bench) -> None:
    outside = Outside()
    machine, work = order_machine(outside)
    async with bench.worker(*work):
        run = await bench.start(machine, ORDER)
        for event in ("submit", "pay", "fulfill", "return"):
            await run.send_event(event, {"payment": 7})
        result: Any = await run.result(20)
        assert result["payment_id"] == "p-7"
        assert outside.done == [("waiting", None), ("pay", 7), ("ship", "p-7")]
        [sent] = await events(run, "event_sent")
        assert (sent.name, sent.payload.data) == ("order-submitted", b'{"id":"o-1"}')


async def test_s004_26_failed_tried_again_and_kept(bench: Bench) -> None:
    """An action that returns nothing changes nothing; after its days the order is closed."""
    outside = Outside()
    machine, work = order_machine(outside, keep="200ms")
    async with bench.worker(*work):
        run = await bench.start(machine, ORDER)
        for event in ("submit", "pay", "fail", "retry", "fulfill"):
            await run.send_event(event, {"payment": 8})
        kept: Any = await run.result(20)
        assert (kept["id"], kept["payment_id"]) == ("o-1", "p-8")
        assert [one.entered[0] for one in await events(run, "transition_taken")][-3:] == [
            *("processing", "completed", "kept"),
        ]


async def test_s004_26_cancelled_before_it_is_paid(bench: Bench) -> None:
    outside = Outside()
    machine, work = order_machine(outside)
    async with bench.worker(*work):
        run = await bench.start(machine, ORDER)
        await run.send_event("submit")
        await run.send_event("cancel")
        await run.result(20)
    assert outside.names() == ["waiting"]


async def test_s004_27_a_transition_that_is_not_there_and_a_guard_that_fails(bench: Bench) -> None:
    """Two errors, with what is possible; nothing is journaled of either."""
    machine, _ = order_machine(Outside())
    run = await bench.start(machine, {"id": "o-2", "items": []})
    before = (await run.describe()).run.last_seq
    with pytest.raises(TransitionInvalid, match="'pay' leads nowhere from draft; possible: submit"):
        await run.send_event("pay", {"payment": 1})
    with pytest.raises(GuardFailed, match="'submit' is not possible in draft now"):
        await run.send_event("submit")
    described = await run.describe()
    assert described.run.last_seq == before
    assert described.active_states == ("draft",)
    assert described.accepted_events == ("submit",)


async def test_s004_27_a_payment_is_charged_once(bench: Bench) -> None:
    outside = Outside()
    machine, work = order_machine(outside)
    async with bench.worker(*work):
        run = await bench.start(machine, ORDER)
        await run.send_event("submit")
        for _ in range(3):
            await run.send_event("pay", {"payment": 9}, event_id="payment 9")
        await run.send_event("fulfill")
        await run.send_event("return")
        await run.result(20)
    assert outside.names().count("pay") == 1


async def test_s004_27_order_of_what_a_transition_does(bench: Bench) -> None:
    """Exit, action, entry; and the state moves only then."""
    outside = Outside()
    names = ("exit", "action", "entry")

    def make(name: str) -> Any:
        @activity(name=name)
        async def does() -> None:
            outside.call(name, None)

        return does

    class Two(Enum):
        A = "a"
        B = "b"

    leave, act, enter = (make(name) for name in names)
    machine = Machine("two", Two)
    machine.state(Two.A, exit=leave).on("go", Two.B, action=Do(activity=act))
    machine.final(Two.B, entry=enter)
    async with bench.worker(leave, act, enter):
        run = await bench.start(machine)
        await run.send_event("go")
        await run.result(20)
    assert outside.names() == list(names)


async def test_s004_25_the_class_and_the_document_are_the_same(bench: Bench) -> None:
    machine, _ = order_machine(Outside())
    document = yaml.load(YAML.read_text(), yaml.BaseLoader)
    assert _as_text(document) == _as_text(machine.document())


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _as_text(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_text(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


@virtual_time
async def test_s004_26_thirty_days() -> None:
    """On the thirty-first day it cannot be returned any more."""
    machine, work = order_machine(Outside(), keep="40d")
    async with Kit(work) as kit:
        await kit.client.deploy(machine)
        run = await kit.client.start("order", ORDER)
        for event in ("submit", "pay", "fulfill"):
            await run.send_event(event, {"payment": 7})
        await asyncio.sleep(31 * 86_400)
        with pytest.raises(GuardFailed, match="'return' is not possible in completed now"):
            await run.send_event("return")
        result: Any = await run.result()
        assert result["payment_id"] == "p-7"
