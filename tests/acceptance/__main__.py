"""`make chaos MINUTES=N SEED=N`: kills real servers and workers for some minutes."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.acceptance.chaos import Chaos

_FAULTS_SHOWN = 20


def main() -> int:
    """0 if nothing was wrong, 1 if something was."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to go on killing")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--folder", type=Path, help="for journal, ledger and logs (a new one)")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="treadle-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    say(f"seed {options.seed}, {options.minutes:g} minutes, files in {folder}")
    report = Chaos(folder, options.seed, say).run(options.minutes * 60)
    say(
        f"{report.orders} orders; the server was killed {report.server_kills} times, workers "
        f"{report.worker_kills} times, the journal checked {report.checks} times"
    )
    for fault in report.faults[:_FAULTS_SHOWN]:
        say(f"FAULT {fault}")
    if len(report.faults) > _FAULTS_SHOWN:
        say(f"and {len(report.faults) - _FAULTS_SHOWN} more")
    say(f"{len(report.faults)} faults; seed {options.seed}")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
