"""What of a payload is JSON, for those who put it into larger JSON as it is."""

from __future__ import annotations

import msgspec

from treadle_server.engine.values import Payload

_NULL = b"null"
_validator = msgspec.json.Decoder(msgspec.Raw)
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def json_of(payload: Payload) -> bytes | None:
    """Its JSON, whole and valid; None if it is none: NaN, say, is not."""
    encoding = payload.metadata.get("encoding", b"json/plain")
    if encoding == b"binary/null" or not payload.data:
        return _NULL
    if encoding != b"json/plain":
        return None
    try:
        payload.data.decode()  # the validator does not look inside strings
        _validator.decode(payload.data)
    except _NOT_JSON:
        return None
    return payload.data
