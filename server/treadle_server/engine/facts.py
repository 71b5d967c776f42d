"""What of a graph is to be decided."""

from __future__ import annotations

import enum


class FactKind(enum.IntEnum):
    """What is to be decided; a fact is this and a number."""

    START = 0
    """A node's in-edges are resolved: it can start, or cannot be reached."""
    LEAVE = 1
    """A node is closed and its guards are to be evaluated."""
    TURN = 2
    """A loop's body is at rest and an edge leads back. The number is the loop's."""
    MAP = 3
    """Items of a map can be started or stopped, or the map is over."""
    WAIT = 4
    """An external event has come that a waiting node may be waiting for. In code the number is the
    command's.
    """
    DECISION = 5
    """Code must be asked."""
    MACHINE = 6
    """A state machine can go on."""
    GROUP = 7
    """A run group can go on; the number is how many commands there is room for."""


Fact = tuple[FactKind, int]

MAY_COME_TWICE = frozenset({FactKind.MAP, FactKind.WAIT})
"""An earlier one of these may still be among the candidates, so they are handed out once."""
