"""`make bench`: what a server and one worker do on this machine, beside what the machine can do.

Everything is real: two processes, the server's local socket, SQLite with an fsync before every
reply. With `-o json` each figure is a line, with the setting in which it was measured.
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

from benchmarks import part_runs, part_sizes, part_waiting
from benchmarks.figures import Figure, Say, milliseconds, spread, table
from benchmarks.machine import (
    commits_per_second,
    echo_calls_per_second,
    fsync_seconds,
    setting,
)
from examples.local_service import LocalService, local_service
from treadle import Client

Part = Callable[[LocalService, Client, Say], Awaitable[list[Figure]]]

PARTS: dict[str, Part] = {
    "three-steps": part_runs.of_three_steps,
    "ten-steps": part_runs.of_ten_steps,
    "code": part_runs.of_code,
    "queues": part_runs.of_queues,
    "workers": part_runs.of_workers,
    "plain-worker": part_runs.of_plain_worker,
    "sleeping": part_waiting.of_sleeping,
    "parked-polls": part_waiting.of_parked_polls,
    "timers": part_waiting.of_timers,
    "graph-size": part_sizes.of_graph_size,
    "run-sizes": part_sizes.of_run_sizes,
    "fan-out": part_sizes.of_fan_out,
    "machines": part_sizes.of_machines,
    "volume": part_waiting.of_volume,
    "restart": part_waiting.of_restart,
}


async def of_machine(folder: Path, say: Say) -> list[Figure]:
    """The bare rates of what a server is made of; every other figure of the run is to be seen
    beside these.
    """
    say("the disk, a bare echo server, bare commits")
    syncs = fsync_seconds(folder)
    echo = [await echo_calls_per_second() for _ in range(part_runs.REPETITIONS)]
    commits = [commits_per_second(folder) for _ in range(part_runs.REPETITIONS)]
    return [
        Figure("append 4 KiB and fsync, p50 / p99", milliseconds(syncs)),
        Figure("bare gRPC echo, calls/s", spread(echo), "a Python server that does nothing else"),
        Figure("bare commits of 25 rows/s", spread(commits), "700 bytes a row, synchronous=FULL"),
    ]


async def measure(folder: Path, parts: list[str], say: Say) -> list[Figure]:
    """All figures of these parts; each has a server and a worker of its own."""
    figures = await of_machine(folder, say)
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
        of_run = setting() | {one.name: one.value for one in figures[:3]}
        for figure in figures:
            print(json.dumps(figure.to_json() | {"setting": of_run}))
    else:
        print(table(figures))
        print("; ".join(f"{name} {value}" for name, value in setting().items()))
    return 1 if any(figure.passed is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
