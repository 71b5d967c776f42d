"""What bodies are packed against: that it pays, that it says nothing of anybody, that it stays for
as long as it is needed, and that damage to it is told.
"""

from __future__ import annotations

import dataclasses
import random
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from tests.journal.make import end, row, run_id
from tests.journal.test_codec import instances
from treadle_server.engine.events import (
    EVENT_TYPES,
    ActivityCompleted,
    ActivityScheduled,
    AttemptStarted,
    Event,
)
from treadle_server.engine.values import NO_RETRY, Payload, RetryPolicy
from treadle_server.journal.codec import CodecError, decode_batch, encode_batch
from treadle_server.journal.outlines import outline_of
from treadle_server.journal.port import Outcome, Record, Unit
from treadle_server.journal.sqlite.dictionaries import MAX_CONTENT_BYTES
from treadle_server.journal.sqlite.journal import SqliteJournal

T = 1_795_000_000_000_000
TURNS = 4
"""Of each run."""


def turn(run: int, number: int, worker: str, type_name: str = "charge") -> Record:
    """A turn as graphs have them: a result, the next activity, and who has it."""
    seq, time = 3 * number + 1, T + run * 1_000 + number
    spoken = Payload(f'{{"customer":"{random.Random(run).randbytes(8).hex()}"}}'.encode())
    events: list[Event] = [
        ActivityCompleted(
            seq=seq,
            time=time,
            key=f"s{number}",
            lease=number,
            attempt=1,
            output=spoken,
            started_time=time - 9,
            scheduled_time=time - 9,
            identity="host/1234",
            type=type_name,
        ),
        ActivityScheduled(
            seq=seq + 1,
            time=time,
            key=f"s{number + 1}",
            type=type_name,
            queue="payments",
            input=spoken,
            retry=NO_RETRY,
            start_to_close_timeout=60_000_000,
        ),
        AttemptStarted(
            seq=seq + 2,
            time=time,
            key=f"s{number + 1}",
            lease=number + 1,
            attempt=1,
            session_id=worker,
            identity="host/1234",
            build_id="",
            until=time + 30_000_000,
            ready_time=time,
            type=type_name,
        ),
    ]
    return Record(run_id(run), seq, 3, time, encode_batch(events))


def units(runs: range, worker: str = "3fa9c1d2-1111-4222-8333-0123456789ab") -> list[Unit]:
    """Runs one after the other, of as many turns each."""
    return [
        Unit(records=[turn(run, number, worker)], run=row(run) if number == 0 else None)
        for run in runs
        for number in range(TURNS)
    ]


def units_of_two_workers() -> tuple[list[Unit], list[Unit]]:
    """Of another worker so many that there is another dictionary for them."""
    other = "d0c5b3aa-9999-4888-8777-ba9876543210"
    return units(range(1, 201)), units(range(201, 2_400), worker=other)


def write(journal: SqliteJournal, made: list[Unit]) -> None:
    for at in range(0, len(made), 40):
        part = made[at : at + 40]
        assert journal.commit(part) == [Outcome.COMMITTED] * len(part)


def bodies(journal: SqliteJournal, after: int = 0) -> list[bytes]:
    return [one.body for one in journal.read_log(after, 100_000)]


def written(made: list[Unit]) -> list[bytes]:
    return [record.body for unit in made for record in unit.records]


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as other:
        return other.execute(sql).fetchall()


def change(path: Path, sql: str, *parameters: Any) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(sql, parameters)


# --- what may stand in it ------------------------------------------------------------------------


MAY_STAND = {
    ("RunStarted", "workflow"),
    ("RunCompleted", "workflow"),
    ("ActivityScheduled", "key"),
    ("ActivityScheduled", "type"),
    ("ActivityScheduled", "queue"),
    ("RetryPolicy", "coefficient"),
    ("RetryPolicy", "jitter"),
    ("AttemptStarted", "key"),
    ("AttemptStarted", "type"),
    ("AttemptStarted", "identity"),
    ("AttemptStarted", "session_id"),
    ("AttemptStarted", "build_id"),
    ("ActivityCompleted", "key"),
    ("ActivityCompleted", "type"),
    ("ActivityCompleted", "identity"),
    ("DecisionCompleted", "key"),
    ("DecisionCompleted", "type"),
    ("DecisionCompleted", "identity"),
    ("DecisionCompleted", "build_id"),
    ("TransitionTaken", "key"),
    ("TransitionTaken", "transitions"),
    ("TransitionTaken", "entered"),
    ("TransitionTaken", "active"),
}
"""Texts and numbers with a fraction, by message and field. All others may have been said."""


