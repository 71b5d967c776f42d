"""The page about a first workflow, followed as it stands: a real server and a real worker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from examples.local_service import REPOSITORY, LocalService, local_service

PAGE = (REPOSITORY / "docs" / "howto" / "first-workflow.md").read_text()
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def run(service: LocalService, folder: Path, *line: str) -> str:
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


def test_the_page_leads_to_where_it_says(tmp_path: Path) -> None:
    [graph], [activities, program] = blocks("yaml"), blocks("python")
    server, worker, begin, go_on, goes_wrong = blocks("sh")
    assert server == "treadle server --data-dir data\n"
    assert worker == "treadle worker activities.py\n"
    (tmp_path / "orders.yaml").write_text(graph)
    (tmp_path / "activities.py").write_text(activities)
    (tmp_path / "program.py").write_text(program)

    def shell(script: str) -> str:
        return run(service, tmp_path, "bash", "-euc", script)

    with local_service(tmp_path) as service:
        working = service.start_worker(str(tmp_path / "activities.py"))
        shell(begin)
        shell("until treadle runs get order-17 | grep -q 'waits for'; do sleep 0.1; done")
        shown = shell("treadle runs get order-17")
        working.kill()
        service.server.kill()
        service.start_server()
        working.start()
        ended = shell(go_on)
        broken = shell(goes_wrong)
        asked = run(service, tmp_path, str(BIN / "python"), "program.py")

    [tree] = blocks("text")
    for expected in tree.splitlines():
        assert expected.partition(", until")[0] in shown
    assert '"parcel": "parcel-17"' in ended
    assert "RunCompleted" in ended
    assert "exit code 10" in broken
    assert "CardDeclined" in broken
    assert "exit code 11" in broken
    assert "charge!undo" in broken
    assert asked == "{'payment': 'payment-20', 'parcel': 'parcel-20'}\n"
