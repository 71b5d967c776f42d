"""Between payloads and expressions: what names stand for, and how values become a node's input."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from treadle_server.definitions.expression import Expression, ExpressionFailed, FailureKind
from treadle_server.definitions.graph.model import GraphDefinition
from treadle_server.engine.ids import run_id_text
from treadle_server.engine.plain_json import json_of
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Failure, Instant, Payload

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 250_000_000_000
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ValueConflict(Exception):
    """Two mappings bring the same key, or one that should bring an object brings something else."""


def read_json(payload: Payload, what: str) -> Any:
    """The value of a payload; raises `ExpressionFailed` if it is not JSON."""
    encoding = payload.metadata.get("encoding", b"json/plain")
    if encoding == b"binary/null" or (not payload.data and encoding == b"json/plain"):
        return None
    if encoding == b"json/plain":
        try:
            return _decoder.decode(payload.data)
        except _NOT_JSON:
            pass
    raise ExpressionFailed(
        what, FailureKind.WRONG_TYPE, f"{what} is not JSON, so no expression can read it"
    )


def write_json(value: Any) -> Payload:
    """A JSON payload; raises `ExpressionFailed` for what is nested too deeply to be written."""
    return Payload(_encode(value))


def _encode(value: Any) -> bytes:
    try:
        return _encoder.encode(value)
    except RecursionError:
        message = "the value of the expression is nested too deeply"
        raise ExpressionFailed("", FailureKind.SIZE, message) from None


def failure_value(failure: Failure, node: str) -> dict[str, Any]:
    """What expressions see of a failure: never a stack trace, and null for details that are not
    JSON, because what reads a failure must not fail over its trimmings.
    """
    details = None
    if failure.details is not None:
        try:
            details = read_json(failure.details, "details")
        except ExpressionFailed:
            details = None
    return {"kind": failure.kind, "message": failure.message, "details": details, "node": node}


def run_value(state: RunState) -> dict[str, Any]:
    """What expressions see of the run itself. Its start is text, which CEL's `timestamp` reads."""
    return {
        "id": run_id_text(state.run_id),
        "workflow": state.workflow,
        "workflow_id": state.workflow_id,
        "started_time": time_text(state.started_time),
    }


def time_text(instant: Instant) -> str:
    """RFC 3339, to the microsecond, in UTC."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_time(value: Any, path: str) -> Instant:
    """A time given as RFC 3339 text or as seconds since 1970. Raises `ExpressionFailed`."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LAST_SECOND:
        return int(value * 1_000_000)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            return max(0, (moment - _EPOCH) // timedelta(microseconds=1))
    raise ExpressionFailed(
        path,
        FailureKind.WRONG_TYPE,
        f"{path} must give a time: text such as 2026-01-31T09:00:00Z, or seconds since 1970",
    )


def bind(
    state: RunState,
    expression: Expression,
    definition: GraphDefinition,
    *,
    source: int | None = None,
    on_error: bool = False,
) -> dict[str, Any]:
    """The values of just those names that the expression uses. A node without outcome is null."""
    bindings: dict[str, Any] = {}
    progress = state.graph
    index = progress.topology.index
    for name in expression.names:
        if name == "params":
            bindings[name] = read_json(state.input, "the run's input")
        elif name == "memory":
            bindings[name] = {
                key: read_json(value, f"memory {key!r}") for key, value in state.memory.items()
            }
        elif name == "run":
            bindings[name] = run_value(state)
        elif name == "failures":
            names = progress.topology.names
            bindings[name] = {
                names[n]: failure_value(failure, names[n]) for n, failure in progress.failed.items()
            }
        elif name == "output" and source is not None:
            output = progress.outputs.get(source)
            bindings[name] = (
                None
                if output is None
                else read_json(output, f"output of {definition.nodes[source].name}")
            )
        elif name == "error" and source is not None and on_error:
            bindings[name] = failure_value(progress.failures[source], definition.nodes[source].name)
        elif name in index:
            output = progress.outputs.get(index[name])
            bindings[name] = None if output is None else read_json(output, f"output of {name}")
    return bindings


def join_values(values: Sequence[tuple[str, Payload, bool]], what: str) -> Payload:
    """One object out of several (source's name, value, mapped): unmapped ones stand under their
    source's name, mapped objects are merged. Values that need no look inside are not parsed.
    """
    parts: dict[str, bytes] = {}
    for source, payload, mapped in values:
        if not mapped:
            _put(parts, source, _raw_json(payload, source), what)
            continue
        value = read_json(payload, f"the mapping of the edge from {source}")
        if not isinstance(value, dict):
            raise ValueConflict(
                f"{what} has several edges in, so the mapping of the one from {source!r} must make "
                "an object"
            )
        for key, part in value.items():
            _put(parts, key, _encode(part), what)
    joined = b",".join(_encoder.encode(key) + b":" + part for key, part in parts.items())
    return Payload(b"{" + joined + b"}")


def _put(parts: dict[str, bytes], key: str, value: bytes, what: str) -> None:
    if key in parts:
        raise ValueConflict(
            f"several edges into {what} bring the key {key!r}; map them to different keys"
        )
    parts[key] = value


def _raw_json(payload: Payload, source: str) -> bytes:
    found = json_of(payload)
    if found is not None:
        return found
    raise ValueConflict(
        f"the output of {source!r} is not JSON, so it cannot be joined with others; map it"
    )
