"""A machine that many send events to, and the worker of its transitions, which may be killed."""

from __future__ import annotations

from enum import Enum

from treadle import Machine, activity
from treadle.machine import Assign, Do

PATIENCE = "5s"
"""A worker that died while the server was down too is found out after so long."""


class Desk(Enum):
    """Two states to go to and fro between, and an end."""

    OPEN = "open"
    BUSY = "busy"
    CLOSED = "closed"


class Instance(Enum):
    """Of one of many."""

    WORKING = "working"
    DONE = "done"


@activity
async def stamp(worked: int) -> dict[str, int]:
    """What it returns goes into memory: one more, however often this was called for it."""
    return {"worked": worked + 1}


@activity
async def square(number: int) -> str:
    """The next state's name."""
    return "done"


def desk() -> Machine:
    """Counts what it is sent; every `work` is stamped by a worker."""
    machine = Machine("desk", Desk, memory={"count": "0", "worked": "0"})
    count = Assign({"count": "memory.count + 1"})
    work: list[Assign | Do] = [
        count,
        Do(activity=stamp, input="memory.worked", start_to_close=PATIENCE),
    ]
    for state, other in ((Desk.OPEN, Desk.BUSY), (Desk.BUSY, Desk.OPEN)):
        at = machine.state(state)
        at.on("count", other, action=count).on("work", other, action=work).on("stop", Desk.CLOSED)
    machine.final(Desk.CLOSED, output="{'count': memory.count, 'worked': memory.worked}")
    return machine


def instance() -> Machine:
    """One of many: a task, and an output that tells which one it was."""
    machine = Machine("instance", Instance, memory={"number": "params"})
    machine.task(Instance.WORKING, Do(activity=square, start_to_close=PATIENCE))
    machine.final(Instance.DONE, output="params * params")
    return machine
