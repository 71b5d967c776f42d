"""The options of an activity node: queue, retry, timeouts, priority; and the document's defaults
for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from treadle_server.definitions.document import Fields, Problems
from treadle_server.engine.commands import ActivityOptions
from treadle_server.engine.values import NO_RETRY, Backoff, Duration, RetryPolicy

START_TO_CLOSE_DEFAULT: Duration = 600 * 1_000_000
"""10 minutes: without one, a worker that hangs would hang the run with it."""

BACKOFFS = {"fixed": Backoff.FIXED, "linear": Backoff.LINEAR, "exponential": Backoff.EXPONENTIAL}
TIMEOUTS = ("start_to_close", "schedule_to_start", "schedule_to_close", "heartbeat")
_ATTEMPTS_IF_A_POLICY_SAYS_NOTHING = 3
INITIAL: Duration = 1_000_000
MAX_PER_INITIAL = 100


@dataclass(slots=True, frozen=True)
class Defaults:
    """What nodes get that do not say otherwise."""

    queue: str
    retry: RetryPolicy
    timeouts: dict[str, Duration | None]
    priority: int


def read_defaults(value: Any, path: str, problems: Problems) -> Defaults:
    """The document's `defaults`."""
    fields = Fields({} if value is None else value, path, problems)
    defaults = Defaults(
        queue=_queue(fields, "default"),
        retry=_retry(fields, NO_RETRY),
        timeouts={
            name: fields.duration(
                name, START_TO_CLOSE_DEFAULT if name == "start_to_close" else None
            )
            for name in TIMEOUTS
        },
        priority=fields.integer("priority", 3, low=1, high=5),
    )
    fields.close()
    return defaults


def read_options(fields: Fields, node: str, defaults: Defaults) -> ActivityOptions:
    """The options of one node. `on_failure: retry` is a policy without a last attempt."""
    timeouts = {name: fields.duration(name, defaults.timeouts[name]) for name in TIMEOUTS}
    type_name = fields.text("activity", node, max_bytes=200)
    if not type_name:
        fields.problems.add(fields.at("activity"), "an activity's type cannot be empty")
    on_failure = fields.raw("on_failure")
    retry = _retry(fields, defaults.retry)
    if on_failure == "retry":
        retry = replace(retry, max_attempts=0)
    return ActivityOptions(
        type=type_name,
        queue=_queue(fields, defaults.queue),
        retry=retry,
        hold_on_failure=on_failure == "hold",
        start_to_close_timeout=timeouts["start_to_close"] or START_TO_CLOSE_DEFAULT,
        schedule_to_start_timeout=timeouts["schedule_to_start"],
        schedule_to_close_timeout=timeouts["schedule_to_close"],
        heartbeat_timeout=timeouts["heartbeat"],
        priority=fields.integer("priority", defaults.priority, low=1, high=5),
        memory_keys=fields.texts("memory", what="memory keys"),
    )


def read_compensation_options(fields: Fields, defaults: Defaults) -> ActivityOptions:
    """The options of what undoes a node. It has no default type."""
    type_name = fields.text("activity", max_bytes=200)
    if not type_name:
        fields.problems.add(fields.at("activity"), "is missing: the activity that undoes the node")
    timeout = fields.duration("start_to_close", defaults.timeouts["start_to_close"])
    return ActivityOptions(
        type=type_name,
        queue=_queue(fields, defaults.queue),
        retry=_retry(fields, defaults.retry),
        start_to_close_timeout=timeout or START_TO_CLOSE_DEFAULT,
    )


def _queue(fields: Fields, default: str) -> str:
    queue = fields.text("queue", default, max_bytes=200)
    if not queue or not queue.isprintable():
        fields.problems.add(
            fields.at("queue"), "a queue's name cannot be empty or have control characters"
        )
    return queue


def _retry(fields: Fields, default: RetryPolicy) -> RetryPolicy:
    value = fields.raw("retry")
    if value is None:
        return default
    retry = Fields(value, fields.at("retry"), fields.problems)
    backoff = BACKOFFS[retry.choice("backoff", BACKOFFS, "exponential")]
    factor = retry.number("factor", 2.0, low=1.0, high=1_000.0)
    increment = retry.duration("increment")
    # A linear wait is n times the increment, unless the first one is given.
    linear = backoff is Backoff.LINEAR
    first = increment if linear and increment else INITIAL
    initial = retry.duration("initial", first) or first
    longest = retry.duration("max", MAX_PER_INITIAL * initial) or MAX_PER_INITIAL * initial
    policy = RetryPolicy(
        max_attempts=retry.integer(
            "max_attempts", _ATTEMPTS_IF_A_POLICY_SAYS_NOTHING, low=0, high=1_000_000
        ),
        initial_interval=initial,
        backoff=backoff,
        # What another kind of growth would need says nothing.
        coefficient=factor if backoff is Backoff.EXPONENTIAL else NO_RETRY.coefficient,
        increment=(increment or initial) if linear else NO_RETRY.increment,
        max_interval=longest,
        jitter=retry.number("jitter", 0.1, low=0.0, high=1.0),
        retry_on=retry.texts("retry_on", what="kinds of failure"),
        non_retryable_kinds=retry.texts("not_on", what="kinds of failure"),
    )
    if longest < initial:
        said = "" if retry.has("initial") else f", which is {first / 1_000_000:g} s if not given"
        fields.problems.add(retry.at("max"), f"must not be shorter than `initial`{said}")
    retry.close()
    return policy
