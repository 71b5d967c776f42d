"""The replayer: a run's events in, its code's commands out. Pure; see the package's docstring."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random as random_module
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from treadle._code import guard, mismatch
from treadle._code.compensation import Compensations
from treadle._code.ending import Ending
from treadle._code.loop import WorkflowLoop, WorkflowTimer
from treadle._code.mismatch import Mismatch, Suspended
from treadle._code.recorded import Recorded
from treadle._code.run import Open, RunInfo
from treadle._code.steps import StepCall
from treadle._code.timers import Timer
from treadle._code.updates import Updates
from treadle.v1 import event_pb2, payload_pb2
from treadle.v1.decision_pb2 import DecisionCommand, StopCommand

_log = logging.getLogger("treadle.workflow")

DECISION = "decision"

_CLOSING = frozenset(
    {
        "activity_completed",
        "activity_failed",
        "activity_cancelled",
        "activity_overridden",
        "timer_fired",
        "wait_satisfied",
        "wait_timed_out",
        "child_started",
        "child_ended",
        "node_failed",
        "node_completed",
        "node_skipped",
    }
)
"""Events by which something that the code asked for has an outcome."""


class HasCode(Protocol):
    """A workflow, as far as its replay goes."""

    @property
    def function(self) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Its code."""
        ...

    def arguments(self, message: payload_pb2.Payload) -> dict[str, Any]:
        """What the code is called with."""
        ...


@dataclass(slots=True)
class Decision:
    """What the code wants, since it was asked last."""

    seen_seq: int
    first_index: int
    commands: list[DecisionCommand] = field(default_factory=list)
    steps: list[StepCall] = field(default_factory=list)
    """Steps to run, in the order in which they were asked for."""
    ended: bool = False


