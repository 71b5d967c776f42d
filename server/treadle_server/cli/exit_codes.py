"""The exit codes of every command: documented API, for scripts."""

from __future__ import annotations

import enum
from typing import NoReturn

import click


class ExitCode(enum.IntEnum):
    """How a command ended."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    DATA_LOST = 5
    RUN_FAILED = 10
    RUN_CANCELLED = 11
    RUN_TIMED_OUT = 12
    RUN_TERMINATED = 13
    JOURNAL_FAILED = 70
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "success",
    ExitCode.FAILURE: "failure; for 'journal check': something was found",
    ExitCode.USAGE: "wrong usage, or the server refused an argument as invalid",
    ExitCode.UNREACHABLE: "the server cannot be reached, or did not answer in time",
    ExitCode.NOT_FOUND: "no such run, workflow or version",
    ExitCode.DATA_LOST: "a disk has damaged what the journal holds of the run; 'journal check'",
    ExitCode.RUN_FAILED: "the run failed ('start --wait', 'runs wait', 'runs watch')",
    ExitCode.RUN_CANCELLED: "the run was cancelled",
    ExitCode.RUN_TIMED_OUT: "the run reached its time limit",
    ExitCode.RUN_TERMINATED: "the run was terminated",
    ExitCode.JOURNAL_FAILED: "'server': the journal failed; start it again, it recovers",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
}


class CommandFailed(click.ClickException):
    """Ends the command: the message goes to stderr, the code to the shell."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILURE) -> None:
        super().__init__(message)
        self.code = code


def missing_extra(what: str, extra: str, error: ImportError) -> NoReturn:
    """Says which extra to install. Raises `CommandFailed`, or the error if it is of our own."""
    if error.name is None or error.name.partition(".")[0] in ("treadle", "treadle_server"):
        raise error
    raise CommandFailed(
        f"{what} needs packages that are not installed here (there is no {error.name!r}).\n"
        f"Install them with:  pip install 'treadle[{extra}]'"
    ) from error
