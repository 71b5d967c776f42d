"""Workflows whose histories are kept for good: what they ask for must never change.

`python -m tests.code.recorded` writes those that are not there yet. A history that is there is
never written anew: it is what runs of that version of Treadle have in their journals.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.code.corpus import CORPUS
from treadle import Workflow, activity, step, workflow
from treadle.errors import ApplicationError, ChildFailed, StepFailed
from treadle.replaying import write_history
from treadle.testing import Kit, VirtualTimeLoop

FOLDER = Path(__file__).parent / "histories"


@activity
async def ship(order: dict[str, Any]) -> dict[str, Any]:
    return {"shipped": order["id"]}


def reserve(order: dict[str, Any]) -> str:
    return f"r-{order['id']}"


def release(reservation: str) -> None:
    """Undoes `reserve`."""


def charge(order: dict[str, Any]) -> str:
    if order["total"] > 100:
        raise ApplicationError("too much", kind="Declined")
    return "paid"


@workflow(name="recorded-order", version=3)
async def order(given: dict[str, Any]) -> dict[str, Any]:
    workflow.progress(1, 3, "reserving")
    await step(reserve, given).compensate(release)
    await asyncio.sleep(86_400)
    await step(charge, given).retry(2, "1s")
    approved = await workflow.wait_for_event("approved", timeout="7d")
    workflow.send_event("told", approved, to="somebody")
    if workflow.patched("ships-by-activity"):
        return await workflow.activity(ship, given)  # type: ignore[no-any-return]
    return {}


@workflow(name="recorded-child")
async def child(given: int) -> int:
    if given < 0:
        raise ApplicationError("negative", kind="Negative")
    return given * 2


@workflow(name="recorded-parent")
async def parent(given: int) -> list[Any]:
    found = [await workflow.run_child(child, given)]
    try:
        await workflow.run_child(child, -given)
    except ChildFailed as failed:
        found.append(failed.kind)
    return found


@workflow(name="recorded-cart")
async def cart(given: list[str]) -> list[str]:
    items = list(given)

    @workflow.on_update()
    def add(item: str) -> int:
        if not item:
            raise ApplicationError("no item", kind="Empty")
        items.append(item)
        return len(items)

    await workflow.wait_for_event("checkout")
    return items


@workflow(name="recorded-caught")
async def caught(given: None) -> str:
    try:
        await step(charge, {"total": 500})
    except StepFailed as failed:
        return failed.kind
    return ""


OWN: tuple[Workflow[..., Any], ...] = (order, child, parent, cart, caught)
WORKFLOWS = {made.name: made for made in (*OWN, *(made for made, _ in CORPUS.values()))}


def _forget_places(message: Any) -> None:
    """Stack traces say where files lay on the machine that recorded them."""
    for field, value in message.ListFields():
        if field.name == "stack_trace":
            message.ClearField("stack_trace")
        elif field.message_type is not None and not field.is_repeated:
            _forget_places(value)


async def _record() -> dict[str, str]:
    found: dict[str, str] = {}

    async def keep(name: str, handle: Any) -> None:
        record = await kit.finish(handle)
        for event in record.events:
            _forget_places(event)
        found[name] = write_history(record.events)

    async with Kit([*WORKFLOWS.values(), ship]) as kit:
        for made in OWN:
            await kit.client.deploy(made)
        for name, (made, _) in CORPUS.items():
            await keep(f"corpus-{name}", await kit.start(made, 1.0, workflow_id=name))
        good = await kit.start(order, {"id": 1, "total": 10}, workflow_id="good")
        await good.send_event("approved", {"by": "ann"})
        await keep("order", good)
        poor = await kit.start(order, {"id": 2, "total": 500}, workflow_id="poor")
        await keep("order-undone", poor)
        stopped = await kit.start(order, {"id": 3, "total": 10}, workflow_id="stopped")
        await kit.settle()
        await stopped.cancel("ordered twice")
        await keep("order-cancelled", stopped)
        await keep("children", await kit.start(parent, 3, workflow_id="parent"))
        updated = await kit.start(cart, ["a"], workflow_id="cart")
        await updated.update("add", "b", update_id="u1")
        await updated.send_event("checkout")
        await keep("updates", updated)
        await keep("caught", await kit.start(caught, workflow_id="caught"))
    return found


def main() -> None:
    """Writes the histories that are not there yet."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        found = runner.run(_record())
    FOLDER.mkdir(exist_ok=True)
    for name, text in found.items():
        file = FOLDER / f"{name}.json"
        if not file.exists():
            file.write_text(text)
            print(file.name)


if __name__ == "__main__":
    main()
