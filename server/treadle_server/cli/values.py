"""Payloads and failures in one line, or whole."""

from __future__ import annotations

import json
from typing import Any

from treadle.v1 import payload_pb2
from treadle_server.cli.screen import printable

_ENCODING = "encoding"
_JSON = b"json/plain"
_NULL = b"binary/null"


def enum_name(kinds: Any, number: int, prefix: str) -> str:
    """What a number of an enum is called, without the prefix; itself if a newer server made it."""
    return kinds.Name(number).removeprefix(prefix) if number in kinds.values() else str(number)


def is_json(payload: payload_pb2.Payload) -> bool:
    """Whether the data is JSON text."""
    return not payload.metadata or payload.metadata.get(_ENCODING, _JSON) == _JSON


def is_null(payload: payload_pb2.Payload) -> bool:
    """Whether the payload holds no value, or JSON's null."""
    if is_json(payload):
        return payload.data in (b"", b"null")
    return payload.metadata[_ENCODING] == _NULL


def one_line(payload: payload_pb2.Payload, width: int | None = None) -> str:
    """The value as compact JSON, cut to `width` characters; None: not cut."""
    if is_null(payload):
        return "null"
    if not is_json(payload):
        encoding = payload.metadata[_ENCODING].decode(errors="replace")
        return printable(f"<{len(payload.data):,} bytes, {encoding}>")
    if width is not None and len(payload.data) > 20 * width:
        # Enough for the line; parsing 2 MiB to show 60 characters is not.
        return cut(payload.data[: 4 * width].decode(errors="replace"), width)
    try:
        text = json.dumps(json.loads(payload.data), ensure_ascii=False)
    except (ValueError, RecursionError):
        return cut(payload.data.decode(errors="replace"), width)
    return _shortened(printable(text), width)


def cut(text: str, width: int | None) -> str:
    """The text on one line, printable, at most `width` characters long."""
    return _shortened(printable(" ".join(text.split())), width)


def _shortened(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else text[: width - 1] + "…"


def failure_line(failure: payload_pb2.Failure, width: int | None = None) -> str:
    """Such as `PaymentDeclined: the card was declined`."""
    kind = failure.kind
    if failure.timeout_kind:
        name = enum_name(payload_pb2.TimeoutKind, failure.timeout_kind, "TIMEOUT_KIND_")
        kind += f" ({name.lower()})"
    return cut(f"{kind}: {failure.message}" if failure.message else kind, width)


def failure_lines(failure: payload_pb2.Failure) -> list[str]:
    """The failure with its details and causes, a line each."""
    lines = [failure_line(failure)]
    if failure.HasField("details") and not is_null(failure.details):
        lines.append(f"details: {one_line(failure.details, 200)}")
    if failure.HasField("cause"):
        cause, *more = failure_lines(failure.cause)
        lines += [f"caused by {cause}", *(f"  {line}" for line in more)]
    return lines
