"""The root command: options before and after, help, exit codes, pipes, interrupts, extras."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import ScriptedServer
from treadle.v1 import run_service_pb2 as runs_pb
from treadle_server.cli.exit_codes import MEANINGS, ExitCode
from treadle_server.cli.main import cli

TREADLE = [sys.executable, "-c", "from treadle_server.cli.main import main; main()"]


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command's path."""
    yield path
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(child, (*path, name))


ALL_COMMANDS = list(commands(cli))


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples(treadle: Treadle, path: tuple[str, ...]) -> None:
    result = treadle(*path, "--help")

    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert "--help" in result.stdout.split("Shared options:")[1]
    assert result.stderr == ""


def test_help_lists_the_exit_codes(treadle: Treadle) -> None:
    text = treadle("--help").stdout.split("Exit codes:")[1]

    listed = {line.split()[0] for line in text.splitlines() if line.strip()[:1].isdigit()}
    assert listed == {str(int(code)) for code in ExitCode}
    assert set(MEANINGS) == set(ExitCode)


def test_the_version_is_the_distributions(treadle: Treadle) -> None:
    assert treadle("--version").stdout.startswith("treadle, version ")


def test_help_loads_nothing_heavy() -> None:
    """Completion runs the program at every press of a key."""
    code = (
        "import sys\n"
        "from treadle_server.cli.main import cli\n"
        "try: cli.main(['runs', 'list', '--help'], prog_name='treadle')\n"
        "except SystemExit: pass\n"
        "heavy = {'grpc', 'rich', 'yaml', 'google.protobuf', 'sqlite3', 'asyncio', 'treadle.v1'}\n"
        "print('loaded', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize(
    "line",
    [
        ["-o", "json", "--namespace", "shop", "runs", "list"],
        ["runs", "list", "-o", "json", "--namespace", "shop"],
        ["-o", "yaml", "--namespace", "mine", "runs", "list", "-o", "json", "--namespace", "shop"],
    ],
)
def test_shared_options_stand_before_or_after(
    server: ScriptedServer, treadle: Treadle, line: list[str]
) -> None:
    server.answers["ListRuns"] = runs_pb.ListRunsResponse()

    result = treadle(*line)

    assert result.stdout.startswith("{")
    assert server.asked("ListRuns")[0].namespace == "shop"


@pytest.mark.parametrize(
    "line",
    [
        ["nosuch"],
        ["runs", "list", "--nosuch"],
        ["runs", "list", "--state", "asleep"],
        ["runs", "list", "-n", "0"],
        ["runs", "get"],
        ["deploy"],
        ["start"],
    ],
)
def test_wrong_usage_has_its_code(treadle: Treadle, line: list[str]) -> None:
    result = treadle(*line)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: treadle" in result.stderr


@pytest.mark.parametrize("output", ["json", "jsonl", "yaml"])
def test_machines_read_the_same_whatever_the_encoding(server: ScriptedServer, output: str) -> None:
    run = sample_run.run_message()
    run.workflow_id = "Grüße 😀"
    server.answers["GetRun"] = runs_pb.GetRunResponse(run=run)

    done = subprocess.run(
        [*TREADLE, "runs", "get", "order-17", "-o", output],
        capture_output=True,
        check=True,
        env={**os.environ, "TREADLE_ADDRESS": server.address, "PYTHONIOENCODING": "latin-1"},
    )

    read = yaml.safe_load(done.stdout) if output == "yaml" else json.loads(done.stdout)
    assert read["run"]["workflowId"] == "Grüße 😀"


def test_a_reader_that_has_enough_is_no_failure(server: ScriptedServer) -> None:
    runs = [sample_run.run_message()] * 1000
    server.answers["ListRuns"] = lambda request: runs_pb.ListRunsResponse(
        runs=runs, next_page_token="more"
    )
    process = subprocess.Popen(
        [*TREADLE, "runs", "list", "--all", "-o", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TREADLE_ADDRESS": server.address},
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 0


def test_ctrl_c_ends_the_waiting_not_the_run(server: ScriptedServer) -> None:
    asked = threading.Event()
    answer_now = threading.Event()

    def wait(request: runs_pb.WaitRunRequest) -> runs_pb.WaitRunResponse:
        asked.set()
        answer_now.wait(30)
        return runs_pb.WaitRunResponse(ended=False)

    server.answers["GetRun"] = runs_pb.GetRunResponse(run=sample_run.run_message())
    server.answers["WaitRun"] = wait
    process = subprocess.Popen(
        [*TREADLE, "runs", "wait", "order-17"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TREADLE_ADDRESS": server.address},
        # A shell's background job ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    finally:
        answer_now.set()
        process.kill()

    assert (process.returncode, stdout) == (130, "")
    assert f"The run goes on. Wait again with:  treadle runs wait {sample_run.RUN_ID}" in stderr
    assert {method for method, _ in server.requests} == {"GetRun", "WaitRun"}


def without(module: str, server: ScriptedServer, *line: str) -> tuple[int, str]:
    """Runs the command where a module is not installed; its exit code and messages."""
    code = f"import sys; sys.modules[{module!r}] = None; "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}from treadle_server.cli.main import main; main()", *line],
        env={**os.environ, "TREADLE_ADDRESS": server.address},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("missing", "line", "extra"),
    [
        ("structlog", ["server", "--in-memory"], "server"),
        ("structlog", ["journal", "stats"], "server"),
        ("yaml", ["deploy", "{folder}/orders.yaml"], "cli"),
        ("yaml", ["runs", "list", "-o", "yaml"], "cli"),
    ],
)
def test_a_missing_extra_is_named(
    server: ScriptedServer, tmp_path: Path, missing: str, line: list[str], extra: str
) -> None:
    server.answers["ListRuns"] = runs_pb.ListRunsResponse()
    (tmp_path / "orders.yaml").write_text("name: orders")

    code, said = without(missing, server, *(part.format(folder=tmp_path) for part in line))

    assert code == 1
    assert f"there is no {missing!r}" in said
    assert f"pip install 'treadle[{extra}]'" in said


def test_json_is_read_without_yaml(server: ScriptedServer, tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    file.write_text('{"a": 1, "a": 2}')

    code, said = without("yaml", server, "deploy", str(file))

    assert code == 2
    assert f"{file}: the key 'a' stands twice in one object" in said
