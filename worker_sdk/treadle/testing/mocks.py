"""Stand-ins for activities: what they answer, what they were asked, and which attempts go wrong."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from treadle import payload
from treadle._code.values import copied
from treadle.activities import Activity
from treadle.context import Context, current_context
from treadle.v1 import payload_pb2


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt that reached an activity."""

    activity: str
    key: str
    """The node, in a graph."""
    attempt: int
    input: Any
    run_id: str
    idempotency_key: str


class Mock:
    """Answers in place of an activity, and remembers what it was asked.

        Mock(returns={"id": "ch-1"})                    always this
        Mock(raises=CardDeclined("no"))                 always fails
        Mock(answers=[TimeoutError("slow"), {"id": 1}]) one after the other; the last one stays

    An answer that is an exception is raised. Plain values can be given as they are, without `Mock`.
    """

    def __init__(
        self,
        *,
        returns: object = None,
        raises: BaseException | None = None,
        answers: Iterable[object] | None = None,
    ) -> None:
        self._answers = list(answers) if answers is not None else [raises or returns]
        if not self._answers:
            raise ValueError("a mock needs at least one answer")
        self.calls: list[Call] = []

    @property
    def inputs(self) -> list[Any]:
        """What it was asked, call by call."""
        return [call.input for call in self.calls]

    def answer(self) -> Any:
        """The next answer."""
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Observed(Activity[..., Any]):
    """An activity with somebody looking on: `before` is called with each attempt that begins, and
    may raise instead of letting it run.
    """

    def __init__(
        self, activity: Activity[..., Any], before: Callable[[Context, Any], None]
    ) -> None:
        self.__dict__.update(activity.__dict__)
        self._before = before

    def arguments(self, message: payload_pb2.Payload, context: Context) -> dict[str, Any]:
        """See `Activity`."""
        self._before(context, payload.decode(message))
        return super().arguments(message, context)


def mocked(mocks: Mapping[str, object]) -> tuple[list[Activity[..., Any]], dict[str, Mock]]:
    """Activities for what a test gave by name, and the mocks among them."""
    activities: list[Activity[..., Any]] = []
    by_name: dict[str, Mock] = {}
    for name, given in mocks.items():
        if isinstance(given, Activity):
            activities.append(Activity(given.function, name=name))
        elif inspect.isroutine(given):
            activities.append(Activity(given, name=name))
        else:
            mock = by_name[name] = given if isinstance(given, Mock) else Mock(returns=given)
            activities.append(Activity(answering(mock), name=name))
    return activities, by_name


def answering(mock: Mock) -> Callable[..., Any]:
    """A function that gives the mock's answers, whatever it is called with."""

    async def answer(value: Any = None, *_more: Any, **_named: Any) -> Any:
        return mock.answer()

    # For an activity: it has one parameter, and takes the whole input by it.
    answer.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("value", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)]
    )
    return answer


def observed_step(
    function: Callable[..., Any], before: Callable[[Context, Any], None]
) -> Callable[..., Any]:
    """The function of a step with somebody looking on, who may raise instead of letting it run."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            before(current_context(), _given(args, kwargs))
            return await function(*args, **kwargs)

        return call_async

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        before(current_context(), _given(args, kwargs))
        return function(*args, **kwargs)

    return call


def _given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a step was called with: its only argument, or all of them. A copy, as the step may
    change what it has.
    """
    given = args[0] if len(args) == 1 and not kwargs else [*args, *kwargs.values()]
    try:
        return copied(given)
    except Exception:  # noqa: BLE001 - what cannot be copied is shared
        return given
