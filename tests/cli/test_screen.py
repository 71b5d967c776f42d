"""How tables and values look: on a terminal of some width, and in a pipe."""

from __future__ import annotations

import io
import json

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from treadle.v1 import payload_pb2
from treadle_server.cli import moments, values
from treadle_server.cli.options import Settings
from treadle_server.cli.screen import Column, Screen, Styled, Table, printable


def drawn(table: Table, width: int) -> list[str]:
    """The table on a terminal so wide, without colours."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True)
    Screen(Settings(), console).table(table)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    return [line.rstrip() for line in text.splitlines()]


def history_like() -> Table:
    table = Table(
        (
            Column("ID"),
            Column("NAME", narrow="cut"),
            Column("DETAILS", narrow="fold"),
            Column("TOOK", right=True),
        )
    )
    table.rows.append(("0193-2f0c", Styled("a" * 30, "bold"), "some words " * 6, "1.2s"))
    table.rows.append(("0193-2f0d", "short", "few words", "12ms"))
    return table


def test_a_wide_terminal_gets_all(capsys: pytest.CaptureFixture[str]) -> None:
    lines = drawn(history_like(), 200)

    Screen(Settings()).table(history_like())
    assert lines == capsys.readouterr().out.splitlines()


def test_on_a_narrow_one_text_folds_then_names_are_cut_and_ids_stay() -> None:
    assert drawn(history_like(), 70) == [
        "ID         NAME                   DETAILS                         TOOK",
        "0193-2f0c  aaaaaaaaaaaaaaaaaaaa…  some words some words some      1.2s",
        "                                  words some words some words",
        "                                  some words",
        "0193-2f0d  short                  few words                       12ms",
    ]


def test_a_pipe_gets_everything(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(Settings()).table(history_like())

    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"0193-2f0c  {'a' * 30}  {('some words ' * 6):<66}  1.2s"


def test_a_pipe_gets_columns_that_stand_below_each_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table((Column("NAME"), Column("TOOK", right=True)))
    table.rows += [("世界", "1.2s"), ("Gru\u0308ße", "世"), ("plain", "12ms")]

    Screen(Settings()).table(table)

    assert capsys.readouterr().out.splitlines() == [
        "NAME   TOOK",
        "世界   1.2s",
        "Gru\u0308ße    世",
        "plain  12ms",
    ]


def test_a_usual_terminal_shows_whole_ids() -> None:
    titles = ("RUN", "WORKFLOW", "WORKFLOW ID", "STATE", "STARTED", "TOOK")
    cut = ("WORKFLOW", "WORKFLOW ID")
    table = Table([Column(name, narrow="cut" if name in cut else "keep") for name in titles])
    run_id = "01a20741-41a3-77e0-9842-1a42924cc738"
    table.rows.append((run_id, "orders v1", run_id, "✓ completed", "11-19 22:14", "12m 05s"))

    assert all(part in drawn(table, 80)[1] for part in (run_id, "11-19 22:14", "12m 05s"))


def test_a_long_text_is_cut_before_a_name() -> None:
    table = Table((Column("NODE", narrow="cut"), Column("WHY", narrow="cut")))
    table.rows.append(("charge_payment", "it waits for a person " * 8))

    assert drawn(table, 60)[1].startswith("charge_payment  it waits for a person")


def test_an_empty_table_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(Settings()).table(Table((Column("ID"),)))

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Grüße, 世界 ✓", "Grüße, 世界 ✓"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x85\x9b", "\\x85\\x9b"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u200fb\u061c", "a\\u200fb\\u061c"),
        ("two\u2028lines\u2029", "two\\u2028lines\\u2029"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_can_be_kept() -> None:
    assert printable("a\nb\r", keep_newlines=True) == "a\nb\\r"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0ms"),
        (0.0004, "0ms"),
        (0.0123, "12ms"),
        (0.9996, "1.0s"),
        (3.21, "3.2s"),
        (59.96, "1m 00s"),
        (65, "1m 05s"),
        (3599.7, "1h 00m"),
        (7380, "2h 03m"),
        (3 * 86400 + 4 * 3600, "3d 04h"),
    ],
)
def test_lengths_of_time(seconds: float, shown: str) -> None:
    assert moments.length(seconds) == shown


def test_times_say_as_much_as_is_needed() -> None:
    moment = Timestamp(seconds=1_773_480_413, nanos=589_793_000)  # 2026-03-14 09:26:53 UTC
    day = 86_400

    def short(now: float) -> str:
        return moments.short_time(moment, utc=True, now=now)

    assert short(moment.seconds + 60) == "09:26:53"
    assert short(moment.seconds + 20 * day) == "03-14 09:26"
    assert short(moment.seconds + 400 * day) == "2026-03-14"
    assert moments.long_time(moment, utc=True) == "2026-03-14 09:26:53.589 UTC"
    assert moments.clock_time(moment, utc=True) == "09:26:53.589"


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (payload_pb2.Payload(), "null"),
        (payload_pb2.Payload(data=b'{"a":  1}'), '{"a": 1}'),
        (payload_pb2.Payload(data=b'"two  blanks"'), '"two  blanks"'),
        (payload_pb2.Payload(data=b"not json \x1b"), "not json \\x1b"),
        (payload_pb2.Payload(metadata={"encoding": b"binary/null"}), "null"),
        (
            payload_pb2.Payload(metadata={"encoding": b"binary/plain"}, data=b"\0" * 1500),
            "<1,500 bytes, binary/plain>",
        ),
        (payload_pb2.Payload(data=json.dumps("x" * 50).encode()), f'"{"x" * 18}…'),
        (payload_pb2.Payload(data=json.dumps("x" * 500_000).encode()), f'"{"x" * 18}…'),
    ],
)
def test_values_fit_in_a_line(payload: payload_pb2.Payload, shown: str) -> None:
    assert values.one_line(payload, 20 if "x" in shown and "…" in shown else None) == shown


def test_a_failure_says_its_causes() -> None:
    failure = payload_pb2.Failure(
        kind="OrderFailed",
        message="no money",
        details=payload_pb2.Payload(data=b'{"code": 7}'),
        cause=payload_pb2.Failure(
            kind="treadle.Timeout",
            message="no answer",
            timeout_kind=payload_pb2.TIMEOUT_KIND_START_TO_CLOSE,
        ),
    )

    assert values.failure_lines(failure) == [
        "OrderFailed: no money",
        'details: {"code": 7}',
        "caused by treadle.Timeout (start_to_close): no answer",
    ]
