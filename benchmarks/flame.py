"""Where the server's time goes: `make flame` draws it, and adds it up by layers.

Three-step runs keep a server and a worker busy, while py-spy looks at the server 400 times a
second. One SVG (a flame graph; functions as wide as their share of the CPU), and a table: each
sample belongs to the innermost layer of the server that it was in.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import three_steps
from benchmarks.machine import echo_calls_per_second
from benchmarks.three_step import KINDS, prepared
from examples.local_service import LocalService, local_service
from treadle import Client

SECONDS = 10
RATE = 400
PY_SPY = Path(".cache/profiler/bin/py-spy")
"""Where `tools/profiler.sh` puts it."""

LAYERS = (
    ("treadle_server/api/", "API: requests read and checked, answers written"),
    ("treadle_server/runs/", "runs: turns put together, released, handed over"),
    ("treadle_server/matching/", "matching and sessions"),
    ("treadle_server/timers/", "timers"),
    ("treadle_server/definitions/", "rules of graphs, expressions"),
    ("treadle_server/engine/", "engine"),
    ("treadle_server/journal/codec", "events to bytes"),
    ("treadle_server/journal/wire", "events to bytes"),
    ("treadle_server/journal/sqlite/packing", "packing of bodies"),
    ("treadle_server/journal/sqlite/", "SQLite, with its fsync"),
    ("treadle_server/journal/", "queue and thread of the writer"),
    ("treadle_server/telemetry/", "telemetry"),
)
LOOP, THREAD = "event loop and gRPC's part of it", "gRPC's own threads"


def shares(stacks: Iterable[str]) -> dict[str, float]:
    """The share of each layer, the greatest first. `stacks`: py-spy's raw format."""
    found: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rstrip().rpartition(" ")
        found[_layer(stack.split(";"))] += int(count)
    total = sum(found.values())
    return {layer: count / total for layer, count in found.most_common()}


def _layer(frames: list[str]) -> str:
    for frame in reversed(frames):
        for part, layer in LAYERS:
            if part in frame:
                return layer
    return LOOP if any("run_server" in frame for frame in frames) else THREAD


async def record(service: LocalService, kind: str, py_spy: Path, svg: Path) -> Iterator[str]:
    """Draws the picture; the lines of the table."""
    async with Client(service.address) as client:
        workflow = await prepared(client, kind)
        await three_steps.closed_loop(client, 1_000, workflow)
        alone = await three_steps.saturate(service, client, 5_000, workflow)
        raw = svg.with_suffix(".raw")
        load = asyncio.ensure_future(_load(client, workflow))
        try:
            for form, out in (("raw", raw), ("flamegraph", svg)):
                await asyncio.to_thread(_spy, py_spy, service.server.pid, form, out)
        finally:
            load.cancel()
    found = shares(raw.read_text().splitlines())
    raw.unlink()
    return _lines(found, alone.server_cpu * 1e3, await echo_calls_per_second())


async def _load(client: Client, workflow: str) -> None:
    while True:
        await three_steps.closed_loop(client, 1_000, workflow)


def _spy(py_spy: Path, pid: int, form: str, out: Path) -> None:
    options = ["--nolineno", "--rate", str(RATE), "--duration", str(SECONDS)]
    place = ["--pid", str(pid), "--format", form, "--output", str(out)]
    command = [str(py_spy), "record", *options, *place]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _lines(found: dict[str, float], microseconds: float, echo: float) -> Iterator[str]:
    yield f"{'layer':52}  µs a run   share"
    for layer, share in found.items():
        yield f"{layer:52}  {share * microseconds:8.0f}  {share:6.1%}"
    yield f"{'all':52}  {microseconds:8.0f}"
    yield f"{'beside it: one bare echo call, both sides':52}  {1e6 / echo:8.0f}"


def main() -> int:
    """Prints the table and writes the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flame", description=__doc__)
    parser.add_argument("--kind", choices=list(KINDS), default="graph")
    parser.add_argument("--svg", type=Path, default=Path("flame.svg"))
    parser.add_argument("--py-spy", type=Path, default=PY_SPY)
    options = parser.parse_args()
    if not options.py_spy.exists():
        print(f"there is no py-spy at {options.py_spy}: tools/profiler.sh gets it", file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="treadle-flame-") as folder,
        local_service(Path(folder)) as service,
    ):
        service.start_worker(KINDS[options.kind][0], "--slots", "200")
        for line in asyncio.run(record(service, options.kind, options.py_spy, options.svg)):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
