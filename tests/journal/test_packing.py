"""Bodies are given back as they were, packed or not, and by whichever version they were written."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.journal.make import record, start
from treadle.v1 import event_pb2
from treadle_server.journal.port import Unit
from treadle_server.journal.sqlite.journal import SqliteJournal
from treadle_server.journal.sqlite.packing import Dictionary, packed, unpacked


def none(_number: int) -> bytes | None:
    """No dictionaries."""
    return None


@given(st.binary(max_size=2_000) | st.text(min_size=200, max_size=2_000).map(str.encode))
@example(b"")
@example(b"\x00")
@example(b"\x04" + b"x" * 500)
@example(b"\x78" + bytes(range(256)))
@example(zlib.compress(b"twice" * 100))
@example(b"x" * 1_000)
@example(b"ab" * 50_000)
def test_a_body_is_given_back_as_it_was(body: bytes) -> None:
    assert unpacked(packed(body), none) == body


@given(st.binary(max_size=2_000), st.binary(max_size=300), st.integers(0, 2**24 - 1))
@example(b"", b"", 1)
@example(b"x" * 300_000, b"x" * 40, 1)
@example(b"x" * 200_000, b"x" * 40, 1)
@example(b"\x05\x01\x00\x00\x09\x00\x00" + b"x" * 9, b"x" * 40, 1)
def test_a_body_is_given_back_by_its_dictionary(body: bytes, other: bytes, number: int) -> None:
    dictionary = Dictionary(number, other + body[10:] + other)
    stored = packed(body, dictionary)
    assert len(stored) <= len(body) + 1
    assert unpacked(stored, {number: dictionary.content}.get) == body


def test_what_repeats_itself_is_packed_and_what_does_not_is_left_alone() -> None:
    assert len(packed(b'{"total": 12.5}' * 40)) < 100
    assert packed(b"\x0a" + bytes(range(256))) == b"\x0a" + bytes(range(256))
    assert packed(b"short" * 3) == b"short" * 3
    large = b"\x0a" + b"large" * 60_000
    assert packed(large) == large


def test_no_event_batch_begins_like_a_packed_one() -> None:
    batch = event_pb2.EventBatch(events=[event_pb2.Event(seq=1)]).SerializeToString()
    assert batch[:1] == b"\x0a" != packed(batch * 200)[:1]


def test_what_an_earlier_version_packed_is_read() -> None:
    body = event_pb2.EventBatch(events=[event_pb2.Event(seq=1)] * 100).SerializeToString()
    assert unpacked(zlib.compress(body, 3), none) == body


@pytest.mark.parametrize("damage", [b"\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00\x00"])
def test_what_is_damaged_is_for_whoever_reads_it_to_find(damage: bytes) -> None:
    """The checksum tells, not the packing, which fails in no other way: also where the damage says
    that the body was gigabytes long.
    """
    whole = packed(b"\x0a" + b"again and " * 100)
    for place in range(1, len(whole) - len(damage)):
        stored = whole[:place] + damage + whole[place + len(damage) :]
        assert len(unpacked(stored, none)) in (len(stored), 1_001)
    gigabytes = whole[:1] + b"\xff\xff\xff\x7f" + whole[5:]
    assert unpacked(gigabytes, none) == gigabytes
    shared = packed(b"\x0a" + b"again and " * 100, Dictionary(1, b"again and again"))
    for place in range(1, len(shared) - len(damage)):
        stored = shared[:place] + damage + shared[place + len(damage) :]
        assert len(unpacked(stored, {1: b"again and again"}.get)) in (len(stored), 1_001)
    for cut in (stored[:length] for stored in (whole, shared) for length in range(1, 12)):
        assert unpacked(cut, {1: b"again and again"}.get) == cut
    cut = zlib.compress(b"x" * 500)[:-6]
    assert unpacked(cut, none) == cut


def test_a_file_has_packed_and_plain_bodies_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "treadle.db"
    journal = SqliteJournal(path)
    journal.open()
    second = record(1, 2, 100)
    long = second.body
    journal.commit([start(1), Unit(records=[second])])
    with sqlite3.connect(path) as other:
        [stored] = other.execute("SELECT body FROM record WHERE position = 2").fetchone()
        assert stored == packed(long) != long
        # As an earlier version wrote it.
        other.execute(
            "UPDATE record SET body = ?, checksum = ? WHERE position = 2", (long, zlib.crc32(long))
        )
    assert [one.body for one in journal.read_log(1, 10)] == [long]
    journal.close()


def test_check_finds_a_packed_body_that_was_damaged(tmp_path: Path) -> None:
    path = tmp_path / "treadle.db"
    journal = SqliteJournal(path)
    journal.open()
    journal.commit([start(1), Unit(records=[record(1, 2, 100)])])
    with sqlite3.connect(path) as other:
        other.execute(
            "UPDATE record SET body = CAST(substr(body, 1, 20) || 'x' AS BLOB) WHERE position = 2"
        )
    assert [one.rule for one in journal.check() if one.subject.startswith("position 2")] == [
        "checksum",
        "body",
    ]
    journal.close()
