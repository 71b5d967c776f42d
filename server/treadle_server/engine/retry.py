"""Retry arithmetic: when the next attempt begins, or why there is none.

Attempts are counted, not retries: `max_attempts` includes the first. The wait before the n-th retry
(n from 1) is `d` (fixed), `initial + (n - 1) * increment` (linear) or `initial * coefficient ** (n
- 1)` (exponential), never more than `max_interval`, moved by jitter at the end.
"""

from __future__ import annotations

import zlib

from treadle_server.engine.values import (
    Backoff,
    Duration,
    Failure,
    FailureKind,
    Instant,
    RetryPolicy,
    RetryState,
    TimeoutKind,
)

_FINAL_TIMEOUTS = frozenset({TimeoutKind.SCHEDULE_TO_START, TimeoutKind.SCHEDULE_TO_CLOSE})
_CRC_RANGE = 0xFFFFFFFF


def backoff_delay(policy: RetryPolicy, retry: int) -> Duration:
    """The wait before the `retry`-th retry (from 1), without jitter."""
    match policy.backoff:
        case Backoff.FIXED:
            delay = float(policy.initial_interval)
        case Backoff.LINEAR:
            delay = float(policy.initial_interval + (retry - 1) * policy.increment)
        case _:
            # A float power overflows near 2**1024; long before that the cap holds.
            exponent = min(retry - 1, 1_000)
            try:
                delay = policy.initial_interval * policy.coefficient**exponent
            except OverflowError:
                delay = float(policy.max_interval)
    return int(min(delay, policy.max_interval))


def with_jitter(delay: Duration, share: float, seed: bytes) -> Duration:
    """Moves `delay` by at most `share` of itself, either way.

    The position comes from `seed` (run, key and lease), not from a source of randomness: what
    jitter is for is that runs which failed together do not come back together, and a hash spreads
    them as well as dice would.
    """
    if share <= 0 or delay <= 0:
        return delay
    position = zlib.crc32(seed) / _CRC_RANGE * 2 - 1
    return max(0, int(delay * (1 + share * position)))


def excluded(policy: RetryPolicy, failure: Failure) -> bool:
    """Whether the failure itself rules out another attempt.

    `retry_on` speaks of what activities report; the two timeouts of an attempt are retried unless
    named in `non_retryable_kinds`, because a lost attempt says nothing of the kind of error.
    """
    if failure.non_retryable or failure.kind in policy.non_retryable_kinds:
        return True
    if not policy.retry_on or failure.kind in (FailureKind.TIMEOUT, FailureKind.MEMORY_CONFLICT):
        return False
    return failure.kind not in policy.retry_on


def next_attempt(
    policy: RetryPolicy,
    *,
    attempt: int,
    failure: Failure,
    now: Instant,
    give_up_time: Instant | None,
    seed: bytes,
) -> tuple[Instant, RetryState | None]:
    """When the attempt after number `attempt` begins, and None; or now, and why there is none.

    `give_up_time` is when schedule_to_close runs out; an attempt that could not begin before it is
    not made.
    """
    if failure.timeout_kind in _FINAL_TIMEOUTS:
        return now, RetryState.TIMEOUT
    if policy.max_attempts == 1:
        return now, RetryState.NO_POLICY
    if excluded(policy, failure):
        return now, RetryState.NON_RETRYABLE
    if policy.max_attempts and attempt >= policy.max_attempts:
        return now, RetryState.MAX_ATTEMPTS
    if failure.next_delay is not None:
        delay = max(0, failure.next_delay)
    else:
        delay = with_jitter(backoff_delay(policy, attempt), policy.jitter, seed)
    if give_up_time is not None and now + delay >= give_up_time:
        return now, RetryState.TIMEOUT
    return now + delay, None
