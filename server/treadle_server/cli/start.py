"""`treadle start`, and waiting for a run to end."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from treadle_server.cli.command import Command
from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.options import (
    JsonInput,
    Number,
    OutputFormat,
    Settings,
    client_options,
    id_options,
    when_options,
)

if TYPE_CHECKING:
    from treadle.client import BlockingClient, ConflictPolicy, ReusePolicy, StartedRun
    from treadle.errors import RunFailed, RunNotCompleted
    from treadle_server.cli.screen import Screen


_EXAMPLES = [
    ("Start a run and print its id", "treadle start orders --input '{\"id\": 17}'"),
    ("Wait for it and print its output", "treadle start orders --input @order.json --wait"),
    ("At most one open run per order", "treadle start orders --id order-17 --input -"),
    (
        "One run per order, whether it is open or has ended",
        "treadle start orders --id order-17 --conflict-policy use_existing "
        "--reuse-policy reject_duplicate",
    ),
    ("Tomorrow morning", "treadle start orders --at 2026-11-22T06:00:00Z"),
    ("Safe to repeat: one run per request id", "treadle start orders --request-id 2026/17"),
]


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("name")
@click.option(
    "--input",
    "input_json",
    metavar="JSON",
    type=JsonInput(),
    help="JSON text, @FILE, or - for stdin.",
)
@click.option("--wait", is_flag=True, help="Wait for the end; print the output.")
@click.option(
    "--version", type=Number(), metavar="NUMBER", help="The version; else the current one."
)
@id_options
@click.option(
    "--request-id", metavar="TEXT", help="Names this start: the same id again gets the same run."
)
@when_options
@client_options
@click.pass_obj
def start(
    settings: Settings,
    name: str,
    input_json: bytes | None,
    wait: bool,
    version: int | None,
    workflow_id: str | None,
    request_id: str | None,
    conflict_policy: ConflictPolicy | None,
    reuse_policy: ReusePolicy | None,
    run_timeout: timedelta | None,
    at: datetime | None,
    delay: timedelta | None,
) -> int:
    """Start a run of the workflow NAME.

    Prints the run's id, or with --wait what the run returns; a run that does not complete makes an
    exit code of 10 or more. Ctrl-C ends the waiting, not the run.
    """
    from treadle.v1 import payload_pb2
    from treadle_server.cli.connection import connect
    from treadle_server.cli.screen import Screen

    begin = _begin(at, delay)
    screen = Screen(settings)
    with connect(settings) as client:
        started = client.start(
            name,
            None if input_json is None else payload_pb2.Payload(data=input_json),
            version=version or 0,
            workflow_id=workflow_id,
            request_id=request_id,
            run_timeout=run_timeout,
            begin=begin,
            conflict_policy=conflict_policy,
            reuse_policy=reuse_policy,
        ).started
    if started is None:
        raise CommandFailed("the server's answer to the start says nothing")
    verb = "started" if started.started else "was there already:"
    screen.note(f"{verb} {name} v{started.version} as {started.workflow_id}, run {started.run_id}")
    if wait:
        return wait_for_end(settings, screen, started.run_id, None)
    _print_started(settings, screen, started)
    return ExitCode.OK


def _begin(at: datetime | None, delay: timedelta | None) -> datetime | timedelta | None:
    if at is not None and delay is not None:
        raise click.UsageError("give --at or --delay, one of the two")
    return at or delay


def _print_started(settings: Settings, screen: Screen, started: StartedRun) -> None:
    from treadle.v1 import run_service_pb2
    from treadle_server.cli.messages import print_message

    if settings.output is OutputFormat.TABLE:
        click.echo(started.run_id)
        screen.note(f"Watch it with:  treadle runs watch {started.run_id}")
        return
    message = run_service_pb2.StartRunResponse(
        run_id=started.run_id,
        workflow_id=started.workflow_id,
        version=started.version,
        started=started.started,
        trace_id=started.trace_id,
    )
    print_message(message, settings.output)


def wait_for_end(settings: Settings, screen: Screen, run_id: str, timeout: timedelta | None) -> int:
    """Waits for the run, prints its output or why there is none, and returns the exit code.

    Raises `CommandFailed` if it has not ended within `timeout`.
    """
    from treadle.errors import PayloadError, RunNotCompleted
    from treadle_server.cli.connection import connect

    with connect(settings, patient=True) as client:
        seconds = None if timeout is None else timeout.total_seconds()
        try:
            output = client.get_handle(run_id).result(seconds)
        except RunNotCompleted as error:
            return _print_ending(client, error)
        except PayloadError as error:
            raise CommandFailed(
                f"run {run_id} completed, and its output cannot be printed: {error}\n"
                f"Its bytes are in:  treadle runs get {run_id} -o json"
            ) from error
        except TimeoutError:
            raise CommandFailed(f"run {run_id} has not ended; it goes on") from None
        except KeyboardInterrupt:
            screen.note(f"\nThe run goes on. Wait again with:  treadle runs wait {run_id}")
            raise
    print_output(output, settings.output)
    return ExitCode.OK


def print_output(output: object, wanted: OutputFormat) -> None:
    """Prints what a run returned: JSON, unless YAML is wanted; bytes as they are."""
    from treadle_server.cli.messages import print_plain

    if not isinstance(output, bytes):
        print_plain(output, OutputFormat.JSON if wanted is OutputFormat.TABLE else wanted)
    elif sys.stdout.isatty():
        click.echo(f"<{len(output):,} bytes; send them to a file to keep them>", err=True)
    else:
        click.echo(output, nl=False)


def _print_ending(client: BlockingClient, error: RunNotCompleted) -> int:
    """Says on stderr how the run ended."""
    from treadle import errors

    match error:
        case errors.RunFailed():
            _print_failure(client, error)
            return ExitCode.RUN_FAILED
        case errors.RunCancelled():
            code = ExitCode.RUN_CANCELLED
        case errors.RunTimedOut():
            code = ExitCode.RUN_TIMED_OUT
        case errors.RunTerminated():
            code = ExitCode.RUN_TERMINATED
        case _:
            code = ExitCode.FAILURE
    click.echo(str(error), err=True)
    return code


def _print_failure(client: BlockingClient, error: RunFailed) -> None:
    from treadle_server.cli.screen import printable

    failure = error.failure
    click.echo(f"run {error.run_id} failed", err=True)
    click.echo(f"  kind:     {printable(failure.kind)}", err=True)
    click.echo(f"  message:  {printable(failure.message, keep_newlines=True)}", err=True)
    node = _failed_node(client, error.run_id)
    if node:
        click.echo(f"  node:     {printable(node)}", err=True)
    click.echo(f"See how it went with:  treadle runs get {error.run_id}", err=True)


def _failed_node(client: BlockingClient, run_id: str) -> str:
    """The node that the failure came from: only the run's last event has it."""
    last_seq = client.get_run(run_id).run.last_seq
    for event in client.history(run_id, after_seq=last_seq - 1):
        if event.HasField("run_failed"):
            return event.run_failed.node
    return ""
