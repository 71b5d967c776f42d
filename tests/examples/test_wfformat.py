"""Recorded scientific workflows through a real server and worker; and that the proof can fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.local_service import LocalService, local_service
from examples.wfformat.__main__ import EXIT_BROKEN_FILE, EXIT_PROVED, main
from examples.wfformat.document import plan
from examples.wfformat.instance import Instance
from examples.wfformat.proof import prove
from examples.wfformat.reader import read, read_file
from treadle.v1 import event_pb2

INSTANCES = sorted(Path("examples/wfformat/instances").glob("*.json"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with local_service(tmp_path_factory.mktemp("wfformat")) as running:
        running.start_worker("examples.wfformat.activities")
        yield running


@pytest.mark.parametrize("file", INSTANCES, ids=lambda file: file.stem)
def test_an_instance_runs_in_the_recorded_order(
    file: Path, service: LocalService, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(file), "--speedup", "1000", "--json", "--address", service.address]) == (
        EXIT_PROVED
    )
    report = json.loads(capsys.readouterr().out)
    instance = read_file(file)
    assert report["proved"] is True
    assert (report["tasks"], report["edges"]) == (len(instance.tasks), instance.edge_count)
    assert report["makespan"] >= report["critical_path"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "workflow"),
        ({"workflow": {"tasks": [{"name": "a", "parents": ["nobody"]}]}}, "nobody"),
        (
            {
                "workflow": {
                    "tasks": [
                        {"name": "a", "parents": ["b"], "children": ["b"]},
                        {"name": "b", "parents": ["a"], "children": ["a"]},
                    ]
                }
            },
            "a",
        ),
    ],
)
def test_a_broken_file_is_refused(
    content: object, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(content))
    assert main([str(file), "--json"]) == EXIT_BROKEN_FILE
    report = json.loads(capsys.readouterr().out)
    assert report["proved"] is False
    assert says in report["error"]["message"]


def wide(width: int, depth: int) -> dict[str, object]:
    """Layers of so many tasks; each has two parents in the layer above, the last one has all."""

    def parents(layer: int, place: int) -> list[str]:
        if layer == 0:
            return []
        if place == width - 1:
            return [f"t{layer - 1}_{other}" for other in range(width)]
        return [f"t{layer - 1}_{place}", f"t{layer - 1}_{(place * 7 + 1) % width}"]

    tasks = {
        f"t{layer}_{place}": list(dict.fromkeys(parents(layer, place)))
        for layer in range(depth)
        for place in range(width)
    }
    children: dict[str, list[str]] = {name: [] for name in tasks}
    for name, above in tasks.items():
        for parent in above:
            children[parent].append(name)
    listed = [
        {"name": name, "runtimeInSeconds": 0.1, "parents": above, "children": children[name]}
        for name, above in tasks.items()
    ]
    return {"schemaVersion": "1.4", "name": "wide", "workflow": {"tasks": listed}}


def test_ten_thousand_tasks_a_thousand_wide(
    service: LocalService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wide.json"
    file.write_text(json.dumps(wide(1_000, 10)))
    assert main([str(file), "--speedup", "1000", "--json", "--address", service.address]) == (
        EXIT_PROVED
    )
    report = json.loads(capsys.readouterr().out)
    assert (report["proved"], report["tasks"]) == (True, 10_000)


# --- the proof must be able to fail ---------------------------------------------------------------


def two_tasks() -> tuple[Instance, list[event_pb2.Event]]:
    instance = read(
        {
            "schemaVersion": "1.4",
            "name": "two",
            "workflow": {
                "tasks": [
                    {"name": "first", "runtimeInSeconds": 1, "parents": [], "children": ["second"]},
                    {"name": "second", "runtimeInSeconds": 1, "parents": ["first"], "children": []},
                ]
            },
        }
    )
    nodes = plan(instance, 1.0).nodes
    events = [event_pb2.Event(run_started={})]
    for lease, task in enumerate(instance.tasks, 1):
        key = nodes[task]
        events += [
            event_pb2.Event(attempt_started={"key": key, "lease": lease, "attempt": 1}),
            event_pb2.Event(activity_completed={"key": key, "lease": lease}),
        ]
    return instance, [*events, event_pb2.Event(run_completed={})]


def faults(order: list[int]) -> list[str]:
    instance, events = two_tasks()
    history = [events[number] for number in order]
    for seq, event in enumerate(history, 1):
        event.seq = seq
    return prove(instance, plan(instance, 1.0).nodes, history).faults


def test_a_right_history_is_proved() -> None:
    assert faults([0, 1, 2, 3, 4, 5]) == []


@pytest.mark.parametrize(
    "order",
    [
        [0, 1, 3, 2, 4, 5],  # second began before first's result
        [0, 1, 2, 5],  # second never ran
        [0, 1, 2, 3, 5],  # second has no result
        [0, 1, 2, 3, 4],  # the run has not ended
        [0, 2, 1, 3, 4, 5],  # a result of no open attempt
    ],
)
def test_a_wrong_history_is_not_proved(order: list[int]) -> None:
    assert faults(order)


def test_two_results_of_one_task_are_not_proved() -> None:
    instance, events = two_tasks()
    again = event_pb2.Event()
    again.CopyFrom(events[2])
    history = [*events[:3], again, *events[3:]]
    for seq, event in enumerate(history, 1):
        event.seq = seq
    assert prove(instance, plan(instance, 1.0).nodes, history).faults
