"""Runs of three steps, for scripts: `python -m benchmarks.three_step --kind code --json`.

A server and its workers of its own, as `make bench` has them; one figure a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import code, three_steps
from benchmarks.figures import percentile
from benchmarks.steps import states
from examples.local_service import LocalService, local_service
from treadle import Client

WARM_UP = 500
PACES = (20, 100)
REPETITIONS = 3

MACHINE = "three_states"

KINDS = {
    "graph": ("benchmarks.steps", three_steps.WORKFLOW),
    "code": ("benchmarks.code", code.WORKFLOW),
    "machine": ("benchmarks.steps", MACHINE),
}
"""By kind: the module that the workers run, and the workflow."""

Line = dict[str, Any]


async def prepared(client: Client, kind: str) -> str:
    """The workflow, once its runs can be started."""
    if kind == "graph":
        await three_steps.prepare(client)
    elif kind == "machine":
        await client.deploy(states(MACHINE, 3))
    else:
        await code.ready(client)
    return KINDS[kind][1]


async def measure(
    service: LocalService, kind: str, runs: int, in_flight: int, pace_seconds: float
) -> list[Line]:
    """All figures. The service has its workers already."""
    async with Client(service.address) as client:
        workflow = await prepared(client, kind)
        await three_steps.closed_loop(client, WARM_UP, workflow, in_flight)
        found = [
            await three_steps.saturate(service, client, runs, workflow, in_flight=in_flight)
            for _ in range(REPETITIONS)
        ]
        lines = list(_saturation(found))
        for pace in PACES:
            paced = await three_steps.at_pace(client, pace, pace_seconds, workflow)
            lines += _paced(paced, pace)
    return lines


def _saturation(found: list[three_steps.Saturation]) -> Iterator[Line]:
    for name, unit in (
        ("runs_per_second", "1/s"),
        ("server_cpu", "s/1,000 runs"),
        ("worker_cpu", "s/1,000 runs"),
        ("load_cpu", "s/1,000 runs"),
        ("server_megabytes", "MiB"),
    ):
        values = [getattr(one, name) for one in found]
        median = percentile(values, 50)
        yield {"figure": name, "unit": unit, "median": median, "repetitions": values}


def _paced(paced: three_steps.Paced, pace: int) -> Iterator[Line]:
    for name in ("started", "step", "run"):
        seconds = getattr(paced, name)
        yield {
            "figure": name,
            "unit": "ms",
            "runs_per_second": pace,
            "p50": percentile(seconds, 50) * 1e3,
            "p99": percentile(seconds, 99) * 1e3,
        }


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.three_step", description=__doc__)
    parser.add_argument("--kind", choices=list(KINDS), default="graph")
    parser.add_argument("--runs", type=int, default=5_000, help="of each of three repetitions")
    parser.add_argument("--in-flight", type=int, default=three_steps.IN_FLIGHT)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pace-seconds", type=float, default=20.0, help="at each pace")
    parser.add_argument("--folder", type=Path, help="its disk is measured (a temporary one)")
    parser.add_argument("--json", action="store_true", help="one JSON object per figure")
    options = parser.parse_args()
    given = {"kind": options.kind, "in_flight": options.in_flight, "workers": options.workers}
    with (
        tempfile.TemporaryDirectory(prefix="treadle-bench-", dir=options.folder) as folder,
        local_service(Path(folder)) as service,
    ):
        for _ in range(options.workers):
            service.start_worker(KINDS[options.kind][0], "--slots", "200")
        lines = asyncio.run(
            measure(service, options.kind, options.runs, options.in_flight, options.pace_seconds)
        )
    for line in lines:
        print(json.dumps(given | line) if options.json else _readable(line))
    return 0


def _readable(line: Line) -> str:
    if "median" in line:
        low, high = min(line["repetitions"]), max(line["repetitions"])
        value = f"{line['median']:,.2f} ({low:,.2f}-{high:,.2f})"
        return f"{line['figure']:18} {value:>28} {line['unit']}"
    name = f"{line['figure']}, at {line['runs_per_second']}/s"
    return f"{name:18} {line['p50']:>19.2f} / {line['p99']:6.2f} ms p50 / p99"


if __name__ == "__main__":
    sys.exit(main())
