"""Decisions: runs of code, from a task to the report that ends it.

A run stays in memory between its decisions, with its coroutines as they stand; a task then brings
only what is new. A run that is not here, or not as the server thinks, is replayed from its history.

While a decision runs steps, it is kept: each report tells what the code wants and how steps went,
and the answer brings the events that follow. A step that takes longer than `runs.LONG_SECONDS` goes
on under a lease of its own, and the decision ends without it. One that waits for a slot stays with
the decision: none of its times has begun.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from treadle import payload
from treadle._code.mismatch import Mismatch
from treadle._code.replayer import Decision, Replayer, events_of
from treadle._code.run import RunInfo
from treadle._deadlines import Deadlines
from treadle._types.mismatch import Mismatch as InputMismatch
from treadle._worker import outcomes
from treadle._worker.connection import Connection
from treadle._worker.deciders import Deciders
from treadle._worker.feeds import Blocked, Faulty
from treadle._worker.foresight import Foresight, is_end, only_step
from treadle._worker.pieces import pieces
from treadle._worker.runs import Run, Told
from treadle._worker.session import Session
from treadle._worker.settings import Settings
from treadle._worker.steps import RunningStep, Steps, result_of
from treadle.errors import PayloadError, RequestError
from treadle.v1 import event_pb2, payload_pb2
from treadle.v1 import worker_service_pb2 as messages
from treadle.v1.decision_pb2 import (
    DecisionAnswer,
    DecisionCommand,
    StepLease,
    StepTask,
)

_log = logging.getLogger("treadle.worker")

ASLEEP_SECONDS = 5.0
"""A run that waits for time only, and for longer, leaves memory at once."""

REPLAY_MISMATCH = "treadle.ReplayMismatch"
CODE_BLOCKED = "treadle.CodeBlocked"

Workflows = Mapping[tuple[str, int], Any]


class HeldDecision:
    """A decision that this worker has: its place in the session's books."""

    def __init__(self, task: messages.Task) -> None:
        self.task = task
        self.token = task.task_token
        self.abandoned = False
        self.cancel_asked = False
        self.answered: asyncio.Future[DecisionAnswer | None] | None = None

    def __repr__(self) -> str:
        return f"decision of {self.task.workflow} (run {self.task.run_id})"

    def report_of(self, decision: Decision, *, keep: bool) -> messages.TaskResult:
        """A report of what the code has seen, to be filled in: each step passes here, and each
        message that is made apart is copied.
        """
        result = messages.TaskResult(task_token=self.token)
        report = result.decided
        report.seen_seq, report.first_index = decision.seen_seq, decision.first_index
        report.keep = keep
        return result

    def log_fields(self) -> dict[str, object]:
        """What every log record about it carries."""
        return {"workflow": self.task.workflow, "run_id": self.task.run_id}

    def ask_to_stop(self) -> None:
        """Nobody waits for it: no report of it will be taken."""
        if self.abandoned:
            self.settle(None)

    def settle(self, answer: DecisionAnswer | None) -> None:
        """The server took the report, or did not (None)."""
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(answer)


