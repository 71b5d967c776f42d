"""What may be called on, and with, recorded values: the methods behind the dot, and the functions
`treadle.graph` offers.

Each is the counterpart of a function or macro of CEL, or of what Python says with `and`, `if`, `in`
and f-strings.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType

from treadle._graph import cel
from treadle._graph.cel import Expression
from treadle._graph.recorded import Recorded, install_methods, to_expression
from treadle._graph.recording import call
from treadle._graph.refusals import METHODS, Recording
from treadle.errors import DefinitionError


def call_method(
    owner: Recorded, name: str, arguments: tuple[object, ...], keywords: dict[str, object]
) -> Recorded:
    """`owner.name(...)`. Raises `CannotRecord` if there is no such method or the arguments do not
    fit it.
    """
    recording = owner._treadle_recording
    found = _METHODS.get(name)
    if found is None:
        recording.refuse(
            f"the method .{name}(), which CEL does not have",
            f"an activity, or one of {', '.join(METHODS)}",
        )
    try:
        expression = found(owner, *arguments, **keywords)
    except TypeError as error:
        usage = next(method for method in METHODS if method.startswith(f"{name}("))
        recording.refuse(f".{name}() with other arguments than it takes ({error})", f".{usage}")
    return Recorded(expression, recording)


def _get(owner: Recorded, key: object, default: object = None) -> Expression:
    name = _name(owner, key, ".get()")
    subject = owner._treadle_expression
    otherwise = to_expression(default, owner._treadle_recording)
    return cel.ternary(cel.has(subject, name), cel.select(subject, name), otherwise)


def _has(owner: Recorded, key: object) -> Expression:
    return cel.has(owner._treadle_expression, _name(owner, key, ".has()"))


def _size(owner: Recorded) -> Expression:
    return cel.method(owner._treadle_expression, "size", type=cel.INT)


def _contains(owner: Recorded, item: object) -> Expression:
    """What `item in owner` says in Python: part of a text, element of a list, key of an object."""
    subject = owner._treadle_expression
    part = to_expression(item, owner._treadle_recording)
    member = cel.binary("in", part, subject)
    if type(item) is not Recorded and not isinstance(item, str):
        return member
    text = cel.binary("==", cel.call("type", subject), Expression("string"))
    return cel.ternary(text, cel.method(subject, "contains", part, type=cel.BOOL), member)


def _is_in(owner: Recorded, items: object) -> Expression:
    recording = owner._treadle_recording
    return cel.binary("in", owner._treadle_expression, to_expression(items, recording))


def _text_method(name: str) -> Callable[[Recorded, object], Expression]:
    def method(owner: Recorded, text: object) -> Expression:
        argument = to_expression(text, owner._treadle_recording)
        return cel.method(owner._treadle_expression, name, argument, type=cel.BOOL)

    return method


def _conversion(function: str) -> Callable[[Recorded], Expression]:
    def convert(owner: Recorded) -> Expression:
        return cel.call(function, owner._treadle_expression)

    return convert


def _macro(name: str) -> Callable[[Recorded, object], Expression]:
    def apply(owner: Recorded, function: object) -> Expression:
        recording = owner._treadle_recording
        if type(function) is not FunctionType or function.__code__.co_argcount != 1:
            recording.refuse(
                f".{name}() without a function of one parameter", f".{name}(lambda item: ...)"
            )
        inner = Recording(function)
        bound = function.__code__.co_varnames[0]
        if not cel.is_identifier(bound) or bound in owner._treadle_expression.names:
            inner.refuse(f"the parameter {bound}, which means something else here", "another name")
        body = call(function, [Recorded(cel.variable(bound), inner)], inner)
        gives = cel.BOOL if name in ("exists", "all") else ""
        return cel.macro(owner._treadle_expression, name, bound, body, type=gives)

    return apply


def _name(owner: Recorded, key: object, method: str) -> str:
    if type(key) is Recorded or not isinstance(key, str):
        owner._treadle_recording.refuse(
            f"{method} with a key that is no constant text", "a constant"
        )
    return key


_METHODS: dict[str, Callable[..., Expression]] = {
    "get": _get,
    "has": _has,
    "size": _size,
    "contains": _contains,
    "is_in": _is_in,
    "starts_with": _text_method("startsWith"),
    "ends_with": _text_method("endsWith"),
    "matches": _text_method("matches"),
    "as_text": _conversion("string"),
    "as_int": _conversion("int"),
    "as_float": _conversion("double"),
    "map": _macro("map"),
    "filter": _macro("filter"),
    "exists": _macro("exists"),
    "all": _macro("all"),
}


# --- functions ------------------------------------------------------------------------------------


def all_of(*conditions: object) -> Recorded:
    """True if every condition is: CEL's `&&`. Inside a recorded function only."""
    return _chain("&&", "all_of", conditions)


def any_of(*conditions: object) -> Recorded:
    """True if one of the conditions is: CEL's `||`. Inside a recorded function only."""
    return _chain("||", "any_of", conditions)


def not_(condition: object) -> Recorded:
    """True if the condition is not: CEL's `!`. Inside a recorded function only."""
    recording = _recording("not_", condition)
    return Recorded(cel.unary("!", to_expression(condition, recording)), recording)


def if_else(condition: object, then: object, otherwise: object) -> Recorded:
    """`then` if the condition is true, else `otherwise`: CEL's `? :`. Inside a recorded function
    only.
    """
    recording = _recording("if_else", condition, then, otherwise)
    parts = [to_expression(value, recording) for value in (condition, then, otherwise)]
    return Recorded(cel.ternary(*parts), recording)


def text(*parts: object) -> Recorded:
    """All parts as one text, as an f-string would join them. Inside a recorded function only.

    Numbers and booleans are written as CEL writes them; null, lists and objects are a failure when
    it is evaluated.
    """
    recording = _recording("text", *parts)
    written = [
        to_expression(part, recording)
        if _is_text(part)
        else cel.call("string", to_expression(part, recording))
        for part in parts
    ]
    joined = written[0]
    for part in written[1:]:
        joined = cel.binary("+", joined, part)
    return Recorded(joined, recording)


def _is_text(value: object) -> bool:
    # A stand-in is none, and must not be asked for its class.
    return type(value) is not Recorded and isinstance(value, str)


def _chain(operator: str, name: str, conditions: tuple[object, ...]) -> Recorded:
    recording = _recording(name, *conditions)
    written = [to_expression(condition, recording) for condition in conditions]
    joined = written[0]
    for condition in written[1:]:
        joined = cel.binary(operator, joined, condition)
    return Recorded(joined, recording)


def _recording(name: str, *values: object) -> Recording:
    for value in values:
        if type(value) is Recorded:
            return value._treadle_recording
    raise DefinitionError(
        f"{name}() is for functions that a graph records: no argument comes from a parameter"
    )


install_methods(call_method)
