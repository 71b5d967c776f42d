"""Ten thousand runs as one group, waited for in each way; a group over the server's death."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from examples.local_service import LocalService, local_service
from treadle import Start
from treadle.client import BlockingClient, GroupResult

MANY = 10_000
PROMPT, SLOW = 0, 1
QUOTA = 3_000


def instance() -> dict[str, Any]:
    """Ends at once, or waits for somebody; needs no worker."""
    return {
        "treadle": "v1",
        "kind": "machine",
        "name": "instance",
        "states": {
            "begun": {
                "always": {"target": "done", "guard": f"params == {PROMPT}"},
                "on": {"finish": "done"},
            },
            "done": {"final": True},
        },
    }


def wait(client: BlockingClient, prompt: int, **options: Any) -> GroupResult:
    """Ten thousand, of which so many end by themselves."""
    starts = [
        Start(workflow="instance", input=PROMPT if number < prompt else SLOW)
        for number in range(MANY)
    ]
    return client.start_group(starts, **options).wait(120)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with (
        local_service(tmp_path_factory.mktemp("groups")) as service,
        service.client() as client,
    ):
        client.deploy(instance())
        yield client


@pytest.mark.parametrize(
    ("prompt", "options", "reason"),
    [
        (MANY, {}, "all"),
        (QUOTA, {"quota": QUOTA}, "quota"),
        (QUOTA, {"duration": 8}, "duration"),
        (QUOTA, {"quota": QUOTA + 1, "duration": 8}, "duration"),
    ],
    ids=["forever", "quota", "duration", "quota-or-duration"],
)
def test_ten_thousand(
    client: BlockingClient, prompt: int, options: dict[str, Any], reason: str
) -> None:
    result = wait(client, prompt, **options)
    status = result.status
    assert (status.reason, status.total, status.running) == (reason, MANY, 0)
    assert (status.completed, status.cancelled + status.not_started) == (prompt, MANY - prompt)
    assert len(result.members) == MANY - status.not_started
    ended = [str(member.state) for member in result.members]
    assert ended[:prompt] == ["COMPLETED"] * prompt
    assert set(ended[prompt:]) <= {"CANCELLED"}


def test_a_group_outlives_the_server(tmp_path: Path) -> None:
    """Killed between the start and the end, and again while the rest is being cancelled."""
    with local_service(tmp_path) as service, service.client(retry_seconds=60) as client:
        client.deploy(instance())
        starts = [Start(workflow="instance", input=SLOW) for _ in range(300)]
        group = client.start_group(starts, quota=2, request_id="once")
        _kill(service)
        again = client.start_group(starts, quota=2, request_id="once")
        assert again.run_id == group.run_id
        first = [member.run_id for member, _ in zip(group.members(), range(2), strict=False)]
        while len(first) < 2:
            first = [member.run_id for member, _ in zip(group.members(), range(2), strict=False)]
        for run_id in first:
            client.send_event("finish", run_id=run_id)
        _kill(service)
        result = group.wait(60)
        assert (result.reason, result.status.completed, result.status.running) == ("quota", 2, 0)
        assert [member.run_id for member in result.members[:2]] == first


def _kill(service: LocalService) -> None:
    service.server.kill()
    service.start_server()
