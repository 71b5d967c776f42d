"""What undoes a step of code says what it undoes: its key is a number."""

from __future__ import annotations

import asyncio

from treadle import activity, step, workflow
from treadle.testing import Kit, RunRecord, virtual_time
from treadle.v1 import event_pb2
from treadle.v1 import run_service_pb2 as runs_pb
from treadle_server.cli import progress, progress_view
from treadle_server.cli.events import describe
from treadle_server.cli.nodes import _kind
from treadle_server.cli.wording import Wording


async def charge(number: str) -> dict[str, str]:
    return {"payment": number}


@activity
async def refund(paid: dict[str, str]) -> None:
    raise ConnectionError("the bank is closed")


async def ship(number: str) -> None:
    raise ValueError("no lorry")


@workflow
async def order(number: str) -> None:
    await step(charge, number).compensate(refund)
    await step(ship, number)


async def held(kit: Kit) -> tuple[RunRecord, str]:
    """The run once nobody can undo the charge; and its id."""
    run = await kit.start(order, "17")
    await asyncio.sleep(60)
    return await kit.record(run), run.run_id


def words(events: list[event_pb2.Event]) -> dict[str, str]:
    """Of what has a key, the last details by event and key."""
    told = [describe(event, Wording()) for event in events]
    return {f"{one.name} {one.subject}": one.details for one in told}


def rows(shown: progress.RunProgress) -> list[str]:
    """The lines of a run's tree."""
    table = progress_view.tree(shown, 0.0, 100)
    return [
        "".join(part if isinstance(part, str) else part.text for part in row[0])
        for row in table.rows
    ]


@virtual_time
async def test_a_run_that_cannot_undo_a_step() -> None:
    async with Kit([order, refund]) as kit:
        record, run_id = await held(kit)
        nodes = [one async for one in kit.client.list_nodes(run_id)]
        described = await kit.client.get_run(run_id)

    told = words(record.events)
    assert told["CompensationRegistered c0!undo"] == "refund undoes c0, with its result"
    assert told["ActivityScheduled c4"].startswith('type refund, undoes c0, input {"payment"')
    assert told["RunHeld c4"].startswith("'c4' (refund, undoes 'c0') has failed and no attempt is")

    types = {one.key: one.message.type for one in nodes}
    assert [(one.key, one.compensates) for one in nodes][1:] == [
        ("c0", ""),
        ("c2", ""),
        ("c4", "c0"),
    ]
    assert [_kind(one, types) for one in nodes][1:] == [
        "activity charge",
        "activity ship",
        "activity refund, undoes c0 (charge)",
    ]

    [undo] = described.pending_activities
    assert (undo.key, undo.compensates) == ("c4", "c0")
    assert rows(progress.from_description(described.message)) == ["└─ ‖ c4 refund, undoes c0"]
    watched = progress.RunProgress()
    for event in record.events:
        watched.apply(event)
    assert rows(watched)[1:] == [
        "├─ ✓ c0 charge",
        "├─ ✗ c2 ship",
        "└─ ‖ c4 refund, undoes c0 (charge)",
    ]


def test_keys_that_say_it_stay_as_they_are() -> None:
    """Those of graphs and machines; and a graph's registration has its input."""
    registered = event_pb2.Event()
    body = registered.compensation_registered
    body.key, body.of, body.type, body.queue = "charge!undo", "charge", "refund", "default"
    body.input.data = b"7"
    assert describe(registered, Wording()).details == "refund undoes charge, input 7"

    response = runs_pb.GetRunResponse()
    response.pending_activities.add(
        key="charge!undo", type="refund", compensates="charge", state="ACTIVITY_STATE_READY"
    )
    assert rows(progress.from_description(response)) == ["└─ ○ charge!undo"]
