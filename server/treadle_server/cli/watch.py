"""`treadle runs watch`: a live tree on a terminal, a line per event elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from treadle_server.cli.command import Command
from treadle_server.cli.options import (
    OutputFormat,
    Settings,
    client_options,
    run_argument,
    time_options,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from treadle.client import RunDescription
    from treadle.v1 import event_pb2
    from treadle_server.cli.progress import RunProgress
    from treadle_server.cli.screen import Screen

_FRAMES_PER_SECOND = 8
_LINES_AROUND_TREE = 4
_VALUE_WIDTH = 400


@click.command(
    cls=Command,
    examples=[
        ("Follow a run to its end", "treadle runs watch order-17"),
        (
            "Act on every event",
            "treadle runs watch order-17 -o jsonl | while read -r event; do …; done",
        ),
    ],
)
@run_argument
@click.option("--lines", is_flag=True, help="A line per event, on a terminal too.")
@time_options
@client_options
@click.pass_obj
def watch(settings: Settings, run: str, by_workflow_id: bool, lines: bool) -> int:
    """Follow a run until it ends.

    Shows every node's state, attempt and duration, live on a terminal, else a line per event. Of a
    state machine: the states it is in, its last transitions and what it does. A lost connection is
    made again. A run that did not complete makes an exit code of 10 or more. Ctrl-C ends the
    watching, not the run.
    """
    from treadle_server.cli.connection import connect, run_name
    from treadle_server.cli.screen import Screen
    from treadle_server.cli.states import ending_code

    screen = Screen(settings)
    live = settings.output is OutputFormat.TABLE and not lines and screen.can_draw_again
    with connect(settings) as client:
        name = run_name(run, is_workflow_id=by_workflow_id)
        described = client.get_run(**name, include_nodes=live)
    progress = _begun(described)
    with connect(settings, patient=True) as client:
        events = client.watch(described.run_id)
        try:
            if settings.output is not OutputFormat.TABLE:
                _print_messages(progress, events, settings.output)
            elif live and screen.console is not None:
                _print_live(screen.console, progress, events)
            else:
                _print_lines(screen, progress, events)
        except KeyboardInterrupt:
            screen.note(
                f"\nThe run goes on. Watch again with:  treadle runs watch {progress.run_id}"
            )
            raise
    if settings.output is OutputFormat.TABLE:
        _print_end(screen, progress)
    return ending_code(progress.state)


def _begun(described: RunDescription) -> RunProgress:
    """What is known before the first event."""
    from treadle_server.cli.progress import RunProgress, from_description

    if described.active_states:
        # The history of a machine may be cut: what began before its first event is known from here.
        progress = from_description(described.message)
        progress.expect_waits(described.message)
        return progress
    progress = RunProgress(run_id=described.run_id)
    progress.expect(described.nodes)
    return progress


def _print_messages(
    progress: RunProgress, events: Iterable[event_pb2.Event], output: OutputFormat
) -> None:
    from treadle_server.cli.messages import print_message

    for event in events:
        progress.apply(event)
        print_message(event, output)


def _print_lines(screen: Screen, progress: RunProgress, events: Iterable[event_pb2.Event]) -> None:
    from treadle_server.cli.events import describe
    from treadle_server.cli.moments import clock_time
    from treadle_server.cli.screen import Styled
    from treadle_server.cli.wording import Wording

    wording = Wording(utc=screen.settings.utc)
    for event in events:
        progress.apply(event)
        words = describe(event, wording)
        parts = [part for part in (words.subject, words.details) if part]
        screen.line(
            Styled(clock_time(event.time, utc=wording.utc), "dim"),
            "  ",
            Styled(f"{words.name:<22}", words.style),
            "  " if parts else "",
            "  ".join(parts),
        )


def _print_live(console: Console, progress: RunProgress, events: Iterable[event_pb2.Event]) -> None:
    """Draws the tree again and again while events come in.

    rich draws from a thread of its own, so that durations move while no event comes; the lock keeps
    it from seeing half an event.
    """
    from rich.live import Live

    lock = threading.Lock()

    def frame() -> RenderableType:
        with lock:
            return _frame(progress, console.width, console.height - _LINES_AROUND_TREE)

    with Live(
        get_renderable=frame, console=console, refresh_per_second=_FRAMES_PER_SECOND
    ) as display:
        for event in events:
            with lock:
                progress.apply(event)
        display.refresh()


def _frame(progress: RunProgress, width: int, height: int) -> RenderableType:
    from rich.console import Group

    from treadle_server.cli import progress_view
    from treadle_server.cli.moments import now_seconds
    from treadle_server.cli.screen import rich_table, rich_text

    now = now_seconds()
    machine = progress_view.machine(progress, now)
    tree = progress_view.tree(progress, now, max(1, height - len(machine.rows)), wrap=False)
    parts = [rich_table(table, width) for table in (machine, tree) if table.rows]
    return Group(rich_text(progress_view.head(progress, now)), *parts)


def _print_end(screen: Screen, progress: RunProgress) -> None:
    """What the run returned, or why it did not."""
    from treadle_server.cli import values
    from treadle_server.cli.screen import Styled, printable

    if progress.failure is not None:
        node = f" at {printable(progress.failed_node)}" if progress.failed_node else ""
        text = values.failure_line(progress.failure)
        screen.line(Styled(f"failed{node}: ", "bold red"), text)
    elif progress.output is not None:
        screen.line(Styled("output ", "dim"), values.one_line(progress.output, _VALUE_WIDTH))
