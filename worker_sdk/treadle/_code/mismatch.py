"""What is said when code does not ask for what it asked for before."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from types import FrameType
from typing import Any


class Mismatch(BaseException):
    """The code is not the one that the run has gone on with so far.

    A `BaseException`: workflow code must not be able to catch it and go on.
    """

    def __init__(self, message: str, details: dict[str, Any]) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Suspended(BaseException):
    """The run is not in memory any more: whatever its coroutines still do while they are closed
    counts for nothing.
    """


def place_of(frame: FrameType | None) -> str:
    """`file:line, in function` of the nearest frame that is the user's; empty if none is between
    here and the run's loop.
    """
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name == "treadle._code.loop" and frame.f_code.co_name == "drain":
            return ""
        if not _is_ours(name):
            code = frame.f_code
            return f"{code.co_filename}:{frame.f_lineno}, in {code.co_qualname}"
        frame = frame.f_back
    return ""


def _is_ours(module: str) -> bool:
    first = module.partition(".")[0]
    return first in ("asyncio", "contextlib", "threading", "queue") or module.startswith(
        ("treadle._", "treadle.workflows", "treadle.worker", "treadle.testing")
    )


def place_of_tasks(tasks: Iterable[Any]) -> str:
    """Where the code waits, the first task that does."""
    for task in tasks:
        frames = task.get_stack()
        for frame in reversed(frames):
            if not _is_ours(frame.f_globals.get("__name__", "")):
                return place_of(frame)
        if frames:
            return place_of(frames[-1])
    return ""


def differs(
    index: int, recorded: str | None, produced: str | None, place: str, builds: tuple[str, str]
) -> Mismatch:
    """Command `index` is not what the history has; one of the two is None if there is none."""
    if recorded is None:
        what = f"the code now asks for a {_said(produced)}, where the history has nothing"
    elif produced is None:
        what = f"the history has a {_said(recorded)}, which the code does not ask for any more"
    else:
        what = f"the history has a {_said(recorded)}, and the code now asks for a {_said(produced)}"
    theirs, ours = builds
    lines = [
        f"command {index}: {what}",
        f"  recorded: {recorded or '(nothing)'}" + (f"   [build {theirs}]" if theirs else ""),
        f"  produced: {produced or '(nothing)'}" + (f"   [build {ours}]" if ours else ""),
    ]
    if place:
        lines.append(f"  at {place}")
    lines.append(
        "The run waits for a worker with code that fits. To change code that has open runs, keep "
        'the old way beside the new one: if workflow.patched("what-changed"): new  else: old; or '
        "give the workflow a new version."
    )
    details = {
        "index": index,
        "recorded": recorded,
        "produced": produced,
        "place": place,
        "recorded_build": theirs,
        "produced_build": ours,
    }
    return Mismatch("\n".join(lines), details)


def _said(command: str | None) -> str:
    return repr(command)


def stack_of(frame: FrameType) -> str:
    """A frame's stack as text."""
    return "".join(traceback.format_stack(frame))
