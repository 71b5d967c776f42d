"""How the states of runs and nodes look: one word, one sign, one colour each."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from treadle.v1 import run_service_pb2 as runs_pb
from treadle_server.cli.exit_codes import ExitCode
from treadle_server.cli.screen import Styled
from treadle_server.cli.values import enum_name


class Look(enum.Enum):
    """A state as it is shown: word, sign, style."""

    PENDING = ("pending", "·", "dim")
    READY = ("ready", "○", "cyan")
    RUNNING = ("running", "●", "bold cyan")
    BACKING_OFF = ("backing off", "↻", "yellow")
    CANCELLING = ("cancelling", "●", "yellow")
    HELD = ("held", "‖", "bold magenta")
    COMPLETED = ("completed", "✓", "green")
    FAILED = ("failed", "✗", "bold red")
    CANCELLED = ("cancelled", "⊘", "yellow")
    SKIPPED = ("skipped", "-", "dim")
    UNREACHED = ("unreached", "-", "dim")
    TIMED_OUT = ("timed out", "✗", "bold red")
    TERMINATED = ("terminated", "⊘", "bold red")
    CONTINUED = ("continued", "»", "cyan")
    UNKNOWN = ("unknown", "?", "dim")

    @property
    def style(self) -> str:
        """In rich's words."""
        return self.value[2]

    @property
    def word(self) -> Styled:
        """The state in a word or two."""
        return Styled(self.value[0], self.style)

    @property
    def sign(self) -> Styled:
        """The state as one character."""
        return Styled(self.value[1], self.style)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: its look and the exit code of commands that saw it end."""

    look: Look
    code: ExitCode


_ENDINGS = {
    runs_pb.RUN_STATE_COMPLETED: Ending(Look.COMPLETED, ExitCode.OK),
    runs_pb.RUN_STATE_FAILED: Ending(Look.FAILED, ExitCode.RUN_FAILED),
    runs_pb.RUN_STATE_CANCELLED: Ending(Look.CANCELLED, ExitCode.RUN_CANCELLED),
    runs_pb.RUN_STATE_TIMED_OUT: Ending(Look.TIMED_OUT, ExitCode.RUN_TIMED_OUT),
    runs_pb.RUN_STATE_TERMINATED: Ending(Look.TERMINATED, ExitCode.RUN_TERMINATED),
    runs_pb.RUN_STATE_CONTINUED: Ending(Look.CONTINUED, ExitCode.OK),
}


def run_look(state: runs_pb.RunState) -> Look:
    """How a run in this state looks."""
    if state == runs_pb.RUN_STATE_RUNNING:
        return Look.RUNNING
    return _ENDINGS[state].look if state in _ENDINGS else Look.UNKNOWN


def ending_code(state: runs_pb.RunState) -> ExitCode:
    """The exit code for a run that ended so; FAILURE for a state that is not known here."""
    return _ENDINGS[state].code if state in _ENDINGS else ExitCode.FAILURE


def node_look(state: runs_pb.NodeState) -> Look:
    """How a node in this state looks."""
    name = enum_name(runs_pb.NodeState, state, "NODE_STATE_")
    return Look[name] if name in Look.__members__ else Look.UNKNOWN


def activity_look(state: runs_pb.ActivityState) -> Look:
    """How an open activity in this state looks."""
    name = enum_name(runs_pb.ActivityState, state, "ACTIVITY_STATE_")
    return Look[name] if name in Look.__members__ else Look.UNKNOWN
