"""`treadle runs`: look at runs and steer them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from treadle_server.cli.command import Group
from treadle_server.cli.nodes import nodes
from treadle_server.cli.options import (
    Duration,
    Number,
    OutputFormat,
    Settings,
    client_options,
    picture_option,
    run_argument,
    time_options,
)
from treadle_server.cli.steering import STEERING
from treadle_server.cli.tail import tail
from treadle_server.cli.watch import watch

if TYPE_CHECKING:
    from treadle.client import Run, RunDescription
    from treadle_server.cli.screen import Screen

_STATES = ["running", "completed", "failed", "cancelled", "timed_out", "terminated", "continued"]
_NODES_SHOWN = 40
_VALUE_WIDTH = 200
_LEAST_VALUE_WIDTH = 20
_WIDTH_BESIDE_VALUES = 80


@click.group(
    cls=Group,
    examples=[
        ("The newest failed runs", "treadle runs list --state failed"),
        ("The runs that wait for a person", "treadle runs list --held"),
        ("Why a run waits", "treadle runs get order-17"),
        ("Follow it to its end", "treadle runs watch order-17"),
    ],
)
def runs() -> None:
    """Look at runs and steer them.

    A RUN is a run id, or a workflow id: then the newest run of that id is meant.
    """


@runs.command(
    "list",
    examples=[
        ("The newest 20 runs of one workflow", "treadle runs list --workflow orders -n 20"),
        ("The ids of all failed runs", "treadle runs list --state failed -o jsonl | jq -r .runId"),
        ("Those that wait for a person, and what for", "treadle runs list --held"),
    ],
)
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option("--state", type=click.Choice(_STATES), help="Only runs in this state.")
@click.option("--held", is_flag=True, help="Only runs that wait for a person; says what for.")
@click.option(
    "-n",
    "--limit",
    type=Number(),
    metavar="NUMBER",
    default=50,
    show_default=True,
    help="How many at most.",
)
@click.option("--all", "everything", is_flag=True, help="No limit.")
@time_options
@client_options
@click.pass_obj
def list_runs(
    settings: Settings,
    workflow: str | None,
    state: str | None,
    held: bool,
    limit: int,
    everything: bool,
) -> None:
    """List runs, newest first.

    A run that waits for a person is shown as held; its state is running.
    """
    from treadle.v1 import run_service_pb2
    from treadle_server.cli.connection import connect
    from treadle_server.cli.messages import print_message
    from treadle_server.cli.screen import Screen

    screen = Screen(settings)
    with connect(settings) as client:
        page_size = 1000 if everything else min(limit + 1, 1000)
        found = iter(
            client.list_runs(workflow=workflow, state=state, held=held, page_size=page_size)
        )
        shown = found if everything else islice(found, limit)
        if settings.output is OutputFormat.JSONL:
            for run in shown:
                print_message(run.message, settings.output)
        else:
            listed = list(shown)
        has_more = next(found, None) is not None
    if settings.output is OutputFormat.TABLE:
        (_print_held if held else _print_table)(screen, listed)
    elif settings.output is not OutputFormat.JSONL:
        messages = [run.message for run in listed]
        print_message(run_service_pb2.ListRunsResponse(runs=messages), settings.output)
    if has_more:
        screen.note(f"The newest {limit:,}; there are more: --limit or --all shows them.")


def _print_table(screen: Screen, listed: list[Run]) -> None:
    from treadle_server.cli import moments
    from treadle_server.cli.screen import Column, Table, printable
    from treadle_server.cli.states import Look, run_look

    if not listed:
        screen.note("No runs.")
        return
    table = Table(
        (
            Column("RUN"),
            Column("WORKFLOW", narrow="cut"),
            Column("WORKFLOW ID", narrow="cut"),
            Column("STATE"),
            Column("STARTED"),
            Column("TOOK", right=True),
        )
    )
    now = moments.now_seconds()
    for run in listed:
        message, look = run.message, Look.HELD if run.held else run_look(run.message.state)
        started = moments.seconds_of(message.start_time)
        ended = moments.seconds_of(message.end_time) if message.HasField("end_time") else now
        table.rows.append(
            (
                run.run_id,
                f"{printable(run.workflow)} v{run.version}",
                printable(run.workflow_id),
                (look.sign, " ", look.word),
                moments.short_time(message.start_time, utc=screen.settings.utc, now=now),
                moments.length(ended - started),
            )
        )
    screen.table(table)


def _print_held(screen: Screen, listed: list[Run]) -> None:
    """The runs with what they are held for, and since when."""
    from treadle_server.cli import moments, values
    from treadle_server.cli.screen import Column, Table, printable

    if not listed:
        screen.note("No runs are held.")
        return
    table = Table(
        (
            Column("RUN"),
            Column("WORKFLOW", narrow="cut"),
            Column("WORKFLOW ID", narrow="cut"),
            Column("SINCE"),
            Column("KEY", narrow="cut"),
            Column("INCIDENT", narrow="fold"),
        )
    )
    now = moments.now_seconds()
    for run in listed:
        held = run.message.held
        others = f"and {held.incident_count - 1:,} more; " if held.incident_count > 1 else ""
        table.rows.append(
            (
                run.run_id,
                f"{printable(run.workflow)} v{run.version}",
                printable(run.workflow_id),
                moments.short_time(held.since_time, utc=screen.settings.utc, now=now),
                printable(held.key),
                others + values.cut(held.incident, None),
            )
        )
    screen.table(table)
    screen.note(
        "`treadle runs get RUN` says more; answer with:  treadle runs answer RUN KEY ANSWER"
    )


@runs.command(
    examples=[
        ("What the run is doing and why it waits", "treadle runs get order-17"),
        (
            "Its output, unpacked",
            "treadle runs get order-17 -o json | jq -r '.output.data|@base64d'",
        ),
    ],
)
@run_argument
@click.option("--full", is_flag=True, help="Show whole values, and every node.")
@time_options
@client_options
@click.pass_obj
def get(settings: Settings, run: str, by_workflow_id: bool, full: bool) -> None:
    """Show a run: its state, its nodes, and why it waits."""
    from treadle_server.cli.connection import connect, run_name
    from treadle_server.cli.messages import print_message
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        name = run_name(run, is_workflow_id=by_workflow_id)
        description = client.get_run(**name, include_nodes=True)
    if settings.output is not OutputFormat.TABLE:
        print_message(description.message, settings.output)
    else:
        _print_description(Screen(settings), description, full)


def _print_description(screen: Screen, description: RunDescription, full: bool) -> None:
    from treadle_server.cli import moments, progress, progress_view, values
    from treadle_server.cli.screen import Column, Styled, Table, printable

    message, width, utc = description.message, None if full else _VALUE_WIDTH, screen.settings.utc
    run, now = message.run, moments.now_seconds()
    seen = progress.from_description(message)
    screen.line(*progress_view.head(seen, now))
    facts = Table((Column(), Column(narrow="fold")))

    def fact(name: str, value: str) -> None:
        facts.rows.append((Styled(f"  {name}", "dim"), value))

    fact("run", run.run_id)
    if message.status:
        fact("status", printable(message.status))
    fact("workflow id", printable(run.workflow_id))
    fact("started", moments.long_time(run.start_time, utc=utc))
    if run.HasField("end_time"):
        fact("ended", moments.long_time(run.end_time, utc=utc))
    fact("events", f"{run.last_seq:,}")
    fact("trace", run.trace_id)
    fact("input", values.one_line(message.input, width))
    if message.HasField("output"):
        fact("output", values.one_line(message.output, width))
    if message.HasField("failure"):
        for index, line in enumerate(values.failure_lines(message.failure)):
            fact("" if index else "failure", line)
    if message.incident:
        fact("incident", printable(message.incident))
    if message.active_states:
        fact("in state", printable(", ".join(message.active_states)))
    if message.accepted_events:
        fact("accepts", printable(", ".join(message.accepted_events)))
    for line in message.warnings:
        fact("warning", printable(line))
    for name in sorted(message.attributes):
        fact(printable(name), values.one_line(message.attributes[name], width))
    waits = list(_waits_for(message, now, utc))
    for line in waits if full else waits[:_NODES_SHOWN]:
        fact("waits for", printable(line))
    if len(waits) > _NODES_SHOWN and not full:
        fact("", f"and {len(waits) - _NODES_SHOWN:,} more; --full shows them")
    screen.table(facts)
    if seen.nodes:
        screen.table(progress_view.tree(seen, now, len(seen.nodes) if full else _NODES_SHOWN))
    unlisted = message.pending_activity_count - len(message.pending_activities)
    if unlisted > 0:
        screen.note(f"{unlisted:,} more open activities are not listed.")
    for pending in seen.nodes.values():
        if pending.incident:
            key = shlex.quote(pending.key)
            answer = f"treadle runs answer {run.run_id} {key} retry|skip|fail"
            screen.note(f"Answer with:  {answer}")


@runs.command(examples=[("The graph with the state of each node", "treadle runs picture order-17")])
@run_argument
@picture_option
@client_options
@click.pass_obj
def picture(settings: Settings, run: str, by_workflow_id: bool, drawn_as: str) -> None:
    """Draw a run's graph or state machine as Mermaid or DOT.

    With the state of each node, or with the states that the machine is in.
    """
    from treadle_server.cli import pictures
    from treadle_server.cli.connection import connect, run_name

    with connect(settings) as client:
        name = run_name(run, is_workflow_id=by_workflow_id)
        description = client.get_run(**name, include_nodes=True)
        of_run = description.run
        document = client.get_definition(of_run.workflow, of_run.version).document()
    in_states = dict.fromkeys(description.active_states, str(description.state))
    click.echo(pictures.picture(document, drawn_as, in_states or description.nodes))


def _waits_for(message: Any, now: float, utc: bool) -> Iterator[str]:
    """What the run waits for beside its activities, in words."""
    from treadle_server.cli import moments

    if message.paused:
        yield "somebody who resumes it: it is paused"
    for timer in message.pending_timers:
        left = moments.length(max(0.0, moments.seconds_of(timer.due_time) - now))
        yield f"the timer {timer.key}, for {left} more"
    for wait in message.pending_waits:
        until = ""
        if wait.HasField("due_time"):
            until = f", until {moments.long_time(wait.due_time, utc=utc)}"
        yield f"the event {wait.event_name} ({wait.key}){until}"
    for child in message.pending_children:
        state = "" if child.started else ", which has not begun"
        yield f"the run {child.run_id} of {child.workflow} ({child.key}){state}"


@runs.command(
    examples=[
        ("All events, values shortened", "treadle runs history order-17"),
        (
            "Types and times as JSON lines",
            "treadle runs history order-17 -o jsonl | jq -c '{seq, time}'",
        ),
    ],
)
@run_argument
@click.option("--full", is_flag=True, help="Show whole values, timeouts and leases.")
@click.option(
    "--after", type=Number(0), default=0, metavar="SEQ", help="Only events after this one."
)
@time_options
@client_options
@click.pass_obj
def history(settings: Settings, run: str, by_workflow_id: bool, full: bool, after: int) -> None:
    """List a run's events in order."""
    from treadle.v1 import run_service_pb2
    from treadle_server.cli.connection import connect, history_of, run_name
    from treadle_server.cli.messages import print_message, print_plain, to_plain
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        name = run_name(run, is_workflow_id=by_workflow_id)
        if settings.output is OutputFormat.JSONL:
            for event in client.history(**name, after_seq=after):
                print_message(event, settings.output)
            return
        listed = history_of(client, name, after_seq=after)
    if settings.output is OutputFormat.TABLE:
        _print_history(Screen(settings), listed, full)
    else:
        plain = to_plain(run_service_pb2.GetRunHistoryResponse(events=listed))
        print_plain({"runId": listed.run_id} | plain, settings.output)


