"""Options that many commands share, and the types of values that options take.

A shared option may stand before or after the command's name: `treadle -o json runs list` and
`treadle runs list -o json` are the same; the later one wins.
"""

from __future__ import annotations

import enum
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from treadle_server.cli.command import SharedOption

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

LOG_LEVEL_VARIABLE = "TREADLE_LOG_LEVEL"

MAX_INPUT_BYTES = 2 * 1024 * 1024
"""The largest value the contract allows."""

_MAX_NUMBER = 2**53 - 1
"""The largest whole number that every reader of JSON reads as it is; the API's go further."""


class OutputFormat(enum.StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"


@dataclass(slots=True)
class Settings:
    """What the shared options say. `address` None: as `TREADLE_ADDRESS` says, else the default."""

    address: str | None = None
    namespace: str = "default"
    output: OutputFormat = OutputFormat.TABLE
    no_color: bool = False
    quiet: bool = False
    utc: bool = False

    def log_level(self, given: str | None) -> str:
        """The lowest level to log: what was given, else warning with `--quiet`, else info."""
        return given or ("warning" if self.quiet else "info")


def _store(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    settings = ctx.ensure_object(Settings)
    if value is not None and parameter.name is not None:
        setattr(settings, parameter.name, value)


def _parse_output(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> OutputFormat | None:
    _store(ctx, parameter, OutputFormat(value) if value else None)
    return None


def _shared(*names: str, **attributes: Any) -> Callable[[_Decorated], _Decorated]:
    attributes.setdefault("callback", _store)
    return click.option(*names, cls=SharedOption, expose_value=False, **attributes)


_ADDRESS = _shared(
    "--address",
    metavar="HOST:PORT",
    help="The server.  [env: TREADLE_ADDRESS; default: 127.0.0.1:7400]",
)
_NAMESPACE = _shared(
    "--namespace", metavar="NAME", help="Whose workflows and runs.  [default: default]"
)
_OUTPUT = _shared(
    "-o",
    "--output",
    type=click.Choice([known.value for known in OutputFormat]),
    callback=_parse_output,
    help="table for people; json and yaml: the API's message; jsonl: one per line."
    "  [default: table]",
)
_QUIET = _shared(
    "-q", "--quiet", is_flag=True, default=None, help="No messages, only data and errors."
)
_NO_COLOR = _shared(
    "--no-color", is_flag=True, default=None, help="Print without colours.  [env: NO_COLOR]"
)


def log_options(command: _Decorated) -> _Decorated:
    """For commands that print nothing but logs: `log_level` is the lowest that is written."""
    level = click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error", "critical"], case_sensitive=False),
        envvar=LOG_LEVEL_VARIABLE,
        metavar="LEVEL",
        help="What is logged to stderr: debug, info, warning, error or critical.  "
        f"[env: {LOG_LEVEL_VARIABLE}; default: info, with --quiet warning]",
    )
    return level(_QUIET(command))


def connection_options(command: _Decorated) -> _Decorated:
    """For commands that connect to the server and print nothing but logs."""
    return _ADDRESS(_NAMESPACE(log_options(command)))


def client_options(command: _Decorated) -> _Decorated:
    """For commands that call the server."""
    return _ADDRESS(_NAMESPACE(output_options(command)))


def output_options(command: _Decorated) -> _Decorated:
    """For commands that print data."""
    return _OUTPUT(_QUIET(_NO_COLOR(command)))


def run_argument(command: _Decorated) -> _Decorated:
    """The argument RUN, with the option for a workflow id that looks like a run id."""
    option = click.option(
        "--by-workflow-id",
        is_flag=True,
        help="RUN is a workflow id, even if it looks like a run id.",
    )
    return click.argument("run")(option(command))


picture_option = click.option(
    "--as",
    "drawn_as",
    type=click.Choice(["mermaid", "dot"]),
    default="mermaid",
    show_default=True,
    help="The language of the picture.",
)


def time_options(command: _Decorated) -> _Decorated:
    """For commands that print times."""
    return click.option(
        "--utc/--local",
        default=None,
        callback=_store,
        expose_value=False,
        help="Times in UTC or in this machine's time zone.  [default: local]",
    )(command)


class Number(click.IntRange):
    """A whole number from the least on that is allowed: of things, of a version, of an event."""

    def __init__(self, least: int = 1) -> None:
        super().__init__(least)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuses what no message holds."""
        number: int = super().convert(value, param, ctx)
        if number > _MAX_NUMBER:
            self.fail(f"{number} is too large; at most {_MAX_NUMBER:,} is allowed", param, ctx)
        return number


class Duration(click.ParamType[timedelta]):
    """A length of time: "250ms", "10s", "1h30m", "2d", or a number of seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """By the same grammar as in definitions."""
        from treadle_server.definitions.document import parse_duration

        text = str(value).strip()
        try:
            microseconds = parse_duration(float(text))
        except ValueError:
            microseconds = parse_duration(text)
        if microseconds is None:
            self.fail(
                f"{text!r} is not a duration longer than 0 and up to 100 years; "
                "write 250ms, 10s, 5m, 1h30m or 2d",
                param,
                ctx,
            )
        return timedelta(microseconds=microseconds)


class Moment(click.ParamType[datetime]):
    """A point in time in ISO 8601: "2026-12-24T18:00", "2026-12-24 18:00:00Z"."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """In this machine's zone if it names none."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(str(value).strip()).astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time; write 2026-12-24T18:00 or 2026-12-24T18:00Z")


class JsonInput(click.ParamType[bytes]):
    """JSON text, `@FILE`, or `-` for stdin. The text is passed on as it is, in UTF-8, without the
    byte order mark that some editors put before it.

    It is checked here so that the message can show where it is wrong.
    """

    name = "json"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Reads and checks the text."""
        if isinstance(value, bytes):
            return value
        data = self._read(str(value), param, ctx)
        if len(data) > MAX_INPUT_BYTES:
            self.fail(
                f"the input is {len(data):,} bytes long; at most {MAX_INPUT_BYTES:,} are allowed. "
                "Store large values elsewhere and pass a reference.",
                param,
                ctx,
            )
        try:
            text = data.decode("utf-8-sig")
            json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            self.fail(f"not JSON: {_fault(error)}", param, ctx)
        except (ValueError, RecursionError) as error:
            self.fail(f"not JSON: {error}", param, ctx)
        return text.encode()

    def _read(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        if text == "-":
            return sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
        if not text.startswith("@"):
            return os.fsencode(text)
        try:
            with Path(text[1:]).open("rb") as file:
                return file.read(MAX_INPUT_BYTES + 1)
        except OSError as error:
            self.fail(f"cannot read {text[1:]}: {error.strerror or error}", param, ctx)


def _fault(error: json.JSONDecodeError) -> str:
    """What is wrong and where, with the line and a sign below the place."""
    line = error.doc.split("\n")[error.lineno - 1]
    shown = "".join(one if one.isprintable() else " " for one in line)
    start = max(0, error.colno - 40)
    return (
        f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}\n"
        f"  {shown[start : start + 78]}\n  {'':{error.colno - 1 - start}}^"
    )


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def when_options(command: _Decorated) -> _Decorated:
    """`--run-timeout`, `--at` and `--delay`."""
    timeout = click.option(
        "--run-timeout",
        type=Duration(),
        metavar="DURATION",
        help="Time the run out after this long, such as 90s or 1h30m.",
    )
    at = click.option(
        "--at",
        type=Moment(),
        metavar="TIME",
        help="Begin then, such as 2026-12-24T18:00; this machine's time zone unless it names one.",
    )
    delay = click.option(
        "--delay", type=Duration(), metavar="DURATION", help="Begin after so long."
    )
    return timeout(at(delay(command)))


def id_options(command: _Decorated) -> _Decorated:
    """`--id`, and what is to happen if it is taken: `--conflict-policy` and `--reuse-policy`."""
    workflow_id = click.option(
        "--id", "workflow_id", metavar="KEY", help="Your own key: the run's workflow id."
    )
    conflict = click.option(
        "--conflict-policy",
        type=click.Choice(["fail", "use_existing"]),
        help="If an open run has the id of --id: refuse, or give that run.  [default: fail]",
    )
    reuse = click.option(
        "--reuse-policy",
        type=click.Choice(["allow_duplicate", "allow_duplicate_failed_only", "reject_duplicate"]),
        help="If an ended run has it: start anyway, only if that did not complete, or refuse."
        "  [default: allow_duplicate]",
    )
    return workflow_id(conflict(reuse(command)))
