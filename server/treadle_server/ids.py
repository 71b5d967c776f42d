"""Where run ids come from: time-ordered, so that new rows land beside each other."""

from __future__ import annotations

import os
from typing import Protocol

from treadle._ids import uuid7
from treadle_server.engine.values import Instant

_IDS_AT_A_TIME = 64


class IdSource(Protocol):
    """Makes ids; handed in so that a simulation can repeat them."""

    def run_id(self, now: Instant) -> bytes:
        """A UUID version 7 as 16 bytes."""
        ...


class RandomIds:
    """UUIDs of version 7 (RFC 9562 §5.7): 48 bits of milliseconds, 74 bits from the system's
    randomness, which is fetched for many ids at a time.
    """

    def __init__(self) -> None:
        self._randomness = b""

    def run_id(self, now: Instant) -> bytes:
        """See `IdSource`."""
        if not self._randomness:
            self._randomness = os.urandom(10 * _IDS_AT_A_TIME)
        taken, self._randomness = self._randomness[:10], self._randomness[10:]
        return uuid7(now // 1_000, taken)
