"""`treadle definitions`: what is deployed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from treadle_server.cli.command import Group
from treadle_server.cli.options import (
    Number,
    OutputFormat,
    Settings,
    client_options,
    picture_option,
    time_options,
)

if TYPE_CHECKING:
    from treadle.client import Definition
    from treadle_server.cli.screen import Screen


@click.group(
    cls=Group,
    examples=[
        ("What is deployed", "treadle definitions list"),
        ("A definition as YAML", "treadle definitions get orders > orders.yaml"),
    ],
)
def definitions() -> None:
    """Look at deployed workflows and their versions."""


@definitions.command(
    "list",
    examples=[("All versions of one workflow", "treadle definitions list --workflow orders")],
)
@click.option("--workflow", metavar="NAME", help="Only versions of this workflow.")
@time_options
@client_options
@click.pass_obj
def list_definitions(settings: Settings, workflow: str | None) -> None:
    """List workflows and their versions."""
    from treadle.v1 import definition_service_pb2
    from treadle_server.cli.connection import connect
    from treadle_server.cli.messages import print_list
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        listed = list(client.list_definitions(workflow=workflow))
    if settings.output is OutputFormat.TABLE:
        _print_table(Screen(settings), listed)
        return
    messages = [definition.message for definition in listed]
    response = definition_service_pb2.ListDefinitionsResponse(definitions=messages)
    print_list(response, messages, settings.output)


def _print_table(screen: Screen, listed: list[Definition]) -> None:
    from treadle_server.cli import moments
    from treadle_server.cli.screen import Column, Table, printable

    if not listed:
        screen.note("No definitions. Store one with:  treadle deploy FILE")
        return
    table = Table(
        (
            Column("WORKFLOW"),
            Column("VERSION", right=True),
            Column("KIND"),
            Column("NODES", right=True),
            Column("DEPLOYED"),
            Column("DESCRIPTION", narrow="cut"),
        )
    )
    now = moments.now_seconds()
    for definition in listed:
        created = definition.message.create_time
        table.rows.append(
            (
                printable(definition.workflow),
                f"{definition.version}",
                definition.kind,
                f"{definition.node_count:,}",
                moments.short_time(created, utc=screen.settings.utc, now=now),
                printable(" ".join(definition.description.split())),
            )
        )
    screen.table(table)


@definitions.command(
    examples=[
        ("The current version", "treadle definitions get orders"),
        ("An older one as the API's message", "treadle definitions get orders --version 2 -o json"),
    ],
)
@click.argument("name")
@click.option(
    "--version", type=Number(), metavar="NUMBER", help="The version; else the current one."
)
@time_options
@client_options
@click.pass_obj
def get(settings: Settings, name: str, version: int | None) -> None:
    """Print a definition's document, as YAML that can be deployed again.

    As JSON where PyYAML is not installed. With -o json: the API's message, in which the document is
    a text of JSON.
    """
    from treadle_server.cli.connection import connect
    from treadle_server.cli.messages import print_message
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        definition = client.get_definition(name, version or 0)
    if settings.output is OutputFormat.TABLE:
        _print_document(Screen(settings), definition)
    else:
        print_message(definition.message, settings.output)


def _print_document(screen: Screen, definition: Definition) -> None:
    from treadle_server.cli import moments
    from treadle_server.cli.messages import plain_text, to_yaml

    created = moments.long_time(definition.message.create_time, utc=screen.settings.utc)
    screen.note(
        f"{definition.workflow} v{definition.version}, deployed {created}, "
        f"content {definition.content_hash[:12]}"
    )
    document = definition.document()
    if find_spec("yaml") is None:
        click.echo(plain_text(document, OutputFormat.JSON))
    else:
        click.echo(to_yaml(document), nl=False)


@definitions.command(
    examples=[
        ("For a page in Markdown", "treadle definitions picture orders"),
        ("An image, with Graphviz", "treadle definitions picture orders --as dot | dot -Tsvg"),
    ]
)
@click.argument("name")
@click.option(
    "--version", type=Number(), metavar="NUMBER", help="The version; else the current one."
)
@picture_option
@client_options
@click.pass_obj
def picture(settings: Settings, name: str, version: int | None, drawn_as: str) -> None:
    """Draw a graph or a state machine as Mermaid or DOT."""
    from treadle_server.cli import pictures
    from treadle_server.cli.connection import connect

    with connect(settings) as client:
        definition = client.get_definition(name, version or 0)
    click.echo(pictures.picture(definition.document(), drawn_as))