class Decisions:
    """See the module's docstring."""

    def __init__(
        self,
        session: Session,
        connection: Connection,
        settings: Settings,
        workflows: Workflows,
        steps: Steps,
        deciders: Deciders,
    ) -> None:
        self._session = session
        self._connection = connection
        self._settings = settings
        self._workflows = workflows
        self._steps = steps
        self._deciders = deciders
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._foresight = Foresight()
        self._long = Deadlines(Run.too_long)

    def begin(self, task: messages.Task) -> None:
        """Takes a task."""
        if task.kind == messages.TASK_KIND_STEP:
            # The lease of a step that we do not know any more: its run's next decision runs it.
            reason = "the step is not run here any more"
            self._session.add_result(outcomes.returned(task.task_token, reason))
            return
        workflow = self._workflows.get((task.workflow, task.version))
        if workflow is None or not self._session.slots.open:
            reason = "the worker is stopping" if workflow else "this worker has other code"
            self._session.add_result(outcomes.returned(task.task_token, reason))
            return
        held = HeldDecision(task)
        self._session.hold(held)
        work = asyncio.get_running_loop().create_task(self._decide(held, workflow))
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)

    def reported(self, token: bytes, answer: DecisionAnswer | None) -> None:
        """What became of a report."""
        held = self._session.attempts.get(token)
        if isinstance(held, HeldDecision):
            held.settle(answer)

    def leave(self) -> None:
        """Lets go of everything."""
        for work in self._tasks:
            work.cancel()
        while self._runs:
            self._evict(next(iter(self._runs)))

    # --- one decision -----------------------------------------------------------------------------

    async def _decide(self, held: HeldDecision, workflow: Any) -> None:
        task = held.task
        result: messages.TaskResult | None = None
        try:
            run = await self._run(task, workflow)
            run.deciding = True
            await self._go_through(held, run)
            run.deciding = False
            if run.replayer.sleeps_for(ASLEEP_SECONDS):
                self._evict(task.run_id)
        except asyncio.CancelledError:
            self._evict(task.run_id)
            raise
        except _Refused:
            self._evict(task.run_id)
        except RequestError as error:
            _log.warning("%s given back: %s", held, error, extra=held.log_fields())
            self._evict(task.run_id)
            result = outcomes.returned(held.token, "its history could not be read")
        except Exception as error:  # noqa: BLE001 - the server is told what the code did
            self._evict(task.run_id)
            result = outcomes.failed(held.token, self._fault(held, error))
        finally:
            self._session.release(held, result)
            self._shrink()

    async def _go_through(self, held: HeldDecision, run: Run) -> None:
        events = events_of(held.task.decision.event_batches)
        given: Iterable[StepTask] = held.task.decision.steps
        while True:
            decision = await self._feed(run, events)
            if run.last_step is not None:
                self._foresight.note(run.replayer, run.last_step, ended=is_end(decision))
            self._begin_steps(run, decision, given)
            if decision.ended:
                self._drop_steps(run, run.steps)
            told = await run.news(self._long)
            asks = any(one.schedule_activity.cache_key for one in decision.commands)
            ending = await self._foresee(run, told)
            keep = not decision.ended and ending is None and bool(told or run.steps or asks)
            report = held.report_of(decision, keep=keep)
            report.decided.steps.extend(told.steps)
            if ending:
                report.decided.ending.extend(ending)
            answer = await self._report(held, report, decision, told)
            self._lease(run, answer, told.goes_on)
            if decision.ended or ending is not None:
                self._evict(held.task.run_id)
            if not keep:
                return
            events, given = events_of(answer.event_batches), answer.steps

    async def _foresee(self, run: Run, told: Told) -> list[DecisionCommand] | None:
        """What the code wants once it has seen this outcome, if that is likely to be its end: then
        the run here has gone ahead of its history, and is of no further use. None: not likely.
        """
        run.last_step = None
        if run.steps or told.stopped or not self._settings.cached_runs:
            return None
        step = run.last_step = only_step(run.replayer, told.steps)
        if step is None or not self._foresight.ends_after(run.replayer, step):
            return None
        commands: list[DecisionCommand] = []
        try:
            decision, sure = await self._deciders.foresee(
                run.replayer, step.index, told.steps[0].output
            )
        except Exception:  # noqa: BLE001 - the outcome comes first; a replay will say it again
            _log.debug("code went ahead of its history and failed", exc_info=True)
        else:
            commands = decision.commands if sure and is_end(decision) else []
        self._foresight.note(run.replayer, step, ended=bool(commands))
        return commands

    async def _feed(self, run: Run, events: list[event_pb2.Event]) -> Decision:
        if self._settings.cached_runs:
            return await self._deciders.feed(run.replayer, events)
        # Whatever the code has in its variables must follow from the history alone.
        before = run.replayer
        if run.fed:
            run.replayer = Replayer(before.workflow, before.info, before.build_id)
            await self._deciders.feed(run.replayer, run.fed)
            before.evict()
        run.fed += events
        return await self._deciders.feed(run.replayer, events)

    def _begin_steps(self, run: Run, decision: Decision, given: Iterable[StepTask]) -> None:
        for command in decision.commands:
            if command.HasField("stop") and command.stop.index in run.steps:
                run.steps[command.stop.index].cancel()
        replayer = run.replayer
        for call in decision.steps:
            run.steps[call.index] = self._steps.begin(call, replayer.info, run)
        for one in given:
            again = replayer.step(one.index)
            if again is not None and one.index not in run.steps:
                run.steps[one.index] = self._steps.begin(again, replayer.info, run, one)

    @staticmethod
    def _drop_steps(run: Run, indexes: Iterable[int]) -> None:
        for index in list(indexes):
            run.steps.pop(index).cancel()

    def _lease(self, run: Run, answer: DecisionAnswer, goes_on: list[int]) -> None:
        """The steps that go on have leases now, as activities have."""
        leases = {one.index: one.task_token for one in answer.leases}
        for index in goes_on:
            step = run.steps.pop(index)
            token = leases.get(index)
            if token is None:
                step.cancel()
                continue
            step.leased = True
            attempt = step.attempt
            attempt.task.task_token = attempt.token = token
            self._session.hold(attempt, slots=0)  # it has one of the steps'
            step._over = self._long_over
            if step.report is not None:
                self._long_over(step)

    def _long_over(self, step: RunningStep) -> None:
        attempt = step.attempt
        result = None
        if step.report is not None and not attempt.abandoned:
            result = result_of(step.report, attempt.token)
        self._session.release(attempt, result, slots=0)

    # --- reports ----------------------------------------------------------------------------------

    async def _report(
        self,
        held: HeldDecision,
        last: messages.TaskResult,
        decision: Decision,
        told: Told,
    ) -> DecisionAnswer:
        """Sends what the code wants, in several reports if it is much; the answer to the last, with
        the leases of all. Raises `_Refused`.
        """
        *before, end = pieces(decision.commands, told.stopped)
        leases: list[StepLease] = []
        for piece in before:
            first = held.report_of(decision, keep=True)
            first.decided.first_index = last.decided.first_index
            first.decided.commands.extend(piece.commands)
            first.decided.steps.extend(piece.stopped)
            leases += (await self._send(held, first)).leases
            last.decided.first_index += len(piece.commands)
        last.decided.commands.extend(end.commands)
        last.decided.steps.extend(end.stopped)
        answer = await self._send(held, last)
        answer.leases.extend(leases)
        return answer

    async def _send(self, held: HeldDecision, report: messages.TaskResult) -> DecisionAnswer:
        held.answered = asyncio.get_running_loop().create_future()
        self._session.add_result(report)
        answer = await held.answered
        if answer is None:
            raise _Refused
        return answer

    def _fault(self, held: HeldDecision, error: Exception) -> payload_pb2.Failure:
        """What the server is told of code that could not decide."""
        inner = error.error if isinstance(error, Faulty) else error
        if isinstance(inner, Mismatch):
            _log.error("%s: %s", held, inner.message, extra=held.log_fields())
            failure = payload_pb2.Failure(
                kind=REPLAY_MISMATCH, message=inner.message, non_retryable=True
            )
            failure.details.CopyFrom(payload.encode(inner.details))
            return failure
        if isinstance(inner, Blocked):
            _log.error("%s: %s\n%s", held, inner, inner.stack, extra=held.log_fields())
            return payload_pb2.Failure(
                kind=CODE_BLOCKED, message=str(inner), stack_trace=inner.stack
            )
        _log.error("%s failed", held, exc_info=inner, extra=held.log_fields())
        if isinstance(inner, (InputMismatch, PayloadError)):
            text = f"workflow {held.task.workflow!r} version {held.task.version}: {inner}"
            return payload_pb2.Failure(
                kind=outcomes.INVALID_INPUT, message=text, non_retryable=True
            )
        return outcomes.from_exception(inner)

    # --- runs in memory ---------------------------------------------------------------------------

    async def _run(self, task: messages.Task, workflow: Any) -> Run:
        run = self._runs.get(task.run_id)
        decision = task.decision
        if run is not None and run.replayer.last_seq == decision.after_seq and not run.deciding:
            self._runs.move_to_end(task.run_id)
            return run
        if run is not None:
            self._evict(task.run_id)
        info = RunInfo(task.run_id, task.workflow_id, task.workflow, task.version)
        replayer = Replayer(workflow, info, self._settings.build_id)
        run = Run(replayer)
        if decision.after_seq:
            fed = await self._replay(task, replayer)
            if not self._settings.cached_runs:
                run.fed = fed
        self._runs[task.run_id] = run
        return run

    async def _replay(self, task: messages.Task, replayer: Replayer) -> list[event_pb2.Event]:
        """Brings a new replayer to where the task begins; what it was fed."""
        batches: list[bytes] = []
        after_seq = 0
        while after_seq < task.decision.after_seq:
            request = messages.ReadHistoryRequest(
                namespace=self._settings.namespace,
                task_token=task.task_token,
                after_seq=after_seq,
            )
            response = await self._connection.read_history(request)
            batches.extend(response.event_batches)
            after_seq = response.last_seq
            if not response.more:
                break
        upto = task.decision.after_seq
        events = [event for event in events_of(batches) if event.seq <= upto]
        # What it wants was wanted before; only the numbering matters.
        await self._deciders.feed(replayer, events)
        return events

    def _evict(self, run_id: str) -> None:
        run = self._runs.pop(run_id, None)
        if run is None:
            return
        self._drop_steps(run, run.steps)
        run.replayer.evict()

    def _shrink(self) -> None:
        """The runs that were decided longest ago leave."""
        while len(self._runs) > self._settings.cached_runs:
            run_id = next((one for one, run in self._runs.items() if not run.deciding), None)
            if run_id is None:
                return
            self._evict(run_id)


class _Refused(Exception):
    """The server did not take a report: somebody else has the decision, or the run has ended."""
