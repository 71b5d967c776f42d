"""A run's whole state as one value, and back: what lets a history be cut.

A state machine may live for years. Now and then its state is written into its journal, as an event;
what came before that can then be forgotten, and the run is still a fold over the events that are
kept. So the form must be readable for as long as such a run lives: it is JSON by the names of the
fields of `RunState` and of what it holds; what is not known when it is read is passed over. Left
out is what is *not folded*, and what is nothing (none, zero, empty) where nothing is the default.
Other defaults are written: one that is changed some day must not change what was recorded before.

The translation is derived from the type hints of the dataclasses, once per type.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import types
import typing
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from treadle_server.engine.machine import MachineProgress
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Payload

RECORD_EVERY = 5_000
"""Events from one recorded state to the next. Of what came before, as much again is kept."""

_NOT_FOLDED = {
    "RunState": {"run_id", "progress", "seq", "time", "to_stop", "due"},
    "MachineProgress": {"fresh", "late"},
    "Activity": {"heartbeat_time", "due_time"},
}
_DATA = "data"
_BASE64 = "base64"


class _Coder(NamedTuple):
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def is_due(state: RunState) -> bool:
    """Whether the state is to be recorded."""
    return (
        state.seq - state.recorded_seq >= RECORD_EVERY
        and isinstance(state.progress, MachineProgress)
        and not state.ended
    )


def record(state: RunState) -> Payload:
    """The state as JSON."""
    form = {
        "run": _of(RunState).encode(state),
        "machine": _of(MachineProgress).encode(state.machine),
    }
    return Payload(json.dumps(form, separators=(",", ":"), ensure_ascii=False).encode())


def restore(state: RunState, recorded: Payload) -> None:
    """Puts what was recorded into a new state."""
    form = json.loads(recorded.data)
    run = _of(RunState).decode(form["run"])
    for field in _fields(RunState):
        setattr(state, field, getattr(run, field))
    state.progress = _of(MachineProgress).decode(form["machine"])
    for activity in state.activities.values():
        activity.heartbeat_time = activity.started_time


def agrees(state: RunState, recorded: Payload) -> bool:
    """Whether a fold came to the same state, the event itself included. Leases were renewed without
    the journal's knowledge, so when they end is not compared; nor is since when an activity is
    held, which was not always recorded.
    """
    mine, theirs = json.loads(record(state).data), json.loads(recorded.data)
    for form in (mine, theirs):
        form["run"].pop("recorded_seq", None)
        for activity in form["run"].get("activities", {}).values():
            activity.pop("until", None)
            activity.pop("held_time", None)
    return bool(mine == theirs)


def _fields(cls: type) -> list[str]:
    left_out = _NOT_FOLDED.get(cls.__name__, set())
    return [one.name for one in dataclasses.fields(cls) if one.name not in left_out]


@cache
def _of(hint: Any) -> _Coder:
    """How values of this type are written and read."""
    if hint is Payload:
        return _Coder(_encode_payload, _decode_payload)
    if hint is bytes:
        return _Coder(_encode_bytes, base64.b64decode)
    if isinstance(hint, type) and issubclass(hint, enum.IntEnum):
        return _Coder(int, hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass(typing.cast(type, hint))
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        [inner] = [_of(part) for part in parts if part is not types.NoneType]
        return _Coder(
            lambda value: None if value is None else inner.encode(value),
            lambda form: None if form is None else inner.decode(form),
        )
    if origin in (dict, Mapping):
        return _mapping(parts[1])
    if origin in (list, deque, tuple):
        return _sequence(origin, parts)
    if hint in (str, int, float, bool):
        return _Coder(_same, _same)
    raise TypeError(f"a state cannot hold {hint}")


def _dataclass(cls: type) -> _Coder:
    hints = typing.get_type_hints(cls)
    wanted = _fields(cls)
    defaults: dict[str, Callable[[], Any]] = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            defaults[field.name] = partial(_same, field.default)
        elif field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = field.default_factory
    coders: dict[str, _Coder] = {}  # made when they are used: a type may hold its own

    def coder(name: str) -> _Coder:
        if name not in coders:
            coders[name] = _of(hints[name])
        return coders[name]

    def encode(value: Any) -> dict[str, Any]:
        found = {name: getattr(value, name) for name in wanted}
        return {
            name: coder(name).encode(one)
            for name, one in found.items()
            if one or name not in defaults or one != defaults[name]()
        }

    def decode(form: dict[str, Any]) -> Any:
        given = {name: coder(name).decode(one) for name, one in form.items() if name in wanted}
        if cls is RunState:
            given |= {"run_id": b"", "progress": MachineProgress()}
        return cls(**given)

    return _Coder(encode, decode)


def _mapping(of: Any) -> _Coder:
    if of is None:  # a set that keeps its order
        return _Coder(list, dict.fromkeys)
    inner = _of(of)
    return _Coder(
        lambda value: {key: inner.encode(one) for key, one in value.items()},
        lambda form: {key: inner.decode(one) for key, one in form.items()},
    )


def _sequence(kind: Any, parts: tuple[Any, ...]) -> _Coder:
    if kind is tuple and parts[-1] is not Ellipsis:
        places = [_of(part) for part in parts]
        return _Coder(
            lambda value: [one.encode(part) for one, part in zip(places, value, strict=True)],
            lambda form: tuple(one.decode(part) for one, part in zip(places, form, strict=True)),
        )
    inner = _of(parts[0])
    return _Coder(
        lambda value: [inner.encode(one) for one in value],
        lambda form: kind(inner.decode(one) for one in form),
    )


def _same(value: Any) -> Any:
    return value


def _encode_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _encode_payload(payload: Payload) -> dict[str, Any]:
    """Text as text, so that people can read it."""
    form: dict[str, Any] = {}
    try:
        form[_DATA] = payload.data.decode()
    except UnicodeDecodeError:
        form[_BASE64] = _encode_bytes(payload.data)
    if payload.metadata:
        form["metadata"] = {key: _encode_bytes(one) for key, one in payload.metadata.items()}
    return form


def _decode_payload(form: dict[str, Any]) -> Payload:
    data = form[_DATA].encode() if _DATA in form else base64.b64decode(form[_BASE64])
    if "metadata" not in form:
        return Payload(data)
    return Payload(data, {key: base64.b64decode(one) for key, one in form["metadata"].items()})
