"""`treadle versions`: what the versions of a workflow are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from treadle_server.cli.command import Group
from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.options import Number, OutputFormat, Settings, client_options, time_options

if TYPE_CHECKING:
    from treadle.client import Definition
    from treadle_server.cli.screen import Screen


@click.group(
    cls=Group,
    examples=[
        ("The versions of a workflow", "treadle versions list onboarding"),
        ("No new runs of version 1", "treadle versions set onboarding 1 --state deprecated"),
    ],
)
def versions() -> None:
    """Say which versions new runs may take.

    active: new runs may take it. deprecated: no new runs, those that are open go on. retired: no
    runs at all. One active version is current: new runs that name none take it.
    """


@versions.command("list", examples=[("One workflow", "treadle versions list onboarding")])
@click.argument("workflow")
@time_options
@client_options
@click.pass_obj
def list_versions(settings: Settings, workflow: str) -> None:
    """List a workflow's versions and what they are for."""
    from treadle.v1 import definition_service_pb2
    from treadle_server.cli.connection import connect
    from treadle_server.cli.messages import print_list
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        listed = list(client.list_definitions(workflow=workflow))
    if not listed:
        raise CommandFailed(f"there is no workflow {workflow!r}", ExitCode.NOT_FOUND)
    if settings.output is OutputFormat.TABLE:
        _print_table(Screen(settings), listed)
        return
    messages = [definition.message for definition in listed]
    response = definition_service_pb2.ListDefinitionsResponse(definitions=messages)
    print_list(response, messages, settings.output)


def _print_table(screen: Screen, listed: list[Definition]) -> None:
    from treadle_server.cli import moments
    from treadle_server.cli.screen import Column, Table, printable

    table = Table(
        (
            Column("VERSION", right=True),
            Column("STATE"),
            Column("CURRENT"),
            Column("KIND"),
            Column("DEPLOYED"),
            Column("DESCRIPTION", narrow="cut"),
        )
    )
    now = moments.now_seconds()
    for one in listed:
        deployed = moments.short_time(one.message.create_time, utc=screen.settings.utc, now=now)
        table.rows.append(
            (
                f"{one.version}",
                one.state,
                "yes" if one.current else "",
                one.kind,
                deployed,
                printable(" ".join(one.description.split())),
            )
        )
    screen.table(table)


@versions.command(
    "set",
    examples=[
        ("No new runs of version 1", "treadle versions set onboarding 1 --state deprecated"),
        ("Back to version 2 for new runs", "treadle versions set onboarding 2 --current"),
    ],
)
@click.argument("workflow")
@click.argument("version", type=Number())
@click.option("--state", type=click.Choice(["active", "deprecated", "retired"]))
@click.option("--current", is_flag=True, help="New runs that name no version take this one.")
@click.option("--force", is_flag=True, help="Retire it although runs are open; they are paused.")
@client_options
@click.pass_obj
def set_version(
    settings: Settings, workflow: str, version: int, state: str | None, current: bool, force: bool
) -> int:
    """Say what a version is for."""
    from treadle_server.cli.connection import connect
    from treadle_server.cli.messages import print_message
    from treadle_server.cli.screen import Screen

    if state is None and not current:
        raise click.UsageError("say what to change: --state, --current, or both")
    with connect(settings) as client:
        changed = client.update_version(
            workflow,
            version,
            state=state,  # type: ignore[arg-type]
            make_current=current,
            force=force,
        )
    if settings.output is not OutputFormat.TABLE:
        print_message(changed.message, settings.output)
    else:
        said = f"{changed.workflow} version {changed.version}: {changed.state}"
        Screen(settings).note(said + (", current" if changed.current else ""))
    return ExitCode.OK
