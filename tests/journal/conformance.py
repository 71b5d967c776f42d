"""What the port means, as tests: every journal has to pass them.

A module of tests makes a class from `Conformance` and gives it the fixture `place`, where a journal
lives; opening a second one there finds what the first has committed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from tests.journal.make import COMPLETED, FAILED, RUNNING, end, record, row, run_id, start
from treadle_server.journal.port import (
    Journal,
    JournalError,
    JournalLocked,
    Key,
    Outcome,
    Record,
    Row,
    RunRow,
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


def bodies(records: list[Record]) -> list[tuple[int, int, bytes]]:
    return [(record.base_seq, record.count, record.body) for record in records]


class Conformance:
    @pytest.fixture
    def journal(self, place: Place) -> Iterator[Journal]:
        journal = place.journal()
        journal.open()
        yield journal
        journal.close()

    # --- life ---------------------------------------------------------------------------------

    def test_a_new_journal_is_empty(self, place: Place) -> None:
        journal = place.journal()
        info = journal.open()
        assert (info.position, info.schema_version > 0, bool(info.engine)) == (0, True, True)
        assert journal.read_log(0, 10) == []
        assert journal.load([run_id(1)]) == [None]
        assert journal.stats().records == 0
        journal.close()

    def test_what_was_committed_is_there_after_opening_again(self, place: Place) -> None:
        journal = place.journal()
        journal.open()
        ready = Row(Table.READY, ("default", "q", "t", 3, 5, run_id(1), "k"), b"type", 77)
        journal.commit([start(1, count=2, wake_time=40), replace(end(2, 1), puts=[ready])])
        before = (journal.load([run_id(1), run_id(2)]), journal.read_log(0, 10))
        journal.close()
        again = place.journal()
        assert again.open().position == 2
        assert (again.load([run_id(1), run_id(2)]), again.read_log(0, 10)) == before
        assert again.due(40, 10) == [(40, run_id(1))]
        assert again.get(Table.READY, [ready.key]) == [ready]
        assert again.commit([Unit(records=[record(1, 2)]), Unit(records=[record(1, 3)])]) == [
            CONFLICT,
            COMMITTED,
        ]
        assert [found.position for found in again.read_log(0, 10)] == [1, 2, 3]
        again.close()

    def test_a_journal_that_is_not_open_refuses_everything(self, place: Place) -> None:
        journal = place.journal()
        for _ in range(2):
            for call in (
                lambda: journal.commit([]),
                lambda: journal.load([]),
                lambda: journal.read_log(0, 1),
                lambda: journal.trim(Table.REQUEST, 0, 1),
                lambda: journal.due(0, 1),
                journal.stats,
            ):
                with pytest.raises(JournalError):
                    call()
            journal.open()
            journal.close()
            journal.close()

    def test_an_open_journal_cannot_be_opened_again(self, place: Place, journal: Journal) -> None:
        with pytest.raises(JournalLocked):
            place.journal().open()
        assert journal.commit([start(1)]) == [COMMITTED]

    # --- records ------------------------------------------------------------------------------

    def test_positions_are_gap_free_in_commit_order(self, journal: Journal) -> None:
        units = [start(1), start(2), start(1), Unit(records=[record(2, 2), record(2, 3)]), start(3)]
        outcomes = journal.commit(units)
        assert outcomes == [COMMITTED, COMMITTED, CONFLICT, COMMITTED, COMMITTED]
        journal.commit([Unit(records=[record(1, 2)])])
        log = journal.read_log(0, 100)
        assert [(found.position, found.run_id, found.base_seq) for found in log] == [
            (1, run_id(1), 1),
            (2, run_id(2), 1),
            (3, run_id(2), 2),
            (4, run_id(2), 3),
            (5, run_id(3), 1),
            (6, run_id(1), 2),
        ]
        assert [found.position for found in journal.read_log(2, 2)] == [3, 4]
        assert journal.read_log(6, 10) == []

    def test_a_commit_tells_positions_of_what_it_wrote(self, journal: Journal) -> None:
        units = [start(1), start(1), start(2, count=3), Unit(records=[record(2, 4), record(2, 5)])]
        journal.commit(units)
        assert [[found.position for found in unit.records] for unit in units] == [
            [1],
            [0],
            [2],
            [3, 4],
        ]

    def test_an_empty_commit_is_no_error(self, journal: Journal) -> None:
        assert journal.commit([]) == []
        assert journal.commit([Unit()]) == [COMMITTED]

    @pytest.mark.parametrize("base_seq", [1, 2, 4, 5])
    def test_a_record_follows_the_last_one_of_its_run(
        self, journal: Journal, base_seq: int
    ) -> None:
        journal.commit([start(1, count=2)])
        assert journal.commit([Unit(records=[record(1, base_seq)])]) == [CONFLICT]
        assert journal.commit([Unit(records=[record(1, 3)])]) == [COMMITTED]
        assert len(journal.read_run(run_id(1), 0, 10**6)) == 2

    def test_records_of_one_unit_follow_each_other(self, journal: Journal) -> None:
        bad = Unit(records=[record(1, 2, 2), record(1, 3)])
        good = Unit(records=[record(1, 2, 2), record(1, 4)])
        assert journal.commit([start(1), bad, good]) == [COMMITTED, CONFLICT, COMMITTED]
        assert [found.base_seq for found in journal.read_run(run_id(1), 0, 10**6)] == [1, 2, 4]

    def test_a_unit_may_touch_two_runs_or_none_of_them(self, journal: Journal) -> None:
        journal.commit([start(1)])
        both = Unit(records=[record(1, 2), record(2, 1)], run=row(2))
        torn = Unit(records=[record(1, 3), record(3, 2)], run=row(3))
        assert journal.commit([both, torn]) == [COMMITTED, CONFLICT]
        assert [r.base_seq for r in journal.read_run(run_id(1), 0, 10**6)] == [1, 2]
        assert journal.get_runs([run_id(3)]) == [None]

    @pytest.mark.parametrize(
        "unit",
        [
            Unit(records=[record(7, 1)]),
            Unit(records=[record(7, 2)]),
            Unit(records=[record(7, 1)], run=row(8)),
            Unit(records=[record(7, 2)], run=row(7)),
            Unit(run=row(7)),
            Unit(run=row(7, end_time=5)),
            Unit(records=[record(7, 1), record(7, 1)], run=row(7)),
            Unit(records=[record(7, 1), record(8, 1)], run=row(7)),
            Unit(records=[record(8, 1), record(7, 1)], run=row(7)),
            Unit(records=[Record(run_id(7), 1, 0, 0, b"")], run=row(7)),
        ],
    )
    def test_a_run_has_a_row_and_records_or_neither(self, journal: Journal, unit: Unit) -> None:
        assert journal.commit([unit]) == [CONFLICT]
        assert journal.commit([start(1), unit, start(2)]) == [COMMITTED, CONFLICT, COMMITTED]
        assert journal.load([run_id(7), run_id(8)]) == [None, None]
        assert list(journal.check()) == []

    def test_load_gives_runs_with_all_their_records(self, journal: Journal) -> None:
        units = [start(1, count=2), start(2), Unit(records=[record(1, 3)])]
        journal.commit(units)
        loaded = journal.load([run_id(2), run_id(9), run_id(1)])
        assert loaded[1] is None
        assert loaded[0] == (replace(row(2), last_seq=1), [units[1].records[0]])
        assert loaded[2] == (
            replace(row(1), last_seq=3),
            [units[0].records[0], units[2].records[0]],
        )

    @pytest.mark.parametrize(
        ("after_seq", "base_seqs"),
        [(0, [1, 4, 5]), (1, [1, 4, 5]), (2, [1, 4, 5]), (3, [4, 5]), (4, [5]), (6, [5]), (7, [])],
    )
    def test_read_run_begins_with_the_record_that_holds_the_next_seq(
        self, journal: Journal, after_seq: int, base_seqs: list[int]
    ) -> None:
        journal.commit([start(1, count=3), start(2)])
        journal.commit([Unit(records=[record(1, 4), record(1, 5, 3)])])
        found = journal.read_run(run_id(1), after_seq, 10**6)
        assert [record.base_seq for record in found] == base_seqs
        assert journal.read_run(run_id(3), after_seq, 10**6) == []

    def test_read_run_keeps_within_its_bytes_but_gives_one(self, journal: Journal) -> None:
        journal.commit([start(1)] + [Unit(records=[record(1, seq)]) for seq in (2, 3)])
        size = len(record(1, 1).body)
        for max_bytes, count in [(0, 1), (size, 1), (2 * size - 1, 1), (2 * size, 2), (9**9, 3)]:
            assert len(journal.read_run(run_id(1), 0, max_bytes)) == count

    # --- runs ---------------------------------------------------------------------------------

    def test_a_row_comes_back_as_it_was(self, journal: Journal) -> None:
        full = RunRow(
            run_id=run_id(1),
            namespace="größe\x00\U0001f9f5",
            workflow_id="",
            workflow="w",
            version=2**40,
            state=FAILED,
            start_time=-1,
            end_time=2**53,
            wake_time=0,
            request_id="r",
            request_hash=b"\x00\xff",
        )
        journal.commit([Unit(records=[record(1, 1, 4)], run=full)])
        assert journal.get_runs([run_id(1)]) == [replace(full, last_seq=4)]

    def test_what_changes_in_a_run_is_state_end_and_wake_time(self, journal: Journal) -> None:
        journal.commit([start(1, wake_time=30)])
        journal.commit([Unit(run=row(1, wake_time=20, state=FAILED))])
        assert journal.get_runs([run_id(1)]) == [row(1, wake_time=20, state=FAILED, last_seq=1)]
        journal.commit([end(1, 2)])
        ended = row(1, state=COMPLETED, end_time=9_000, last_seq=2)
        assert journal.get_runs([run_id(1)]) == [ended]

    def test_an_ended_run_is_never_open_again(self, journal: Journal) -> None:
        journal.commit([start(1), end(1, 2)])
        assert journal.commit([Unit(run=row(1)), Unit(run=row(1, end_time=5))]) == [
            CONFLICT,
            COMMITTED,
        ]
        outcomes = journal.commit([start(2), end(2, 2), Unit(run=row(2)), start(3), end(3, 2)])
        assert outcomes == [COMMITTED, COMMITTED, CONFLICT, COMMITTED, COMMITTED]

    def test_an_open_run_holds_its_workflow_id(self, journal: Journal) -> None:
        journal.commit([start(1, "order-7")])
        assert journal.commit([start(2, "order-7")]) == [CONFLICT]
        assert journal.commit([start(3, "order-7", namespace="other")]) == [COMMITTED]
        assert journal.commit([start(4, "order-7", end_time=5)]) == [COMMITTED]
        assert journal.commit([end(1, 2, "order-7"), start(5, "order-7")]) == [COMMITTED] * 2
        assert journal.get_runs([run_id(2)]) == [None]

    def test_a_workflow_id_is_free_only_from_the_unit_on_that_ends_its_run(
        self, journal: Journal
    ) -> None:
        """Within one commit too: units are written as if one after the other."""
        journal.commit([start(1, "w")])
        outcomes = journal.commit(
            [start(2, "w"), end(1, 2, "w"), start(3, "w"), start(4, "w"), end(3, 2, "w")]
        )
        assert outcomes == [CONFLICT, COMMITTED, COMMITTED, CONFLICT, COMMITTED]
        assert journal.commit([start(5, "w")]) == [COMMITTED]

    def test_a_request_id_belongs_to_one_run(self, journal: Journal) -> None:
        outcomes = journal.commit(
            [
                start(1, request_id="r"),
                start(2, request_id="r"),
                start(3, request_id="r", namespace="other"),
                start(4),
                start(5),
                end(1, 2, request_id="r"),
                start(6, request_id="r"),
            ]
        )
        assert outcomes == [COMMITTED, CONFLICT] + [COMMITTED] * 4 + [CONFLICT]
        found = journal.find_request("default", "r")
        assert found is not None
        assert (found.run_id, found.last_seq) == (run_id(1), 2)
        assert journal.find_request("default", "") is None
        assert journal.find_request("elsewhere", "r") is None

    def test_one_bad_unit_among_many_is_alone(self, journal: Journal) -> None:
        journal.commit([start(1, "taken", request_id="known")])
        units = [start(number) for number in range(2, 40)]
        bad = {3: start(50, "taken"), 4: start(1), 20: start(51, request_id="known")}
        for place, unit in bad.items():
            units[place] = unit
        outcomes = journal.commit(units)
        assert [place for place, outcome in enumerate(outcomes) if outcome is CONFLICT] == [
            3,
            4,
            20,
        ]
        assert [found.position for found in journal.read_log(0, 99)] == list(range(1, 37))
        assert list(journal.check()) == []

    def test_what_a_conflicting_unit_put_or_deleted_is_not_there(self, journal: Journal) -> None:
        key = ("default", "start", "r")
        kept = Row(Table.REQUEST, key, b"kept")
        journal.commit([start(1), Unit(puts=[kept])])
        outcomes = journal.commit(
            [
                Unit(records=[record(1, 9)], deletes=[(Table.REQUEST, key)]),
                Unit(records=[record(1, 9)], puts=[Row(Table.REQUEST, key, b"changed")]),
                Unit(records=[record(1, 1)], run=row(1), puts=[Row(Table.META, ("m",), b"")]),
            ]
        )
        assert outcomes == [CONFLICT] * 3
        assert journal.get(Table.REQUEST, [key]) == [kept]
        assert journal.get(Table.META, [("m",)]) == [None]

    def test_find_run_prefers_the_open_one_then_the_newest(self, journal: Journal) -> None:
        assert journal.find_run("default", "w") is None
        journal.commit([start(1, "w", start_time=5), end(1, 2, "w", start_time=5)])
        journal.commit([start(3, "w", start_time=9, end_time=9)])
        journal.commit([start(2, "w", start_time=9, end_time=9)])
        found = journal.find_run("default", "w")
        assert found is not None
        assert (found.run_id, found.last_seq) == (run_id(3), 1)
        journal.commit([start(4, "w", start_time=1)])
        found = journal.find_run("default", "w")
        assert found is not None
        assert found.run_id == run_id(4)
        assert journal.find_run("elsewhere", "w") is None

    def test_due_runs_come_earliest_first(self, journal: Journal) -> None:
        journal.commit(
            [start(1, wake_time=30), start(2, wake_time=10), start(3), start(4, wake_time=30)]
        )
        assert journal.due(9, 10) == []
        assert journal.due(10, 10) == [(10, run_id(2))]
        assert journal.due(99, 10) == [(10, run_id(2)), (30, run_id(1)), (30, run_id(4))]
        assert journal.due(99, 2) == [(10, run_id(2)), (30, run_id(1))]
        journal.commit([Unit(run=row(2, wake_time=31)), end(1, 2)])
        assert journal.due(99, 10) == [(30, run_id(4)), (31, run_id(2))]

    def test_runs_are_listed_newest_first_page_by_page(self, journal: Journal) -> None:
        journal.commit(
            [
                start(1, start_time=5),
                start(2, start_time=5, workflow="mail"),
                start(3, start_time=7, state=FAILED, end_time=8),
                start(4, start_time=6, namespace="other"),
                start(5, start_time=1, workflow="mail", state=FAILED, end_time=8),
            ]
        )

        def listed(
            workflow: str | None = None,
            state: int | None = None,
            before: tuple[int, bytes] | None = None,
            limit: int = 10,
        ) -> list[int]:
            rows = journal.list_runs(
                "default", workflow=workflow, state=state, before=before, limit=limit
            )
            assert all(found.last_seq == 1 for found in rows)
            return [int.from_bytes(found.run_id, "big") for found in rows]

        assert listed() == [3, 2, 1, 5]
        assert listed(limit=2) == [3, 2]
        assert listed(before=(5, run_id(2))) == [1, 5]
        assert listed(workflow="mail") == [2, 5]
        assert listed(state=FAILED) == [3, 5]
        assert listed(state=RUNNING, before=(5, run_id(2))) == [1]
        assert listed(workflow="mail", state=FAILED, before=(7, run_id(3)), limit=1) == [5]

    # --- small rows ---------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("table", "key"),
        [
            (Table.DEFINITION, ("n", "w", 3)),
            (Table.DEFINITION_HASH, ("n", "w", b"\x00\xff")),
            (Table.READY, ("n", "q", "t", 3, 2**50, run_id(1), "k")),
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
