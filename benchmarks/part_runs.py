"""Parts of `make bench`: runs of a few steps, of each kind, for one worker and for more."""

from __future__ import annotations

from benchmarks import code, queues, three_steps
from benchmarks.figures import Figure, Say, at_least, milliseconds, percentile, spread
from examples.local_service import LocalService
from treadle import Client

REPETITIONS = 3
RUNS = 5_000
PACED_SECONDS = 20.0
PACES = (20, 100)

GRAPH_MARK, CODE_MARK = 1_500.0, 600.0
"""Runs of three steps a second, of design §10."""
STEP_MARKS_SECONDS = (0.0012, 0.008)
"""From step to step while little is going on, p50 and p99."""


async def of_three_steps(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Throughput, latency and cost of a run of three steps."""
    say("three-step runs: warming up")
    await three_steps.prepare(client)
    found = []
    for number in range(REPETITIONS):
        say(f"three-step runs, {three_steps.IN_FLIGHT} in flight: {number + 1} of {REPETITIONS}")
        found.append(await three_steps.saturate(service, client, RUNS))
    figures = _saturation("three-step runs/s", found, GRAPH_MARK)
    for pace in PACES:
        say(f"three-step runs, {pace} a second")
        paced = await three_steps.at_pace(client, pace, PACED_SECONDS)
        figures += _paced(paced, pace, "")
    return figures


def _saturation(
    name: str, found: list[three_steps.Saturation], mark: float | None = None
) -> list[Figure]:
    costs = [
        percentile([getattr(one, name) for one in found], 50)
        for name in ("server_cpu", "worker_cpu", "load_cpu")
    ]
    rates = [one.runs_per_second for one in found]
    return [
        Figure(
            name,
            spread(rates),
            f"{three_steps.IN_FLIGHT} in flight" + (f"; at least {mark:,.0f}" if mark else ""),
            None if mark is None else at_least(mark, rates),
        ),
        Figure(
            "CPU s per 1,000 runs",
            " / ".join(f"{cost:.2f}" for cost in costs),
            "server / worker / load",
        ),
        Figure("server's memory after", f"{max(one.server_megabytes for one in found):.0f} MiB"),
    ]


def _paced(paced: three_steps.Paced, pace: int, what: str) -> list[Figure]:
    at = f"{what}, at {pace}/s, p50 / p99"
    return [
        Figure(f"start acknowledged{at}", milliseconds(paced.started)),
        Figure(
            f"step to step{at}",
            milliseconds(paced.step),
            "at most " + " / ".join(f"{mark * 1e3:g}" for mark in STEP_MARKS_SECONDS) + " ms",
            all(
                percentile(paced.step, share) <= mark
                for share, mark in zip((50, 99), STEP_MARKS_SECONDS, strict=True)
            ),
        ),
        Figure(f"whole run{at}", milliseconds(paced.run)),
    ]


async def of_code(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Workflows as code: throughput, latency, replaying."""
    only_code(service)
    say("code runs of three steps: warming up")
    await code.ready(client)
    await three_steps.closed_loop(client, 500, code.WORKFLOW)
    found = []
    for number in range(REPETITIONS):
        say(f"code runs, {three_steps.IN_FLIGHT} in flight: {number + 1} of {REPETITIONS}")
        found.append(await three_steps.saturate(service, client, RUNS, code.WORKFLOW))
    figures = _saturation("code runs of three steps/s", found, CODE_MARK)
    for pace in PACES:
        say(f"code runs, {pace} a second")
        paced = await three_steps.at_pace(client, pace, PACED_SECONDS, code.WORKFLOW)
        figures += _paced(paced, pace, " in code")
    say("replaying histories")
    few = [code.seconds_per_event(code.FEW) for _ in range(REPETITIONS)]
    many = [code.seconds_per_event(code.MANY) for _ in range(REPETITIONS)]
    ratio = percentile(many, 50) / percentile(few, 50)
    return [
        *figures,
        Figure("events replayed a second", f"{1 / percentile(many, 50):,.0f}"),
        Figure(
            f"replaying an event, histories of {code.MANY:,} : {code.FEW:,}",
            f"{ratio:.2f}",
            f"at most {code.LINEAR_MARK}",
            ratio <= code.LINEAR_MARK,
        ),
    ]


def only_code(service: LocalService) -> None:
    """A worker for code in place of the one for activities."""
    service.workers.pop().stop()
    service.start_worker("benchmarks.code", "--slots", "200")


async def of_ten_steps(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Runs of ten steps one after another."""
    found = []
    for number in range(REPETITIONS):
        say(f"ten-step runs: {number + 1} of {REPETITIONS}")
        found.append(await queues.ten_steps(service, client, RUNS // 3 // 100 * 100))
    return _saturation("ten-step runs/s", found)


async def of_queues(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Starts by themselves, and a worker by itself."""
    say(f"{queues.STARTS:,} starts, then a worker for them")
    starts, handles = await queues.starts_only(client)
    activities = await queues.worker_only(service, client, handles)
    return [
        Figure("starts only/s", f"{starts:,.0f}", f"{queues.BATCH} in a call, no worker"),
        Figure("worker only, activities/s", f"{activities:,.0f}", "all were in the queue before"),
    ]


async def of_workers(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """More worker processes."""
    say("three-step runs with 1, 2 and 4 workers")
    found = await queues.with_workers(service, client, RUNS)
    return [
        Figure(f"three-step runs/s, {count} workers", f"{rate:,.0f}", "on the same two cores")
        for count, rate in found.items()
    ]


async def of_plain_worker(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A worker that is forty lines of Python and the generated client."""
    say("three-step runs for a worker without the SDK")
    found = [await queues.plain_worker(service, client, RUNS) for _ in range(REPETITIONS)]
    rates = [one.runs_per_second for one in found]
    return [Figure("three-step runs/s, a worker without the SDK", spread(rates))]
