"""Retry policies and durations, from what a person writes to what the server reads."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from treadle._graph.document import kind_names
from treadle._graph.policies import Retry, Time
from treadle.errors import DefinitionError
from treadle.v1 import payload_pb2

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_WHOLE = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")

_INITIAL = 1_000_000
_ATTEMPTS = 3
"""Of a policy that does not say."""

_BACKOFFS = {
    None: payload_pb2.BACKOFF_EXPONENTIAL,
    "exponential": payload_pb2.BACKOFF_EXPONENTIAL,
    "linear": payload_pb2.BACKOFF_LINEAR,
    "fixed": payload_pb2.BACKOFF_FIXED,
}


def delay_microseconds(value: Time) -> int:
    """A duration: seconds, a timedelta, or text such as "1h30m". Raises `DefinitionError`."""
    if isinstance(value, timedelta):
        return round(value.total_seconds() * 1e6)
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value):
            raise DefinitionError(f'{value!r} is no duration; write it as "250ms", "10s", "1h30m"')
        return round(sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(value)))
    if not math.isfinite(value):
        raise DefinitionError(f"{value!r} is no duration; leave it out if there is no limit")
    return round(value * 1e6)


def retry_message(policy: Retry) -> payload_pb2.RetryPolicy:
    """A policy with the defaults filled in: 3 attempts, 1 s, factor 2, at most 100 times the first
    wait, ±10 %.
    """
    initial = _INITIAL if policy.initial is None else delay_microseconds(policy.initial)
    message = payload_pb2.RetryPolicy(
        max_attempts=_ATTEMPTS if policy.max_attempts is None else policy.max_attempts,
        backoff=_BACKOFFS[policy.backoff],
        coefficient=2.0 if policy.factor is None else policy.factor,
        jitter=0.1 if policy.jitter is None else policy.jitter,
        retry_on=kind_names(policy.retry_on),
        non_retryable_kinds=kind_names(policy.not_on),
    )
    message.initial_interval.FromMicroseconds(initial)
    increment = initial if policy.increment is None else delay_microseconds(policy.increment)
    message.increment.FromMicroseconds(increment)
    longest = 100 * initial if policy.max is None else delay_microseconds(policy.max)
    message.max_interval.FromMicroseconds(longest)
    return message
