"""`@activity`: a function that workers run.

    @activity
    async def charge(order: Order, ctx: Context) -> Receipt: ...

The input is checked against the annotations before the function is called. One parameter takes the
whole input; several are taken from the members of an object, by name; none ignores the input. A
parameter annotated as `Context` gets the attempt's context. `async def` runs on the worker's event
loop, a plain `def` in a thread.

What is not here: running it (`_worker/runner.py`), how values are checked (`_types`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, overload

from treadle import payload
from treadle._types import conversion, hints, libraries, schema
from treadle._types.hints import MISSING, Member
from treadle.context import Context
from treadle.errors import DefinitionError
from treadle.v1 import payload_pb2

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Arguments = Callable[[payload_pb2.Payload], dict[str, object]]

INPUT_PATH = "input"
"""What the root of an activity's input is called in messages."""

_MAX_NAME_LENGTH = 200


class Activity(Generic[_Parameters, _Result]):
    """An activity type: its name, its function, and how its input and output are read and written.

    Calling it calls the function, as tests of the function do. Made by `@activity`.
    """

    def __init__(
        self,
        function: Callable[_Parameters, _Result],
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> None:
        self.function = function
        self.name = _checked_name(function.__name__ if name is None else name)
        self.description = inspect.getdoc(function) or "" if description is None else description
        self.is_async = inspect.iscoroutinefunction(function)
        annotations = hints.resolve_hints(function)
        self._output = annotations.get("return", MISSING)
        self._context_name, self._members = _read_signature(function, self.name, annotations)
        self._arguments = _compile_arguments(self.name, self._members)
        functools.update_wrapper(self, function)

    def __call__(self, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        """Calls the function itself: nothing is checked, no server is involved."""
        return self.function(*args, **kwargs)

    @property
    def output(self) -> Any:
        """What the function says that it gives; `inspect.Parameter.empty` if it does not say."""
        return self._output

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what the function takes, without its context."""
        names = inspect.signature(self.function).parameters
        return tuple(name for name in names if name != self._context_name)

    def __repr__(self) -> str:
        return f"<Activity {self.name}>"

    def input_schema(self) -> dict[str, object] | None:
        """JSON Schema of the input; None if the function takes none."""
        if not self._members:
            return None
        if len(self._members) > 1:
            return schema.of_members(self._members)
        return schema.of_annotation(self._members[0].annotation)

    def output_schema(self) -> dict[str, object] | None:
        """JSON Schema of the output; None if the function does not say."""
        return None if self._output is MISSING else schema.of_annotation(self._output)

    def arguments(self, message: payload_pb2.Payload, context: Context) -> dict[str, Any]:
        """The keyword arguments of a call with this input.

        Raises `Mismatch` if the input does not fit, `PayloadError` if it cannot be read at all.
        """
        arguments = self._arguments(message)
        if self._context_name is not None:
            arguments[self._context_name] = context
        return arguments


@overload
def activity(function: Callable[_Parameters, _Result], /) -> Activity[_Parameters, _Result]: ...


@overload
def activity(
    *, name: str | None = None, description: str | None = None
) -> Callable[[Callable[_Parameters, _Result]], Activity[_Parameters, _Result]]: ...


def activity(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
) -> Any:
    """Makes a function an activity; `@activity` or `@activity(name=..., description=...)`.

    Args:
        function: `async def` or `def`.
        name: the activity type; the function's name if None.
        description: for people; the docstring if None.

    Raises `DefinitionError` if the function cannot be one.
    """
    if function is not None:
        return Activity(function, name=name, description=description)
    return functools.partial(Activity, name=name, description=description)


def _checked_name(name: str) -> str:
    if not name or len(name) > _MAX_NAME_LENGTH or not name.isprintable() or name != name.strip():
        raise DefinitionError(
            f"{name!r} cannot be the name of an activity: 1 to {_MAX_NAME_LENGTH} characters, no "
            "control characters, no space around it"
        )
    return name


def _read_signature(
    function: Callable[..., object], name: str, annotations: Mapping[str, object]
) -> tuple[str | None, list[Member]]:
    """The name of the parameter for the context, if there is one, and the others."""
    context_name = None
    members: list[Member] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        ):
            raise DefinitionError(
                f"activity {name!r}: its parameter {parameter} has no name to be called by; "
                "use ordinary parameters"
            )
        annotation = annotations.get(parameter.name, object)
        if hints.unwrap(annotation) is Context:
            context_name = parameter.name
            continue
        if parameter.name == "self" and parameter.annotation is parameter.empty:
            raise DefinitionError(
                f"activity {name!r} is a method; activities are functions. Hand shared objects in "
                "through the worker's `resources`."
            )
        required = parameter.default is parameter.empty
        members.append(Member(parameter.name, annotation, required, parameter.default))
    return context_name, members


def _compile_arguments(name: str, members: list[Member]) -> _Arguments:
    try:
        if not members:
            return lambda message: {}
        if len(members) == 1:
            return _compile_whole(members[0])
        convert = conversion.compile_members(members)
    except DefinitionError as error:
        raise DefinitionError(f"activity {name!r}: {error}") from error
    return lambda message: convert(payload.decode(message), INPUT_PATH)


def _compile_whole(only: Member) -> _Arguments:
    """One parameter: the whole input. No input, or null, leaves it at its default if it has one."""
    name, convert = only.name, conversion.compile_converter(only.annotation)
    read = libraries.reader(hints.unwrap(only.annotation))

    def arguments(message: payload_pb2.Payload) -> dict[str, object]:
        if not only.required and payload.is_null(message):
            return {}
        if read is not None and message.data and payload.is_json(message):
            return {name: read(message.data, INPUT_PATH)}
        return {name: convert(payload.decode(message), INPUT_PATH)}

    return arguments
