"""What a worker's session holds. The books; no IO.

A task is in exactly one place: in `attempts` from its delivery to its result, then in `unreported`
until the server has taken or refused the result, then among the last `_REMEMBERED` in `_settled`,
in case it is delivered again because an acknowledgement was lost.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from treadle.activities import Activity
from treadle.context import Context
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages
from treadle.v1.decision_pb2 import DecisionAnswer

_log = logging.getLogger("treadle.worker")

_REMEMBERED = 10_000


class Attempt:
    """A task this worker has, from its delivery to its result."""

    __slots__ = (
        "abandoned",
        "activity",
        "begun",
        "cancel_asked",
        "context",
        "heartbeat_details",
        "heartbeat_due",
        "heartbeat_sent",
        "running",
        "task",
        "token",
    )

    def __init__(self, task: messages.Task, activity: Activity[..., Any], context: Context) -> None:
        self.task = task
        self.token = task.task_token
        self.activity = activity
        self.context = context
        self.running: asyncio.Task[None] | None = None
        """What runs an async activity; None for a plain one."""
        self.begun = False
        """False while it waits for a thread, or its task for its first step."""
        self.cancel_asked = False
        """Asked to stop: a `CancelledError` that comes out of it is its answer."""
        self.abandoned = False
        """Nobody waits for its result any more."""
        self.heartbeat_details: payload_pb2.Payload | None = None
        self.heartbeat_due = False
        """A heartbeat was given and has not been sent."""
        self.heartbeat_sent = float("-inf")
        """When the last one went out, by the loop's clock."""

    def __repr__(self) -> str:
        context = self.context
        return f"{context.activity_type} (run {context.run_id}, {context.key} #{context.attempt})"

    def ask_to_stop(self) -> None:
        """Tells the activity; one that awaits something gets a `CancelledError`."""
        self.context.ask_to_stop()
        # A task that is cancelled before its first step never runs, and so never ends its attempt;
        # one that has not begun looks at `cancel_asked` instead.
        if self.running is not None and self.begun:
            self.running.cancel()

    def log_fields(self) -> dict[str, object]:
        """What every log record about this attempt carries."""
        context = self.context
        return {
            "activity": context.activity_type,
            "run_id": context.run_id,
            "key": context.key,
            "attempt": context.attempt,
        }


class Held(Protocol):
    """Something that the session holds: an attempt at an activity, or a decision."""

    token: bytes
    abandoned: bool
    """Nobody waits for its result any more."""
    cancel_asked: bool

    def ask_to_stop(self) -> None:
        """It is to end soon."""
        ...

    def log_fields(self) -> dict[str, object]:
        """What every log record about it carries."""
        ...


