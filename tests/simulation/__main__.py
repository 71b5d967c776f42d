"""`make simulate SEED=N`: worlds from that seed on, each with accidents of its own.

`--worlds 1 --story` tells what happened in one.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.world import Report, simulate


def main() -> int:
    """0 if nothing was wrong, 1 if something was."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--worlds", type=int, default=500, help="how many, with seeds in a row")
    parser.add_argument("--story", action="store_true", help="say what happens, and when")
    options = parser.parse_args()
    began = time.monotonic()
    faulty: list[Report] = []
    runs = crashes = deaths = reports = 0
    simulated_seconds = 0.0
    for number in range(options.worlds):
        report = simulate(options.seed + number, print if options.story else lambda text: None)
        runs += report.runs
        crashes += report.crashes
        deaths += report.worker_deaths
        reports += report.reports
        simulated_seconds += report.seconds
        for fault in report.faults:
            print(f"FAULT in the world of seed {report.seed}: {fault}", flush=True)
        if report.faults:
            faulty.append(report)
        if (number + 1) % 100 == 0 or number + 1 == options.worlds:
            print(
                f"{time.monotonic() - began:6.0f} s  {number + 1} worlds, {runs} runs, {crashes} "
                f"server crashes, {deaths} worker deaths, {reports} accepted results, "
                f"{simulated_seconds / 3_600:.1f} simulated hours, {len(faulty)} with faults",
                flush=True,
            )
    if options.worlds == 1:
        print(f"trace {report.trace}")
    if faulty:
        print(f"repeat one with: make simulate SEED={faulty[0].seed} ARGS='--worlds 1 --story'")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
