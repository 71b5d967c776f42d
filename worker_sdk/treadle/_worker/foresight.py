"""After which steps a workflow's code ends, learnt by watching.

A worker that knows it can say both in one report: how the step went, and what the code wants then.
That spares the last of a run's round trips, and its commit. Being wrong costs a replay, so a step
after which the code was to end and went on is never believed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from treadle._code.replayer import Decision, Replayer
from treadle._code.steps import StepCall
from treadle.v1.decision_pb2 import StepReport

_STEPS: Final = 1_000
"""Of all workflows: code that ends after thousands of different steps is not known so well."""

_BYTES: Final = 1 << 20
"""What more than this is to be said at the end goes by itself."""


class Foresight:
    """See the module's docstring. A step is known by its workflow, version, number and name."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int, int, str], bool] = {}
        """Whether the code has ended after it each time; without those after which it never has."""

    def note(self, replayer: Replayer, step: StepCall, *, ended: bool) -> None:
        """The code has seen that this step completed, and has ended then, or not."""
        place = _place(replayer, step)
        if place in self._ends:
            self._ends[place] = self._ends[place] and ended
        elif ended and len(self._ends) < _STEPS:
            self._ends[place] = True

    def ends_after(self, replayer: Replayer, step: StepCall) -> bool:
        """Whether the code is believed to end."""
        return self._ends.get(_place(replayer, step), False)


def only_step(replayer: Replayer, outcomes: Sequence[StepReport]) -> StepCall | None:
    """The step of which this is the outcome, if it has completed and the code waits for nothing
    else.
    """
    if len(outcomes) != 1 or len(replayer.open) != 1 or not outcomes[0].HasField("output"):
        return None
    return replayer.step(outcomes[0].index)


def is_end(decision: Decision) -> bool:
    """Whether a decision ends the run, and fits into the report of its last step."""
    size = sum(command.ByteSize() for command in decision.commands)
    return decision.ended and not decision.steps and size <= _BYTES


def _place(replayer: Replayer, step: StepCall) -> tuple[str, int, int, str]:
    return replayer.info.workflow, replayer.info.version, step.index, step.name
