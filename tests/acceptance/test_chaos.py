"""Orders while server and workers are killed at random moments; `make chaos` does it for longer."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.chaos import Chaos

SECONDS = 20.0


def test_every_order_ends_as_it_must_whoever_is_killed(tmp_path: Path) -> None:
    report = Chaos(tmp_path, seed=4, say=print).run(SECONDS)
    assert report.faults == []
    assert report.server_kills >= 3
    assert report.worker_kills >= 3
    assert report.checks > 3
