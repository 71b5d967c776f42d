"""What a version of a workflow is for."""

from __future__ import annotations

import enum


class VersionState(enum.IntEnum):
    """What a version is for; the numbers are `treadle.v1.VersionState`'s."""

    UNSPECIFIED = 0
    ACTIVE = 1
    DEPRECATED = 2
    RETIRED = 3


RULES = {
    VersionState.ACTIVE: "new runs may take it",
    VersionState.DEPRECATED: "no new runs; those that are open go on",
    VersionState.RETIRED: "no runs at all",
}
"""What each state means."""
