"""What the port means for small rows, readers, checks and backups; part of `conformance`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from tests.journal.make import FAILED, RUNNING, end, record, row, run_id, start
from treadle_server.journal.port import (
    Journal,
    Key,
    Outcome,
    Record,
    Row,
    Table,
    Unit,
)

COMMITTED, CONFLICT = Outcome.COMMITTED, Outcome.CONFLICT


class Place(Protocol):
    """Where a journal's data is kept."""

    def journal(self) -> Journal:
        """One that is not open."""
        ...

    def restored(self, backup: Path) -> Journal:
        """One that is not open, with the content of a backup."""
        ...


class RowConformance:
    @pytest.fixture
    def journal(self, place: Place) -> Iterator[Journal]:
        journal = place.journal()
        journal.open()
        yield journal
        journal.close()

    # --- small rows ---------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("table", "key"),
        [
            (Table.DEFINITION, ("n", "w", 3)),
            (Table.DEFINITION_HASH, ("n", "w", b"\x00\xff")),
            (Table.READY, ("n", "q", "t", 3, 2**50, run_id(1), "k")),
            (Table.HELD, ("n", 2**50, run_id(1))),
            (Table.REQUEST, ("n", "start", "\x00")),
            (Table.META, ("name",)),
        ],
    )
    def test_every_table_puts_gets_and_deletes(
        self, journal: Journal, table: Table, key: tuple[str | int | bytes, ...]
    ) -> None:
        first, second = Row(table, key, b"first"), Row(table, key, b"second", expire_time=9)
        journal.commit([Unit(puts=[first])])
        assert journal.get(table, [key, key]) == [first, first]
        assert journal.scan(table, key, ("o",), 10) == [first]
        journal.commit([Unit(puts=[second])])
        assert journal.get(table, [key]) == [second]
        journal.commit([Unit(deletes=[(table, key)]), Unit(deletes=[(table, key)])])
        assert journal.get(table, [key]) == [None]

    def test_the_last_unit_of_a_commit_decides_about_a_row(self, journal: Journal) -> None:
        a, b = ("a",), ("b",)
        journal.commit(
            [
                Unit(puts=[Row(Table.META, a, b"1"), Row(Table.META, b, b"1")]),
                Unit(puts=[Row(Table.META, a, b"2")], deletes=[(Table.META, a), (Table.META, b)]),
                Unit(puts=[Row(Table.META, a, b"3"), Row(Table.META, a, b"4")]),
            ]
        )
        assert journal.get(Table.META, [a, b]) == [Row(Table.META, a, b"4"), None]

    def test_scan_is_in_key_order_and_bounds_may_be_prefixes(self, journal: Journal) -> None:
        keys = [
            ("a", "p", "t", 1, 1, run_id(1), "k"),
            ("a", "q", "", 9, 1, run_id(1), "k"),
            ("a", "q", "t", -5, 1, run_id(1), "k"),
            ("a", "q", "t", 3, 1, run_id(1), "k"),
            ("a", "q", "t", 3, 2, run_id(1), "k"),
            ("a", "q", "t", 3, 10, run_id(1), "k"),
            ("a", "q", "t", 3, 10, run_id(2), "k"),
            ("a", "q", "t", 3, 10, run_id(2), "é"),
            ("a", "q\x00", "t", 0, 0, run_id(1), "k"),
            ("a", "qq", "t", 1, 1, run_id(1), "k"),
            ("b", "q", "t", 1, 1, run_id(1), "k"),
        ]
        journal.commit([Unit(puts=[Row(Table.READY, key) for key in reversed(keys)])])

        def scanned(low: Key, high: Key) -> list[Key]:
            return [found.key for found in journal.scan(Table.READY, low, high, 99)]

        assert scanned((), ("c",)) == keys
        assert scanned(("a", "q"), ("a", "q\x00")) == keys[1:8]
        assert scanned(("a", "q", "t", 3), ("a", "q", "t", 4)) == keys[3:8]
        assert scanned(("a", "q", "t", 3, 2), ("a", "q", "t", 3, 10)) == keys[4:5]
        assert scanned(("a", "q", "t", 4), ("b",)) == keys[8:10]
        assert scanned((), ()) == []
        assert scanned(("b",), ("a",)) == []
        assert scanned(keys[4], keys[7]) == keys[4:7]
        assert scanned((*keys[4], ""), (*keys[7], "")) == keys[5:8]
        assert len(journal.scan(Table.READY, (), ("c",), 4)) == 4

    def test_trim_takes_the_oldest_that_have_expired(self, journal: Journal) -> None:
        rows = [
            Row(Table.REQUEST, ("n", "start", str(number)), b"", expire)
            for number, expire in enumerate([30, 10, None, 20, 40])
        ]
        journal.commit([Unit(puts=rows)])
        assert journal.trim(Table.REQUEST, 10, 9) == 0
        assert journal.trim(Table.META, 99, 9) == 0
        assert journal.trim(Table.REQUEST, 40, 2) == 2
        left = [found.key[2] for found in journal.scan(Table.REQUEST, (), ("o",), 9)]
        assert left == ["0", "2", "4"]
        assert journal.trim(Table.REQUEST, 41, 9) == 2
        assert journal.trim(Table.REQUEST, 41, 9) == 0

    # --- deletion -----------------------------------------------------------------------------

    def test_ended_runs_come_in_the_order_in_which_they_ended(self, journal: Journal) -> None:
        journal.commit([start(number) for number in (1, 2, 3, 4)])
        journal.commit([end(1, 2, end_time=30), end(2, 2, end_time=10), end(3, 2, end_time=20)])
        assert journal.ended_runs(30, 9) == [run_id(2), run_id(3)]
        assert journal.ended_runs(31, 2) == [run_id(2), run_id(3)]
        assert journal.ended_runs(99, 9) == [run_id(2), run_id(3), run_id(1)]

    def test_only_ended_runs_can_be_deleted(self, journal: Journal) -> None:
        journal.commit([start(1, request_id="r"), start(2), end(1, 2)])
        assert journal.delete_runs([run_id(1), run_id(2), run_id(3)]) == 1
        assert journal.delete_runs([run_id(1)]) == 0
        assert journal.load([run_id(1)]) == [None]
        assert journal.get_runs([run_id(1)]) == [None]
        assert journal.read_run(run_id(1), 0, 999) == []
        assert journal.find_request("default", "r") is None
        assert journal.find_run("default", "workflow-1") is None
        [row] = journal.get_runs([run_id(2)])
        assert row is not None
        assert list(journal.check()) == []

    def test_a_history_is_cut_before_its_recorded_state(self, place: Place) -> None:
        journal = place.journal()
        journal.open()
        recorded = Unit(records=[record(1, 7)], run=row(1, recorded_seq=7))
        journal.commit([start(1, count=4), start(2), Unit(records=[record(1, 5, 2)]), recorded])
        assert journal.delete_records(run_id(2), 9, 9) == 0
        assert journal.delete_records(run_id(1), 5, 9) == 1
        assert list(journal.check()) == []
        assert [one.base_seq for one in journal.read_run(run_id(1), 0, 999)] == [5, 7]
        [loaded] = journal.load([run_id(1)])
        assert loaded is not None
        assert (loaded[0].recorded_seq, [one.base_seq for one in loaded[1]]) == (7, [7])
        # Never what the run begins with now.
        assert journal.delete_records(run_id(1), 99, 1) == 1
        assert journal.delete_records(run_id(1), 99, 1) == 0
        journal.commit([Unit(records=[record(1, 8)], run=row(1, recorded_seq=8))])
        journal.close()
        assert journal.open().position == 5
        assert [one.position for one in journal.read_log(0, 9)] == [2, 4, 5]
        assert list(journal.check()) == []
        journal.commit([end(1, 9, recorded_seq=8)])
        assert journal.delete_records(run_id(1), 99, 9) == 0
        assert journal.delete_runs([run_id(1)]) == 1
        assert list(journal.check()) == []
        assert journal.stats().records == 1

    def test_positions_of_deleted_runs_are_never_given_again(self, place: Place) -> None:
        journal = place.journal()
        journal.open()
        journal.commit([start(1), start(2), end(2, 2)])
        assert journal.delete_runs([run_id(2)]) == 1
        assert [record.position for record in journal.read_log(0, 9)] == [1]
        journal.close()
        assert journal.open().position == 3
        after = start(3)
        journal.commit([after])
        assert [record.position for record in journal.read_log(0, 9)] == [1, 4]
        assert [record.position for record in journal.read_log(1, 1)] == [4]
        assert journal.stats().records == 2
        assert list(journal.check()) == []
        # The name and the id are free again.
        assert journal.commit([start(2)]) == [Outcome.COMMITTED]
        journal.close()

    # --- care ---------------------------------------------------------------------------------

    def test_what_is_read_is_the_readers_own(self, journal: Journal) -> None:
        journal.commit([start(1), Unit(puts=[Row(Table.META, ("m",), b"1")])])
        loaded = journal.load([run_id(1)])[0]
        assert loaded is not None
        loaded[0].state, loaded[1][0].body = FAILED, b""
        journal.scan(Table.META, (), ("n",), 1)[0].value = b"2"
        again = journal.load([run_id(1)])[0]
        assert again is not None
        assert (again[0].state, bool(again[1][0].body)) == (RUNNING, True)
        assert journal.get(Table.META, [("m",)]) == [Row(Table.META, ("m",), b"1")]

    def test_stats_count(self, journal: Journal) -> None:
        ready = Row(Table.READY, ("n", "q", "t", 3, 5, run_id(1), "k"))
        journal.commit([start(1), start(2), end(1, 2), Unit(puts=[ready])])
        stats = journal.stats()
        assert (stats.records, stats.runs, stats.open_runs, stats.ready) == (3, 2, 1, 1)
        assert stats.file_bytes >= 0
        assert stats.wal_bytes >= 0

    def test_check_finds_a_body_that_is_not_what_its_record_says(self, journal: Journal) -> None:
        short = record(1, 1, 2)
        short.count = 3
        shifted = Record(run_id(2), 1, 1, 0, record(2, 5).body)
        garbage = Record(run_id(3), 1, 1, 0, b"\xff")
        for number, bad in ((1, short), (2, shifted), (3, garbage)):
            assert journal.commit([Unit(records=[bad], run=row(number))]) == [COMMITTED]
        assert sorted(finding.rule for finding in journal.check()) == ["body", "count", "seq"]

    def test_check_finds_ready_work_of_runs_that_want_none(self, journal: Journal) -> None:
        rows = [
            Row(Table.READY, ("n", "q", "t", 3, 5, run_id(number), "k")) for number in (1, 2, 3)
        ]
        journal.commit([start(1), start(2), end(2, 2), Unit(puts=rows)])
        assert [finding.rule for finding in journal.check()] == ["ready", "ready"]

    def test_a_backup_has_what_was_committed_before_it(
        self, place: Place, journal: Journal, tmp_path: Path
    ) -> None:
        journal.commit([start(1, count=2), Unit(puts=[Row(Table.META, ("m",), b"1")])])
        target = tmp_path / "copy.db"
        journal.backup(target)
        journal.commit([Unit(records=[record(1, 3)])])
        with pytest.raises(FileExistsError):
            journal.backup(target)
        copy = place.restored(target)
        assert copy.open().position == 1
        assert copy.load([run_id(1)]) == [
            (replace(row(1), last_seq=2), journal.read_log(0, 1)),
        ]
        assert copy.get(Table.META, [("m",)]) == [Row(Table.META, ("m",), b"1")]
        assert list(copy.check()) == []
        assert copy.commit([Unit(records=[record(1, 3)])]) == [COMMITTED]
        copy.close()

    def test_other_threads_read_while_one_commits(self, journal: Journal) -> None:
        """A run's row and its records are always from one moment."""
        journal.commit([start(1)])
        torn: list[object] = []
        reads = 0
        done = threading.Event()

        def read() -> None:
            nonlocal reads
            while not done.is_set():
                loaded = journal.load([run_id(1)])[0]
                assert loaded is not None
                seqs = [found.base_seq for found in loaded[1]]
                if seqs != list(range(1, loaded[0].last_seq + 1)):
                    torn.append((loaded[0].last_seq, seqs))
                reads += 1

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for seq in range(2, 202):
            assert journal.commit([Unit(records=[record(1, seq)])]) == [COMMITTED]
        done.set()
        for reader in readers:
            reader.join()
        assert torn == []
        assert reads > 0
