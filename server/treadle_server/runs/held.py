"""Says in the log that a run is held: once for each incident, when it is committed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

import structlog

from treadle_server.engine.entities import DECISION
from treadle_server.engine.events import DecisionCompleted, Event, IncidentAnswered, RunHeld
from treadle_server.runs.hot import HotRun
from treadle_server.telemetry.logs import run_fields

SERVER: Final = "treadle"
"""The actor of what the server answers by itself."""

_CHARACTERS: Final = 1_000
"""Of an incident: the message of a failure may be long."""

_log = structlog.get_logger(component="runs")


def log_held(hot: HotRun, events: Sequence[Event]) -> None:
    """Looks through what was committed of a run. What the server had a worker try again by itself,
    as it does after a restart, is not said again if nothing came of it.
    """
    for event in events:
        if isinstance(event, RunHeld):
            if event.key == DECISION and event.incident == hot.tried_again:
                continue
            _warn(hot, event)
        elif isinstance(event, DecisionCompleted) or (
            isinstance(event, IncidentAnswered) and event.actor != SERVER
        ):
            hot.tried_again = ""


def _warn(hot: HotRun, event: RunHeld) -> None:
    fields = run_fields(hot.run_id)
    incident = event.incident
    if len(incident) > _CHARACTERS:
        incident = incident[: _CHARACTERS - 1] + "…"
    _log.warning(
        "a run is held: it waits for a person",
        **fields,
        namespace=hot.namespace,
        workflow=hot.row.workflow,
        workflow_id=hot.row.workflow_id,
        key=event.key,
        incident=incident,
        answer_with=f"treadle runs answer {fields['run_id']} {shlex.quote(event.key)} ANSWER",
    )
