"""The command line against a real server and a real worker, the way a person goes through it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from examples.local_service import LocalService, local_service
from treadle import Start

SECONDS = 60
"""Longer than anything here takes; what hangs fails."""

TREADLE = str(Path(sys.executable).with_name("treadle"))

ACTIVITIES = """\
import treadle

@treadle.activity
def price(item: str, count: int) -> float:
    return 2.5 * count

@treadle.activity
def charge(amount: float) -> str:
    if amount > 100:
        raise treadle.ApplicationError("the card was declined", kind="PaymentDeclined")
    return "receipt-1"
"""

ORDERS = """\
treadle: v1
kind: graph
name: cli_orders
params:
  item: {type: string}
  count: {type: integer, default: 1}
nodes:
  price:
    input: '{"item": params.item, "count": params.count}'
    start_to_close: 10s
  charge:
    start_to_close: 10s
edges:
  - from: price
    to: charge
    map: output * 1.0
output: '{"receipt": charge, "amount": price}'
"""


def orders(name: str, *, queue: str) -> str:
    """The same workflow by another name, for another queue."""
    return ORDERS.replace("cli_orders", name).replace(
        "nodes:\n", f"defaults: {{queue: {queue}}}\nnodes:\n"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "cli_activities.py").write_text(ACTIVITIES)
    (folder / "orders.yaml").write_text(ORDERS)
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[LocalService]:
    with local_service(folder) as running:
        yield running


@pytest.fixture(scope="module")
def worker(service: LocalService, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`treadle worker` for the activities above."""
    process = start(service, folder, "worker", "cli_activities.py", "--identity", "shop-1")
    yield process
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said


