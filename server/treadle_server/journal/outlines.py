"""What of a record's body may stand where its run's deletion does not reach: its outline.

An outline has the same events with the names of definitions and workers, numbers and times, and
nothing that a caller or an activity said: no payload, no failure's message, no workflow id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from treadle_server.engine.values import Payload
from treadle_server.journal.codec import decode_batch, encode_batch

NAMES: Final = frozenset(
    {"build_id", "header", "identity", "node", "queue", "session_id", "to", "type", "workflow"}
)
"""Fields whose text is a definition's or a worker's. Keys are not among them: code makes its own,
from whatever it likes.
"""

_NOTHING: Final = Payload(b"")


def outline_of(body: bytes) -> bytes:
    """The outline of a record's body, as a body. Raises `CodecError` as `decode_batch` does."""
    return encode_batch([_outline(event) for event in decode_batch(body)])


def _outline(value: Any) -> Any:
    """The same dataclass with what may be kept."""
    kept = {
        field.name: _kept(field.name, getattr(value, field.name))
        for field in fields(value)
        if field.init
    }
    return replace(value, **kept)


def _kept(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value if name in NAMES else ""
    if isinstance(value, bytes):
        return b""
    if isinstance(value, Payload):
        return _NOTHING
    if isinstance(value, tuple):
        return tuple(_kept(name, one) for one in value)
    if isinstance(value, Mapping):
        return {}
    return _outline(value) if is_dataclass(value) else value
