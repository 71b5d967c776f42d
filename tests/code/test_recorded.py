"""Histories that were recorded once are replayed for good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.code.recorded import FOLDER, WORKFLOWS
from treadle import step, workflow
from treadle.errors import ReplayMismatch
from treadle.replaying import FORMAT_VERSION, HistoryUnreadable, read_history, replay, write_history
from treadle.testing import Kit, virtual_time

FILES = sorted(FOLDER.glob("*.json"))


def test_there_are_histories() -> None:
    assert len(FILES) >= 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recorded_history_fits_the_code(file: Path) -> None:
    events = read_history(file.read_text())
    replayed = replay(WORKFLOWS[events[0].run_started.workflow], events)
    assert replayed.ended
    assert not replayed.further
    assert replayed.commands


@workflow
async def takes_by_chance(given: None) -> str:
    await step(str).named(f"number {workflow.random().randrange(1_000_000)}")
    return workflow.info().run_id


@virtual_time
async def test_what_code_takes_by_chance_is_the_same_in_a_replay() -> None:
    """It follows from the run's id, which is in no event."""
    async with Kit([takes_by_chance]) as kit:
        record = await kit.run(takes_by_chance)
    written = read_history(write_history(record.events))
    assert written.run_id == record.run_id == record.output
    for events in (record.events, written):
        assert replay(takes_by_chance, events).ended


def test_a_history_of_a_later_format_is_refused() -> None:
    document = json.loads(FILES[0].read_text())
    document["format_version"] = FORMAT_VERSION + 1
    with pytest.raises(HistoryUnreadable, match="newer"):
        read_history(json.dumps(document))
    with pytest.raises(HistoryUnreadable, match="no history"):
        read_history("[]")


def test_a_replay_shows_both_sides_the_line_and_the_marker() -> None:
    @workflow(name="recorded-caught")
    async def changed(given: None) -> Any:
        return await step(print).named("another")

    events = read_history((FOLDER / "caught.json").read_text())
    with pytest.raises(ReplayMismatch) as caught:
        replay(changed, events, build_id="b2")
    text = str(caught.value)
    assert "recorded: step charge" in text
    assert "produced: step another" in text
    assert "[build b2]" in text
    assert f"{__file__}:" in text
    assert 'workflow.patched("' in text
    assert caught.value.details["index"] == 0
