"""When the next attempt begins, in numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle_server.engine.retry import backoff_delay, next_attempt, with_jitter
from treadle_server.engine.values import (
    Backoff,
    Failure,
    FailureKind,
    RetryPolicy,
    RetryState,
    TimeoutKind,
)

SECOND = 1_000_000


def policy(backoff: Backoff = Backoff.EXPONENTIAL, **fields: object) -> RetryPolicy:
    given: dict[str, object] = {"max_attempts": 0, "jitter": 0.0, "backoff": backoff}
    return RetryPolicy(**(given | fields))  # type: ignore[arg-type]


def delays(of: RetryPolicy, count: int = 6) -> list[float]:
    return [backoff_delay(of, retry) / SECOND for retry in range(1, count + 1)]


def test_fixed() -> None:
    assert delays(policy(Backoff.FIXED, initial_interval=5 * SECOND)) == [5] * 6


def test_linear() -> None:
    of = policy(Backoff.LINEAR, initial_interval=SECOND, increment=SECOND, max_interval=4 * SECOND)
    assert delays(of) == [1, 2, 3, 4, 4, 4]


def test_exponential() -> None:
    assert delays(policy(max_interval=30 * SECOND)) == [1, 2, 4, 8, 16, 30]
    assert delays(policy(coefficient=1.5), 4) == [1, 1.5, 2.25, 3.375]


def test_the_largest_wait_unless_said_is_a_hundred_times_the_first() -> None:
    assert delays(policy(), 10)[-3:] == [100, 100, 100]


@pytest.mark.parametrize("backoff", [Backoff.FIXED, Backoff.LINEAR, Backoff.EXPONENTIAL])
def test_the_millionth_retry_has_a_delay(backoff: Backoff) -> None:
    of = policy(backoff, coefficient=1000.0, increment=SECOND)
    assert backoff_delay(of, 1_000_000) <= of.max_interval


@given(delay=st.integers(0, 10**12), share=st.floats(0, 1), seed=st.binary())
def test_jitter_moves_a_delay_by_its_share_at_most(delay: int, share: float, seed: bytes) -> None:
    moved = with_jitter(delay, share, seed)
    assert moved == with_jitter(delay, share, seed)
    assert abs(moved - delay) <= delay * share + 1
    assert moved >= 0


def test_jitter_spreads() -> None:
    moved = [with_jitter(100 * SECOND, 0.1, bytes([n])) // SECOND for n in range(200)]
    assert min(moved) <= 91
    assert max(moved) >= 108


def outcome(of: RetryPolicy, attempt: int = 1, **fields: object) -> int | RetryState:
    give_up_time = fields.pop("give_up_time", None)
    given = {"kind": "Broken"} | fields
    time, why_none = next_attempt(
        of,
        attempt=attempt,
        failure=Failure(**given),  # type: ignore[arg-type]
        now=0,
        give_up_time=give_up_time,  # type: ignore[arg-type]
        seed=b"",
    )
    return time if why_none is None else why_none


def test_attempts_are_counted_the_first_included() -> None:
    three = policy(max_attempts=3)
    assert outcome(three, 1) == SECOND
    assert outcome(three, 2) == 2 * SECOND
    assert outcome(three, 3) is RetryState.MAX_ATTEMPTS
    assert outcome(policy(max_attempts=1)) is RetryState.NO_POLICY
    assert outcome(policy(max_attempts=0), 10**6) == 100 * SECOND


def test_what_is_never_retried() -> None:
    assert outcome(policy(), non_retryable=True) is RetryState.NON_RETRYABLE
    assert outcome(policy(non_retryable_kinds=("Broken",))) is RetryState.NON_RETRYABLE
    assert outcome(policy(retry_on=("Busy",))) is RetryState.NON_RETRYABLE
    assert outcome(policy(retry_on=("Busy", "Broken"))) == SECOND


@pytest.mark.parametrize("kind", [FailureKind.TIMEOUT, FailureKind.MEMORY_CONFLICT])
def test_retry_on_is_about_what_activities_report(kind: str) -> None:
    assert outcome(policy(retry_on=("Busy",)), kind=kind) == SECOND
    assert outcome(policy(non_retryable_kinds=(kind,)), kind=kind) is RetryState.NON_RETRYABLE


@pytest.mark.parametrize("kind", [TimeoutKind.SCHEDULE_TO_START, TimeoutKind.SCHEDULE_TO_CLOSE])
def test_the_timeouts_of_the_whole_activity_are_final(kind: TimeoutKind) -> None:
    assert outcome(policy(), timeout_kind=kind) is RetryState.TIMEOUT


def test_no_attempt_that_could_not_begin_in_time() -> None:
    assert outcome(policy(), give_up_time=SECOND) is RetryState.TIMEOUT
    assert outcome(policy(), give_up_time=SECOND + 1) == SECOND
    assert outcome(policy(), next_delay=0, give_up_time=1) == 0


def test_the_worker_may_set_the_delay_but_not_into_the_past() -> None:
    assert outcome(policy(), next_delay=7 * SECOND) == 7 * SECOND
    assert outcome(policy(), next_delay=-SECOND) == 0
