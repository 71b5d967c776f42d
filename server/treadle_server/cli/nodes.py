"""`treadle runs nodes`: what happened to each node of a run, and where the time went."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from treadle_server.cli.command import Command
from treadle_server.cli.options import (
    Number,
    OutputFormat,
    Settings,
    client_options,
    run_argument,
    time_options,
)

if TYPE_CHECKING:
    from treadle.client import NodeExecution
    from treadle_server.cli.screen import Screen


@click.command(
    cls=Command,
    examples=[
        ("Where a run spent its time", "treadle runs nodes order-17"),
        (
            "The outputs of a map's items",
            "treadle runs nodes order-17 -o jsonl | "
            "jq -r 'select(.key|startswith(\"pick[\")).output.data|@base64d'",
        ),
    ],
)
@run_argument
@click.option(
    "-n",
    "--limit",
    type=Number(),
    metavar="NUMBER",
    default=200,
    show_default=True,
    help="How many at most.",
)
@time_options
@client_options
@click.pass_obj
def nodes(settings: Settings, run: str, by_workflow_id: bool, limit: int) -> None:
    """Show what happened to each node: attempts, waiting, working, what came of it.

    Each iteration of a loop (node#2) and each item of a map (node[17]) has a line of its own.
    """
    from treadle.v1 import run_service_pb2
    from treadle_server.cli.connection import connect, run_name
    from treadle_server.cli.messages import print_list
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        name = run_name(run, is_workflow_id=by_workflow_id)
        listed = list(islice(client.list_nodes(**name, page_size=min(limit + 1, 1000)), limit + 1))
    more = len(listed) > limit
    listed = listed[:limit]
    screen = Screen(settings)
    if settings.output is not OutputFormat.TABLE:
        messages = [one.message for one in listed]
        response = run_service_pb2.ListRunNodesResponse(executions=messages)
        print_list(response, messages, settings.output)
    else:
        _print_table(screen, listed)
    if more:
        screen.note(f"The first {limit:,}; there are more: --limit shows them.")


def _print_table(screen: Screen, listed: list[NodeExecution]) -> None:
    from treadle_server.cli import moments
    from treadle_server.cli.screen import Column, Table, printable
    from treadle_server.cli.states import node_look
    from treadle_server.cli.values import failure_line, one_line

    table = Table(
        (
            Column("NODE", narrow="cut"),
            Column("KIND", narrow="cut"),
            Column("STATE"),
            Column("ATTEMPTS", right=True),
            Column("WAITED", right=True),
            Column("TOOK", right=True),
            Column("WHAT CAME OF IT", narrow="cut"),
        )
    )
    now = moments.now_seconds()
    for one in listed:
        message, look = one.message, node_look(one.message.state)
        begun = moments.seconds_of(message.scheduled_time)
        end = moments.seconds_of(message.end_time) if message.HasField("end_time") else now
        started = message.HasField("started_time")
        work = moments.seconds_of(message.started_time) if started else begun
        failed = message.HasField("failure") and not message.HasField("output")
        result = failure_line(message.failure, 60) if failed else ""
        if message.HasField("output"):
            result = one_line(message.output, 60)
        table.rows.append(
            (
                printable(one.key),
                _kind(one),
                (look.sign, " ", look.word),
                str(one.attempts or ""),
                moments.length(work - begun) if started else "",
                moments.length(end - work),
                result,
            )
        )
    screen.table(table)


def _kind(one: NodeExecution) -> str:
    """With what it runs or waits for, where the key does not say so: those of code are numbers."""
    from treadle_server.cli.screen import printable

    name = one.message.type
    return one.kind if not name or name in one.key else f"{one.kind} {printable(name)}"
