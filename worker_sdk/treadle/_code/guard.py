"""Refuses, inside workflow code, the calls that a replay would answer otherwise, or that block.

Two nets, both with holes that `treadle lint` covers: functions of the standard library that are
replaced by ones which look whether workflow code calls them, and an audit hook for what reaches
outside (files, sockets, processes, threads). Steps and activities do not run on a workflow's loop,
so they notice nothing. `datetime.now()` is a method in C that neither net sees: it is looked for in
the workflow's own code when that is decorated.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import datetime
import dis
import functools
import gc
import inspect
import os
import random
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from treadle._code.loop import WorkflowLoop
from treadle.errors import DefinitionError, NotDeterministic

_CLOCK = "workflow.now(), which gives the time of the newest event"
_CHANCE = "workflow.random() or workflow.uuid4(), which give the same at each replay"
_SLEEP = "await asyncio.sleep(...), which is durable"
_STEP = "a step: await step(function, ...)"

_FUNCTIONS: tuple[tuple[ModuleType, tuple[str, ...], str], ...] = (
    (
        time,
        ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
        _CLOCK,
    ),
    (time, ("sleep",), _SLEEP),
    (time, ("process_time", "process_time_ns", "localtime", "gmtime", "ctime"), _CLOCK),
    (
        random,
        (
            *("random", "randint", "randrange", "randbytes", "choice", "choices", "sample"),
            *("shuffle", "uniform", "gauss", "normalvariate", "getrandbits", "triangular"),
            *("betavariate", "expovariate", "gammavariate", "lognormvariate", "vonmisesvariate"),
            *("paretovariate", "weibullvariate", "seed"),
        ),
        _CHANCE,
    ),
    (uuid, ("uuid1", "uuid4"), _CHANCE),
    (os, ("urandom",), _CHANCE),
    (
        secrets,
        ("token_bytes", "token_hex", "token_urlsafe", "randbelow", "choice", "randbits"),
        _CHANCE,
    ),
)

_AUDITED: dict[str, str] = {
    "open": _STEP,
    "os.listdir": _STEP,
    "os.scandir": _STEP,
    "os.mkdir": _STEP,
    "os.remove": _STEP,
    "os.rename": _STEP,
    "os.rmdir": _STEP,
    "os.system": _STEP,
    "os.exec": _STEP,
    "os.fork": _STEP,
    "os.posix_spawn": _STEP,
    "subprocess.Popen": _STEP,
    "socket.__new__": _STEP,
    "socket.getaddrinfo": _STEP,
    "socket.gethostbyname": _STEP,
    "sqlite3.connect": _STEP,
    "builtins.input": "an external event: await workflow.wait_for_event(...)",
    "_thread.start_new_thread": "a step, or asyncio's own tasks",
}

_TRUSTED = frozenset({"logging", "structlog", "asyncio", "traceback", "warnings", "treadle"})
"""They may look at the clock: what they do with it comes back to no workflow code."""

_MODULES = ("importlib", "_frozen_importlib", "_frozen_importlib_external")
"""While a module is imported: what that does is done once in a process."""

_INSTALLED = (*_MODULES, "zoneinfo")
"""They read what is installed with the program, and changes with it only."""

_DEBUGGERS = ("pdb", "bdb")
"""Whoever looks at the code with one of these reads and asks as they like."""

_MODULE_FILES = (".py", ".pyc", ".so", ".pyi", ".pth")

_BELOW = WorkflowLoop.run_here.__code__
"""What called this is none of the workflow's code."""

_running_loop = asyncio._get_running_loop
_installed = False


def install() -> None:
    """Puts the nets up, once in a process."""
    global _installed
    if _installed:
        return
    _installed = True
    for module, names, instead in _FUNCTIONS:
        for name in names:
            setattr(module, name, _refusing(module, name, instead))
    as_completed = _in_order(asyncio.tasks.as_completed)
    asyncio.tasks.as_completed = asyncio.as_completed = as_completed
    sys.addaudithook(_audit)


def inside() -> bool:
    """Whether workflow code is running on this thread."""
    return isinstance(asyncio._get_running_loop(), WorkflowLoop)


def _refusing(module: ModuleType, name: str, instead: str) -> Callable[..., Any]:
    """What stands in place of a module's function."""
    original = getattr(module, name)
    said = f"{module.__name__}.{name}()"
    if not isinstance(original, FunctionType):
        return _Refusing(module, name, said, instead)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if type(_running_loop()) is WorkflowLoop:
            _look_at(sys._getframe(1), said, instead)
        return original(*args, **kwargs)

    return call


