"""The root command: what is in it, and how every ending becomes an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import click

from treadle_server.cli.command import Group, write_exit_codes
from treadle_server.cli.definitions import definitions
from treadle_server.cli.deploy import deploy
from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.groups import groups
from treadle_server.cli.journal import journal
from treadle_server.cli.lint import lint
from treadle_server.cli.options import client_options
from treadle_server.cli.replay import replay
from treadle_server.cli.runs import runs
from treadle_server.cli.screen import printable
from treadle_server.cli.server import server
from treadle_server.cli.start import start
from treadle_server.cli.versions import versions
from treadle_server.cli.worker import worker

HELP_WIDTH = 100


class Root(Group):
    """Turns every ending of a command into its documented exit code."""

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        **extra: Any,
    ) -> None:
        """Runs the command line and exits with its code; never returns."""
        extra["standalone_mode"] = False
        try:
            code = super().main(args, prog_name, complete_var, **extra)
        except CommandFailed as error:
            # Servers quote what others have sent them, and a terminal obeys control characters.
            click.echo(f"Error: {printable(error.message, keep_newlines=True)}", err=True)
            code = error.code
        except UnicodeEncodeError as error:
            text = f"{error.object!r} is not UTF-8, and the API takes no other text"
            click.echo(f"Error: {text}", err=True)
            code = ExitCode.USAGE
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            code = ExitCode.INTERRUPTED
        sys.exit(int(code) if code is not None else ExitCode.OK)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; that the reader of its data has enough (`| head`) is no failure."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python would complain again when it flushes stdout at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.OK
        return code

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, and the exit codes that hold for every command."""
        super().format_epilog(ctx, formatter)
        write_exit_codes(formatter)


@click.group(
    cls=Root,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": HELP_WIDTH,
        "auto_envvar_prefix": None,
    },
    examples=[
        ("A server on this machine, with its journal in your data folder", "treadle server"),
        ("A worker for the activities of a module", "treadle worker shop.activities"),
        (
            "Store a workflow, run it, see what it returns",
            "treadle deploy orders.yaml\ntreadle start orders --input '{\"id\": 17}' --wait",
        ),
        (
            "Completion for bash; zsh and fish likewise",
            'eval "$(_TREADLE_COMPLETE=bash_source treadle)"',
        ),
    ],
)
@click.version_option(metadata.version("treadle"), prog_name="treadle")
@client_options
def cli() -> None:
    """Durable workflows: a server with a journal, workers that long-poll it.

    Data goes to stdout, messages go to stderr. The shared options may also stand after the
    command's name.
    """


for command in (
    server,
    worker,
    deploy,
    lint,
    start,
    runs,
    groups,
    definitions,
    versions,
    replay,
    journal,
):
    cli.add_command(command)


def main() -> None:
    """The console script's entry point."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    cli.main(prog_name="treadle")
