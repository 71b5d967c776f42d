"""What bodies of records are packed against, and when another dictionary takes the place of one.

Records of one workflow differ in values, ids and times; the rest of their bytes they have in
common: names, retry policies, which worker it was, and how all of that is framed. A dictionary is a
few outlines of late records (`outlines`) one after the other. Which ones is judged now and then:
half of the samples make a candidate, the other half say what it would save, so that it cannot
please by fitting itself. It is taken if bodies would be an eighth smaller than with the present
one; then it has cost less than it saves long before the next can come.

A dictionary never changes. Positions only grow, and new records are packed against the newest, so
all before the one that was in force at the oldest record can go.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
from lz4 import block

from treadle_server.journal.outlines import outline_of
from treadle_server.journal.sqlite.packing import Contents, Dictionary, packed

MAX_CONTENT_BYTES: Final = 4_096
"""Room for the shapes of ten to twenty turns. More would have to be read for each body: 1.2 µs with
1.5 kB, 1.7 with 6, 3.5 with 12.
"""
MAX_SAMPLE_BYTES: Final = 4_096
"""Larger ones are mostly values, and an outline of many events takes milliseconds."""

SAMPLES: Final = 32
"""Half of them for the candidate, the other half to judge it."""
FIRST_STRIDE: Final = 11
STRIDE: Final = 131
"""Of so many records one is a sample: so a judgement comes 352 records after the start, then after
each 4,192 or so. Prime numbers, lest runs one after the other, each of as many records, have the
same one looked at for ever.
"""
_WORTH: Final = 7 / 8

_log = structlog.get_logger(__name__)

INSERT: Final = "INSERT INTO dictionary (since, checksum, content) VALUES (?, ?, ?)"
ALL: Final = "SELECT number, checksum, content FROM dictionary ORDER BY number"
ONE: Final = "SELECT number, checksum, content FROM dictionary WHERE number = ?"
DELETE_UNUSED: Final = """DELETE FROM dictionary WHERE number < (
    SELECT max(number) FROM dictionary
    WHERE since <= (SELECT min(position) FROM record) OR NOT EXISTS (SELECT 1 FROM record))"""


def content_of(row: tuple[int, int, bytes] | None) -> bytes | None:
    """The content in a row of one of the statements; None if it is not what was written, or there
    is no row.
    """
    if row is None:
        return None
    _number, checksum, content = row
    return content if zlib.crc32(content) == checksum else None


def damaged(connection: sqlite3.Connection) -> list[int]:
    """Numbers of dictionaries that are not what was written."""
    return [row[0] for row in connection.execute(ALL) if content_of(row) is None]


class KnownDictionaries:
    """Contents that have been read, for all connections: they never change, and those that were
    deleted since do no harm.
    """

    def __init__(self) -> None:
        self._contents: dict[int, bytes] = {}

    def seen_by(self, connection: sqlite3.Connection) -> Contents:
        """What this connection's rows need."""
        return partial(self._content, connection)

    def _content(self, connection: sqlite3.Connection, number: int) -> bytes | None:
        found = self._contents.get(number)
        if found is None:
            found = content_of(connection.execute(ONE, (number,)).fetchone())
            if found is not None:
                self._contents[number] = found
        return found


class Packer:
    """Packs what is written, and finds out what it should be packed against."""

    def __init__(self, newest: Dictionary | None) -> None:
        self._dictionary = newest
        self._stride = FIRST_STRIDE
        self._until_sample = FIRST_STRIDE
        self._outlines: list[bytes] = []
        self._bodies: list[bytes] = []

    def packed(self, body: bytes) -> bytes:
        """The body as it is stored."""
        self._until_sample -= 1
        if self._until_sample <= 0 and len(body) <= MAX_SAMPLE_BYTES:
            self._until_sample = self._stride
            self._sample(body)
        return packed(body, self._dictionary)

    def _sample(self, body: bytes) -> None:
        if len(self._outlines) == SAMPLES // 2:
            self._bodies.append(body)
            return
        try:
            self._outlines.append(outline_of(body))
        except Exception:  # noqa: BLE001 - whatever it was, records are written without it
            _log.warning("a record could not be outlined", exc_info=True)

    def renew(self, writer: sqlite3.Connection, since: int) -> None:
        """Stores a better one, if there is one, for the records from this position on. To be called
        before a transaction: it has one of its own, so that what is packed anew after that of a
        commit was undone finds it all the same. Raises `sqlite3.Error`.
        """
        content = self._better()
        if content is not None:
            row = (since, zlib.crc32(content), content)
            number = writer.execute(INSERT, row).lastrowid
            assert number is not None
            self._dictionary = Dictionary(number, content)

    def _better(self) -> bytes | None:
        """The content of a dictionary that should take the place of the present one, if it is time
        to judge and there is one.
        """
        if len(self._bodies) < SAMPLES // 2:
            return None
        content = _collection(self._outlines)
        bodies = self._bodies
        self._outlines, self._bodies, self._stride = [], [], STRIDE
        if not content:
            return None
        candidate = Dictionary(0, content)
        before = sum(len(packed(body, self._dictionary)) for body in bodies)
        after = sum(len(packed(body, candidate)) for body in bodies)
        return content if after < before * _WORTH else None


def packer_of(connection: sqlite3.Connection) -> Packer:
    """One that goes on with the newest dictionary; the log has what is wrong with any of them."""
    newest = None
    for row in connection.execute(ALL):
        content = content_of(row)
        newest = None if content is None else Dictionary(row[0], content)
        if content is None:
            _log.error(
                "a dictionary of the journal is damaged: records that were packed against it cannot"
                " be read; restore a backup",
                dictionary=row[0],
            )
    return Packer(newest)


def _collection(outlines: Sequence[bytes]) -> bytes:
    """Those outlines that the others make less than two thirds smaller, as far as there is room: to
    take all of them would make it several times as long, and bodies hardly smaller.
    """
    content = b""
    for outline in outlines:
        if len(content) + len(outline) > MAX_CONTENT_BYTES:
            continue
        alone = len(block.compress(outline, store_size=False))
        rest = len(block.compress(outline, store_size=False, dict=content))
        if rest > alone // 3:
            content += outline
    return content