def start(service: LocalService, folder: Path, *line: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [TREADLE, *line],
        cwd=folder,
        env={**os.environ, "TREADLE_ADDRESS": service.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def treadle(
    service: LocalService, folder: Path, *line: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, which must be this exit code."""
    process = start(service, folder, *line)
    stdout, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == code, f"{line} ended with {process.returncode}\n{stdout}{stderr}"
    return subprocess.CompletedProcess(line, code, stdout, stderr)


@pytest.fixture(scope="module")
def deployed(service: LocalService, folder: Path, worker: subprocess.Popen[str]) -> None:
    assert "cli_orders v1" in treadle(service, folder, "deploy", "orders.yaml").stdout
    assert "unchanged" in treadle(service, folder, "deploy", "orders.yaml").stdout


@pytest.mark.usefixtures("deployed")
def test_a_run_from_start_to_output(service: LocalService, folder: Path) -> None:
    done = treadle(
        service, folder,
        "start", "cli_orders", "--input", '{"item": "loom", "count": 4}', "--id", "cli-1", "--wait",
    )  # fmt: skip

    assert json.loads(done.stdout) == {"receipt": "receipt-1", "amount": 10.0}

    listed = treadle(service, folder, "runs", "list", "--workflow", "cli_orders").stdout
    assert re.search(r"cli_orders v1 +cli-1 +✓ completed", listed)
    described = treadle(service, folder, "runs", "get", "cli-1").stdout
    assert re.search(r"├─ ✓ price +completed", described)
    history = treadle(service, folder, "runs", "history", "cli-1").stdout
    assert re.search(r"ActivityCompleted +price +in \d+m?s, output 10\.0", history)
    assert history.splitlines()[-1].split()[2] == "RunCompleted"
    watched = treadle(service, folder, "runs", "watch", "cli-1").stdout
    end = watched.splitlines()[-1]
    assert json.loads(end.removeprefix("output ")) == {"receipt": "receipt-1", "amount": 10.0}


@pytest.mark.usefixtures("deployed")
def test_a_failed_run_says_why_everywhere(service: LocalService, folder: Path) -> None:
    failed = treadle(
        service, folder,
        "start", "cli_orders", "--input", '{"item": "mill", "count": 1000}', "--id", "cli-2",
        "--wait", code=10,
    )  # fmt: skip

    assert failed.stdout == ""
    for said in (
        "kind:     PaymentDeclined",
        "message:  the card was declined",
        "node:     charge",
    ):
        assert said in failed.stderr
    assert "PaymentDeclined" in treadle(service, folder, "runs", "get", "cli-2").stdout
    treadle(service, folder, "runs", "wait", "cli-2", code=10)
    treadle(service, folder, "runs", "watch", "cli-2", code=10)
    treadle(service, folder, "runs", "cancel", "cli-2", code=1)


@pytest.mark.usefixtures("deployed")
def test_the_same_request_id_gets_the_same_run(service: LocalService, folder: Path) -> None:
    line = ("start", "cli_orders", "--input", '{"item": "loom"}', "--request-id", "cli-first")

    first, second = treadle(service, folder, *line), treadle(service, folder, *line)

    assert first.stdout == second.stdout
    assert "was there already" in second.stderr


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("given", "said"),
    [('{"item": 7}', "item"), ('{"count": 1}', "item"), ('{"item": "a", "cuont": 1}', "cuont")],
)
def test_wrong_parameters_are_named(
    service: LocalService, folder: Path, given: str, said: str
) -> None:
    refused = treadle(service, folder, "start", "cli_orders", "--input", given, code=2)

    assert said in refused.stderr


@pytest.mark.parametrize(
    ("wrong", "by", "line", "path"),
    [
        ("    to: charge\n", "    to: chrage\n", 15, "edges[0].to"),
        ("map: output", "map: otuput", 16, "edges[0].map"),
        ("start_to_close: 10s\nedges", "start_to_close: soon\nedges", 12, "start_to_close"),
        ("type: integer", "type: integr", 6, "params.count.type"),
        ("treadle: v1\n", "treadle: v1\nedgess: []\n", 2, "edgess"),
    ],
)
def test_faults_of_a_definition_are_shown_where_they_stand(
    service: LocalService, folder: Path, wrong: str, by: str, line: int, path: str
) -> None:
    assert wrong in ORDERS
    (folder / "wrong.yaml").write_text(ORDERS.replace(wrong, by).replace("cli_orders", "cli_wrong"))

    refused = treadle(service, folder, "deploy", "wrong.yaml", code=2)

    assert any(
        said.startswith(f"wrong.yaml:{line}: ") and path in said
        for said in refused.stderr.splitlines()
    ), refused.stderr
    treadle(service, folder, "definitions", "get", "cli_wrong", code=4)


@pytest.mark.usefixtures("deployed")
def test_what_is_deployed_can_be_printed_and_deployed_again(
    service: LocalService, folder: Path
) -> None:
    printed = treadle(service, folder, "definitions", "get", "cli_orders")
    (folder / "printed.yaml").write_text(printed.stdout)

    assert "unchanged" in treadle(service, folder, "deploy", "printed.yaml").stdout
    assert "cli_orders" in treadle(service, folder, "definitions", "list").stdout


def test_runs_without_a_worker_wait_and_can_be_ended(service: LocalService, folder: Path) -> None:
    (folder / "lonely.yaml").write_text(orders("cli_lonely", queue="nobody"))
    treadle(service, folder, "deploy", "lonely.yaml")
    for key in ("cli-cancel", "cli-terminate"):
        treadle(service, folder, "start", "cli_lonely", "--input", '{"item": "a"}', "--id", key)

    waits = treadle(service, folder, "runs", "get", "cli-cancel").stdout
    assert "waits for a worker on queue 'nobody'" in waits
    treadle(service, folder, "start", "cli_lonely", "--input", '{"item": "a"}', "--id",
            "cli-cancel", code=1)  # fmt: skip
    treadle(service, folder, "runs", "wait", "cli-cancel", "--timeout", "200ms", code=1)

    treadle(service, folder, "runs", "cancel", "cli-cancel", "--reason", "not needed")
    treadle(service, folder, "runs", "terminate", "cli-terminate", "--reason", "not needed")

    treadle(service, folder, "runs", "wait", "cli-cancel", code=11)
    treadle(service, folder, "runs", "wait", "cli-terminate", code=13)
    assert "not needed" in treadle(service, folder, "runs", "history", "cli-terminate").stdout


def test_a_run_that_takes_too_long_has_its_code(service: LocalService, folder: Path) -> None:
    (folder / "slow.yaml").write_text(orders("cli_slow", queue="nobody"))
    treadle(service, folder, "deploy", "slow.yaml")

    treadle(
        service, folder,
        "start", "cli_slow", "--input", '{"item": "a"}', "--run-timeout", "300ms", "--wait",
        code=12,
    )  # fmt: skip


@pytest.mark.usefixtures("deployed")
def test_a_watch_goes_on_after_the_server_was_killed(service: LocalService, folder: Path) -> None:
    (folder / "watched.yaml").write_text(orders("cli_watched", queue="later"))
    treadle(service, folder, "deploy", "watched.yaml")
    treadle(service, folder, "start", "cli_watched", "--input", '{"item": "a"}', "--id", "cli-w")
    watch = start(service, folder, "runs", "watch", "cli-w", "-o", "jsonl")
    assert watch.stdout is not None
    first = json.loads(watch.stdout.readline())

    service.server.kill()
    service.server.start()
    worker = start(service, folder, "worker", "cli_activities.py", "--queue", "later", "-q")
    # Not `communicate`: it would pass over what `readline` has taken into its buffer.
    stdout = watch.stdout.read()
    _, stderr = watch.communicate(timeout=SECONDS)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=SECONDS)

    assert watch.returncode == 0, stderr
    seqs = [int(first["seq"]), *(int(json.loads(line)["seq"]) for line in stdout.splitlines())]
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.usefixtures("deployed")
def test_the_journal_is_clean_while_runs_go_on(service: LocalService, folder: Path) -> None:
    """The check must see one moment: thousands of events are written while it reads."""
    starts = [Start(workflow="cli_orders", input={"item": "a", "count": n % 60}) for n in range(50)]
    enough = threading.Event()

    def start_runs() -> None:
        with service.client() as client:
            while not enough.is_set():
                client.start_many(starts)

    line = ("journal", "check", "--data-dir", str(service.data_dir), "-o", "json")
    with ThreadPoolExecutor() as background:
        load = background.submit(start_runs)
        try:
            checks = [json.loads(treadle(service, folder, *line).stdout) for _ in range(3)]
        finally:
            enough.set()
        load.result(timeout=SECONDS)

    sizes = [checked["stats"]["records"] for checked in checks]
    assert sizes[0] < sizes[1] < sizes[2]
    assert all(checked["clean"] for checked in checks)


def test_a_second_server_is_kept_out_of_the_journal(service: LocalService, folder: Path) -> None:
    line = ("server", "--address", "127.0.0.1:0", "--data-dir", str(service.data_dir))

    refused = treadle(service, folder, *line, code=1)

    assert "another process" in refused.stderr


def test_a_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    (folder / "file").write_text("")

    done = subprocess.run(
        [TREADLE, "server", "--data-dir", "file/data"], cwd=folder, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "cannot make the folder file/data: Not a directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("before", [True, False])
def test_a_server_in_memory_starts_and_stops(folder: Path, before: bool) -> None:
    command, address_option = ["server", "--in-memory"], ["--address", "127.0.0.1:0"]
    words = [*address_option, *command] if before else [*command, *address_option]
    process = subprocess.Popen(
        [TREADLE, *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TREADLE_ADDRESS": "nowhere"},
    )
    assert process.stderr is not None
    address = ""
    for line in process.stderr:
        logged = json.loads(line)
        if "address" in logged:
            address = logged["address"]
            break
    listed = subprocess.run(
        [TREADLE, "runs", "list", "--address", address], capture_output=True, text=True, check=True
    )
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)

    assert listed.stderr == "No runs.\n"
    assert process.returncode == 0
