"""The one activity of these graphs; `treadle worker examples.wfformat.activities` runs it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from examples.wfformat.document import ACTIVITY
from treadle import activity


@dataclass(frozen=True, slots=True)
class Nap:
    """How long to sleep."""

    seconds: float


@activity(name=ACTIVITY)
async def sleep(nap: Nap) -> None:
    """Sleeps as long as the recorded task ran, divided by the speed-up."""
    await asyncio.sleep(nap.seconds)
