"""Small questions about leases that polls and reports share."""

from __future__ import annotations

import asyncio

from treadle_server.engine.errors import LeaseEnded
from treadle_server.engine.transitions import ActivityStage
from treadle_server.matching.polls import Taker
from treadle_server.runs.hot import HotRun

LEASED = (ActivityStage.LEASED, ActivityStage.CANCELLING)


def holds(hot: HotRun, key: str, lease: int) -> bool:
    """Whether the lease is the one under which the activity runs."""
    activity = hot.state.activities.get(key)
    return activity is not None and activity.stage in LEASED and activity.lease == lease


def over(key: str) -> LeaseEnded:
    """What a worker is told that still works on what is not its any more."""
    return LeaseEnded(
        f"this attempt of {key!r} is over, so what is said about it does not count. Drop the work "
        "and poll again."
    )


async def promises_kept(taker: Taker) -> None:
    """Waits until everything that was promised to the taker has been delivered, or taken back."""
    if taker.promised:
        idle = asyncio.Event()
        taker.when_idle(idle.set)
        await idle.wait()
