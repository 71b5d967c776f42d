"""`treadle runs tail`: the events of all runs, a line each, as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from treadle_server.cli.command import Command
from treadle_server.cli.options import Number, OutputFormat, Settings, client_options, time_options

if TYPE_CHECKING:
    from treadle.client import RunEvent
    from treadle_server.cli.screen import Screen
    from treadle_server.cli.wording import Wording


@click.command(
    cls=Command,
    examples=[
        ("What happens from now on", "treadle runs tail"),
        ("Everything so far, and on", "treadle runs tail --after 0"),
        (
            "Failures of one workflow, for a program",
            "treadle runs tail --workflow orders -o jsonl | jq -c 'select(.events[0].runFailed)'",
        ),
    ],
)
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option(
    "--after",
    type=Number(0),
    metavar="POSITION",
    help="What came after this position of the log; 0: all of it.  [default: from now on]",
)
@time_options
@client_options
@click.pass_obj
def tail(settings: Settings, workflow: str | None, after: int | None) -> None:
    """Follow the events of all runs, in the order of their commits.

    A lost connection is made again, and nothing is missed. Ctrl-C ends it.
    """
    from treadle.v1 import run_service_pb2
    from treadle_server.cli.connection import connect
    from treadle_server.cli.messages import print_message
    from treadle_server.cli.screen import Screen
    from treadle_server.cli.wording import Wording

    screen = Screen(settings)
    wording = Wording(utc=settings.utc)
    with connect(settings, patient=True) as client:
        for seen in client.watch_runs(workflow=workflow, after_position=after):
            if settings.output is OutputFormat.TABLE:
                _print_line(screen, wording, seen)
                continue
            message = run_service_pb2.RunEvents(
                run_id=seen.run_id,
                workflow_id=seen.workflow_id,
                workflow=seen.workflow,
                events=[seen.event],
            )
            print_message(message, settings.output)


def _print_line(screen: Screen, wording: Wording, seen: RunEvent) -> None:
    from treadle_server.cli.events import describe
    from treadle_server.cli.moments import clock_time
    from treadle_server.cli.screen import Styled, printable

    words = describe(seen.event, wording)
    parts = [part for part in (words.subject, words.details) if part]
    screen.line(
        Styled(clock_time(seen.event.time, utc=wording.utc), "dim"),
        "  ",
        printable(f"{seen.workflow} {seen.workflow_id}"),
        "  ",
        Styled(words.name, words.style),
        "  " if parts else "",
        "  ".join(parts),
    )