class _Refusing:
    """In place of a function in C, or of a method: as these, it does not become a method of a class
    that has it as an attribute, and is pickled by its name.
    """

    def __init__(self, module: ModuleType, name: str, said: str, instead: str) -> None:
        original = getattr(module, name)
        functools.update_wrapper(self, original)
        self.__module__, self.__name__, self.__qualname__ = module.__name__, name, name
        self._original = original
        self._said, self._instead = said, instead

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if type(_running_loop()) is WorkflowLoop:
            _look_at(sys._getframe(1), self._said, self._instead)
        return self._original(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self._original)

    def __reduce__(self) -> str:
        return self.__name__


def _look_at(caller: FrameType, said: str, instead: str) -> None:
    """Refuses a call, if workflow code makes it."""
    module = caller.f_globals.get("__name__", "")
    if module.partition(".")[0] in _TRUSTED or _is_within(caller, _MODULES):
        return
    if not _is_cleaning_up(caller):
        refuse(said, instead)


def refuse(what: str, instead: str) -> None:
    """Raises `NotDeterministic`."""
    raise NotDeterministic(
        f"{what} in workflow code, which is replayed: use {instead} instead, or move it into a "
        "step: await step(function, ...)"
        if instead is not _STEP
        else f"{what} in workflow code, which is replayed: move it into {instead}"
    )


def _audit(event: str, args: tuple[Any, ...]) -> None:
    instead = _AUDITED.get(event)
    if instead is None or not inside():
        return
    if event == "open" and isinstance(args[0], str) and _is_installed(args[0]):
        return
    caller = sys._getframe(1)
    if event in ("open", "os.listdir", "os.scandir") and _is_within(caller, _INSTALLED):
        return
    if _is_within(caller, _DEBUGGERS) or _is_cleaning_up(caller):
        return
    shown = f"{event}({args[0]!r})" if args and isinstance(args[0], (str, float, int)) else event
    refuse(shown, instead)


def _is_installed(path: str) -> bool:
    """Whether it is source code, for an import or a traceback, or a time zone, of which one in C
    reads the file.
    """
    zones = sys.modules.get("zoneinfo")
    return path.endswith(_MODULE_FILES) or path.startswith(getattr(zones, "TZPATH", ()))


def _is_within(frame: FrameType | None, modules: tuple[str, ...]) -> bool:
    """Whether workflow code has called one of these modules, of which that is a part."""
    while frame is not None and frame.f_code is not _BELOW:
        if frame.f_globals.get("__name__", "").partition(".")[0] in modules:
            return True
        frame = frame.f_back
    return False


def _is_cleaning_up(frame: FrameType | None) -> bool:
    """Whether Python has called it as it let go of something, which it does in the midst of
    whatever runs: none of the workflow's code.
    """
    told = {getattr(one, "__code__", None) for one in gc.callbacks}
    while frame is not None and frame.f_code is not _BELOW:
        module = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "__del__" or module == "weakref" or frame.f_code in told:
            return True
        frame = frame.f_back
    return False


def _in_order(original: Callable[..., Any]) -> Callable[..., Any]:
    """`asyncio.as_completed` begins what it is given in the order of a set of coroutines, which is
    that of their addresses: in workflow code they begin in the order in which they are given.
    """

    @functools.wraps(original)
    def as_completed(awaitables: Iterable[Any], **options: Any) -> Any:
        if inside():
            awaitables = [asyncio.ensure_future(one) for one in awaitables]
        return original(awaitables, **options)

    return as_completed


# --- what is looked for in the code -------------------------------------------------------------

_NOW = {"now", "utcnow", "today"}


def check_code(function: Callable[..., Any]) -> None:
    """Looks for `datetime.now()` and the like in a workflow's own code, nested functions apart, as
    these may be steps. Raises `DefinitionError` with file and line.
    """
    if not isinstance(function, FunctionType):
        return
    code = function.__code__
    known = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    line = code.co_firstlineno
    before: list[Any] = []
    for instruction in dis.get_instructions(code):
        line = _line(instruction, line)
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"):
            before = [known.get(instruction.argval)]
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and before:
            if _is_clock(before[0], instruction.argval):
                _refuse_clock(code, line, instruction.argval)
            before = [getattr(before[0], str(instruction.argval), None)]
        else:
            before = []


def _line(instruction: dis.Instruction, line: int) -> int:
    starts = instruction.starts_line
    if isinstance(starts, int) and not isinstance(starts, bool):
        return starts
    return getattr(instruction, "line_number", None) or line


def _is_clock(owner: Any, name: str) -> bool:
    is_date = isinstance(owner, type) and issubclass(owner, datetime.date)
    return is_date and name in _NOW


def _refuse_clock(code: CodeType, line: int, name: str) -> None:
    raise DefinitionError(
        f"{code.co_filename}:{line}: .{name}() in the code of workflow {code.co_name!r}, which is "
        f"replayed: use {_CLOCK} instead"
    )
