"""Workflows as code: three steps of the worker's own, runs that sleep, and replaying."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.machine import resident_megabytes
from benchmarks.steps import bump
from examples.local_service import LocalService
from treadle import Client, Start, step, workflow
from treadle.errors import RequestError
from treadle.replaying import replay
from treadle.v1 import event_pb2, payload_pb2

WORKFLOW = "three_steps_in_code"
SLEEPERS = 100_000
FIRST_SLEEPERS = 120_000
"""These fill the caches that have a bound, SQLite's of 64 MiB above all, before anything is
measured: each takes 640 bytes of them.
"""
SLEEP_MARK_MEGABYTES = 10.0
FEW, MANY = 5_000, 50_000
LINEAR_MARK = 1.2
"""An event of a long history may cost so much of what one of a short history does."""

_BATCH = 500
_A_DAY = 86_400


@workflow
async def three_steps_in_code(value: dict[str, Any]) -> dict[str, Any]:
    """The same work as the graph's, in the process of the code."""
    for _ in range(3):
        value = await step(bump, **value)
    return value


@workflow
async def sleeper(number: int) -> int:
    """Sleeps for a day."""
    await asyncio.sleep(_A_DAY)
    return number


@workflow
async def counted(turns: int) -> int:
    """Steps one after the other."""
    for number in range(turns):
        await step(_nothing, number)
    return turns


def _nothing(number: int) -> None:
    """As little as a step can do."""


async def ready(client: Client) -> None:
    """Waits until the worker has deployed its code."""
    names: set[str] = set()
    while WORKFLOW not in names:
        names = {one.workflow async for one in client.list_definitions()}
        await asyncio.sleep(0.05)


@dataclass(slots=True)
class Memory:
    """Resident memory in MiB, before the runs and while they sleep."""

    server: tuple[float, float]
    worker: tuple[float, float]


async def sleeping(service: LocalService, client: Client) -> Memory:
    """So many more runs that sleep, beside the first ones."""
    await _sleep(client, FIRST_SLEEPERS)
    server, worker = service.server.pid, service.workers[0].pid
    before = resident_megabytes(server), resident_megabytes(worker)
    await _sleep(client, SLEEPERS)
    after = resident_megabytes(server), resident_megabytes(worker)
    return Memory((before[0], after[0]), (before[1], after[1]))


async def _sleep(client: Client, runs: int) -> None:
    """Starts runs, and waits until the last ones sleep."""
    handles: list[Any] = []
    for first in range(0, runs, _BATCH):
        starts = [Start(workflow="sleeper", input=n) for n in range(first, first + _BATCH)]
        handles = await client.start_many(starts)
        if isinstance(handles[-1], RequestError):
            raise handles[-1]
        await _asleep(handles[-1])
    for handle in handles:
        await _asleep(handle)


async def _asleep(handle: Any) -> None:
    async for event in handle.watch():
        if event.HasField("timer_started"):
            return


def seconds_per_event(events: int) -> float:
    """How long replaying takes, for each event of a history of about so many."""
    history = _history(events)
    began = time.perf_counter()
    replayed = replay(counted, history)
    seconds = time.perf_counter() - began
    if not replayed.ended:
        raise AssertionError("the replay did not come to its end")
    return seconds / len(history)


def _history(events: int) -> list[event_pb2.Event]:
    """As a run of `counted` leaves it: four events for each step."""
    turns = events // 4
    found: list[event_pb2.Event] = []

    def add(**kind: Any) -> None:
        event = event_pb2.Event(seq=len(found) + 1, **kind)
        event.time.FromMicroseconds(1_700_000_000_000_000 + len(found))
        found.append(event)

    given = payload_pb2.Payload(data=str(turns).encode())
    add(run_started=event_pb2.RunStarted(workflow="counted", version=1, input=given))
    for turn in range(turns + 1):
        command = "step _nothing" if turn < turns else "complete run"
        add(
            decision_completed=event_pb2.DecisionCompleted(
                key="decision", seen_seq=len(found), first_index=turn, commands=[command]
            )
        )
        if turn < turns:
            key = f"c{turn}"
            add(activity_scheduled=event_pb2.ActivityScheduled(key=key, local=True))
            add(attempt_started=event_pb2.AttemptStarted(key=key))
            null = payload_pb2.Payload(data=b"null")
            add(activity_completed=event_pb2.ActivityCompleted(key=key, output=null))
    return found
