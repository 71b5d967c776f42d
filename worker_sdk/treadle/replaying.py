"""Replaying recorded histories: does this code still go on with runs that other code began?

    events = read_history(Path("order-17.json").read_text())
    replay(order, events)

For tests of compatibility, and for `treadle replay`. No server is asked, no step is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from treadle._code.mismatch import Mismatch
from treadle._code.replayer import Replayer
from treadle._code.run import RunInfo
from treadle.errors import ReplayMismatch, TreadleError
from treadle.v1 import event_pb2
from treadle.workflows import Workflow

FORMAT_VERSION = 1
"""Of a history in a file."""


class HistoryUnreadable(TreadleError):
    """The text is no history, or one of a later version of Treadle."""


class History(list[event_pb2.Event]):
    """A run's events, and its id: what code takes by chance (`workflow.random()`) follows from
    that.
    """

    def __init__(self, events: Iterable[event_pb2.Event] = (), *, run_id: str = "") -> None:
        super().__init__(events)
        self.run_id = run_id
        """Empty if it is not known."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the code asked for."""

    commands: tuple[str, ...]
    """All that the history has, in order."""
    further: tuple[str, ...]
    """What the code asks for beyond that: the history may end before the run does."""
    ended: bool
    """Whether the code has come to its end."""


def replay(
    workflow: Workflow[..., Any], events: Sequence[event_pb2.Event], *, build_id: str = ""
) -> Replayed:
    """Feeds a history to a workflow's code. Raises `ReplayMismatch` if the code does not ask for
    what the history has, and whatever its input cannot be read with. Code that takes something by
    chance needs a `History`, which has the run's id.
    """
    started = events[0].run_started
    info = RunInfo(_run_id_of(events), started.workflow_id, started.workflow, started.version)
    replayer = Replayer(workflow, info, build_id)
    asked = [
        command
        for event in events
        if event.HasField("decision_completed")
        for command in event.decision_completed.commands
    ]
    try:
        replayer.feed(events)
    except Mismatch as mismatch:
        raise ReplayMismatch(mismatch.message, details=mismatch.details) from mismatch
    decision = replayer.take()
    further = tuple(one.description for one in decision.commands)
    replayer.evict()
    return Replayed(tuple(asked), further, decision.ended)


def write_history(events: Iterable[event_pb2.Event]) -> str:
    """A history as JSON text."""
    listed = list(events)
    started = listed[0].run_started
    document = {
        "format_version": FORMAT_VERSION,
        "workflow": started.workflow,
        "workflow_version": started.version,
        "run_id": _run_id_of(events),
        "events": [MessageToDict(event, preserving_proto_field_name=True) for event in listed],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _run_id_of(events: Iterable[event_pb2.Event]) -> str:
    return events.run_id if isinstance(events, History) else ""


def read_history(text: str) -> History:
    """The events of a history: what `write_history` gives, or `treadle runs history RUN -o json`.
    Raises `HistoryUnreadable`.
    """
    try:
        document = json.loads(text)
        found = document.get("format_version", FORMAT_VERSION)
        if found > FORMAT_VERSION:
            raise HistoryUnreadable(
                f"the history has format version {found}, and this version of Treadle reads up to "
                f"{FORMAT_VERSION}: read it with a newer one"
            )
        run_id = document.get("run_id") or document.get("runId") or ""
        events = [ParseDict(one, event_pb2.Event()) for one in document["events"]]
    except (ValueError, KeyError, TypeError, AttributeError, ParseError) as error:
        raise HistoryUnreadable(f"this is no history: {error}") from error
    if not events or not events[0].HasField("run_started"):
        raise HistoryUnreadable("the history does not begin with the run's start")
    return History(events, run_id=str(run_id))
