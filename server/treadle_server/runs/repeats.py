"""Telling a request that is said again from another one that took its request id.

What was asked counts: each field of the input but who asked, as somebody who repeats a request may
have new credentials by then. The run is compared apart from it, as it may be named in two ways.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Final

from treadle_server.engine.inputs import Input
from treadle_server.engine.values import Payload
from treadle_server.journal.codec import encode_payload

_RUN_ID_BYTES: Final = 16


def content_of(one: Input) -> bytes:
    """A hash of what is asked, the same in every version of Treadle that knows its fields: those
    that say nothing are left out, so that a new one changes no hash.
    """
    said = {
        field.name: _plain(getattr(one, field.name))
        for field in fields(one)
        if field.name != "actor" and getattr(one, field.name)
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()


def _plain(value: object) -> object:
    if isinstance(value, Payload):
        return hashlib.sha256(encode_payload(value)).hexdigest()
    return value


def written(run_id: bytes, content: bytes) -> bytes:
    """What is remembered of a request that was carried out."""
    return run_id + content


def read(value: bytes) -> tuple[bytes, bytes]:
    """The run and the content; earlier versions did not remember the content, which is empty."""
    return value[:_RUN_ID_BYTES], value[_RUN_ID_BYTES:]
