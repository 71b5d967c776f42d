"""What names stand for in a machine's expressions."""

from __future__ import annotations

from typing import Any, Final

from treadle_server.definitions.expression import Expression
from treadle_server.definitions.graph.bindings import (
    failure_value,
    read_json,
    run_value,
    time_text,
    write_json,
)
from treadle_server.engine.events import TransitionCause
from treadle_server.engine.state import RunState
from treadle_server.engine.values import NULL, Failure, Instant, Payload

LABEL_LENGTH: Final = 100
"""Of a result that leads on; a longer one is a value."""


class Candidate:
    """What may make a machine move: its event's payload, its task's result, a failure."""

    __slots__ = ("cause", "event_id", "failure", "key", "name", "payload", "time")

    def __init__(
        self,
        cause: TransitionCause,
        name: str = "",
        payload: Payload = NULL,
        *,
        key: str = "",
        event_id: str = "",
        failure: Failure | None = None,
        time: Instant | None = None,
    ) -> None:
        self.cause = cause
        self.name = name
        self.payload = payload
        self.key = key
        self.event_id = event_id
        self.failure = failure
        self.time = time
        """When it came; the run's own time if None."""

    @property
    def label(self) -> str:
        """Its name for the history and for traces, where a result that is no word but a value has
        no place: it stands in the history already.
        """
        is_value = len(self.name) > LABEL_LENGTH or self.name.startswith(("[", "{"))
        return "" if is_value and self.cause is TransitionCause.RESULT else self.name


def bind(
    state: RunState,
    expression: Expression,
    candidate: Candidate | None = None,
    more: dict[str, Payload] | None = None,
) -> dict[str, Any]:
    """The values of just those names that the expression uses. Without a candidate, `event`,
    `result` and `error` are those of the last transition.
    """
    return {name: _value(state, name, candidate, more or {}) for name in expression.names}


def _value(
    state: RunState, name: str, candidate: Candidate | None, more: dict[str, Payload]
) -> Any:
    machine = state.machine
    match name:
        case "params":
            return read_json(state.input, "the run's input")
        case "memory":
            return memory_value(state)
        case "run":
            return run_value(state)
        case "now":
            time = None if candidate is None else candidate.time
            return time_text(state.time if time is None else time)
        case "active":
            return list(machine.active)
        case "event" | "result":
            payload = machine.event if candidate is None else candidate.payload
            return read_json(payload, "the event" if name == "event" else "the result")
        case "error":
            failure = machine.failure
            if candidate is not None and candidate.failure is not None:
                failure = candidate.key.split("/", 1)[0], candidate.failure
            return None if failure is None else failure_value(failure[1], failure[0])
        case _:
            return read_json(more.get(name, NULL), name)


def memory_value(state: RunState) -> dict[str, Any]:
    """The run's memory."""
    return {key: read_json(value, f"memory {key!r}") for key, value in state.memory.items()}


def default_input(state: RunState, candidate: Candidate | None) -> Payload:
    """What an activity of a machine gets that has no `input`."""
    payload = state.machine.event if candidate is None else candidate.payload
    return write_json({"memory": memory_value(state), "event": read_json(payload, "the event")})
