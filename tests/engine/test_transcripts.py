"""What the engine does, as text that a person can read: `transcripts/*.txt`.

After a change that is meant, `pytest tests/engine --rewrite-transcripts` writes what the engine
does now; the diff is the review.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.transcripts import Transcript, join, parse
from treadle_server.engine import transitions
from treadle_server.engine.events import Event

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_transcript(file: Path, request: pytest.FixtureRequest) -> None:
    blocks = parse(file.read_text())
    transcript = Transcript()
    outcomes = [transcript.run(block) for block in blocks]
    if request.config.getoption("--rewrite-transcripts", default=False):
        file.write_text(join(blocks, outcomes))
        return
    for block, outcome in zip(blocks, outcomes, strict=True):
        assert block.text(outcome) == block.text(block.expected)


class _Taken(dict[tuple[object, type[Event]], object]):
    """A transition table that notes which of its rows are taken."""

    def __init__(self, table: dict[object, object]) -> None:
        super().__init__(table)  # type: ignore[arg-type]
        self.taken: set[object] = set()

    def __getitem__(self, row: tuple[object, type[Event]]) -> object:
        found = super().__getitem__(row)
        self.taken.add(row)
        return found


@pytest.mark.parametrize("name", ["ACTIVITY_TRANSITIONS", "RUN_TRANSITIONS"])
def test_every_transition_is_in_a_transcript(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = _Taken(getattr(transitions, name))
    monkeypatch.setattr(transitions, name, table)
    for file in FILES:
        transcript = Transcript()
        for block in parse(file.read_text()):
            transcript.run(block)
    untaken = [f"{stage.name} {event.__name__}" for stage, event in table.keys() - table.taken]  # type: ignore[attr-defined]
    assert not untaken
