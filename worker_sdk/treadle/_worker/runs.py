"""Runs of code in memory, with the steps that run under their decisions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from treadle._code.replayer import Replayer
from treadle._code.steps import StepCall
from treadle._deadlines import Deadlines
from treadle._worker.steps import RunningStep
from treadle.v1 import event_pb2
from treadle.v1.decision_pb2 import StepReport

LONG_SECONDS: Final = 0.5
"""A step that has run for longer goes on without the decision."""

WAITING_SECONDS: Final = 5.0
"""While all steps wait for slots, reports keep the decision: the server takes it away after 10 s
without one.
"""

MAX_STEPS: Final = 500
"""In a report, apart from those that were stopped, of which there are as many as commands; the
server takes 1,000.
"""

MAX_BYTES: Final = 2 * 1024 * 1024
"""Of them, and of commands; one that is longer goes alone."""


@dataclass(slots=True)
class Told:
    """What a report tells of steps."""

    steps: list[StepReport]
    """How those stand that the code waits for, as many as a report takes."""
    stopped: dict[int, StepReport]
    """How those stand that were stopped, all: each is to be told with its stop. By number."""
    goes_on: list[int]
    """Those that have run for so long that they go on by themselves, also such as were stopped."""

    def __bool__(self) -> bool:
        return bool(self.steps or self.stopped)


class Run:
    """A run in memory."""

    def __init__(self, replayer: Replayer) -> None:
        self.replayer = replayer
        self.steps: dict[int, RunningStep] = {}
        """Steps that run under the decision, by their command's number."""
        self.fed: list[event_pb2.Event] = []
        """What the replayer was fed; kept only where no run stays in memory."""
        self.deciding = False
        self.last_step: StepCall | None = None
        """The step that was reported last, if the code waited for nothing else."""
        self._late = False
        """It is time for a report, whatever there is to tell."""
        self._all_wait = False
        """No step has a slot."""
        self._change: asyncio.Future[None] | None = None

    async def news(self, deadlines: Deadlines[Run]) -> Told:
        """Waits until a step has its outcome, and all that were stopped have, or steps have run for
        too long; what is to be told of them.
        """
        if not self.steps:
            return Told([], {}, [])
        self._late = False
        loop = asyncio.get_running_loop()
        try:
            while not self._late and not _worth_a_report(self.steps.values()):
                first = min(step.began for step in self.steps.values())
                self._all_wait = first == math.inf
                until = loop.time() + WAITING_SECONDS if self._all_wait else first + LONG_SECONDS
                deadlines.add(self, until)
                self._change = loop.create_future()
                await self._change
        finally:
            deadlines.remove(self)
        return self._take_news()

    def begun(self) -> None:
        """A step has a slot."""
        if self._all_wait:
            self._all_wait = False
            self._changed()

    def over(self, step: RunningStep) -> None:
        """A step has its outcome."""
        self._changed()

    def too_long(self) -> None:
        """It has been waiting for too long."""
        self._late = True
        self._changed()

    def _changed(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)

    def _take_news(self) -> Told:
        """What does not fit into a report stays for the next."""
        ended: list[StepReport] = []
        stopped: dict[int, StepReport] = {}
        goes_on: list[int] = []
        room = MAX_BYTES
        for index, step in list(self.steps.items()):
            report = step.report
            if not step.wanted:
                stopped[index] = report or _going_on(index)
                if report is None:
                    goes_on.append(index)
                else:
                    del self.steps[index]
            elif report is not None and room > 0 and len(ended) < MAX_STEPS:
                room -= report.ByteSize()
                if room >= 0 or not ended:
                    ended.append(report)
                    del self.steps[index]
        if ended or not self._late:
            return Told(ended, stopped, goes_on)
        running = [one for one in self.steps.values() if one.wanted and one.has_begun]
        long = [step.index for step in running[:MAX_STEPS]]
        return Told([_going_on(index) for index in long], stopped, goes_on + long)


def _worth_a_report(steps: Iterable[RunningStep]) -> bool:
    """Whether there is an outcome, and none is about to come from a step that was stopped."""
    ended = [step.report is not None for step in steps if step.wanted]
    stopped = [step.report is not None for step in steps if not step.wanted]
    return all(stopped) and (any(ended) or bool(stopped))


def _going_on(index: int) -> StepReport:
    return StepReport(index=index, goes_on=True)
