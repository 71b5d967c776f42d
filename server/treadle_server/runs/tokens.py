"""Task tokens: they name an attempt and prove that this server made them.

A token is MAC (16 bytes), run id (16), lease (8), length of the namespace (1), namespace, key.
Opaque to everybody else.
"""

from __future__ import annotations

import hashlib
import hmac

from treadle_server.runs.errors import TokenInvalid, TokenOfOtherNamespace

_MAC_BYTES = 16
_HEAD = _MAC_BYTES + 16 + 8 + 1


class Tokens:
    """Makes and reads tokens with a secret that lives in the journal, so that tokens survive a
    restart.
    """

    def __init__(self, secret: bytes) -> None:
        self._keyed = hashlib.blake2b(digest_size=_MAC_BYTES, key=secret)

    def make(self, namespace: str, run_id: bytes, key: str, lease: int) -> bytes:
        """The token of one attempt."""
        name = namespace.encode()
        body = run_id + lease.to_bytes(8, "big") + bytes([len(name)]) + name + key.encode()
        return self._mac(body) + body

    def read(self, namespace: str, token: bytes) -> tuple[bytes, str, int]:
        """(run id, key, lease). Raises `TokenInvalid`, `TokenOfOtherNamespace`."""
        body = token[_MAC_BYTES:]
        if len(token) < _HEAD or not hmac.compare_digest(token[:_MAC_BYTES], self._mac(body)):
            raise TokenInvalid("this task token was not made by this server, or not copied whole")
        length = body[24]
        if body[25 : 25 + length] != namespace.encode():
            raise TokenOfOtherNamespace("this task token belongs to another namespace")
        return body[:16], body[25 + length :].decode(), int.from_bytes(body[16:24], "big")

    @staticmethod
    def run_of(token: bytes) -> bytes:
        """The run id that a token claims, unproved."""
        return token[_MAC_BYTES : _MAC_BYTES + 16]

    def _mac(self, body: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(body)
        return mac.digest()
