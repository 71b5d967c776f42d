"""Bodies are given back as they were, packed or not, and by whichever version they were written."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from tests.journal.make import record, start
from treadle.v1 import event_pb2
from treadle_server.journal.port import Unit
from treadle_server.journal.sqlite.journal import SqliteJournal
from treadle_server.journal.sqlite.packing import packed, unpacked


@given(st.binary(max_size=2_000) | st.text(min_size=200, max_size=2_000).map(str.encode))
@example(b"")
@example(zlib.compress(b"twice" * 100))
@example(b"x" * 1_000)
@example(b"ab" * 50_000)
def test_a_body_is_given_back_as_it_was(body: bytes) -> None:
    assert unpacked(packed(body)) == body


def test_what_repeats_itself_is_packed_and_what_does_not_is_left_alone() -> None:
    assert len(packed(b'{"total": 12.5}' * 40)) < 100
    assert packed(b"\x0a" + bytes(range(256))) == b"\x0a" + bytes(range(256))
    assert packed(b"short" * 3) == b"short" * 3
    large = b"\x0a" + b"large" * 20_000
    assert packed(large) == large


def test_no_event_batch_begins_like_a_packed_one() -> None:
    batch = event_pb2.EventBatch(events=[event_pb2.Event(seq=1)]).SerializeToString()
    assert batch[:1] == b"\x0a" != packed(batch * 200)[:1]


def test_a_file_has_packed_and_plain_bodies_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "treadle.db"
    journal = SqliteJournal(path)
    journal.open()
    second = record(1, 2, 100)
    long = second.body
    journal.commit([start(1), Unit(records=[second])])
    with sqlite3.connect(path) as other:
        [stored] = other.execute("SELECT body FROM record WHERE position = 2").fetchone()
        assert len(stored) < len(long) / 3
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
