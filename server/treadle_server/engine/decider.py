"""What decides: one for each kind of run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from treadle_server.engine.commands import Command
from treadle_server.engine.facts import Fact
from treadle_server.engine.inputs import ReceiveEvent
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Instant


class Decider(Protocol):
    """Reads the state and says what comes next. It must not change anything, look at a clock, or
    remember.
    """

    def decide(self, state: RunState, facts: Sequence[Fact]) -> list[Command]:
        """What follows from `facts`: the things that are new since the last call. They bound its
        work.

        Called without facts when nothing is undecided, so that it can end the run.
        """
        ...

    def check_event(self, state: RunState, event: ReceiveEvent, now: Instant) -> None:
        """Raises a `Refusal` for an external event that the run could only ignore now. A repeat of
        one that came before is none. Most kinds keep every event until something waits for it.
        """
        return

    def accepted(self, state: RunState) -> Collection[str]:
        """The names of the external events that a machine's active states wait for; waits of other
        kinds of runs are in the state.
        """
        return ()
