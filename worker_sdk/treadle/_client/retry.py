"""Which failed calls are tried again, and after how long.

Every mutating call carries a request id, so the same call twice has one effect; that is what makes
retrying UNAVAILABLE safe for all of them.
"""

from __future__ import annotations

import random
import time

import grpc

TRANSIENT = frozenset({grpc.StatusCode.UNAVAILABLE})
"""A plain repeat is safe and may help."""

TRANSIENT_FOR_POLLS = TRANSIENT | {grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED}
"""Also what a server under a burst of connections answers; a poll has nothing to lose by asking
again.
"""

_FIRST_SECONDS = 0.1
_LONGEST_SECONDS = 5.0


class Backoff:
    """Waits that double from 0.1 s to 5 s, each shortened at random by up to a half.

    The spread keeps a thousand clients from coming back in the same instant after a restart.
    """

    def __init__(self, budget_seconds: float = float("inf")) -> None:
        self._budget_seconds = budget_seconds
        self._ceiling_seconds = _FIRST_SECONDS
        self._give_up_at: float | None = None

    def next_delay_seconds(self) -> float | None:
        """How long to wait before the next try; None if that would go past the budget, which counts
        from the first failure: a call may have waited long before it.
        """
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + self._budget_seconds
        delay = self._ceiling_seconds * random.uniform(0.5, 1.0)
        if time.monotonic() + delay > self._give_up_at:
            return None
        self._ceiling_seconds = min(self._ceiling_seconds * 2, _LONGEST_SECONDS)
        return delay

    def reset(self) -> None:
        """Something succeeded: the next failure is a first one again."""
        self._ceiling_seconds = _FIRST_SECONDS
        self._give_up_at = None
