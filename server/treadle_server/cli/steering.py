"""The verbs of `treadle runs` that change a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import click

from treadle_server.cli.command import Command
from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.options import (
    JsonInput,
    OutputFormat,
    Settings,
    client_options,
    run_argument,
)

if TYPE_CHECKING:
    from treadle.client import BlockingClient, Run, StartedRun

_reason = click.option(
    "--reason", default="", metavar="TEXT", help="For people; kept in the history."
)
_output = click.option(
    "--output-value",
    type=JsonInput(),
    metavar="JSON",
    help="What it gives: JSON, @FILE, or - for stdin.  [default: null]",
)


@click.command(
    cls=Command,
    examples=[("Ask a run to end", "treadle runs cancel order-17 --reason 'ordered twice'")],
)
@run_argument
@_reason
@click.option("--no-compensation", is_flag=True, help="Leave what was done as it is.")
@client_options
@click.pass_obj
def cancel(
    settings: Settings, run: str, by_workflow_id: bool, reason: str, no_compensation: bool
) -> int:
    """Ask a run to end.

    Nothing new starts; open attempts are asked to stop and waited for; then what was done is
    undone, where the workflow says how. If something stays undone, the run ends as failed
    (treadle.NotUndone). Asking twice is fine.
    """
    return _steer(
        settings,
        "asked to end",
        lambda client, name: client.cancel(**name, reason=reason, compensate=not no_compensation),
        run,
        by_workflow_id,
    )


@click.command(
    cls=Command,
    examples=[("End a run at once", "treadle runs terminate order-17 --reason 'wrong data'")],
)
@run_argument
@_reason
@client_options
@click.pass_obj
def terminate(settings: Settings, run: str, by_workflow_id: bool, reason: str) -> int:
    """End a run at once.

    Nothing is compensated; results of attempts that are still open are refused.
    """
    return _steer(
        settings,
        "terminated",
        lambda client, name: client.terminate(**name, reason=reason),
        run,
        by_workflow_id,
    )


@click.command(
    cls=Command,
    examples=[("Hold a run back", "treadle runs pause order-17 --reason 'the bank is closed'")],
)
@run_argument
@_reason
@client_options
@click.pass_obj
def pause(settings: Settings, run: str, by_workflow_id: bool, reason: str) -> int:
    """Hold a run back.

    What workers have goes on and is taken; nothing new starts until it is resumed.
    """
    return _steer(
        settings,
        "paused",
        lambda client, name: client.pause(**name, reason=reason),
        run,
        by_workflow_id,
    )


@click.command(cls=Command, examples=[("Let it go on", "treadle runs resume order-17")])
@run_argument
@_reason
@client_options
@click.pass_obj
def resume(settings: Settings, run: str, by_workflow_id: bool, reason: str) -> int:
    """Let a paused run go on."""
    return _steer(
        settings,
        "resumed",
        lambda client, name: client.resume(**name, reason=reason),
        run,
        by_workflow_id,
    )


@click.command(
    cls=Command,
    examples=[
        ("Try a held activity again", "treadle runs answer order-17 charge_payment retry"),
        (
            "Go on with an output given by hand",
            "treadle runs answer order-17 charge_payment skip --output-value '{\"id\": 7}'",
        ),
    ],
)
@run_argument
@click.argument("key")
@click.argument("answer", type=click.Choice(["retry", "skip", "fail"]))
@_output
@_reason
@client_options
@click.pass_obj
def answer(
    settings: Settings,
    run: str,
    by_workflow_id: bool,
    key: str,
    answer: Literal["retry", "skip", "fail"],
    output_value: bytes | None,
    reason: str,
) -> int:
    """Answer the incident of a held run about the activity KEY.

    retry: try again, with attempts counted from 0. skip: it counts as done with the output that is
    given. fail: let it fail.
    """
    return _steer(
        settings,
        f"answered with {answer}",
        lambda client, name: client.answer(
            **name, key=key, answer=answer, output=_payload(output_value), reason=reason
        ),
        run,
        by_workflow_id,
    )


@click.command(
    cls=Command,
    examples=[("Do without an activity", "treadle runs skip order-17 update_crm")],
)
@run_argument
@click.argument("key")
@_output
@_reason
@client_options
@click.pass_obj
def skip(
    settings: Settings,
    run: str,
    by_workflow_id: bool,
    key: str,
    output_value: bytes | None,
    reason: str,
) -> int:
    """Give the outcome of the open activity KEY by hand, whoever has it: it counts as done."""
    return _steer(
        settings,
        f"gave the outcome of {key}",
        lambda client, name: client.skip(
            **name, key=key, output=_payload(output_value), reason=reason
        ),
        run,
        by_workflow_id,
    )


@click.command(
    cls=Command,
    examples=[
        ("Tell a run something", 'treadle runs send order-17 approved --payload \'{"by": "Ada"}\'')
    ],
)
@run_argument
@click.argument("event")
@click.option(
    "--payload",
    type=JsonInput(),
    metavar="JSON",
    help="JSON, @FILE, or - for stdin.  [default: null]",
)
@click.option(
    "--event-id",
    metavar="ID",
    help="Names it: the same id comes once to a run, and by workflow id to one run within 24 h.",
)
@client_options
@click.pass_obj
def send(
    settings: Settings,
    run: str,
    by_workflow_id: bool,
    event: str,
    payload: bytes | None,
    event_id: str | None,
) -> int:
    """Send the external event EVENT to a run.

    The run keeps it until something waits for it; a state machine refuses what leads nowhere.
    """
    return _steer(
        settings,
        f"sent {event}",
        lambda client, name: client.send_event(event, _payload(payload), **name, event_id=event_id),
        run,
        by_workflow_id,
    )


@click.command(
    cls=Command,
    examples=[("Go on where it failed", "treadle runs retry order-17")],
)
@run_argument
@click.option(
    "--input",
    "new_input",
    type=JsonInput(),
    metavar="JSON",
    help="The new run's input: JSON, @FILE, or - for stdin.  [default: the old one's]",
)
@click.option(
    "--merge-input",
    "merged",
    type=JsonInput(),
    metavar="JSON",
    help="Changes to the old run's input (RFC 7396): what is null is taken away.",
)
@client_options
@click.pass_obj
def retry(
    settings: Settings,
    run: str,
    by_workflow_id: bool,
    new_input: bytes | None,
    merged: bytes | None,
) -> int:
    """Take up a run that failed, was cancelled or timed out.

    A new run of the same workflow id and version begins with what the old one did. The old one
    never changes.
    """
    from treadle.v1.payload_pb2 import Payload

    if new_input is not None and merged is not None:
        raise click.UsageError("give --input or --merge-input, one of the two")

    def take_up(client: Any, name: Any) -> Any:
        if merged is None:
            return client.retry(**name, new_input=_payload(new_input))
        described = client.get_run(**name)
        if isinstance(described.input, Payload):
            raise CommandFailed(
                "the old run's input is not JSON, so that nothing can be merged into it; "
                "give a new one with --input"
            )
        patched = merge_patch(described.input, json.loads(merged))
        return client.retry(**name, new_input=patched)

    return _steer(settings, "taken up", take_up, run, by_workflow_id)


def merge_patch(old: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, null takes away, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


@click.command(
    cls=Command,
    examples=[
        ("Try again what a held run is stuck at", "treadle runs reset order-17 c3"),
        ("Do a step of an ended run again, and what came after it", "treadle runs reset RUN c3"),
    ],
)
@run_argument
@click.argument("key")
@click.option("--reason", default="", metavar="TEXT", help="For people; kept in the history.")
@client_options
@click.pass_obj
def reset(settings: Settings, run: str, by_workflow_id: bool, key: str, reason: str) -> int:
    """Have a step or node done again.

    KEY is what `treadle runs nodes` shows. What a held run is stuck at is tried again in place. Of
    an ended run, a new one of the same workflow id does KEY and what rests on it again, and takes
    over the rest.
    """
    from treadle_server.cli.connection import connect, run_name
    from treadle_server.cli.messages import print_plain
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        name = run_name(run, is_workflow_id=by_workflow_id)
        goes_on = client.reset(**name, key=key, reason=reason)
    if settings.output is not OutputFormat.TABLE:
        print_plain({"runId": goes_on}, settings.output)
    else:
        Screen(settings).note(f"goes on: run {goes_on}")
    return ExitCode.OK


@click.command(
    cls=Command,
    examples=[("Forget an ended run", "treadle runs delete order-17 --reason 'asked to'")],
)
@run_argument
@click.option("--reason", default="", metavar="TEXT", help="For people; goes to the server's log.")
@client_options
@click.pass_obj
def delete(settings: Settings, run: str, by_workflow_id: bool, reason: str) -> int:
    """Delete an ended run and its history for good.

    What ended long ago the server deletes by itself: see --retention of treadle server.
    """
    from treadle_server.cli.connection import connect, run_name
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        client.delete(**run_name(run, is_workflow_id=by_workflow_id), reason=reason)
        Screen(settings).note(f"deleted: run {run}")
    return ExitCode.OK


@click.command(
    cls=Command,
    examples=[
        ("Tell all that wait", "treadle runs broadcast shop-opened --payload '{\"shop\": 1}'")
    ],
)
@click.argument("event")
@click.option(
    "--payload",
    type=JsonInput(),
    metavar="JSON",
    help="JSON, @FILE, or - for stdin.  [default: null]",
)
@click.option("--event-id", metavar="ID", help="Names it: the same id comes once to each run.")
@client_options
@click.pass_obj
def broadcast(settings: Settings, event: str, payload: bytes | None, event_id: str | None) -> int:
    """Send the external event EVENT to every open run that waits for it now."""
    from treadle_server.cli.connection import connect
    from treadle_server.cli.messages import print_plain
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        receivers = client.broadcast_event(event, _payload(payload), event_id=event_id)
    if settings.output is not OutputFormat.TABLE:
        print_plain({"receivers": receivers}, settings.output)
    else:
        Screen(settings).note(f"sent to {receivers} runs: event {event}")
    return ExitCode.OK


def _steer(
    settings: Settings,
    what: str,
    verb: Callable[[BlockingClient, Any], Run | StartedRun],
    run: str,
    by_workflow_id: bool,
) -> int:
    from treadle_server.cli.connection import connect, run_name
    from treadle_server.cli.messages import print_message
    from treadle_server.cli.screen import Screen

    with connect(settings) as client:
        done = verb(client, run_name(run, is_workflow_id=by_workflow_id))
        if settings.output is not OutputFormat.TABLE:
            print_message(done.message, settings.output)
        else:
            workflow = getattr(done, "workflow", "")
            named = f"{workflow} v{done.version}, " if workflow else ""
            Screen(settings).note(f"{what}: {named}run {done.run_id}")
    return ExitCode.OK


def _payload(text: bytes | None) -> object:
    from treadle.v1 import payload_pb2

    return None if text is None else payload_pb2.Payload(data=text)


STEERING = (cancel, terminate, pause, resume, answer, skip, send, broadcast, retry, reset, delete)