class Replayer:
    """One run's code, as far as it has come."""

    def __init__(self, workflow: HasCode, info: RunInfo, build_id: str = "") -> None:
        guard.install()
        self.workflow = workflow
        self.info = info
        self.build_id = build_id
        self.loop = WorkflowLoop(self)
        self.loop.start_timer, self.loop.note_unhandled = self.start_timer, self.note_unhandled
        self.recorded = Recorded()
        self.open: dict[int, Open] = {}
        self.seeds: dict[int, tuple[str, bool]] = {}
        """Commands of an earlier run, and whether they have no outcome: one that has is not carried
        out again.
        """
        self.received: dict[str, payload_pb2.Payload] = {}
        """External events that no wait has had, by id."""
        self.compensations = Compensations(self)
        self.updates = Updates(self)
        self.ending = Ending(self)
        self.patches: dict[str, bool] = {}
        self.fed_seq = 0
        """The newest event that the code was fed."""
        self.last_seq = 0
        """The newest event that was given, fed or not."""
        self.next_index = 0
        self.fault: BaseException | None = None
        self.dead = False
        self.started = False
        self._commands: list[DecisionCommand] = []
        self._steps: list[StepCall] = []
        self._first_index = 0
        self._context = contextvars.Context()

    # --- feeding ----------------------------------------------------------------------------------

    def feed(self, events: Sequence[event_pb2.Event]) -> None:
        """Takes the next events, in order. Raises `Mismatch`, and what decoding the input raises:
        then the replayer is of no use any more.
        """
        self.recorded.add(events, self.next_index)
        for event in events:
            if event.seq <= self.last_seq:
                continue
            self._check_missing(event.seq)
            self._take(event)
            self.last_seq = event.seq
            if self.fault is not None:
                raise self.fault
        self._check_missing(self.recorded.seen_seq + 1)

    def foresee(self, index: int, output: payload_pb2.Payload) -> bool:
        """Goes on as if the server had said already that this step has completed; whether what the
        code wants then is sure. It is not if the code asked for the time, which the server gives.
        Once this was called, the replayer is of no use for anything else.
        """
        work = self.open.pop(index)
        self.fed_seq += 1
        self.loop.asked_time = False
        work.settle("activity_completed", event_pb2.ActivityCompleted(output=output))
        self.loop.drain()
        return not self.loop.asked_time and self.fault is None

    def take(self) -> Decision:
        """What the code wants since the last call."""
        decision = Decision(
            self.last_seq, self._first_index, self._commands, self._steps, self.ending.reported
        )
        self._first_index = self.next_index
        self._commands, self._steps = [], []
        if decision.ended:
            self.loop.note_failed()
        return decision

    @cached_property
    def random(self) -> random_module.Random:
        """A source of chance that follows from the run's id."""
        return random_module.Random(self.info.run_id)

    def sleeps_for(self, seconds: float) -> bool:
        """Whether the code waits for nothing but timers, of at least so long."""
        until = self.loop.time() + seconds
        timers = [one for one in self.open.values() if isinstance(one, Timer)]
        return len(timers) == len(self.open) > 0 and all(one.when > until for one in timers)

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to run."""
        return self.dead or self.fault is not None

    @property
    def replaying(self) -> bool:
        """Whether the code does what it has done before."""
        return self.fed_seq <= self.recorded.seen_seq

    def evict(self) -> None:
        """Lets go of the run. What its coroutines do while they are closed counts for nothing."""
        self.dead = True
        self.loop.run_here(self._close)
        self.loop.let_go()
        # These refer to the run as well, from which they hang.
        del self.compensations, self.updates, self.ending, self._context

    def _close(self) -> None:
        begun = list(self.loop.tasks)
        for task in begun:
            _close(task)
        # What these have begun as they ended does not come to run.
        for task in list(self.loop.tasks)[len(begun) :]:
            _close(task)

    def _take(self, event: event_pb2.Event) -> None:
        kind = event.WhichOneof("kind")
        if kind is None:
            return
        if kind == "event_received":
            received = event.event_received
            self.received[received.event_id] = received.payload
            return
        if kind in _CLOSING:
            body = getattr(event, kind)
            index = index_of(body.node if kind.startswith("node_") else body.key)
            opened = self.open.get(index) if index is not None else None
            if index is None or opened is None:
                return
            self._advance(event)
            if opened.settle(kind, body):
                del self.open[index]
        elif kind == "run_started":
            self._advance(event)
            self._start(event.run_started)
        elif kind == "cancel_requested":
            self._advance(event)
            self.ending.cancel(event.cancel_requested)
        elif kind == "update_received":
            self._advance(event)
            self._context.run(self.updates.receive, event.update_received)
        else:
            return
        self.loop.drain()

    def _advance(self, event: event_pb2.Event) -> None:
        self.fed_seq = event.seq
        time = event.time
        self.loop.now_microseconds = time.seconds * 1_000_000 + time.nanos // 1_000

    def _start(self, started: event_pb2.RunStarted) -> None:
        self.started = True
        for seed in started.seed:
            index = index_of(seed.node)
            if index is not None and seed.command:
                self.seeds[index] = (seed.command, seed.open)
        arguments = self.workflow.arguments(started.input)
        self._context.run(self.ending.start, self.workflow.function(**arguments))

    # --- commands ---------------------------------------------------------------------------------

    def issue(self, description: str, command: DecisionCommand) -> int:
        """The code asks for something; its number. Raises `Mismatch` if the history has something
        else there.
        """
        if self.dead:
            raise Suspended
        index = self.next_index
        if self.seeds and self.seeds.get(index, (description,))[0] != description:
            # From the first difference on, nothing is taken over from the earlier run.
            self.seeds.clear()
        recorded = self.recorded.take(index)
        if recorded != description and (recorded is not None or self.replaying):
            self.fail(recorded, description)
        self.next_index = index + 1
        if recorded is None:
            command.description = description
            self._commands.append(command)
        else:
            # It is asked for already: the next report begins behind it.
            self._first_index = self.next_index
        return index

    def run_step(self, call: StepCall, index: int) -> None:
        """A step is to be run by this worker, unless an earlier run has its outcome, or the history
        has its command: then it is the server that says whether it is to be run.
        """
        call.index = index
        if call.command.cache_key:
            return  # the server says whether somebody has done it
        if self._first_index <= index and self.seeds.get(index) != (call.description, False):
            self._steps.append(call)

    def step(self, index: int) -> StepCall | None:
        """The open step of this number."""
        opened = self.open.get(index)
        call = getattr(opened, "call", None)
        return call if getattr(call, "function", None) is not None else None

    def stop(self, index: int) -> None:
        """What has this number is not wanted any more."""
        opened = self.open.get(index)
        if opened is not None and hasattr(opened, "stopping"):
            opened.stopping = True
        self._steps = [call for call in self._steps if call.index != index]
        self.issue(f"stop {key_of(index)}", DecisionCommand(stop=StopCommand(index=index)))

    def start_timer(self, timer: WorkflowTimer, due_microseconds: int) -> int:
        """A durable timer; its command's number."""
        index = self.issue("timer", Timer.command(due_microseconds))
        self.open[index] = Timer(timer)
        return index

    # --- faults -----------------------------------------------------------------------------------

    def fail(self, recorded: str | None, produced: str) -> None:
        """The code does not do what it did before. Always raises."""
        place = mismatch.place_of(sys._getframe(2)) or mismatch.place_of_tasks(self.loop.tasks)
        fault = mismatch.differs(
            self.next_index, recorded, produced, place, (self.recorded.build_id, self.build_id)
        )
        self.fault = fault
        raise fault

    def _check_missing(self, seq: int) -> None:
        missing = self.recorded.missing(seq, self.next_index)
        if missing is None:
            return
        index, recorded = missing
        place = mismatch.place_of_tasks(self.loop.tasks)
        builds = (self.recorded.build_id, self.build_id)
        self.fault = mismatch.differs(index, recorded, None, place, builds)
        raise self.fault

    def note_unhandled(self, context: dict[str, Any]) -> None:
        """Code that nobody awaited has failed."""
        error = context.get("exception")
        if self.replaying or isinstance(error, (Mismatch, Suspended)):
            return
        _log.warning(
            "run %s: %s",
            self.info.run_id,
            context.get("message"),
            exc_info=error if isinstance(error, BaseException) else None,
        )


def _close(task: asyncio.Task[Any]) -> None:
    """Throws GeneratorExit into a task's coroutine: its `finally` blocks run, but every word of
    Treadle in them raises.
    """
    coroutine = task.get_coro()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    try:
        if coroutine is not None:
            coroutine.close()
    except KeyboardInterrupt:
        raise
    except (RuntimeError, Suspended):
        pass
    except BaseException:  # noqa: BLE001 - it has no effect, whatever it was
        _log.debug("code that is let go of raised", exc_info=True)


def key_of(index: int) -> str:
    """The key of what the command of this number begins."""
    return f"c{index}"


def index_of(key: str) -> int | None:
    """The number in a key; None if it is no command's."""
    return int(key[1:]) if key[:1] == "c" and key[1:].isdigit() else None


def events_of(batches: Iterable[bytes]) -> list[event_pb2.Event]:
    """The events of batches as they stand in the journal."""
    found: list[event_pb2.Event] = []
    for batch in batches:
        found.extend(event_pb2.EventBatch.FromString(batch).events)
    return found
