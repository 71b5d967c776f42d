"""Outside services of the twins in code: they keep what they did, know idempotency keys, and can be
told to fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from treadle import Context, current_context
from treadle.errors import ApplicationError


@dataclass
class Outside:
    """What the world outside has seen: (what, with what), once for each idempotency key."""

    done: list[tuple[str, Any]] = field(default_factory=list)
    failing: dict[str, list[Exception]] = field(default_factory=dict)
    """By name, what the next calls raise."""
    attempts: list[tuple[str, str]] = field(default_factory=list)
    """(what, idempotency key) of every attempt."""
    _seen: dict[str, Any] = field(default_factory=dict)

    def fails(self, name: str, *errors: Exception) -> None:
        """The next calls of this name raise these."""
        self.failing.setdefault(name, []).extend(errors)

    def call(self, name: str, value: Any, answer: Any = None) -> Any:
        """Does something outside, once for each idempotency key."""
        context: Context = current_context()
        key = context.idempotency_key
        self.attempts.append((name, key))
        errors = self.failing.get(name)
        if errors:
            raise errors.pop(0)
        if key not in self._seen:
            self._seen[key] = answer
            self.done.append((name, value))
        return self._seen[key]

    def service(self, name: str, answer: Callable[[Any], Any] | Any = None) -> Callable[..., Any]:
        """A function for a step: `answer` says what it gives."""

        async def call(value: Any = None) -> Any:
            given = answer(value) if callable(answer) else answer
            return self.call(name, value, given)

        call.__name__ = name
        return call

    def names(self) -> list[str]:
        """What was done, in order."""
        return [name for name, _ in self.done]


class Refused(ApplicationError):
    """The outside says no, and will say no again."""
