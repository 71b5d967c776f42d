"""The numbers a worker runs by. Those a user chooses are arguments of `treadle.Worker`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from treadle._code.steps import StepCall

DECISION_SLOTS: Final = 100
"""At least, for how many runs of code a worker decides at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a worker behaves; immutable while it runs."""

    address: str
    namespace: str
    queue: str
    identity: str
    build_id: str
    slots: int
    """How many attempts run at a time."""
    threads: int
    """How many of them may be plain functions."""
    drain_seconds: float
    decision_slots: int = DECISION_SLOTS
    """How many runs of code are decided for at a time."""
    cached_runs: int = 1_000
    """How many runs of code stay in memory between their decisions. 0, for tests: each is replayed
    from its beginning whenever there is something new.
    """
    stand_in: Callable[[StepCall], Callable[..., Any]] | None = None
    """For the test kit: what is called in place of a step's function."""
    poll_wait_seconds: float = 20.0
    """How long a poll is parked; the server ends a session that has not polled for 30 s."""
    call_timeout_seconds: float = 30.0
    """For calls that do not wait; a poll may take this much longer than its wait."""
    blocked_seconds: float = 1.0
    """A loop that stands still for longer is reported."""
    leave_seconds: float = 2.0
    """How long saying goodbye may take once the drain is over."""