def values(value: Any, place: tuple[str, str]) -> Iterator[tuple[tuple[str, str], Any]]:
    """All that is not nothing in an event, but whole numbers: where it stands, and what it is."""
    if isinstance(value, str | bytes | float):
        if value:
            yield place, value
    elif isinstance(value, Mapping):
        for one in (*value.keys(), *value.values()):
            yield from values(one, place)
    elif isinstance(value, tuple):
        for one in value:
            yield from values(one, place)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from values(getattr(value, field.name), (type(value).__name__, field.name))


@pytest.mark.parametrize("cls", EVENT_TYPES)
def test_an_outline_has_nothing_that_anybody_said(cls: type[Event]) -> None:
    @given(instances(cls))
    def has_nothing(event: Event) -> None:
        outlined = decode_batch(outline_of(encode_batch([event])))
        assert {place for one in outlined for place, _ in values(one, ("", ""))} <= MAY_STAND
        assert [(type(one), one.seq) for one in outlined] in ([], [(cls, event.seq)])

    has_nothing()


def test_an_outline_has_the_names_of_definitions_and_workers() -> None:
    outline = outline_of(turn(1, 1, "session-of-a-worker").body)
    for name in (b"charge", b"payments", b"session-of-a-worker", b"host/1234"):
        assert name in outline
    assert b"customer" not in outline
    assert outline_of(outline) == outline


def test_what_code_asks_for_may_be_named_after_anybody() -> None:
    def scheduled(key: str) -> bytes:
        retry = RetryPolicy(retry_on=("NoAda",), non_retryable_kinds=("AdaSaysNo",))
        event = ActivityScheduled(
            key=key,
            type="charge Ada",
            queue="for Ada",
            input=Payload(b"{}"),
            retry=retry,
            start_to_close_timeout=1,
        )
        return outline_of(encode_batch([event]))

    assert b"Ada" not in scheduled("c12")
    outline = scheduled("card")
    assert b"charge Ada" in outline
    assert b"for Ada" in outline
    assert b"No" not in outline


# --- when there is one ---------------------------------------------------------------------------


def test_bodies_become_smaller_and_come_back_as_they_were(
    journal: SqliteJournal, path: Path
) -> None:
    made = units(range(1, 401))
    write(journal, made)
    assert bodies(journal) == written(made)
    [(number, since, content)] = rows(path, "SELECT number, since, content FROM dictionary")
    assert number == 1
    assert 0 < len(content) <= MAX_CONTENT_BYTES
    [(before,)] = rows(path, f"SELECT avg(length(body)) FROM record WHERE position < {since}")
    [(after,)] = rows(path, f"SELECT avg(length(body)) FROM record WHERE position >= {since}")
    assert after < 0.6 * before
    assert list(journal.check()) == []
    [loaded] = journal.load([run_id(399)])
    assert loaded is not None
    assert [one.body for one in loaded[1]] == written(made[398 * TURNS : 399 * TURNS])
    assert [one.body for one in journal.read_run(run_id(399), 3, 1)] == [loaded[1][1].body]


def test_it_is_there_after_a_restart_and_in_a_backup(
    journal: SqliteJournal, path: Path, tmp_path: Path
) -> None:
    first, second = units(range(1, 201)), units(range(201, 203))
    write(journal, first)
    journal.close()
    journal.open()
    write(journal, second)
    assert bodies(journal) == written(first + second)
    assert rows(path, "SELECT count(*) FROM dictionary") == [(1,)]
    [(mark,)] = rows(path, "SELECT DISTINCT substr(body, 1, 4) FROM record WHERE position > 800")
    assert mark == b"\x05\x01\x00\x00"
    journal.backup(tmp_path / "copy.db")
    copy = SqliteJournal(tmp_path / "copy.db", read_only=True)
    copy.open()
    assert bodies(copy) == written(first + second)
    assert list(copy.check()) == []
    copy.close()


def test_another_one_comes_when_what_is_written_changes(journal: SqliteJournal, path: Path) -> None:
    first, second = units_of_two_workers()
    write(journal, first + second)
    assert bodies(journal) == written(first + second)
    assert rows(path, "SELECT count(*) FROM dictionary") == [(2,)]


def test_there_is_none_where_it_would_not_pay(journal: SqliteJournal, path: Path) -> None:
    source = random.Random(7)
    made = units(range(1, 501))
    for unit in made:
        [one] = unit.records
        events = decode_batch(one.body)
        assert isinstance(events[0], ActivityCompleted)
        events[0].output = Payload(source.randbytes(2_500))
        one.body = encode_batch(events)
    write(journal, made)
    assert rows(path, "SELECT count(*) FROM dictionary") == [(0,)]
    assert bodies(journal) == written(made)


def test_one_that_is_good_stays(journal: SqliteJournal, path: Path) -> None:
    write(journal, units(range(1, 3_000)))
    assert rows(path, "SELECT number FROM dictionary") == [(1,)]


