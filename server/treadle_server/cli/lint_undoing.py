"""Whether what undoes a step or activity of code can take what it is given: that one's result.

Which functions belong together is read off the source; their types are those of the imported
module, compared as the server compares those of a graph. What is not known is not spoken of.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from treadle import workflows
from treadle._types import hints, schema
from treadle.activities import Activity
from treadle.context import Context
from treadle.errors import DefinitionError
from treadle_server.definitions.graph.misfit import find_misfit
from treadle_server.definitions.graph.shapes import Described

RULE = "undo-does-not-fit"

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_STARTS = (workflows.step, workflows.workflow.activity)
"""What makes a call that can be undone."""
_ONE_ARGUMENT = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something that cannot undo what it is to undo."""

    line: int
    message: str


def misfits(source: str, module: ModuleType) -> list[Misfit]:
    """What never fits of what undoes the steps and activities of a module, by line.

    Args:
        source: the module's.
        module: what importing it gave.
    """
    found: list[Misfit] = []
    for node, around in _compensations(ast.parse(source), ()):
        reader = _Reader(vars(module), around)
        done = reader.what_is_done(node.func)
        undo = reader.named(node.args[0])
        reason = "" if done is None or undo is None else _reason(done, undo)
        if reason:
            name, undone = ast.unparse(node.args[0]), getattr(done, "__name__", done)
            message = (
                f"{name!r} undoes {undone!r}, and {reason}; it is called only when a run is "
                "undone, and a person is asked then"
            )
            found.append(Misfit(node.args[0].lineno, message))
    return sorted(found, key=lambda one: one.line)


def _compensations(
    node: ast.AST, around: tuple[_Function, ...]
) -> Iterator[tuple[ast.Call, tuple[_Function, ...]]]:
    """Each call of `.compensate`, with the functions around it."""
    if isinstance(node, _Function):
        around = (*around, node)
    match node:
        case ast.Call(func=ast.Attribute(attr="compensate"), args=[_, *_]):
            yield node, around
        case _:
            pass
    for child in ast.iter_child_nodes(node):
        yield from _compensations(child, around)


class _Reader:
    """Finds what names stand for, where that is sure."""

    def __init__(self, module: Mapping[str, Any], around: Sequence[_Function]) -> None:
        self._module = module
        self._around = around
        self._local = {name for function in around for name in _bound(function)}

    def what_is_done(self, method: ast.expr) -> Any:
        """The function or activity of the call whose method this is; None if that is not known."""
        while True:
            match method:
                case ast.Attribute(attr="returns"):
                    return None  # it says by itself what is given
                case ast.Attribute(value=ast.Call() as call):
                    if self.named(call.func) in _STARTS:
                        return self.named(call.args[0]) if call.args else None
                    method = call.func
                case ast.Attribute(value=ast.Name(id=name)):
                    assigned = self._assigned(name)
                    if assigned is None:
                        return None
                    method = ast.Attribute(value=assigned, attr="")
                case _:
                    return None

    def named(self, node: ast.expr) -> Any:
        """What a name of the module stands for; None if it is none, or a local variable."""
        if isinstance(node, ast.Name):
            return None if node.id in self._local else self._module.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.named(node.value)
            return None if owner is None else getattr(owner, node.attr, None)
        return None

    def _assigned(self, name: str) -> ast.Call | None:
        """The call that a local variable is, if it is set once."""
        stored = [
            node
            for function in self._around[-1:]
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        ]
        values = [
            node.value
            for function in self._around[-1:]
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and node.targets == stored
        ]
        value = values[0] if len(values) == 1 else None
        return value if isinstance(value, ast.Call) else None


def _bound(function: _Function) -> Iterator[str]:
    """The names that a function gives a meaning of its own."""
    for node in ast.walk(function):
        match node:
            case ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if (
                node is not function
            ):
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from ((one.asname or one.name).partition(".")[0] for one in node.names)
            case ast.ExceptHandler(name=str(name)):
                yield name
            case _:
                pass


# --- types ----------------------------------------------------------------------------------------


def _reason(done: Any, undo: Any) -> str:
    """Why it never works; empty if it may."""
    try:
        if isinstance(undo, Activity):
            wanted = _input_of(undo)
        elif callable(undo):
            if reason := _arity(undo):
                return reason
            wanted = _parameter_of(undo)
        else:
            return ""
        given = _result_of(done)
    except (DefinitionError, TypeError, ValueError):
        return ""  # an annotation that JSON has no form of, or something without a signature
    if wanted is None or given is None:
        return ""
    found = find_misfit(Described(given, given), Described(wanted, wanted))
    if found is None:
        return ""
    place = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in found.where)
    return f"does not fit what that gives: {f'`{place[1:]}` ' if place else ''}{found.message}"


def _result_of(done: Any) -> dict[str, object] | None:
    if isinstance(done, Activity):
        return done.output_schema()
    annotation = hints.return_annotation(done) if callable(done) else hints.MISSING
    return None if annotation is hints.MISSING else schema.of_annotation(annotation)


def _input_of(activity: Activity[..., Any]) -> dict[str, object] | None:
    wanted = activity.input_schema()
    parameters = inspect.signature(activity.function).parameters
    defaults = [parameters[name].default for name in activity.parameters]
    if wanted is None or len(defaults) > 1 or defaults[0] is inspect.Parameter.empty:
        return wanted
    # No result leaves the only parameter at its default.
    classes = wanted.pop("$defs", {})
    return {"anyOf": [wanted, {"type": "null"}], "$defs": classes}


def _without_context(function: Any) -> list[inspect.Parameter]:
    annotations = hints.resolve_hints(function)
    parameters = inspect.signature(function).parameters.values()
    return [
        one for one in parameters if hints.unwrap(annotations.get(one.name, object)) is not Context
    ]


def _arity(function: Any) -> str:
    parameters = _without_context(function)
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters):
        return ""
    required = [
        one
        for one in parameters
        if one.default is one.empty and one.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    first = [one for one in parameters if one.kind in _ONE_ARGUMENT][:1]
    if not first:
        return "takes no argument, but is called with what that gives"
    if len(required) > 1 or (required and required != first):
        return f"takes {len(required)} arguments, but is called with what that gives alone"
    return ""


def _parameter_of(function: Any) -> dict[str, object] | None:
    first = next((one for one in _without_context(function) if one.kind in _ONE_ARGUMENT), None)
    if first is None or first.annotation is first.empty:
        return None
    return schema.of_annotation(hints.resolve_hints(function)[first.name])
