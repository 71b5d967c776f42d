"""A request is said again, as its reply was lost: the same request id gets the same answer,
whatever has happened since.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.runs.in_process import ONE, MortalJournal, Process
from treadle.testing import run_in_virtual_time, virtual_time
from treadle_server.definitions.versions import VersionState
from treadle_server.engine.errors import LeaseEnded
from treadle_server.engine.values import NULL, CompareAndSet, MemoryOperation, Payload
from treadle_server.runs.model import (
    CompleteRequest,
    Result,
    RetryRequest,
    ReusePolicy,
    RunReference,
)


@pytest.mark.parametrize("meanwhile", ["ended", "retired", "other parameters"])
def test_a_start(meanwhile: str) -> None:
    async def world() -> None:
        async with Process(MortalJournal(), ONE) as process:
            ended = meanwhile == "ended"
            policy = ReusePolicy.REJECT_DUPLICATE if ended else ReusePolicy.ALLOW_DUPLICATE

            async def start() -> bytes:
                return await process.start(
                    "one",
                    workflow_id="payment-7",
                    reuse_policy=policy,
                    request_id="r1",
                    content_hash=b"c",
                )

            first = await start()
            await process.complete(*await process.poll())
            if meanwhile == "retired":
                await process.runs.change_version(
                    "default", "one", 1, VersionState.RETIRED, make_current=False, force=False
                )
            elif meanwhile == "other parameters":
                changed = ONE | {"params": {"n": {"type": "integer"}}}
                await process.runs.deploy("default", changed, request_id="", validate_only=False)
            assert await start() == first

    run_in_virtual_time(world())


@pytest.mark.parametrize("retries", [1, 2])
def test_a_result_that_does_not_fit_the_memory(retries: int) -> None:
    async def world() -> None:
        node = {"activity": "a", "retry": {"max_attempts": retries}}
        async with Process(MortalJournal(), ONE | {"nodes": {"a": node}}) as process:
            await process.start("one")
            [task] = await process.poll()
            swap = MemoryOperation(
                key="x", compare_and_set=CompareAndSet(value=NULL, expected=NULL)
            )
            said = Result(token=task.token, output=NULL, memory_operations=(swap,))
            for _ in range(2):
                await report(process, said)
            with pytest.raises(LeaseEnded):
                await report(process, replace(said, memory_operations=()))

    run_in_virtual_time(world())


@virtual_time
async def test_a_result_that_does_not_fit_a_map() -> None:
    nodes = {"a": {"activity": "a", "map": {"over": "[1]"}}}
    async with Process(MortalJournal(), ONE | {"nodes": nodes}) as process:
        await process.start("one")
        [task] = await process.poll()
        for _ in range(2):
            await report(process, Result(token=task.token, output=Payload(b"\xff")))
        with pytest.raises(LeaseEnded):
            await report(process, Result(token=task.token, output=NULL))


async def report(process: Process, result: Result) -> None:
    request = CompleteRequest(namespace="default", results=[result])
    [refusal] = (await process.runs.complete(request)).refusals
    if refusal is not None:
        raise refusal


@virtual_time
async def test_a_retry_by_workflow_id() -> None:
    async with Process(MortalJournal(), ONE) as process:
        await process.start("one", workflow_id="payment-7")
        newest = RunReference(namespace="default", workflow_id="payment-7")
        await process.runs.terminate(newest, reason="", actor="", request_id="")
        request = RetryRequest(reference=newest, request_id="r1", content_hash=b"c")
        first = await process.runs.retry(request)
        assert (await process.runs.retry(request)).run_id == first.run_id
