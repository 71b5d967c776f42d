"""What a group is refused for, before any of its runs begins."""

from __future__ import annotations

import pytest

from treadle import Start
from treadle.errors import Conflict, InvalidRequest
from treadle.graph import Graph
from treadle.testing import Kit, run_in_virtual_time
from treadle.v1 import payload_pb2, run_service_pb2


def graph(result: str) -> Graph:
    one = Graph("one")
    one.compute("a", result)
    return one


@pytest.mark.parametrize("state", ["retired", "deprecated"])
def test_versions_out_of_use(state: str) -> None:
    async def main() -> None:
        async with Kit() as kit:
            await kit.client.deploy(graph("1"))
            await kit.client.deploy(graph("2"))
            await kit.client.update_version("one", 1, state=state)  # type: ignore[arg-type]
            with pytest.raises(Conflict):
                await kit.client.start_group([Start(workflow="one", version=1)])

    run_in_virtual_time(main())


@pytest.mark.parametrize("data", [b'"\\ud800"', b"[" * 100_000])
def test_an_input_that_is_no_json(data: bytes) -> None:
    async def main() -> None:
        async with Kit() as kit:
            await kit.client.deploy(graph("1"))
            item = run_service_pb2.GroupItem(workflow="one", input=payload_pb2.Payload(data=data))
            request = run_service_pb2.StartGroupRequest(items=[item])
            with pytest.raises(InvalidRequest, match=r"must be JSON|no valid Unicode"):
                await kit.client._call(kit.client._runs.StartGroup, request)

    run_in_virtual_time(main())
