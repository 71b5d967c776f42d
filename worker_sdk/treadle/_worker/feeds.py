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
    """Carries a `BaseException` of the replayer to whoever fed it."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error
