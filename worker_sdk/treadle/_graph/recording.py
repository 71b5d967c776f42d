"""Recording: a lambda is called once with stand-ins, and what it does with them becomes CEL.

A stand-in (`Recorded`) answers every operation that CEL has with another stand-in that remembers
the text so far. All else is refused at once, with file and line: an operation that Python would
carry out now (`if`, `len()`, `for`) cannot be carried out later by the server, and a wrong guard is
worse than none.

Some things leave no trace on a stand-in because Python decides them without asking it: `is`, and
`isinstance`. The first is found by looking at the function's code, the second by a `__class__` that
refuses. A guard that comes out as a plain `True` or `False` is refused too, since it cannot have
looked at anything.

What is not here: which names an expression may use where (`treadle.graph`).
"""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType

from treadle._graph import cel
from treadle._graph.cel import Expression
from treadle._graph.recorded import Recorded, to_expression
from treadle._graph.refusals import IDENTITY, CannotRecord, Recording
from treadle.errors import DefinitionError


def record(function: Callable[..., object], *, guard: bool = False) -> tuple[Expression, Recording]:
    """Calls `function` once with a stand-in for each parameter, named as the parameter is.

    Parameters with a default keep it: the usual way of Python to bind a loop's variable. A `guard`
    must depend on its parameters. Raises `CannotRecord`.
    """
    code, recording = _begin(function)
    arguments = [Recorded(cel.variable(name), recording) for name in _parameters(code, recording)]
    expression = call(code, arguments, recording)
    if "_" in expression.names:
        recording.refuse("a parameter named _", "a name that says what it is, such as output")
    if guard and not expression.names:
        recording.refuse(
            f"a guard that is always {expression.text}, because it does not look at its parameters",
            'a condition on them; for a constant the text "true" or "false"',
        )
    return expression, recording


def record_of(name: str, function: Callable[..., object]) -> Expression:
    """Calls `function` once with a stand-in for the variable `name`, whatever its parameter is
    called. Raises `CannotRecord`.
    """
    code, recording = _begin(function)
    return call(code, [Recorded(cel.variable(name), recording)], recording)


def _begin(function: Callable[..., object]) -> tuple[FunctionType, Recording]:
    # type(), not isinstance(): a stand-in must not be asked for its class.
    if type(function) is not FunctionType:
        raise DefinitionError(
            f"{function!r} cannot be recorded as CEL: give a lambda, a function, or CEL text"
        )
    recording = Recording(function)
    line = _line_of_identity(recording.code)
    if line is not None:
        recording.refuse(*IDENTITY, line=line)
    return function, recording


def call(function: FunctionType, arguments: list[Recorded], recording: Recording) -> Expression:
    """Calls the function and writes its result. Raises `CannotRecord`, for errors of its own as
    well.
    """
    try:
        result = function(*arguments)
    except CannotRecord:
        raise
    except Exception as error:
        if recording.refused is not None:
            raise recording.refused from error
        recording.refuse(
            f"the function raised {type(error).__name__}: {error}",
            "what works on values that are not there yet",
            line=_line_of(error, recording.code),
        )
    if recording.refused is not None:
        raise recording.refused
    return to_expression(result, recording)


def _parameters(function: FunctionType, recording: Recording) -> Iterator[str]:
    if recording.code.co_flags & (
        inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
    ):
        recording.refuse("a coroutine or generator", "a plain function")
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            recording.refuse(f"the parameter {parameter}", "one parameter for each name")
        if parameter.default is not parameter.empty:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY:
            recording.refuse(f"the keyword-only parameter {parameter}", "a plain parameter")
        if not cel.is_identifier(parameter.name):
            recording.refuse(
                f"the parameter {parameter}, a word or sign that CEL keeps for itself",
                "another name",
            )
        yield parameter.name


@functools.lru_cache(maxsize=1_000)
def _line_of_identity(code: CodeType) -> int | None:
    """Where the code says `is`, which leaves no trace on a stand-in, and would silently become a
    constant; 0 if the line is not known, None if it does not say it.
    """
    line = 0
    for instruction in dis.get_instructions(code):
        # Python 3.13 has the line of every instruction, earlier ones that of each line's first.
        line = _line(instruction) or line
        name = instruction.opname
        if name == "IS_OP" or name.endswith(("_IF_NONE", "_IF_NOT_NONE")):
            return line
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and (found := _line_of_identity(constant)) is not None:
            return found
    return None


def _line(instruction: dis.Instruction) -> int | None:
    positions = instruction.positions
    return positions.lineno if positions is not None else None


def _line_of(error: BaseException, code: CodeType) -> int | None:
    traceback = error.__traceback__
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
