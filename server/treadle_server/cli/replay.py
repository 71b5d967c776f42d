"""`treadle replay`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from treadle_server.cli.command import Command
from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.options import OutputFormat, Settings, client_options, run_argument

if TYPE_CHECKING:
    from treadle.v1 import event_pb2
    from treadle.workflows import Workflow


@click.command(
    cls=Command,
    examples=[
        ("Does my code still fit this run?", "treadle replay order-17 --code shop.workflows"),
        (
            "In a test of compatibility, without a server",
            "treadle runs history order-17 -o json > order-17.json\n"
            "treadle replay order-17.json --code shop.workflows",
        ),
    ],
)
@run_argument
@click.option(
    "--code", metavar="MODULE", required=True, help="The module or file that has the workflow."
)
@click.option(
    "--debug", is_flag=True, help="Enter the debugger where the code differs, or breakpoint() is."
)
@client_options
@click.pass_obj
def replay(settings: Settings, run: str, by_workflow_id: bool, code: str, debug: bool) -> int:
    """Feed a run's history to a workflow's code.

    RUN is a run, or a file with the history of one (.json). Nothing is changed and no step is run.
    Says what the code asks for beyond the history; exit code 1 if it does not ask for what the
    history has.
    """
    from treadle.errors import ReplayMismatch
    from treadle.replaying import replay as feed
    from treadle_server.cli.messages import print_plain
    from treadle_server.cli.screen import Screen, printable

    events = _events(settings, run, by_workflow_id)
    workflow = _workflow(code, events[0])
    screen = Screen(settings)
    try:
        replayed = feed(workflow, events)
    except ReplayMismatch as mismatch:
        if settings.output is OutputFormat.TABLE:
            click.echo(printable(str(mismatch), keep_newlines=True))
        else:
            print_plain({"fits": False, "mismatch": str(mismatch)}, settings.output)
        if debug:
            _debug(mismatch)
        return ExitCode.FAILURE
    if settings.output is not OutputFormat.TABLE:
        print_plain({"fits": True, "next": list(replayed.further)}, settings.output)
        return ExitCode.OK
    screen.note(
        f"{workflow.name} version {workflow.version}: all {len(replayed.commands)} commands of "
        f"{len(events)} events are asked for"
    )
    for command in replayed.further:
        click.echo(f"next: {printable(command)}")
    return ExitCode.OK


def _events(settings: Settings, run: str, by_workflow_id: bool) -> list[event_pb2.Event]:
    from treadle.replaying import HistoryUnreadable, read_history
    from treadle_server.cli.connection import connect, history_of, run_name

    if run.endswith(".json") and not by_workflow_id:
        try:
            return read_history(Path(run).read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandFailed(f"cannot read {run}: {error.strerror}", ExitCode.USAGE) from error
        except (HistoryUnreadable, UnicodeDecodeError) as error:
            raise CommandFailed(f"{run}: {error}", ExitCode.USAGE) from error
    with connect(settings) as client:
        return history_of(client, run_name(run, is_workflow_id=by_workflow_id))


def _workflow(code: str, first: event_pb2.Event) -> Workflow[..., Any]:
    from treadle.workflows import Workflow
    from treadle_server.cli import python_objects

    started = first.run_started
    module, attribute = python_objects.load(code)
    named = [getattr(module, attribute, None)] if attribute else vars(module).values()
    found = [one for one in named if isinstance(one, Workflow)]
    for one in found:
        if (one.name, one.version) == (started.workflow, started.version):
            return one
    others = ", ".join(f"{one.name} version {one.version}" for one in found) or "no workflow"
    raise CommandFailed(
        f"{code} does not have {started.workflow} version {started.version}; it has {others}",
        ExitCode.USAGE,
    )


def _debug(mismatch: BaseException) -> None:
    import pdb  # noqa: T100 - what was asked for

    pdb.post_mortem((mismatch.__cause__ or mismatch).__traceback__)
