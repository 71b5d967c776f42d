"""How feeding a run with events can go wrong, and how one that takes too long is stopped."""

from __future__ import annotations

import ctypes
import sys
import traceback


class Blocked(Exception):
    """The code did not come back; `stack` is where it was."""

    def __init__(self, stack: str, seconds: float) -> None:
        super().__init__(
            f"the workflow's code ran for {seconds:g} s without waiting for anything; "
            "long work belongs into a step"
        )
        self.stack = stack


class Faulty(Exception):
    """Carries to whoever fed a run what cannot go there by itself; see `bearable`."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def bearable(error: BaseException) -> Exception:
    """What the code raised, so that a future can hold it, a coroutine can raise it and a task can
    end with it: none of which StopIteration and what is no `Exception` are good for.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return Faulty(error)


def stack_of(thread: int) -> str:
    """Where a thread is; empty if it has ended."""
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)) if frame is not None else ""


def raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raises it in the thread, soon; None withdraws what has not been raised. Code in C is not
    stopped by this.
    """
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
