"""The client that commands use, and what its errors mean for the command."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

from treadle_server.cli.exit_codes import CommandFailed, ExitCode
from treadle_server.cli.options import Settings

if TYPE_CHECKING:
    from treadle.client import BlockingClient
    from treadle.errors import TreadleError
    from treadle.replaying import History

_QUICK_RETRY_SECONDS = 1.0
"""A person waits for the answer: an unreachable server is said to be so at once."""

_PATIENT_RETRY_SECONDS = 60.0
"""While a run is awaited its server may restart."""

_RUN_ID_VERSION = 7


@contextmanager
def connect(settings: Settings, *, patient: bool = False) -> Iterator[BlockingClient]:
    """A client; its errors end the command with the exit code that is documented for them.

    Args:
        settings: address and namespace.
        patient: keep trying for a minute if the server goes away.
    """
    from treadle.client import BlockingClient
    from treadle.errors import TreadleError

    retry_seconds = _PATIENT_RETRY_SECONDS if patient else _QUICK_RETRY_SECONDS
    try:
        with BlockingClient(
            settings.address, namespace=settings.namespace, retry_seconds=retry_seconds
        ) as client:
            yield client
    except TreadleError as error:
        raise as_ending(error) from error


def as_ending(error: TreadleError) -> CommandFailed:
    """How a command ends that met this error."""
    from treadle import errors

    match error:
        case errors.InvalidRequest() | errors.DefinitionError():
            return CommandFailed(str(error), ExitCode.USAGE)
        case errors.NotFound():
            return CommandFailed(str(error), ExitCode.NOT_FOUND)
        case errors.DataLost():
            hint = "All that is damaged:  treadle journal check --data-dir FOLDER"
            return CommandFailed(f"{error}\n{hint}", ExitCode.DATA_LOST)
        case errors.ServerUnavailable():
            hint = "Is it running? Start one with:  treadle server"
            return CommandFailed(f"{error}\n{hint}", ExitCode.UNREACHABLE)
        case errors.RequestTimedOut():
            return CommandFailed(str(error), ExitCode.UNREACHABLE)
        case errors.AlreadyExists() if error.run_id:
            return CommandFailed(f"{error}\nLook at it with:  treadle runs get {error.run_id}")
        case _:
            return CommandFailed(str(error))


class RunName(TypedDict, total=False):
    """The client's arguments that name a run: one of the two."""

    run_id: str
    workflow_id: str


def run_name(text: str, *, is_workflow_id: bool = False) -> RunName:
    """The client's arguments for a RUN: run ids are UUIDs of version 7, others are workflow ids."""
    if not is_workflow_id:
        try:
            parsed = uuid.UUID(text)
        except ValueError:
            pass
        else:
            if parsed.version == _RUN_ID_VERSION:
                return {"run_id": str(parsed)}
    return {"workflow_id": text}


def history_of(client: BlockingClient, name: RunName, *, after_seq: int = 0) -> History:
    """A run's events, with its id."""
    from treadle.replaying import History

    run_id = name.get("run_id") or client.get_run(**name).run.run_id
    return History(client.history(run_id, after_seq=after_seq), run_id=run_id)
