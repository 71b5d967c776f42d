"""`treadle worker`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from treadle_server.cli.command import Command
from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.options import Duration, Number, Settings, connection_options

if TYPE_CHECKING:
    from treadle.worker import Worker

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_LOG_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"


def _worker_options(command: _Decorated) -> _Decorated:
    """What `treadle.Worker` takes, by its own names; what is not given is left to its defaults."""
    options = [
        click.option(
            "--queue",
            metavar="NAME",
            help="Where tasks of activities come from.  [default: default]",
        ),
        click.option(
            "--slots",
            type=Number(),
            metavar="NUMBER",
            help="How many activities run at a time.  [default: 100]",
        ),
        click.option(
            "--threads",
            type=Number(),
            metavar="NUMBER",
            help="How many of them may be plain functions, each in a thread.  [default: as slots]",
        ),
        click.option(
            "--identity",
            metavar="TEXT",
            help="For people: which worker this is.  [default: HOST/PID]",
        ),
        click.option(
            "--build-id", metavar="TEXT", help="For people: which edition of the code it runs."
        ),
        click.option(
            "--drain",
            "drain_seconds",
            type=Duration(),
            metavar="DURATION",
            help="How long running activities may go on once it was told to stop.  [default: 30s]",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    cls=Command,
    examples=[
        ("All there is in a module, for the queue 'default'", "treadle worker shop.activities"),
        (
            "Of a file, eight at a time, for another queue",
            "treadle worker activities.py --queue labels --slots 8",
        ),
        ("A Worker that the module has put together itself", "treadle worker shop.main:worker"),
    ],
)
@click.argument("module")
@_worker_options
@connection_options
@click.pass_obj
def worker(settings: Settings, /, module: str, log_level: str | None, **chosen: Any) -> int:
    """Run the activities and the workflows in code of MODULE until told to stop.

    MODULE is a Python file or a module; :NAME picks one Worker, activity or workflow of it. If it
    has a mapping named 'resources', the worker opens them once and closes them at its end. Ctrl-C
    or SIGTERM drains; a second one leaves at once. A lost server is waited for.
    """
    from treadle.errors import TreadleError
    from treadle_server.cli.connection import as_ending

    if chosen["drain_seconds"] is not None:
        chosen["drain_seconds"] = chosen["drain_seconds"].total_seconds()
    chosen["address"] = settings.address
    chosen["namespace"] = settings.namespace if settings.namespace != "default" else None
    _log_to_stderr(settings.log_level(log_level))
    try:
        given = {name: value for name, value in chosen.items() if value is not None}
        made = _worker(module, given)
        _announce(settings, made)
        _set_imports_aside()
        made.run_blocking()
    except TreadleError as error:
        raise as_ending(error) from error
    return ExitCode.OK


def _worker(module_name: str, options: dict[str, Any]) -> Worker:
    from treadle.activities import Activity
    from treadle.worker import Worker
    from treadle.workflows import Workflow
    from treadle_server.cli import python_objects

    module, attribute = python_objects.load(module_name)
    if not attribute:
        return Worker.from_module(module.__name__, **options)
    found = getattr(module, attribute, None)
    if isinstance(found, (Activity, Workflow)):
        options.setdefault("resources", getattr(module, "resources", None))
        return Worker([found], **options)
    if not isinstance(found, Worker):
        what = "nothing of that name" if found is None else f"a {type(found).__name__}"
        raise CommandFailed(
            f"{module_name}: there is {what}, and not a treadle.Worker, an activity or a workflow",
            ExitCode.USAGE,
        )
    if options:
        names = ", ".join(
            f"--{name.removesuffix('_seconds').replace('_', '-')}" for name in options
        )
        raise CommandFailed(
            f"{module_name} is a Worker with settings of its own; leave out {names}", ExitCode.USAGE
        )
    return found


def _set_imports_aside() -> None:
    """What is there by now stays: a full collection of Python's cycle collector, in which all
    activities stand still, need not look at it (20 ms for a hundred thousand objects).
    """
    gc.collect()
    gc.freeze()


def _announce(settings: Settings, made: Worker) -> None:
    if settings.quiet:
        return
    names = sorted(activity.name for activity in made.activities)
    names += sorted(f"{workflow.name} v{workflow.version}" for workflow in made.workflows)
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    now = made.settings
    click.echo(
        f"worker {now.identity}: queue {now.queue!r} of {now.namespace!r} at {now.address}, "
        f"{now.slots} slots\nruns {shown}\nCtrl-C stops it; what runs then may end.",
        err=True,
    )


def _log_to_stderr(level: str) -> None:
    import logging

    logging.basicConfig(level=level.upper(), format=_LOG_FORMAT, datefmt="%H:%M:%S")
