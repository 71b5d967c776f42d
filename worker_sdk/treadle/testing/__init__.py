"""Tests of workflows, without a server beside them: see `Kit`.

Needs the `server` extra, as the engine that runs here is the real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from treadle.activities import Activity
from treadle.graph import Graph
from treadle.testing.kit import Kit as Kit
from treadle.testing.loop import NothingWillHappen as NothingWillHappen
from treadle.testing.loop import VirtualTimeLoop as VirtualTimeLoop
from treadle.testing.loop import run as run_in_virtual_time
from treadle.testing.loop import virtual_time as virtual_time
from treadle.testing.mocks import Call as Call
from treadle.testing.mocks import Mock as Mock
from treadle.testing.record import Attempt as Attempt
from treadle.testing.record import RunRecord as RunRecord
from treadle.testing.stillness import Stuck as Stuck

__all__ = [
    "Attempt",
    "Call",
    "Kit",
    "Mock",
    "NothingWillHappen",
    "RunRecord",
    "Stuck",
    "VirtualTimeLoop",
    "run_in_virtual_time",
    "run_workflow",
    "virtual_time",
]


def run_workflow(
    graph: Graph,
    given: object = None,
    activities: Iterable[Activity[..., Any]] = (),
    *,
    mocks: Mapping[str, object] | None = None,
) -> RunRecord:
    """Runs a graph once, from an ordinary test; what it did, however it ended.

    Raises `InvalidRequest` for what cannot be started, `Stuck` for a run that never ends.
    """

    async def run() -> RunRecord:
        async with Kit(activities, mocks=mocks) as kit:
            return await kit.run(graph, given)

    return run_in_virtual_time(run())
