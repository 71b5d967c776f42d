"""`treadle groups`: many runs at once, and waiting for them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from treadle_server.cli.command import Group
from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.options import (
    Duration,
    JsonInput,
    Number,
    OutputFormat,
    Settings,
    client_options,
)

if TYPE_CHECKING:
    from treadle.client import BlockingClient, BlockingGroupHandle, GroupMember, GroupStatus, Start
    from treadle_server.cli.screen import Screen

_VALUE_WIDTH = 80


@click.group(
    cls=Group,
    examples=[
        ("Three runs, one for each input", "treadle groups start pay --inputs '[1, 2, 3]' --wait"),
        ("How it stands", "treadle groups get batch-7 --members"),
        ("All groups, as runs", "treadle runs list --workflow treadle.group"),
    ],
)
def groups() -> None:
    """Start many runs at once, and wait for all or for some of them.

    A GROUP is a run of its own: its run id, or the workflow id that was given to it. Cancel it with
    `treadle runs cancel` to cancel what is left of it.
    """


@groups.command(
    "start",
    examples=[
        ("A thousand runs", "treadle groups start probe -n 1000"),
        (
            "Until three are done, a minute at most; the rest is cancelled",
            "treadle groups start quote --inputs @shops.json --quota 3 --duration 1m --wait",
        ),
        ("A day long; the rest goes on", "treadle groups start poll -n 50 --duration 1d --leave"),
    ],
)
@click.argument("name")
@click.option(
    "--inputs",
    metavar="JSON",
    type=JsonInput(),
    help="An array with an input for each run: JSON text, @FILE, or - for stdin.",
)
@click.option("-n", "--count", type=Number(), metavar="NUMBER", help="So many, without inputs.")
@click.option("--quota", type=Number(), metavar="NUMBER", help="Until so many complete.")
@click.option("--count-ended", is_flag=True, help="What fails counts for the quota, too.")
@click.option("--duration", type=Duration(), metavar="TIME", help="No longer than this: 90s, 1h.")
@click.option(
    "--leave",
    "leave_rest",
    is_flag=True,
    help="What has not ended then goes on; else is cancelled.",
)
@click.option("--version", type=Number(), metavar="NUMBER", help="Of the workflow.")
@click.option("--id", "workflow_id", metavar="KEY", help="Your own key of the group.")
@click.option("--wait", is_flag=True, help="Wait for its end; print what became of each run.")
@client_options
@click.pass_obj
def start(
    settings: Settings,
    /,
    name: str,
    inputs: bytes | None,
    count: int | None,
    version: int | None,
    quota: int | None,
    wait: bool,
    **options: Any,
) -> int:
    """Start many runs of the workflow NAME as one group.

    Prints the group's run id, or with --wait what became of each run. Ctrl-C ends the waiting, not
    the group.
    """
    from treadle_server.cli.connection import connect
    from treadle_server.cli.screen import Screen

    screen = Screen(settings)
    items = _items(name, version or 0, inputs, count)
    with connect(settings) as client:
        group = client.start_group(items, quota=quota or 0, **options)
    screen.note(f"started {len(items):,} runs of {name} as group {group.run_id}")
    if wait:
        return _wait(settings, screen, group.run_id, None)
    if settings.output is OutputFormat.TABLE:
        click.echo(group.run_id)
        screen.note(f"Wait for them with:  treadle groups wait {group.run_id}")
    else:
        with connect(settings) as client:
            _print(settings, client.get_group(group.run_id), members=False)
    return ExitCode.OK


@groups.command("get", examples=[("With each of its runs", "treadle groups get batch-7 --members")])
@click.argument("group")
@click.option("--members", is_flag=True, help="Also what became of each run.")
@client_options
@click.pass_obj
def get(settings: Settings, group: str, members: bool) -> None:
    """Show how a group stands."""
    from treadle_server.cli.connection import connect
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        handle = _handle(client, group)
        if settings.output is not OutputFormat.TABLE:
            _print(settings, handle, members=members)
            return
        _print_status(Screen(settings), handle.status())
        if members:
            _print_members(Screen(settings), list(handle.members()))


@groups.command("wait", examples=[("An hour at most", "treadle groups wait batch-7 --timeout 1h")])
@click.argument("group")
@click.option("--timeout", type=Duration(), metavar="TIME", help="Wait no longer than this.")
@client_options
@click.pass_obj
def wait(settings: Settings, group: str, timeout: timedelta | None) -> int:
    """Wait until a group's waiting is over; print what became of each run.

    Shows on the way how many are done. That runs failed is no failure of the group.
    """
    from treadle_server.cli.connection import connect
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        run_id = _handle(client, group).run_id
    return _wait(settings, Screen(settings), run_id, timeout)


def _items(name: str, version: int, inputs: bytes | None, count: int | None) -> list[Start]:
    from treadle.client import Start

    if (inputs is None) == (count is None):
        raise click.UsageError("say either --inputs, an array, or -n, how many")
    if count is not None:
        return [Start(workflow=name, version=version) for _ in range(count)]
    given = json.loads(inputs or b"null")
    if not isinstance(given, list):
        raise click.BadParameter("must be an array: an input for each run", param_hint="--inputs")
    return [Start(workflow=name, version=version, input=one) for one in given]


def _handle(client: BlockingClient, group: str) -> BlockingGroupHandle:
    from treadle_server.cli.connection import run_name

    name = run_name(group)
    run_id = name.get("run_id") or client.get_run(**name).run_id
    return client.get_group(run_id)


def _wait(settings: Settings, screen: Screen, run_id: str, timeout: timedelta | None) -> int:
    from treadle import errors
    from treadle_server.cli.connection import connect
    from treadle_server.cli.machine_events import REASONS

    with connect(settings, patient=True) as client:
        handle = client.get_group(run_id)
        try:
            if timeout is None:
                _show_progress(screen, handle)
            handle.wait(None if timeout is None else timeout.total_seconds())
            code = ExitCode.OK
        except errors.RunCancelled:
            code = ExitCode.RUN_CANCELLED
        except errors.RunTerminated:
            code = ExitCode.RUN_TERMINATED
        except TimeoutError:
            raise CommandFailed(f"group {run_id} has not ended; it goes on") from None
        except KeyboardInterrupt:
            screen.note(f"\nThe group goes on. Wait again with:  treadle groups wait {run_id}")
            raise
        if settings.output is not OutputFormat.TABLE:
            _print(settings, handle, members=True)
            return code
        _print_members(screen, list(handle.members()))
        status = handle.status()
        screen.note(REASONS.get(status.reason, "the group did not come to its end"))
        screen.note(_words(status))
    return code


def _show_progress(screen: Screen, handle: BlockingGroupHandle) -> None:
    with screen.progress("waiting") as tell:
        for status in handle.watch():
            tell(_words(status))


def _words(status: GroupStatus) -> str:
    counts = {
        "completed": status.completed,
        "failed": status.failed,
        "cancelled": status.cancelled,
        "timed out": status.timed_out,
        "terminated": status.terminated,
        "running": status.running,
        "not started": status.not_started,
    }
    parts = [f"{count:,} {name}" for name, count in counts.items() if count or name == "completed"]
    wanted = f" (wanted: {status.quota:,})" if status.quota else ""
    return f"{', '.join(parts)} of {status.total:,}{wanted}"


def _print_status(screen: Screen, status: GroupStatus) -> None:
    from treadle_server.cli.machine_events import REASONS
    from treadle_server.cli.screen import Column, Table

    table = Table([Column(), Column()])
    table.rows.append(("group", status.run_id))
    table.rows.append(("state", status.state.lower()))
    if status.reason:
        table.rows.append(("reason", REASONS.get(status.reason, status.reason)))
    table.rows.append(("runs", _words(status)))
    screen.table(table)


def _print_members(screen: Screen, members: list[GroupMember]) -> None:
    from treadle_server.cli.screen import Column, Table
    from treadle_server.cli.values import failure_line, one_line

    table = Table(
        [Column("#", right=True), Column("run id"), Column("state"), Column("result", narrow="cut")]
    )
    for member in members:
        result = ""
        if member.message.HasField("output"):
            result = one_line(member.message.output, _VALUE_WIDTH)
        elif member.message.HasField("failure"):
            result = failure_line(member.message.failure, _VALUE_WIDTH)
        table.rows.append((str(member.index), member.run_id, member.state.lower(), result))
    screen.table(table)


def _print(settings: Settings, handle: BlockingGroupHandle, *, members: bool) -> None:
    from treadle.v1 import run_service_pb2
    from treadle_server.cli.messages import print_list, print_message

    found = [member.message for member in handle.members()] if members else []
    answer = run_service_pb2.GetGroupResponse(status=handle.status().message, members=found)
    if members:
        print_list(answer, found, settings.output)
    else:
        print_message(answer, settings.output)
