"""`make bench`: what a server and one worker do on this machine, beside what the machine can do.

Everything is real: two processes, gRPC on loopback, SQLite with an fsync before every reply.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import code, fan_out, graph_size, three_steps, transitions
from benchmarks.figures import Figure, milliseconds, percentile, spread, table
from benchmarks.machine import echo_calls_per_second, fsync_seconds
from examples.local_service import LocalService, local_service
from treadle import Client

REPETITIONS = 3
RUNS = 5_000
PACED_SECONDS = 20.0
PACES = (20, 100)

Say = Callable[[str], None]


async def of_machine(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """The disk, and gRPC without anything behind it."""
    say("the disk, and a bare echo server")
    syncs = fsync_seconds(service.folder)
    echo = [await echo_calls_per_second() for _ in range(REPETITIONS)]
    return [
        Figure("append 4 KiB and fsync, p50 / p99", milliseconds(syncs)),
        Figure("bare gRPC echo, calls/s", spread(echo), "a Python server that does nothing else"),
    ]


async def of_three_steps(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Throughput, latency and cost of a run of three steps."""
    say("three-step runs: warming up")
    await three_steps.prepare(client)
    found = []
    for number in range(REPETITIONS):
        say(f"three-step runs, {three_steps.IN_FLIGHT} in flight: {number + 1} of {REPETITIONS}")
        found.append(await three_steps.saturate(service, client, RUNS))
    figures = _saturation("three-step runs/s", found)
    for pace in PACES:
        say(f"three-step runs, {pace} a second")
        paced = await three_steps.at_pace(client, pace, PACED_SECONDS)
        figures += _paced(paced, pace, "")
    return figures


def _saturation(name: str, found: list[three_steps.Saturation]) -> list[Figure]:
    costs = [
        percentile([getattr(one, name) for one in found], 50)
        for name in ("server_cpu", "worker_cpu", "load_cpu")
    ]
    rates = [one.runs_per_second for one in found]
    return [
        Figure(name, spread(rates), f"{three_steps.IN_FLIGHT} in flight"),
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
        Figure(f"step to step{at}", milliseconds(paced.step)),
        Figure(f"whole run{at}", milliseconds(paced.run)),
    ]


