"""The server's clock in the simulated world, which runs on a `VirtualTimeLoop`."""

from __future__ import annotations

import asyncio

from treadle_server.engine.values import Instant

EPOCH: Instant = 1_700_000_000 * 1_000_000
"""The simulated time at which every world begins."""


class VirtualClock:
    """The loop's time."""

    def now(self) -> Instant:
        """See `treadle_server.clock.Clock`."""
        return EPOCH + round(asyncio.get_running_loop().time() * 1_000_000)
