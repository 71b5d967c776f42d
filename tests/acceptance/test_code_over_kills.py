"""The asyncio corpus while server and workers are killed with SIGKILL at random moments."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.code_chaos import code_over_kills
from tests.code.corpus import CORPUS


def test_the_corpus_over_kills(tmp_path: Path) -> None:
    report = code_over_kills(tmp_path, seed=11, seconds=10.0, say=print)
    assert report.faults == []
    assert report.runs >= len(CORPUS)
    assert report.server_kills >= 2
    assert report.worker_kills >= 2
