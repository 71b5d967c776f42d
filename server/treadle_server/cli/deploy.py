"""`treadle deploy`: definitions from files and modules to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from treadle_server.cli.command import Command
from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.options import OutputFormat, Settings, client_options

if TYPE_CHECKING:
    from treadle.client import BlockingClient, Definition
    from treadle.errors import InvalidRequest
    from treadle_server.cli.documents import Document
    from treadle_server.cli.screen import Cell, Screen


@click.command(
    cls=Command,
    examples=[
        ("A definition in YAML or JSON", "treadle deploy orders.yaml"),
        (
            "The graphs of a Python file, or one of a module",
            "treadle deploy orders.py\ntreadle deploy shop.orders:graph",
        ),
        ("Only see whether it is right", "treadle deploy --check *.yaml"),
    ],
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Check only; store nothing.")
@click.option("--no-hints", is_flag=True, help="Give no advice; treadle lint has the rules.")
@client_options
@click.pass_obj
def deploy(settings: Settings, files: tuple[str, ...], check: bool, no_hints: bool) -> int:
    """Store definitions as the next versions of their workflows.

    FILE is a YAML or JSON file, - for stdin, a Python file, or a module, with :NAME for one of its
    graphs. What is there already keeps its version. Faults are shown as FILE:LINE; if there is one
    in any of the files, nothing is stored.
    """
    from treadle_server.cli import documents
    from treadle_server.cli.connection import connect
    from treadle_server.cli.screen import Screen

    loaded = [document for argument in files for document in documents.load(argument)]
    screen = Screen(settings)
    with connect(settings) as client:
        # One document is checked by being stored; of several, all are checked before the first is.
        if check or len(loaded) > 1:
            answers = _send(client, loaded, validate_only=True)
        if not check:
            answers = _send(client, loaded, validate_only=False)
    _print(screen, loaded, answers, is_check=check)
    if not no_hints and settings.output is OutputFormat.TABLE:
        _show_hints(loaded, answers)
    return ExitCode.OK


def _send(
    client: BlockingClient, documents: list[Document], *, validate_only: bool
) -> list[Definition]:
    """The server's answers; raises `CommandFailed` after all faults of all documents were shown."""
    from treadle.errors import InvalidRequest

    answers: list[Definition] = []
    refused = 0
    for document in documents:
        try:
            answers.append(client.deploy(document.content, validate_only=validate_only))
        except InvalidRequest as error:
            refused += 1
            _show_faults(document, error)
    if refused:
        count = (
            "the definition"
            if len(documents) == 1
            else f"{refused} of {len(documents)} definitions"
        )
        raise CommandFailed(f"{count} refused; nothing was stored", ExitCode.USAGE)
    return answers


def _show_faults(document: Document, error: InvalidRequest) -> None:
    """FILE:LINE: PATH: MESSAGE, in the order of the lines."""
    from treadle_server.cli.screen import printable

    if not error.violations:
        click.echo(f"{document.source}: {printable(error.message)}", err=True)
    located = [(document.line_of(fault.field), fault) for fault in error.violations]
    for _, fault in sorted(located, key=lambda pair: pair[0] or 0):
        path = f"{printable(fault.field)}: " if fault.field else ""
        click.echo(f"{document.place(fault.field)}: {path}{printable(fault.description)}", err=True)


def _show_hints(documents: list[Document], answers: list[Definition]) -> None:
    from treadle_server.cli.screen import printable

    for document, answer in zip(documents, answers, strict=True):
        for hint in answer.hints:
            place = f"{document.place(hint.path)}: hint [{hint.rule}]"
            path = printable(hint.path)
            click.echo(f"{place}: {path}: {printable(hint.message)}", err=True)


def _print(
    screen: Screen, documents: list[Document], answers: list[Definition], *, is_check: bool
) -> None:
    from treadle.v1 import definition_service_pb2
    from treadle_server.cli.messages import print_message
    from treadle_server.cli.screen import Column, Table, printable
    from treadle_server.cli.states import Look

    if screen.settings.output is not OutputFormat.TABLE:
        for answer in answers:
            response = definition_service_pb2.DeployDefinitionResponse(
                definition=answer.message,
                created=answer.created,
                hints=[
                    definition_service_pb2.Hint(rule=h.rule, path=h.path, message=h.message)
                    for h in answer.hints
                ],
            )
            print_message(response, screen.settings.output)
        return
    table = Table((Column(), Column(), Column(), Column(narrow="cut")))
    for document, answer in zip(documents, answers, strict=True):
        outcome = "valid" if is_check else "stored" if answer.created else "unchanged"
        version = "" if is_check and answer.created else f" v{answer.version}"
        name: Cell = (Look.COMPLETED.sign, f" {printable(answer.workflow)}{version}")
        table.rows.append((name, outcome, f"{answer.node_count:,} nodes", document.source))
    screen.table(table)
