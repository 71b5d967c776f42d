"""What the port means, as tests: every journal has to pass them.

A module of tests makes a class from `Conformance` and gives it the fixture `place`, where a journal
lives; opening a second one there finds what the first has committed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.journal.conformance_rows import Place, RowConformance
from tests.journal.make import COMPLETED, FAILED, RUNNING, end, record, row, run_id, start
from treadle_server.engine.ids import run_id_text
from treadle_server.journal.port import (
    Journal,
    JournalError,
    JournalLocked,
    Outcome,
    Record,
    Row,
    RunRow,
    Table,
    Unit,
)

COMMITTED, CONFLICT = Outcome.COMMITTED, Outcome.CONFLICT


def bodies(records: list[Record]) -> list[tuple[int, int, bytes]]:
    return [(record.base_seq, record.count, record.body) for record in records]


class Conformance(RowConformance):
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
                lambda: journal.ended_runs(0, 1),
                lambda: journal.delete_runs([]),
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
            workflow_id="\x00",
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

    def test_a_run_id_is_a_workflow_id_like_any_other(self, journal: Journal) -> None:
        """As those have it that are started without one, and what follows them in a chain."""
        first = 0xABC
        own = run_id_text(run_id(first))

        def found(workflow_id: str = own, namespace: str = "default") -> bytes | None:
            row = journal.find_run(namespace, workflow_id)
            assert row is None or row.workflow_id == own
            return row.run_id if row else None

        assert journal.commit([start(first, own, start_time=0), start(2, own)]) == [
            COMMITTED,
            CONFLICT,
        ]
        assert journal.commit([start(3, own), start(4)]) == [CONFLICT, COMMITTED]
        assert (found(), found(own.upper()), found(namespace="other")) == (
            run_id(first),
            None,
            None,
        )
        assert found(run_id_text(run_id(4))) is None
        assert journal.commit([start(3, own, namespace="other")]) == [COMMITTED]
        assert found(namespace="other") == run_id(3)

        def after(run: int, state: int) -> Unit:
            return replace(start(run, own), not_after=frozenset({state}))

        outcomes = journal.commit(
            [end(first, 2, own), after(5, COMPLETED), after(5, FAILED), start(6, own)]
        )
        assert outcomes == [COMMITTED, CONFLICT, COMMITTED, CONFLICT]
        assert found() == run_id(5)
        journal.commit([end(5, 2, own, state=FAILED)])
        assert journal.commit([after(7, FAILED)]) == [CONFLICT]
        assert found() == run_id(5)
        journal.delete_runs([run_id(5)])
        assert found() == run_id(first)
        assert journal.commit([after(8, COMPLETED)]) == [CONFLICT]
        rows = journal.list_runs("default", workflow=None, state=None, before=None, limit=9)
        assert [row.workflow_id for row in rows] == ["workflow-4", own]
        assert list(journal.check()) == []

    def test_a_run_does_not_begin_after_one_that_its_unit_forbids(self, journal: Journal) -> None:
        """Whether that ended in the same commit, or in one before."""

        def after(run: int, *states: int, **fields: Any) -> Unit:
            return replace(start(run, "w", **fields), not_after=frozenset(states))

        assert journal.commit(
            [
                after(1, COMPLETED, FAILED),
                after(2, COMPLETED),
                end(1, 2, "w"),
                after(3, COMPLETED),
                start(4, "other"),
            ]
        ) == [COMMITTED, CONFLICT, COMMITTED, CONFLICT, COMMITTED]
        assert journal.commit(
            [
                after(5, COMPLETED, FAILED),
                after(6, COMPLETED, namespace="elsewhere"),
                after(7, FAILED),
                end(7, 2, "w", state=FAILED),
                # Only the newest counts.
                after(8, FAILED),
                after(9, COMPLETED),
            ]
        ) == [CONFLICT, COMMITTED, COMMITTED, COMMITTED, CONFLICT, COMMITTED]
        assert journal.get_runs([run_id(number) for number in (2, 3, 5, 8)]) == [None] * 4
        assert list(journal.check()) == []

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

    def test_held_runs_are_listed_with_what_they_are_held_for(self, journal: Journal) -> None:
        journal.commit(
            [
                start(1, start_time=5),
                start(2, start_time=5, workflow="mail"),
                start(3, start_time=7),
                start(4, start_time=6, namespace="other"),
                start(5, start_time=1, workflow="mail"),
                start(6, start_time=3),
            ]
        )
        held = {1: ("default", 5), 2: ("default", 5), 4: ("other", 6), 5: ("default", 1)}
        rows = [Row(Table.HELD, (*place, run_id(run)), b"%d" % run) for run, place in held.items()]
        journal.commit([Unit(puts=rows)])

        def listed(
            namespace: str = "default",
            workflow: str | None = None,
            state: int | None = None,
            before: tuple[int, bytes] | None = None,
            limit: int = 10,
        ) -> list[bytes]:
            found = journal.list_runs(
                namespace, workflow=workflow, state=state, before=before, limit=limit, held=True
            )
            assert all(one.last_seq == 1 for one in found)
            assert [one.run_id for one in found] == [run_id(int(one.held)) for one in found]
            return [one.held for one in found]

        assert listed() == [b"2", b"1", b"5"]
        assert listed(limit=2) == [b"2", b"1"]
        assert listed(before=(5, run_id(2))) == [b"1", b"5"]
        assert listed("other") == [b"4"]
        assert listed(workflow="mail") == [b"2", b"5"]
        assert listed(state=RUNNING, workflow="order") == [b"1"]
        assert listed(state=FAILED) == []
        # However a run is read, it is told.
        [row] = journal.get_runs([run_id(1)])
        [loaded] = journal.load([run_id(1)])
        found = journal.find_run("default", "workflow-1")
        assert row is not None
        assert loaded is not None
        assert found is not None
        assert [row.held, loaded[0].held, found.held] == [b"1"] * 3
        every = journal.list_runs("default", workflow=None, state=None, before=None, limit=10)
        assert [one.held for one in every] == [b"", b"2", b"1", b"", b"5"]

    def test_a_run_that_is_released_is_listed_no_more(self, journal: Journal) -> None:
        key = ("default", 1_001, run_id(1))
        journal.commit([start(1), Unit(puts=[Row(Table.HELD, key, b"why")])])
        journal.commit([Unit(records=[record(1, 2)], deletes=[(Table.HELD, key)])])
        [found] = journal.get_runs([run_id(1)])
        assert found is not None
        assert found.held == b""
        listed = journal.list_runs(
            "default", workflow=None, state=None, before=None, limit=10, held=True
        )
        assert listed == []
