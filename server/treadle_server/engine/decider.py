"""What decides: one for each kind of run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from treadle_server.engine.commands import Command, RegisterCompensation
from treadle_server.engine.facts import Fact
from treadle_server.engine.inputs import ReceiveEvent
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Instant, Payload


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

    def undo_late(
        self, state: RunState, facts: Sequence[Fact], late: Mapping[str, Payload]
    ) -> list[RegisterCompensation]:
        """How that is undone which was done too late for anything to follow from it. `facts`: of a
        graph that is ending, as for `decide`; `late`: outputs by key of what a machine had asked to
        stop. What is registered already may come again. Code says such things by itself.
        """
        return []

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
