"""A state machine that lives long: a million transitions of one run, each for an event."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from enum import Enum

from benchmarks.machine import cpu_seconds, resident_megabytes
from examples.local_service import LocalService
from treadle import Client, Machine
from treadle.machine import Assign

TRANSITIONS = 1_000_000
MARK = 1.2
"""The last transitions may cost so much of what the first did."""
BLOCK = 1_000
SENDERS = 64
_COMPARED = 100
"""Blocks at each end, a tenth of the life: old records are deleted in turns of eighty thousand
transitions, in some of which a block costs a third more than between them. Their means are compared
and not their medians, as the clock of a process ticks in hundredths of a second, of which a block
may take seven.
"""
_EARLY = 10
"""So many blocks are done when the memory is looked at first."""


@dataclass(slots=True)
class Life:
    """What each block of a thousand transitions took: seconds, and of the server's CPU."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    megabytes: tuple[float, float] = (0, 0)
    """The server's memory after the first blocks and at the end."""
    kept_events: int = 0
    """Of the history, when all is over."""

    @property
    def first(self) -> list[float]:
        """The server's CPU of the first blocks but the very first, in which things get warm."""
        return self.cpu[1 : 1 + _COMPARED]

    @property
    def last(self) -> list[float]:
        """That of the last ones."""
        return self.cpu[-_COMPARED:]


class Turnstile(Enum):
    """Its states."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    ENDED = "ended"


def turnstile() -> Machine:
    """Two states, and a counter in memory."""
    machine = Machine("turnstile", Turnstile, memory={"count": "0"})
    count = Assign({"count": "memory.count + 1"})
    machine.state(Turnstile.LOCKED).on("turn", Turnstile.UNLOCKED, action=count)
    unlocked = machine.state(Turnstile.UNLOCKED).on("turn", Turnstile.LOCKED, action=count)
    unlocked.on("stop", Turnstile.ENDED)
    machine.final(Turnstile.ENDED, output="memory.count")
    return machine


async def live(service: LocalService, client: Client, transitions: int) -> Life:
    """The whole life of one run. Raises `AssertionError` if the count is wrong in the end."""
    await client.deploy(turnstile())
    run = await client.start("turnstile")
    server = service.server.pid
    life = Life()
    for block in range(transitions // BLOCK):
        began, spent = time.perf_counter(), cpu_seconds(server)
        await _send(client, run.run_id, BLOCK)
        life.seconds.append(time.perf_counter() - began)
        life.cpu.append(cpu_seconds(server) - spent)
        if block == _EARLY:
            early = resident_megabytes(server)
            life.megabytes = early, early
    life.megabytes = life.megabytes[0], resident_megabytes(server)
    await run.send_event("turn")  # a block is an even number of turns
    await run.send_event("stop")
    counted = await run.result()
    if counted != transitions + 1:
        raise AssertionError(f"{counted} transitions were counted")
    async for event in run.history():
        life.kept_events += bool(event.seq)
    return life


async def _send(client: Client, run_id: str, events: int) -> None:
    left = iter(range(events))

    async def sender() -> None:
        for _ in left:
            await client.send_event("turn", run_id=run_id)

    await asyncio.gather(*(sender() for _ in range(SENDERS)))
