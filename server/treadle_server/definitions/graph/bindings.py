"""Between payloads and expressions: what names stand for, and how values become a node's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from treadle_server.definitions.expression import Expression, ExpressionFailed, FailureKind
from treadle_server.definitions.graph.model import GraphDefinition
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Failure, Payload

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_validator = msgspec.json.Decoder(msgspec.Raw)
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
    progress = state.progress
    index = progress.topology.index
    for name in expression.names:
        if name == "params":
            bindings[name] = read_json(state.input, "the run's input")
        elif name == "memory":
            bindings[name] = {
                key: read_json(value, f"memory {key!r}") for key, value in state.memory.items()
            }
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
    encoding = payload.metadata.get("encoding", b"json/plain")
    if encoding == b"binary/null" or not payload.data:
        return b"null"
    try:
        if encoding == b"json/plain":
            payload.data.decode()  # the validator does not look inside strings
            _validator.decode(payload.data)
            return payload.data
    except _NOT_JSON:
        pass
    raise ValueConflict(
        f"the output of {source!r} is not JSON, so it cannot be joined with others; map it"
    )
