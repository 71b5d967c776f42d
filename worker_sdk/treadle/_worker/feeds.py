"""How feeding a run with events can go wrong."""

from __future__ import annotations


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
