"""Which workflows have code that is quick, learnt by watching."""

from __future__ import annotations

from typing import Final

from treadle._code.run import RunInfo

QUICK_SECONDS: Final = 0.02
"""A feed takes a fraction of a millisecond; another thread that holds Python's lock adds 5."""

TRIALS: Final = 20
"""So many feeds in a row have to be quick."""

_WORKFLOWS: Final = 1_000
"""Of more, the first are known."""


class Quickness:
    """See the module's docstring. A workflow is known by its name and version."""

    def __init__(self) -> None:
        self._in_a_row: dict[tuple[str, int], int] = {}

    def is_known(self, info: RunInfo) -> bool:
        """Whether the code has been quick for long enough."""
        return self._in_a_row.get((info.workflow, info.version), 0) >= TRIALS

    def note(self, info: RunInfo, seconds: float) -> None:
        """So long a feed of the workflow has taken."""
        key = info.workflow, info.version
        before = self._in_a_row.get(key, 0)
        if seconds >= QUICK_SECONDS:
            self.forget(info)
        elif before < TRIALS and (before or len(self._in_a_row) < _WORKFLOWS):
            self._in_a_row[key] = before + 1

    def forget(self, info: RunInfo) -> None:
        """The code was not quick."""
        self._in_a_row.pop((info.workflow, info.version), None)