# --- when something happens to it ----------------------------------------------------------------


def test_a_commit_that_is_undone_leaves_it(journal: SqliteJournal, path: Path) -> None:
    made = units(range(1, 89))
    write(journal, made)
    assert rows(path, "SELECT count(*) FROM dictionary") == [(0,)]
    more = units(range(89, 99))
    taken = Unit(records=[turn(500, 0, "w")], run=row(500, "workflow-1"))
    assert journal.commit([*more, taken]) == [Outcome.COMMITTED] * 40 + [Outcome.CONFLICT]
    assert rows(path, "SELECT count(*) FROM dictionary") == [(1,)]
    assert bodies(journal) == written(made + more)
    assert list(journal.check()) == []


def test_it_goes_with_the_last_record_that_may_need_it(journal: SqliteJournal, path: Path) -> None:
    first, second = units_of_two_workers()
    write(journal, first + second)
    [_, (since,)] = rows(path, "SELECT since FROM dictionary ORDER BY number")
    ended = range(1, 2_400)
    write(journal, [end(run, 3 * TURNS + 1) for run in ended])
    earlier = [run_id(run) for run in ended if (run - 1) * TURNS + 1 < since]
    assert journal.delete_runs(earlier[:-1]) == len(earlier) - 1
    assert rows(path, "SELECT number FROM dictionary") == [(1,), (2,)]
    journal.delete_runs(earlier[-1:])
    assert rows(path, "SELECT number FROM dictionary") == [(2,)]
    assert bodies(journal)[0] == written(second)[(len(earlier) - 200) * TURNS]
    journal.delete_runs([run_id(run) for run in ended])
    assert rows(path, "SELECT number FROM dictionary") == [(2,)], "the next record needs it"
    assert list(journal.check()) == []


@pytest.mark.parametrize("damage", ["zeroblob(length(content))", "CAST('' AS BLOB)"])
def test_damage_to_it_is_told_and_nothing_more_is_packed_against_it(
    journal: SqliteJournal, path: Path, damage: str
) -> None:
    first, second = units(range(1, 201)), units(range(201, 203))
    write(journal, first)
    journal.close()
    change(path, f"UPDATE dictionary SET content = {damage}")
    journal.open()
    write(journal, second)
    *others, found = journal.check()
    assert (found.rule, found.subject) == ("dictionary", "dictionary 1")
    assert {one.rule for one in others} == {"body"}
    [readable, unreadable] = [bodies(journal, 800), bodies(journal, 700)[:10]]
    assert readable == written(second)
    with pytest.raises(CodecError):
        decode_batch(unreadable[0])


def test_a_record_without_its_dictionary_is_a_finding(journal: SqliteJournal, path: Path) -> None:
    write(journal, units(range(1, 201)))
    journal.close()
    change(path, "DELETE FROM dictionary")
    journal.open()
    *others, found = journal.check()
    assert (found.rule, found.subject) == ("dictionary", "dictionary 1")
    assert {one.rule for one in others} == {"body"}


# --- who else reads ------------------------------------------------------------------------------


def test_who_only_reads_has_what_has_come_since(journal: SqliteJournal, path: Path) -> None:
    first, second = units(range(1, 50)), units(range(50, 201))
    write(journal, first)
    reader = SqliteJournal(path, read_only=True)
    reader.open()
    with reader.frozen():
        write(journal, second)
        assert bodies(reader) == written(first)
    assert bodies(reader) == written(first + second)
    reader.close()


def test_a_reader_keeps_its_state_while_a_dictionary_goes(
    journal: SqliteJournal, path: Path
) -> None:
    first, second = units_of_two_workers()
    write(journal, first + second + [end(run, 3 * TURNS + 1) for run in range(1, 2_400)])
    reader = SqliteJournal(path, read_only=True)
    reader.open()
    with reader.frozen():
        journal.delete_runs([run_id(run) for run in range(1, 2_400)])
        assert rows(path, "SELECT number FROM dictionary") == [(2,)]
        assert bodies(reader)[: len(first)] == written(first)
    reader.close()


def test_a_file_from_before_there_were_any_goes_on(path: Path) -> None:
    made = units(range(1, 301))
    journal = SqliteJournal(path)
    journal.open()
    write(journal, made[:40])
    journal.close()
    change(path, "DROP TABLE dictionary")
    change(path, "DELETE FROM _sqlite_migrations WHERE name = '0009_dictionary'")
    journal.open()
    write(journal, made[40:])
    assert bodies(journal) == written(made)
    assert rows(path, "SELECT number FROM dictionary") == [(1,)]
    assert list(journal.check()) == []
    journal.close()
