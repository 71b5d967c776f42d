"""The header that goes with a task says whether the run's trace is exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.local_service import local_service
from tests.api.conftest import ONE_STEP, Api
from treadle.v1 import run_service_pb2 as runs
from treadle.v1 import worker_service_pb2 as workers


@pytest.mark.parametrize(("sampler", "flag"), [("always_off", "00"), ("always_on", "01")])
def test_the_flag_follows_the_sampler(tmp_path: Path, sampler: str, flag: str) -> None:
    with local_service(tmp_path, environment={"OTEL_TRACES_SAMPLER": sampler}) as service:
        with service.client() as client:
            client.deploy(ONE_STEP)
        api = Api(service.address)
        started = api("RunService.StartRun", runs.StartRunRequest(workflow="one_step")).response
        types = [workers.ActivityType(name="work")]
        poll = workers.PollTasksRequest(queue="default", max_tasks=1, activity_types=types)
        [task] = api("WorkerService.PollTasks", poll).response.tasks
        version, trace, _, flags = task.traceparent.split("-")
        assert (version, trace, flags) == ("00", started.trace_id, flag)
        api.channel.close()
