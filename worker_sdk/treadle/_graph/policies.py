"""`Retry` and `Defaults`: the settings of activity nodes, and how a document has them.

Nothing is checked here; the server knows what is allowed, and its defaults hold for what is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from treadle._graph.document import duration, kind_names, without_absent

Time: TypeAlias = str | float | timedelta
"""A duration: text such as "250ms", "10s", "1h30m", a number of seconds, or a timedelta."""

ErrorKind: TypeAlias = str | type[BaseException]
"""The name of a kind of failure, or the exception class that has this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a failed attempt is tried again. What is None is left to the server's defaults.

    Args:
        max_attempts: attempts in all, the first one included; 0 is without limit.
        initial: the wait before the second attempt.
        backoff: how the wait grows.
        factor: exponential: from one wait to the next.
        increment: linear: what each wait adds.
        max: no wait is longer.
        jitter: each wait is moved by at most this share of itself; 0.1 is ±10 %.
        retry_on: if given, only failures of these kinds are tried again.
        not_on: failures of these kinds are never tried again.
    """

    max_attempts: int | None = None
    initial: Time | None = None
    backoff: Literal["exponential", "linear", "fixed"] | None = None
    factor: float | None = None
    increment: Time | None = None
    max: Time | None = None
    jitter: float | None = None
    retry_on: Iterable[ErrorKind] = ()
    not_on: Iterable[ErrorKind] = ()

    def __post_init__(self) -> None:
        # By name, and read once: a policy is used again and again, which a generator is not.
        object.__setattr__(self, "retry_on", tuple(kind_names(self.retry_on)))
        object.__setattr__(self, "not_on", tuple(kind_names(self.not_on)))

    def document(self) -> dict[str, object]:
        """The policy as a part of a graph document."""
        return without_absent(
            max_attempts=self.max_attempts,
            initial=duration(self.initial),
            backoff=self.backoff,
            factor=self.factor,
            increment=duration(self.increment),
            max=duration(self.max),
            jitter=self.jitter,
            retry_on=kind_names(self.retry_on),
            not_on=kind_names(self.not_on),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every activity node that does not say otherwise, field by field."""

    queue: str | None = None
    retry: Retry | None = None
    start_to_close: Time | None = None
    schedule_to_start: Time | None = None
    schedule_to_close: Time | None = None
    heartbeat: Time | None = None
    priority: int | None = None

    def document(self) -> dict[str, object]:
        """The defaults as a part of a graph document."""
        return without_absent(
            queue=self.queue,
            retry=self.retry.document() if self.retry else None,
            start_to_close=duration(self.start_to_close),
            schedule_to_start=duration(self.schedule_to_start),
            schedule_to_close=duration(self.schedule_to_close),
            heartbeat=duration(self.heartbeat),
            priority=self.priority,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """One task for each item of a list; the node's output is the list of their results.

    Args:
        over: the list; what the node gets if None. In the node's `input`, `item` is the item.
        parallel: how many tasks are open at once.
        batch: so many items go into one task, which gives a list of as many results.
        tolerate: so many items may fail, or such a share ("10%"); their results are null.
    """

    over: str | Callable[..., object] | None = None
    parallel: int | None = None
    batch: int | None = None
    tolerate: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensate:
    """What undoes a node when its run fails or is cancelled.

    Args:
        activity: the activity, or the name of its type.
        input: its input: `output` is what the node gave; that is the input if None.
        queue: where its tasks wait; the node's defaults hold if None, as for what follows.
        retry: when a failed attempt is tried again.
        start_to_close: the time of one attempt.
    """

    activity: Any
    input: str | Callable[..., object] | None = None
    queue: str | None = None
    retry: Retry | None = None
    start_to_close: Time | None = None
