"""The same work on other engines, in the same run: `make bench-peers`.

The harness (an option; it is not part of this repository) starts, loads and measures them; its
README says what each needs, and `tools/peers.sh` installs it. Treadle joins with `peer_adapter`.
One JSON line per figure goes to --out; at the end a table sets every engine against Treadle.

Engines are measured in turns, `ROUNDS` times, and a ratio is that of two neighbours of one round: a
machine that is slow for some minutes is slow for all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import percentile, spread

REPOSITORY = Path(__file__).resolve().parents[1]
HARNESS = REPOSITORY.parent / "shared" / "bench" / "peers"
ENVIRONMENT = REPOSITORY / ".cache" / "peers"
"""What `tools/peers.sh` made."""

ROUNDS = 3

Line = dict[str, Any]

ENGINES: dict[str, tuple[str, list[str]]] = {
    "treadle graph": ("treadle", ["kind=graph"]),
    "treadle code": ("treadle", ["kind=code"]),
    "treadle machine": ("treadle", ["kind=machine"]),
    "restate in process": ("restate", []),
    "restate dispatched": ("restate", ["call=1"]),
    "dbos": ("dbos", []),
    "durabletask": ("durabletask", []),
}
"""By name: the harness's adapter, and its options."""

REQUIRED = (
    ("treadle graph", "restate dispatched", 8.0),
    ("treadle graph", "restate in process", 4.0),
    ("treadle graph", "dbos", 25.0),
    ("treadle graph", "durabletask", 50.0),
    ("treadle code", "restate in process", 2.0),
)
"""Three-step runs a second: ours, theirs, and the ratio that is to be reached."""


def prepared(harness: Path, folder: Path) -> Path:
    """The harness with Treadle's adapter beside the others."""
    made = folder / "harness"
    shutil.copytree(harness, made, copy_function=shutil.copyfile)
    own = REPOSITORY / "benchmarks"
    shutil.copyfile(own / "peer_adapter.py", made / "adapters" / "treadle.py")
    (made / "benchmarks").mkdir()
    for module in ("build.py", "steps.py"):
        shutil.copyfile(own / module, made / "benchmarks" / module)
    return made


def measure(harness: Path, engine: str, works: list[str], extra: list[str]) -> list[Line]:
    """One engine through all works: its figures; what it prints goes on."""
    peer, options = ENGINES[engine]
    own = peer == "treadle"
    python = sys.executable if own else str(ENVIRONMENT / "venv" / "bin" / "python")
    environment = {**os.environ, **_programs()}
    environment["PATH"] = f"{Path(python).parent}:{environment['PATH']}"
    out = harness / "figures.jsonl"
    out.write_text("")
    command = [python, str(harness / "run.py"), peer, *works, "--out", str(out), *extra]
    for option in options:
        command += ["--opt", option]
    done = subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
    if done.returncode:
        print(f"{engine}: the harness ended with {done.returncode}; left out", file=sys.stderr)
    return [json.loads(line) for line in out.read_text().splitlines()]


def _programs() -> dict[str, str]:
    found = {
        "RESTATE_BIN": ENVIRONMENT / "restate-server",
        "DURABLETASK_BIN": ENVIRONMENT / "durabletask-go",
        "DURABLETASK_PARALLEL_BIN": ENVIRONMENT / "durabletask-parallel",
    }
    return {name: str(path) for name, path in found.items() if path.exists()}


def rates(lines: list[Line]) -> dict[str, dict[int, float]]:
    """Three-step runs a second of each engine, 100 in flight, by round: one that failed is not
    there.
    """
    found: dict[str, dict[int, float]] = {}
    for line in lines:
        if line["metric"] == "throughput" and line.get("inflight") == 100:
            found.setdefault(_engine(line), {})[line["round"]] = line["runs_per_s"]
    return found


def _engine(line: Line) -> str:
    options = {f"{key}={value}" for key, value in line["opts"].items()}
    for engine, (peer, wanted) in ENGINES.items():
        if peer == line["peer"] and set(wanted) == options:
            return engine
    return str(line["peer"])


def table(lines: list[Line]) -> Iterator[str]:
    """What was measured, in lines for people."""
    found = rates(lines)
    for engine, values in found.items():
        rate = spread([*values.values()])
        yield f"{engine:22} {rate:>22} three-step runs/s, 100 in flight"
    for ours, theirs, wanted in REQUIRED:
        one, other = found.get(ours, {}), found.get(theirs, {})
        ratios = [one[number] / other[number] for number in sorted(one.keys() & other.keys())]
        if ratios:
            middle = percentile(ratios, 50)
            verdict = "reached" if middle >= wanted else "MISSED"
            each = ", ".join(f"{ratio:.1f}" for ratio in ratios)
            yield f"{ours} : {theirs}  {middle:.1f} ({each}; at least {wanted:g}: {verdict})"


def main() -> int:
    """0 if every ratio that could be measured was reached, 1 if not, 2 without a harness."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("engines", nargs="*", help=f"of {', '.join(ENGINES)} (all)")
    parser.add_argument("--harness", type=Path, default=HARNESS)
    parser.add_argument("--works", default="w1", help="of the harness, with commas: w1,w2,w3")
    parser.add_argument("--out", type=Path, help="where the JSON lines go")
    parser.add_argument("--extra", default="", help="more arguments for the harness")
    options = parser.parse_args()
    if not options.harness.is_dir():
        print(f"there is no harness at {options.harness}; say --harness", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="treadle-peers-") as folder:
        harness = prepared(options.harness, Path(folder))
        lines: list[Line] = []
        extra = ["--reps", "1", *options.extra.split()]
        for number in range(1, ROUNDS + 1):
            for engine in options.engines or ENGINES:
                print(f"round {number} of {ROUNDS}: {engine}", file=sys.stderr, flush=True)
                found = measure(harness, engine, options.works.split(","), extra)
                lines += [line | {"round": number} for line in found]
                if options.out:
                    options.out.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    told = list(table(lines))
    print("\n".join(told))
    return 1 if any("MISSED" in line for line in told) else 0


if __name__ == "__main__":
    sys.exit(main())
