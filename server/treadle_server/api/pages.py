"""Page tokens: opaque, bound to the query they continue, checked before they are believed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from treadle_server.api.errors import invalid


class Pages:
    """Makes and reads page tokens. The secret lives as long as the process: a token is for the next
    page, not for ever.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, query: tuple[Any, ...], place: tuple[Any, ...]) -> str:
        """The token for what follows `place` in the answer to `query`."""
        body = json.dumps(place).encode()
        return base64.urlsafe_b64encode(self._mac(query, body) + body).decode()

    def read(self, query: tuple[Any, ...], token: str) -> list[Any] | None:
        """The place, or None for the first page. Raises `RequestInvalid`."""
        if not token:
            return None
        try:
            raw = base64.urlsafe_b64decode(token.encode())
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) < 17 or not hmac.compare_digest(raw[:16], self._mac(query, raw[16:])):
            raise invalid(
                "page_token",
                "was not given for this query by this server; ask for the first page again",
            )
        place: list[Any] = json.loads(raw[16:])
        return place

    def _mac(self, query: tuple[Any, ...], body: bytes) -> bytes:
        text = json.dumps(query).encode() + b"\0" + body
        return hashlib.blake2b(text, digest_size=16, key=self._secret).digest()
