"""Commands whose help pages end with examples and keep the shared options apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from treadle_server.cli.exit_codes import MEANINGS


class SharedOption(click.Option):
    """An option that many commands have: shown below a command's own."""


class Command(click.Command):
    """A command with examples.

    Args:
        examples: pairs of what an example does and the command line, without the prompt.
    """

    def __init__(
        self, *args: Any, examples: Sequence[tuple[str, str]] = (), **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, then the shared ones."""
        _write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples."""
        _write_examples(self.examples, formatter)


class Group(click.Group):
    """A group with examples, whose commands stay in the order they were added."""

    command_class = Command

    def __init__(
        self, *args: Any, examples: Sequence[tuple[str, str]] = (), **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order they were added."""
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, then the shared ones."""
        self.format_commands(ctx, formatter)
        _write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples."""
        _write_examples(self.examples, formatter)


def write_exit_codes(formatter: click.HelpFormatter) -> None:
    """The section of `treadle --help` that scripts are written by."""
    with formatter.section("Exit codes"):
        formatter.write_dl([(str(int(code)), text) for code, text in MEANINGS.items()])


def _write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    own: list[tuple[str, str]] = []
    shared: list[tuple[str, str]] = []
    for parameter in command.get_params(ctx):
        # Arguments are in the usage line, and in the command's own words.
        record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
        if record is not None:
            # click makes --help, as the last one.
            is_shared = isinstance(parameter, SharedOption) or "--help" in parameter.opts
            (shared if is_shared else own).append(record)
    for title, records in (("Options", own), ("Shared options", shared)):
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def _write_examples(examples: Sequence[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    if not examples:
        return
    with formatter.section("Examples"):
        for purpose, line in examples:
            formatter.write(f"{'':>{formatter.current_indent}}# {purpose}\n")
            for part in line.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{part}\n")
