"""`make chaos MINUTES=N SEED=N`: kills real servers and workers for some minutes.

A third of the time orders (a graph) go through them, a third of it the asyncio corpus (code), and a
third of it state machines and run groups.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.acceptance.chaos import Chaos, Report, Say
from tests.acceptance.code_chaos import code_over_kills
from tests.acceptance.machine_chaos import machines_over_kills

PARTS = ("orders", "code", "machines")
_FAULTS_SHOWN = 20


def main() -> int:
    """0 if nothing was wrong, 1 if something was."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to go on killing")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--only", choices=PARTS, help="instead of all")
    parser.add_argument("--folder", type=Path, help="for journal, ledger and logs (a new one)")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="treadle-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    say(f"seed {options.seed}, {options.minutes:g} minutes, files in {folder}")
    parts = [options.only] if options.only else PARTS
    seconds = options.minutes * 60 / len(parts)
    faults: list[str] = []
    if "orders" in parts:
        (folder / "orders").mkdir()
        report = Chaos(folder / "orders", options.seed, say).run(seconds)
        faults += _tell(report, f"{report.orders} orders", say)
    if "code" in parts:
        (folder / "code").mkdir()
        report = code_over_kills(folder / "code", options.seed, seconds, say)
        faults += _tell(report, f"{report.runs} runs of code", say)
    if "machines" in parts:
        (folder / "machines").mkdir()
        report = machines_over_kills(folder / "machines", options.seed, seconds, say)
        faults += _tell(report, f"{report.runs} machines and as many groups", say)
    say(f"{len(faults)} faults; seed {options.seed}")
    return 1 if faults else 0


def _tell(report: Report, what: str, say: Say) -> list[str]:
    say(
        f"{what}; the server was killed {report.server_kills} times, workers "
        f"{report.worker_kills} times, the journal checked {report.checks} times"
    )
    for fault in report.faults[:_FAULTS_SHOWN]:
        say(f"FAULT {fault}")
    if len(report.faults) > _FAULTS_SHOWN:
        say(f"and {len(report.faults) - _FAULTS_SHOWN} more")
    return report.faults


if __name__ == "__main__":
    sys.exit(main())
