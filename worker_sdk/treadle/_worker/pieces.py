"""What the code wants, in pieces of which each fits into a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from treadle._worker.runs import MAX_BYTES
from treadle.v1.decision_pb2 import DecisionCommand, StepReport

_MAX_COMMANDS: Final = 500


@dataclass(slots=True)
class Piece:
    """Commands of one report."""

    commands: list[DecisionCommand] = field(default_factory=list)
    stopped: list[StepReport] = field(default_factory=list)
    """How the steps stand that these commands stop. One of which the server learns later than of
    its stop has not happened for it, and would never be undone.
    """


def pieces(commands: Iterable[DecisionCommand], stopped: Mapping[int, StepReport]) -> list[Piece]:
    """One at least."""
    found = [Piece()]
    size = 0
    for command in commands:
        outcome = stopped.get(command.stop.index) if command.HasField("stop") else None
        more = command.ByteSize() + (0 if outcome is None else outcome.ByteSize())
        if found[-1].commands and (
            len(found[-1].commands) == _MAX_COMMANDS or size + more > MAX_BYTES
        ):
            found.append(Piece())
            size = 0
        size += more
        found[-1].commands.append(command)
        if outcome is not None:
            found[-1].stopped.append(outcome)
    return found
