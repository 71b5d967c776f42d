"""Parts that the normal form is made of: durations, options of activities, expressions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from treadle_server.definitions.document import parse_duration
from treadle_server.definitions.expression import (
    SOURCE_LIMIT,
    ExpressionInvalid,
    canonical_source,
    compile_expression,
    mapping_source,
)
from treadle_server.definitions.graph.options import (
    BACKOFFS,
    INITIAL,
    MAX_PER_INITIAL,
    TIMEOUTS,
    Defaults,
)
from treadle_server.engine.values import NO_RETRY, Backoff, Duration, RetryPolicy

_UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000))

_BACKOFF_WORDS = {backoff: word for word, backoff in BACKOFFS.items()}

Part = dict[str, Any]


def duration_text(microseconds: Duration) -> str:
    """The one text of a duration: `1h30m`, `1s500ms`, `0.25ms`."""
    text = ""
    for unit, size in _UNITS:
        amount, microseconds = divmod(microseconds, size)
        text += f"{amount}{unit}" * bool(amount)
    if microseconds or not text:
        text += f"{microseconds / 1_000:.3f}".rstrip("0").rstrip(".") + "ms"
    return text


def said(**parts: Any) -> Part:
    """The parts that say something, in this order."""
    return {name: value for name, value in parts.items() if value is not None and value != ""}


def duration(value: Any) -> str | None:
    """The one text of what a document says of a duration."""
    found = None if value is None else parse_duration(value)
    return None if found is None else duration_text(found)


def options(
    queue: str,
    retry: RetryPolicy,
    timeouts: Mapping[str, Duration | None],
    priority: int,
    usual: Defaults,
) -> Part:
    """Options of activities, where they differ from the usual ones."""
    different = {
        name: duration_text(timeout)
        for name in TIMEOUTS
        if (timeout := timeouts[name]) is not None and timeout != usual.timeouts[name]
    }
    return said(
        queue=queue if queue != usual.queue else None,
        retry=_retry(retry) if retry != usual.retry else None,
        **different,
        priority=priority if priority != usual.priority else None,
    )


def _retry(policy: RetryPolicy) -> Part:
    """Never empty: a policy that says nothing is not the same as none."""
    initial, increment = policy.initial_interval, policy.increment
    stepped = policy.backoff is Backoff.LINEAR and increment != initial
    longest = MAX_PER_INITIAL * initial
    return said(
        max_attempts=policy.max_attempts,
        initial=duration_text(initial) if stepped or initial != INITIAL else None,
        backoff=_BACKOFF_WORDS[policy.backoff] if policy.backoff != NO_RETRY.backoff else None,
        factor=_number(policy.coefficient, NO_RETRY.coefficient),
        increment=duration_text(increment) if stepped else None,
        max=duration_text(policy.max_interval) if policy.max_interval != longest else None,
        jitter=_number(policy.jitter, NO_RETRY.jitter),
        retry_on=list(policy.retry_on) or None,
        not_on=list(policy.non_retryable_kinds) or None,
    )


def _number(value: float, usual: float) -> float | None:
    if value == usual:
        return None
    return int(value) if float(value).is_integer() else value


class _AnyName(Collection[str]):
    """Every name is known: that they are has been checked."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def expression(value: Any, path: str) -> Any:
    """CEL text. A mapping that is too large for one text stays an object, its leaves in order."""
    if value is None:
        return None
    if isinstance(value, str):
        return canonical_source(value, SOURCE_LIMIT)
    try:
        text = canonical_source(mapping_source(value, path), SOURCE_LIMIT)
        compile_expression(text, _AnyName(), path)
    except ExpressionInvalid:
        return _leaves(value)
    return text


def _leaves(value: Any) -> Any:
    match value:
        case str():
            return canonical_source(value, SOURCE_LIMIT)
        case dict():
            return {key: _leaves(part) for key, part in value.items()}
        case list():
            return [_leaves(part) for part in value]
        case _:
            return value
