"""`treadle worker`: which activities it runs, with which settings, and how it stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Treadle
from treadle_server.cli.options import Settings
from treadle_server.cli.worker import _announce, _worker

ACTIVITIES = """\
import treadle

@treadle.activity
def greet(name: str) -> str:
    return f"Hello, {name}"

@treadle.activity
async def wave() -> None: ...

worker = treadle.Worker([greet], slots=3, address="127.0.0.1:1")
number = 7
"""

TREADLE = [sys.executable, "-c", "from treadle_server.cli.main import main; main()"]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "greetings_for_worker.py"
    path.write_text(ACTIVITIES)
    return path


def stopped(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Runs a worker until it logs, sends SIGTERM; its exit code and messages."""
    process = subprocess.Popen(
        [*TREADLE, "worker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "TREADLE_ADDRESS": "127.0.0.1:1"},
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "session" in line:  # it runs, and its signal handlers are there
                process.send_signal(signal.SIGTERM)
                break
        stdout, rest = process.communicate(timeout=60)
        assert stdout == ""
        return process.returncode, [*lines, *rest.splitlines()]


def test_a_file_brings_all_its_activities(module: Path) -> None:
    code, lines = stopped(
        module.parent, module.name, "--queue", "labels", "--slots", "8", "--identity", "me"
    )

    assert code == 0
    assert lines[0].startswith("worker me: queue 'labels' of 'default' at 127.0.0.1:1, 8 slots")
    assert lines[1].strip() == "runs greet, wave"
    assert any("draining" in line for line in lines)


def test_a_module_may_put_its_worker_together_itself(module: Path) -> None:
    code, lines = stopped(module.parent, f"{module.stem}:worker")

    assert code == 0
    assert "3 slots" in lines[0]
    assert lines[1].strip() == "runs greet"


def test_one_activity_can_be_picked(module: Path) -> None:
    code, lines = stopped(module.parent, f"{module.name}:wave")

    assert code == 0
    assert lines[1].strip() == "runs wave"


CODE = """\
import treadle

@treadle.workflow(version=2)
async def visit(name: str) -> str:
    return name

@treadle.workflow(version=3)
async def leave(name: str) -> str:
    return name
"""


def test_workflows_are_named_and_can_be_picked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "visits_for_worker.py"
    module.write_text(CODE)
    settings = Settings(quiet=False)

    for name, said in ((str(module), "leave v3, visit v2"), (f"{module}:leave", "leave v3")):
        _announce(settings, _worker(name, {}))
        assert f"\nruns {said}\n" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["worker", "lint", "deploy"])
def test_a_module_that_runs_a_worker_as_it_is_imported_is_told_so(
    verb: str, treadle: Treadle, tmp_path: Path
) -> None:
    """It would run for ever, in a lint as well."""
    module = tmp_path / f"runs_for_{verb}.py"
    module.write_text(CODE + "\ntreadle.Worker([visit], address='127.0.0.1:1').run_blocking()\n")

    result = treadle(verb, str(module))

    assert result.exit_code in (1, 2)
    assert '`if __name__ == "__main__":`' in result.stdout + result.stderr


def test_what_was_imported_is_kept_from_the_cycle_collector(tmp_path: Path) -> None:
    module = tmp_path / "frozen_for_worker.py"
    module.write_text(
        ACTIVITIES
        + "import contextlib, gc, sys\n"
        + "@contextlib.contextmanager\n"
        + "def frozen():\n"
        + "    print('frozen:', gc.get_freeze_count(), file=sys.stderr, flush=True)\n"
        + "    yield\n"
        + "resources = {'frozen': frozen}\n"
    )
    code, lines = stopped(tmp_path, module.name)

    assert code == 0
    [count] = [int(line.split()[1]) for line in lines if line.startswith("frozen:")]
    assert count > 10_000


@pytest.mark.parametrize(
    ("named", "options", "said"),
    [
        (":worker", ["--slots", "4"], "a Worker with settings of its own; leave out --slots"),
        (":number", [], "there is a int, and not a treadle.Worker, an activity or a workflow"),
        (":nothing", [], "there is nothing of that name"),
        ("", ["--slots", "0"], "0 is not in the range x>=1"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    treadle: Treadle, module: Path, named: str, options: list[str], said: str
) -> None:
    result = treadle("worker", f"{module}{named}", *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_queue_that_is_no_text_is_refused(treadle: Treadle, module: Path) -> None:
    done = treadle("worker", str(module), "--queue", "labels-\udcff")

    assert done.exit_code == 2
    assert "'labels-\\udcff' is not UTF-8" in done.stderr


def test_a_module_without_activities_is_refused(treadle: Treadle, tmp_path: Path) -> None:
    empty = tmp_path / "empty_for_worker.py"
    empty.write_text("")

    result = treadle("worker", str(empty))

    assert result.exit_code == 2
    assert "has no activities" in result.stderr
