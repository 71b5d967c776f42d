"""The demo as a person runs it: real processes, every order ends as it must, and the exit code
says so.
"""

from __future__ import annotations

import subprocess
import sys

SECONDS = 120


def test_every_order_ends_as_it_must() -> None:
    command = [sys.executable, "-m", "examples.order_processing", "--count", "60"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    assert "60 of 60 orders ended as they must" in done.stdout
