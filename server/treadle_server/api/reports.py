"""Reports of code, from messages of `treadle.v1` to inputs of the engine, checked on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from treadle.v1 import decision_pb2, payload_pb2
from treadle_server.api import checks
from treadle_server.api.errors import invalid
from treadle_server.definitions.code.decider import compile_filter
from treadle_server.definitions.document import MAX_DURATION
from treadle_server.definitions.expression import ExpressionInvalid
from treadle_server.definitions.names import NAME_RULE, is_name
from treadle_server.engine import commands as c
from treadle_server.engine import inputs as i
from treadle_server.engine.code import command_key
from treadle_server.engine.values import (
    MICROSECONDS_PER_SECOND,
    NO_RETRY,
    NULL,
    Duration,
    Failure,
    ParentClosePolicy,
    Payload,
    RetryPolicy,
)
from treadle_server.journal.codec import (
    CodecError,
    failure_from_message,
    retry_policy_from_message,
)

MAX_COMMANDS = 500
_START_TO_CLOSE = 600 * MICROSECONDS_PER_SECOND
_PRIORITY = 3
_DESCRIPTION_BYTES = 1_000
_CACHE_KEY_BYTES = 200
_MESSAGE_BYTES = 8_192
_STACK_BYTES = 16_384
_MAX_INDEX = 2**31 - 1


def decision_report(message: decision_pb2.DecisionReport, path: str) -> i.ReportDecision:
    """A checked report; its lease is filled in from the token."""
    first = checks.count(f"{path}.first_index", message.first_index, low=0, high=_MAX_INDEX)
    commands = _commands(message.commands, first, f"{path}.commands")
    steps = checks.batch(f"{path}.steps", message.steps)
    return i.ReportDecision(
        lease=0,
        seen_seq=message.seen_seq,
        first_index=first,
        commands=commands,
        steps=tuple(_step(step, f"{path}.steps[{number}]") for number, step in enumerate(steps)),
        keep=message.keep,
        ending=_commands(message.ending, first + len(commands), f"{path}.ending"),
    )


def _commands(
    messages: Sequence[decision_pb2.DecisionCommand], first: int, path: str
) -> tuple[i.CodeCommand, ...]:
    if not messages:
        return ()
    if len(messages) > MAX_COMMANDS:
        raise invalid(
            path, f"has {len(messages)} commands; at most {MAX_COMMANDS} go into one report"
        )
    return tuple(
        _command(message, first + number, f"{path}[{number}]")
        for number, message in enumerate(messages)
    )


def _step(message: decision_pb2.StepReport, path: str) -> i.StepOutcome:
    took = message.took.ToMicroseconds()
    if not 0 <= took <= MAX_DURATION:
        raise invalid(f"{path}.took", "must be from 0 to 100 years")
    step = i.StepOutcome(index=message.index, took=took)
    match message.WhichOneof("outcome"):
        case "output":
            step.output = checks.payload(f"{path}.output", message.output)
        case "failure":
            step.failure = failure(message.failure, f"{path}.failure")
        case "cancelled":
            step.cancelled = True
        case "goes_on":
            step.goes_on = True
        case _:
            raise invalid(path, "has no outcome: output, failure, cancelled or goes_on")
    return step


def _command(message: decision_pb2.DecisionCommand, index: int, path: str) -> i.CodeCommand:
    kind = message.WhichOneof("command")
    if kind is None:
        raise invalid(path, "is no command that this server knows")
    description = checks.identifier(
        f"{path}.description", message.description, limit=_DESCRIPTION_BYTES, required=True
    )
    read = _COMMANDS[kind]
    key = command_key(index)
    command = read(getattr(message, kind), key, f"{path}.{kind}")
    return i.CodeCommand(description=description, command=command)


def _schedule(
    message: decision_pb2.ScheduleActivityCommand, key: str, path: str
) -> c.ScheduleActivity:
    def duration(name: str, default: Duration | None = None) -> Duration | None:
        if not message.HasField(name):
            return default
        return checks.duration(f"{path}.{name}", getattr(message, name))

    start_to_close = duration("start_to_close_timeout", _START_TO_CLOSE)
    assert start_to_close is not None, "it has a default"
    options = c.ActivityOptions(
        type=checks.identifier(f"{path}.type", message.type, limit=200, required=True),
        queue=checks.identifier(f"{path}.queue", message.queue, limit=200) or "default",
        retry=_retry(message, f"{path}.retry"),
        start_to_close_timeout=start_to_close,
        schedule_to_start_timeout=duration("schedule_to_start_timeout"),
        schedule_to_close_timeout=duration("schedule_to_close_timeout"),
        heartbeat_timeout=duration("heartbeat_timeout"),
        priority=checks.count(f"{path}.priority", message.priority or _PRIORITY, low=1, high=5),
        hold_on_failure=message.hold_on_failure,
        local=message.local,
        cache_key=checks.identifier(f"{path}.cache_key", message.cache_key, limit=_CACHE_KEY_BYTES),
        cache_ttl=duration("cache_ttl"),
    )
    return c.ScheduleActivity(
        key,
        options,
        checks.payload(f"{path}.input", message.input) if message.HasField("input") else NULL,
        compensates=command_key(message.compensates) if message.is_compensation else "",
    )


def _retry(message: decision_pb2.ScheduleActivityCommand, path: str) -> RetryPolicy:
    if not message.HasField("retry"):
        return NO_RETRY
    try:
        policy = retry_policy_from_message(message.retry)
    except CodecError as error:
        raise invalid(path, str(error)) from None
    if policy.max_attempts < 0 or not 0 <= policy.jitter <= 1:
        raise invalid(path, "max_attempts must not be negative, and jitter be from 0 to 1")
    for name in ("initial_interval", "increment", "max_interval"):
        if not 0 <= getattr(policy, name) <= MAX_DURATION:
            raise invalid(f"{path}.{name}", "must be from 0 to 100 years")
    if not 0 <= policy.coefficient <= 1_000:
        raise invalid(f"{path}.coefficient", "must be from 0 to 1,000")
    return policy


def _timer(message: decision_pb2.StartTimerCommand, key: str, path: str) -> c.StartTimer:
    due_time = checks.instant(f"{path}.due_time", message.due_time, last_year=9999)
    return c.StartTimer(key, NULL, not_before=due_time)


def _wait(message: decision_pb2.StartWaitCommand, key: str, path: str) -> c.StartWait:
    name = checks.identifier(f"{path}.event_name", message.event_name, limit=200, required=True)
    if message.filter:
        try:
            compile_filter(message.filter)
        except ExpressionInvalid as error:
            raise invalid(f"{path}.filter", error.message) from None
    timeout = None
    if message.HasField("timeout"):
        timeout = checks.duration(f"{path}.timeout", message.timeout)
    return c.StartWait(key, name, timeout, message.filter)


def _child(message: decision_pb2.StartChildCommand, key: str, path: str) -> c.StartChild:
    if not is_name(message.workflow):
        raise invalid(f"{path}.workflow", NAME_RULE)
    policy = message.on_parent_end or ParentClosePolicy.TERMINATE
    try:
        on_parent_end = ParentClosePolicy(policy)
    except ValueError:
        raise invalid(f"{path}.on_parent_end", f"has no value {policy}") from None
    return c.StartChild(
        key,
        message.workflow,
        checks.count(f"{path}.version", message.version, low=0, high=_MAX_INDEX),
        checks.identifier(f"{path}.workflow_id", message.workflow_id),
        checks.payload(f"{path}.input", message.input) if message.HasField("input") else NULL,
        on_parent_end,
        awaited=True,
    )


def _send(message: decision_pb2.SendEventCommand, key: str, path: str) -> c.SendEvent:
    return c.SendEvent(
        key,
        checks.identifier(f"{path}.event_name", message.event_name, limit=200, required=True),
        _value(message, "payload", path),
        checks.identifier(f"{path}.workflow_id", message.workflow_id),
    )


def _value(message: Any, name: str, path: str) -> Payload:
    return checks.payload(f"{path}.{name}", getattr(message, name))


def _answer(message: decision_pb2.AnswerUpdateCommand, _key: str, path: str) -> c.AnswerUpdate:
    if message.HasField("failure"):
        return c.AnswerUpdate(
            message.update_id, failure=failure(message.failure, f"{path}.failure")
        )
    return c.AnswerUpdate(message.update_id, output=_value(message, "output", path))


_COMMANDS: dict[str, Callable[[Any, str, str], c.Command]] = {
    "schedule_activity": _schedule,
    "start_timer": _timer,
    "start_wait": _wait,
    "start_child": _child,
    "send_event": _send,
    "stop": lambda one, _key, _path: c.Stop(command_key(one.index)),
    "set_attribute": lambda one, key, path: c.SetAttribute(
        key,
        checks.identifier(f"{path}.name", one.name, limit=200, required=True),
        _value(one, "value", path),
    ),
    "record_marker": lambda one, key, path: c.RecordMarker(
        key, checks.identifier(f"{path}.id", one.id, limit=200, required=True)
    ),
    "answer_update": _answer,
    "register_compensation": lambda one, _key, path: c.NoteCompensation(
        command_key(one.index),
        checks.identifier(f"{path}.type", one.type, limit=200, required=True),
    ),
    "start_compensation": lambda _one, _key, _path: c.StartCompensation(),
    "end_compensation": lambda one, _key, _path: c.EndCompensation(
        tuple(command_key(index) for index in one.undone),
        tuple(command_key(index) for index in one.not_undone),
    ),
    "complete_run": lambda one, _key, path: c.CompleteRun(_value(one, "output", path)),
    "fail_run": lambda one, _key, path: c.FailRun(failure(one.failure, f"{path}.failure")),
    "cancel_run": lambda _one, _key, _path: c.CancelRun(),
    "continue_as_new": lambda one, _key, path: c.ContinueAsNew(
        _value(one, "input", path), one.version
    ),
}


def failure(message: payload_pb2.Failure, path: str) -> Failure:
    """A checked failure; what is too long is cut."""
    checks.identifier(f"{path}.kind", message.kind, limit=200, required=True)
    _cut(message, path)
    if message.HasField("next_delay"):
        checks.duration(f"{path}.next_delay", message.next_delay)
    try:
        return failure_from_message(message)
    except CodecError as error:
        raise invalid(path, str(error)) from None


def _cut(message: payload_pb2.Failure, path: str) -> None:
    if message.HasField("details"):
        checks.payload(f"{path}.details", message.details)
    if len(message.message) > _MESSAGE_BYTES:
        message.message = message.message[:_MESSAGE_BYTES]
    if len(message.stack_trace) > _STACK_BYTES:
        message.stack_trace = message.stack_trace[-_STACK_BYTES:]
    if message.HasField("cause"):
        _cut(message.cause, f"{path}.cause")
