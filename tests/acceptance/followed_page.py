"""A page, followed as it stands: its blocks, and its commands beside a real server and worker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from examples.local_service import REPOSITORY, LocalService

BIN = Path(sys.executable).parent


def blocks(page: str, language: str) -> list[str]:
    """What stands in the blocks of one language, in order."""
    text = (REPOSITORY / "docs" / page).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(service: LocalService, folder: Path, *line: str) -> str:
    """What a command prints, on stdout and stderr; it must succeed."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TREADLE_ADDRESS": service.address,
    }
    done = subprocess.run(
        line,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def shell(service: LocalService, folder: Path, script: str) -> str:
    """What the commands of a block print; the first that fails ends it, and the test."""
    return run(service, folder, "bash", "-euc", script)
