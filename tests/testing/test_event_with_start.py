"""External events that come with a start: in the first commit, or to the run that is there."""

from __future__ import annotations

import pytest

from treadle import Start, StartEvent, step, workflow
from treadle.errors import InvalidRequest, RequestError
from treadle.testing import Kit, virtual_time


def heard(text: str) -> str:
    return text


@workflow
async def cart(owner: str) -> list[str]:
    items: list[str] = []
    while (item := await workflow.wait_for_event("item")) != "done":
        items.append(await step(heard, item))
    return items


@virtual_time
async def test_a_run_has_them_from_its_first_moment_once() -> None:
    async with Kit([cart]) as kit:
        events = [StartEvent("item", "tea"), StartEvent("item", "milk", event_id="second")]
        runs = [
            await kit.start(cart, "mia", events=events, request_id="one", workflow_id="cart-1")
            for _ in range(2)
        ]
        assert len({run.run_id for run in runs}) == 1
        await runs[0].send_event("item", "ignored, as it came before", event_id="second")
        await runs[0].send_event("item", "done")
        assert await runs[0].result() == ["tea", "milk"]
        kinds = [event.WhichOneof("kind") async for event in runs[0].history()]
        assert kinds[:3] == ["run_started", "event_received", "event_received"]
        # Also after its end the same request gets the same run.
        again = await kit.start(cart, "mia", events=events, request_id="one", workflow_id="cart-1")
        assert again.run_id == runs[0].run_id


@virtual_time
async def test_an_open_run_is_sent_them() -> None:
    async with Kit([cart]) as kit:
        run = await kit.start(cart, "mia", workflow_id="cart-2")
        for request, item in (("a", "tea"), ("b", "milk"), ("b", "milk"), ("c", "done")):
            handle = await kit.start(
                cart,
                "mia",
                workflow_id="cart-2",
                request_id=request,
                conflict_policy="use_existing",
                events=[StartEvent("item", item)],
            )
            assert handle.run_id == run.run_id
        assert await run.result() == ["tea", "milk"]


@virtual_time
async def test_events_that_are_wrong_start_nothing() -> None:
    async with Kit([cart]) as kit:
        twice = [StartEvent("item", 1, event_id="x"), StartEvent("item", 2, event_id="x")]
        with pytest.raises(InvalidRequest, match=r"events\[1\].event_id.*another event"):
            await kit.start(cart, "mia", events=twice)
        with pytest.raises(InvalidRequest, match="more than 100"):
            await kit.start(cart, "mia", events=[StartEvent("item", 1)] * 101)
        [refused] = await kit.client.start_many([Start(workflow="cart", events=[StartEvent("")])])
        assert isinstance(refused, RequestError)
        assert "name" in str(refused)
        assert [run async for run in kit.client.list_runs()] == []
