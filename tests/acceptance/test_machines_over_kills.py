"""Concurrent senders to one machine, and groups, while server and workers are killed."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.machine_chaos import machines_over_kills


def test_machines_over_kills(tmp_path: Path) -> None:
    report = machines_over_kills(tmp_path, seed=6, seconds=12.0, say=print)
    assert report.faults == []
    assert report.server_kills >= 2
    assert report.worker_kills >= 1
