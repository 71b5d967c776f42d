"""The page about grpcurl, run as it stands: real grpcurl, real server."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from examples.local_service import REPOSITORY, local_service

PAGE = REPOSITORY / "docs" / "howto" / "grpcurl.md"


def test_every_command_of_the_page_works(tool: Callable[[str], Path], tmp_path: Path) -> None:
    grpcurl = tool("grpcurl")
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with local_service(tmp_path) as service:
        script = "set -euo pipefail\n" + "\n".join(blocks).replace(
            "127.0.0.1:7400", service.address
        )
        done = subprocess.run(
            ["bash", "-c", script],
            env={**os.environ, "PATH": f"{grpcurl.parent}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in (
        "treadle.v1.WorkerService",
        "rpc PollTasks",
        '"status": "SERVING"',
        '"name": "Alice"',
        '"ended": true',
        '"state": "RUN_STATE_COMPLETED"',
        '"activity_completed"',
    ):
        assert expected in done.stdout, expected
    assert "DEFINITION_INVALID" in done.stderr
    assert "Did you mean 'greet'?" in done.stderr