def _print_history(screen: Screen, listed: list[Any], full: bool) -> None:
    from treadle_server.cli import events, moments, wording
    from treadle_server.cli.screen import Column, Styled, Table

    width = wording.SHORT
    if screen.console is not None:  # so that most events take one line
        width = max(_LEAST_VALUE_WIDTH, screen.console.width - _WIDTH_BESIDE_VALUES)
    words_of = wording.Wording(width=None if full else width, utc=screen.settings.utc)
    table = Table(
        (
            Column("SEQ", right=True),
            Column("TIME"),
            Column("EVENT"),
            Column("ABOUT", narrow="cut"),
            Column("DETAILS", narrow="fold"),
        )
    )
    days = {moments.day(event.time, utc=screen.settings.utc) for event in listed}
    for event in listed:
        words = events.describe(event, words_of)
        time = moments.clock_time(event.time, utc=screen.settings.utc)
        if len(days) > 1:
            time = f"{moments.day(event.time, utc=screen.settings.utc)} {time}"
        table.rows.append(
            (
                f"{event.seq}",
                Styled(time, "dim"),
                Styled(words.name, words.style),
                words.subject,
                words.details,
            )
        )
    if not listed:
        screen.note("No events.")
        return
    screen.table(table)
    if len(days) == 1:
        screen.note(f"All on {days.pop()}{', UTC' if screen.settings.utc else ''}.")


runs.add_command(watch)


@runs.command(
    examples=[
        ("Wait and print the output", "treadle runs wait order-17"),
        ("At most five minutes", "treadle runs wait order-17 --timeout 5m"),
    ],
)
@run_argument
@click.option(
    "--timeout", type=Duration(), metavar="DURATION", help="Give up after this long (exit code 1)."
)
@client_options
@click.pass_obj
def wait(settings: Settings, run: str, by_workflow_id: bool, timeout: timedelta | None) -> int:
    """Wait until a run has ended; print its output.

    A run that did not complete makes an exit code of 10 or more. Ctrl-C ends the waiting, not the
    run.
    """
    from treadle_server.cli.connection import connect, run_name
    from treadle_server.cli.screen import Screen
    from treadle_server.cli.start import wait_for_end

    with connect(settings) as client:
        run_id = client.get_run(**run_name(run, is_workflow_id=by_workflow_id)).run_id
    return wait_for_end(settings, Screen(settings), run_id, timeout)


runs.add_command(tail)
runs.add_command(nodes)
for steering in STEERING:
    runs.add_command(steering)