class Slots:
    """How many tasks can be asked for.

    A slot is taken by an attempt, or promised: to the parked poll, or to reports under way. So all
    can ask at the same time and never get more than fit.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = 0
        self.promised_to_poll = 0
        self.promised_to_reports = 0
        self.open = True
        """False while draining: nothing more is asked for."""

    @property
    def free(self) -> int:
        """How many can be asked for now."""
        promised = self.promised_to_poll + self.promised_to_reports
        return max(0, self.total - self.taken - promised) if self.open else 0


class Session:
    """The books of one worker's life at the server."""

    def __init__(self, slots: int) -> None:
        self.session_id = str(uuid.uuid4())
        self.slots = Slots(slots)
        self.attempts: dict[bytes, Held] = {}
        self.unreported: dict[bytes, messages.TaskResult] = {}
        """In the order they came; the reporter takes from the front."""
        self._settled: OrderedDict[bytes, messages.TaskResult] = OrderedDict()
        self._acknowledgements: list[int] = []
        self.begin: Callable[[messages.Task], None]
        """Takes a new task; set by `lifecycle`, as are `slots_changed`: the runner, the poller."""
        self.slots_changed: Callable[[], None]
        self.decided: Callable[[bytes, DecisionAnswer | None], None]
        """Told what became of the report of a decision; None: it was refused."""
        self.must_resume = True
        """The server may have forgotten the session: the next poll says what is held."""
        self.result_came = asyncio.Event()
        self.quiet = asyncio.Event()
        """No attempt is held."""
        self.quiet.set()
        self.all_reported = asyncio.Event()
        """No result is on its way."""
        self.all_reported.set()

    def receive(self, tasks: Iterable[messages.Task], delivery_id: int) -> None:
        """Takes delivered tasks; those that came before are not begun again."""
        for task in tasks:
            token = task.task_token
            if token in self.attempts or token in self.unreported:
                continue
            if token in self._settled:
                # The server has lost our report, or we its answer: say it once more.
                self.add_result(self._settled.pop(token))
                continue
            self.begin(task)
        if delivery_id:
            self._acknowledgements.append(delivery_id)

    def hold(self, attempt: Held, *, slots: int = 1) -> None:
        """An attempt begins, and takes so many of the session's slots."""
        self.attempts[attempt.token] = attempt
        self.slots.taken += slots
        self.quiet.clear()

    def release(self, attempt: Held, result: messages.TaskResult | None, *, slots: int = 1) -> None:
        """An attempt has ended; `result` None: nobody wants to know."""
        self.attempts.pop(attempt.token, None)
        self.slots.taken -= slots
        if result is not None:
            self.add_result(result)  # the report also asks for what the free slot can take
        else:
            self.slots_changed()
        if not self.attempts:
            self.quiet.set()

    def add_result(self, result: messages.TaskResult) -> None:
        """Gives a result to the reporter."""
        self.unreported[result.task_token] = result
        self.result_came.set()
        self.all_reported.clear()

    def settle(self, result: messages.TaskResult) -> None:
        """The server has taken or refused this result."""
        if self.unreported.get(result.task_token) is not result:
            return  # another one took its place meanwhile
        del self.unreported[result.task_token]
        self._settled[result.task_token] = result
        if len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)
        if not self.unreported:
            self.all_reported.set()

    def held_tokens(self) -> list[bytes]:
        """The tasks that are being worked on or not yet reported."""
        return [*self.attempts, *self.unreported]

    def take_acknowledgements(self) -> list[int]:
        """The deliveries to acknowledge with the next call; put back if the call fails."""
        taken, self._acknowledgements = self._acknowledgements, []
        return taken

    def put_back_acknowledgements(self, deliveries: list[int]) -> None:
        """The call that carried them failed."""
        self._acknowledgements = deliveries + self._acknowledgements

    def connection_lost(self) -> None:
        """A call failed on the way: whatever the server knew of this session may be gone."""
        self.must_resume = True
        # The resume says what has arrived; a server that was restarted counts deliveries anew.
        self._acknowledgements.clear()

    def disown(self) -> None:
        """Forgets all tasks: the server has never heard of them."""
        for attempt in self.attempts.values():
            attempt.abandoned = True
            self.cancel(attempt)
        self.unreported.clear()
        self.all_reported.set()
        self._settled.clear()

    def control(self, action: messages.ControlAction, token: bytes) -> None:
        """Does what the server says about a task."""
        attempt = self.attempts.get(token)
        if attempt is None:
            return  # it ended while the message was under way
        if action == messages.CONTROL_ACTION_ABANDON:
            attempt.abandoned = True
        elif action != messages.CONTROL_ACTION_CANCEL:
            _log.warning("the unknown control action %d is ignored", action)
            return
        self.cancel(attempt)

    def cancel(self, attempt: Held) -> None:
        """Asks an attempt to stop; asking again changes nothing."""
        if attempt.cancel_asked:
            return
        attempt.cancel_asked = True
        _log.info("asked to stop: %s", attempt, extra=attempt.log_fields())
        attempt.ask_to_stop()
