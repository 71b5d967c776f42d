"""Worlds of crashes in simulated time. `make simulate` goes through many more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.world import simulate


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_no_world_breaks_a_promise(first: int) -> None:
    reports = [simulate(seed) for seed in range(first, first + 10)]
    assert not [(report.seed, fault) for report in reports for fault in report.faults]
    # A world in which nothing went wrong would prove nothing.
    assert sum(report.crashes for report in reports) > 20
    assert sum(report.worker_deaths for report in reports) > 20
    assert sum(report.reports for report in reports) > 500


@pytest.mark.parametrize("seed", [3, 71])
def test_the_same_seed_gives_the_same_world_in_any_process(seed: int) -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--worlds", "1"]
    stories = [
        subprocess.run(
            [*command, "--story"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        ).stdout.splitlines()
        for hash_seed in ("1", "2")
    ]
    trace = f"trace {simulate(seed).trace}"
    for story in stories:
        assert len(story) > 20
        assert story[-1] == trace
