"""The outcome of a unit that is on its way to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from treadle_server.journal.port import Outcome

Release = Callable[[Outcome | None], None]
"""Does what follows from a unit's outcome; None: nobody knows it, as the journal has failed."""


class Settled(asyncio.Future[Outcome]):
    """Many wait for one outcome, and a caller that goes must not end it for the others. So it is
    not cancelled: who is cancelled while he waits for it hears of that after the commit, for as
    long as the disk takes, and nothing has to stand between the two.
    """

    __slots__ = ()

    def cancel(self, msg: Any = None) -> bool:
        """It is not."""
        return False