async def of_code(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Workflows as code: throughput, latency, replaying."""
    _only_code(service)
    say("code runs of three steps: warming up")
    await code.ready(client)
    await three_steps.closed_loop(client, 500, code.WORKFLOW)
    found = []
    for number in range(REPETITIONS):
        say(f"code runs, {three_steps.IN_FLIGHT} in flight: {number + 1} of {REPETITIONS}")
        found.append(await three_steps.saturate(service, client, RUNS, code.WORKFLOW))
    figures = _saturation("code runs of three steps/s", found)
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


def _only_code(service: LocalService) -> None:
    """A worker for code in place of the one for activities."""
    service.workers.pop().stop()
    service.start_worker("benchmarks.code", "--slots", "200")


async def of_sleeping(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Runs of code that sleep: disk only."""
    _only_code(service)
    await code.ready(client)
    say(f"{code.SLEEPERS:,} runs that sleep")
    memory = await code.sleeping(service, client)
    return [
        Figure(
            f"{name}'s memory, {code.SLEEPERS:,} runs asleep : before",
            f"{after:.0f} : {before:.0f} MiB",
            f"at most {code.SLEEP_MARK_MEGABYTES:.0f} MiB more",
            after - before <= code.SLEEP_MARK_MEGABYTES,
        )
        for name, (before, after) in (("server", memory.server), ("worker", memory.worker))
    ]


async def of_graph_size(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A node of a large graph against one of a small graph."""
    say("graphs of 100 and of 100,000 nodes: deploying")
    began = time.perf_counter()
    await graph_size.prepare(client)
    deploying = time.perf_counter() - began
    ratios, costs = [], []
    for number in range(REPETITIONS):
        say(f"graphs of 100 and of 100,000 nodes: {number + 1} of {REPETITIONS}")
        small, large = await graph_size.ratio(service, client)
        ratios.append(large / small)
        costs.append((small, large))
    middle = percentile(ratios, 50)
    small, large = costs[ratios.index(middle)]
    return [
        Figure("deploying 100 and 100,000 nodes", f"{deploying:.1f} s"),
        Figure(
            "server CPU per node, 100,000 nodes : 100",
            f"{middle:.2f}",
            f"{large:.0f} µs : {small:.0f} µs; median of {', '.join(f'{r:.2f}' for r in ratios)}; "
            f"at most {graph_size.MARK}",
            middle <= graph_size.MARK,
        ),
    ]


async def of_run_sizes(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A node in runs of every size, and what memory is left when they have ended."""
    await graph_size.prepare_sizes(client)
    figures, base = [], 0.0
    for size in graph_size.SIZES:
        say(f"runs of {size:,} nodes")
        costs = [await graph_size.cost_at(service, client, size) for _ in range(REPETITIONS)]
        cost = percentile(costs, 50)
        base = base or cost
        figures.append(
            Figure(
                f"server CPU per node, runs of {size:,}",
                f"{cost:.0f} µs",
                f"{cost / base:.2f} of that in runs of {graph_size.SIZES[0]}; at most "
                f"{graph_size.MARK}",
                cost / base <= graph_size.MARK,
            )
        )
    before, after = await graph_size.memory(service, client)
    figures.append(_memory("a run of 10,000 nodes", before, after))
    return figures


async def of_fan_out(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Maps: an item of many against one of few, and what others feel of a hundred thousand."""
    service.start_worker("benchmarks.steps", "--slots", "200", "--queue", fan_out.QUEUE)
    await fan_out.prepare(client)
    ratios = []
    for number in range(REPETITIONS):
        say(f"maps over {fan_out.FEW:,} and {fan_out.MANY:,} items: {number + 1} of {REPETITIONS}")
        few = await fan_out.cost(service, client, fan_out.FEW, fan_out.MANY // fan_out.FEW)
        many = await fan_out.cost(service, client, fan_out.MANY, 1)
        ratios.append(many / few)
    before, after = await fan_out.memory(service, client)
    slowdowns = []
    for number in range(REPETITIONS):
        say(f"three-step runs beside a map over {fan_out.CROWD:,} items: {number + 1}")
        found = await fan_out.beside(client)
        if found.crowd_ended_meanwhile:
            raise AssertionError("the map ended before the runs beside it did")
        slowdowns.append(fan_out.slowdown(found))
    middle, slowest = percentile(ratios, 50), percentile(slowdowns, 50)
    return [
        Figure(
            f"server CPU per item, {fan_out.MANY:,} items : {fan_out.FEW:,}",
            f"{middle:.2f}",
            f"last {many:.0f} µs : {few:.0f} µs; at most {fan_out.COST_MARK}",
            middle <= fan_out.COST_MARK,
        ),
        _memory(f"a map over {fan_out.MANY:,} items", before, after),
        Figure(
            f"step to step p99 beside a map over {fan_out.CROWD:,} items : alone",
            f"{slowest:.2f}",
            f"{', '.join(f'{one:.2f}' for one in slowdowns)}; last "
            f"{milliseconds(found.beside.step)} : {milliseconds(found.alone.step)}; at most "
            f"{fan_out.LATENCY_MARK}",
            slowest <= fan_out.LATENCY_MARK,
        ),
    ]


def _memory(what: str, before: float, after: float) -> Figure:
    return Figure(
        f"server's memory after {what} : before",
        f"{after:.0f} : {before:.0f} MiB",
        f"at most {graph_size.MEMORY_MARK}",
        after / before <= graph_size.MEMORY_MARK,
    )


async def of_machines(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A state machine that lives long."""
    say(f"{transitions.TRANSITIONS:,} transitions of one run")
    life = await transitions.live(service, client, transitions.TRANSITIONS)
    first, last = percentile(life.first, 50), percentile(life.last, 50)
    ratio = last / first
    before, after = life.megabytes
    return [
        Figure(
            "transitions of one run a second",
            f"{transitions.TRANSITIONS / sum(life.seconds):,.0f}",
            f"{transitions.SENDERS} senders, one event a call",
        ),
        Figure(
            "server CPU per 1,000 transitions, last : first",
            f"{ratio:.2f}",
            f"{last:.2f} s : {first:.2f} s; at most {transitions.MARK}",
            ratio <= transitions.MARK,
        ),
        Figure("server's memory at the end : early", f"{after:.0f} : {before:.0f} MiB"),
        Figure("events kept of the run's history", f"{life.kept_events:,}"),
    ]


PARTS: dict[str, Callable[[LocalService, Client, Say], Awaitable[list[Figure]]]] = {
    "machine": of_machine,
    "three-steps": of_three_steps,
    "code": of_code,
    "sleeping": of_sleeping,
    "graph-size": of_graph_size,
    "run-sizes": of_run_sizes,
    "fan-out": of_fan_out,
    "machines": of_machines,
}


async def measure(folder: Path, parts: list[str], say: Say) -> list[Figure]:
    """All figures of these parts; each has a server and a worker of its own."""
    figures: list[Figure] = []
    for part in parts:
        (folder / part).mkdir(parents=True)
        with local_service(folder / part) as service:
            service.start_worker("benchmarks.steps", "--slots", "200")
            async with Client(service.address) as client:
                figures += await PARTS[part](service, client, say)
    return figures


def main() -> int:
    """0, or 1 if a mark was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="which parts (all)")
    parser.add_argument("--folder", type=Path, help="its disk is measured (a temporary one)")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    options = parser.parse_args()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="treadle-bench-", dir=options.folder) as folder:
        figures = asyncio.run(measure(Path(folder), options.parts or list(PARTS), say))
    if options.output == "json":
        print(json.dumps([figure.to_json() for figure in figures], indent=2))
    else:
        print(table(figures))
    return 1 if any(figure.passed is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
