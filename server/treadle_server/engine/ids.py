"""Ids that follow from what is known, so that a repeat makes the same one."""

from __future__ import annotations

import hashlib

from treadle_server.engine.values import Instant


def run_id_text(run_id: bytes) -> str:
    """The canonical text of a UUID."""
    text = run_id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def run_id_of_text(text: str) -> bytes | None:
    """The run id whose `run_id_text` this is; None if it is no such text."""
    if len(text) != 36:
        return None
    try:
        run_id = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    return run_id if run_id_text(run_id) == text else None


def child_run_id(parent: bytes, key: str, time: Instant) -> bytes:
    """The run id of a child: a UUIDv7 whose time is that of the request and whose other bits follow
    from parent and key.
    """
    digest = bytearray(hashlib.blake2b(parent + key.encode(), digest_size=10).digest())
    digest[0] = 0x70 | digest[0] & 0x0F
    digest[2] = 0x80 | digest[2] & 0x3F
    return (time // 1_000).to_bytes(6, "big") + bytes(digest)


def sent_event_id(run_id: bytes, key: str) -> str:
    """The id of the event that a run sends by this key."""
    return f"{run_id.hex()}/{key}"
