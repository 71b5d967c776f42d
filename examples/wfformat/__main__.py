"""`python -m examples.wfformat FILE`: runs a recorded workflow; exit 0 only if order is proved."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from examples.local_service import ServiceFailed
from examples.wfformat.instance import BrokenFile, Instance
from examples.wfformat.reader import read_file
from examples.wfformat.run import Report, run, service
from treadle import TreadleError

DEFAULT_SPEEDUP = 100.0
EXIT_PROVED, EXIT_NOT_PROVED, EXIT_BROKEN_FILE, EXIT_NO_SERVICE = 0, 1, 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Runs one file. The last line on stdout is one JSON object, whatever happens."""
    options = _parser().parse_args(arguments)
    # With --json stdout is for the machine alone.
    stream = sys.stderr if options.json else sys.stdout

    def say(text: str) -> None:
        print(text, file=stream, flush=True)

    try:
        instance = read_file(options.file)
    except BrokenFile as error:
        return _refuse(error, EXIT_BROKEN_FILE, say)
    say(describe(instance))
    try:
        with service(options.address, say) as (client, check):
            report = run(client, instance, options.speedup, say, check)
    except (ServiceFailed, TreadleError) as error:
        return _refuse(error, EXIT_NO_SERVICE, say)
    proof = report.proof
    for fault in proof.faults:
        say(f"FAULT {fault}")
    if proof.fault_count > len(proof.faults):
        say(f"and {proof.fault_count - len(proof.faults)} more")
    if proof.proved:
        say(
            f"proved: {proof.tasks} tasks have one result each, and none of {proof.attempts} "
            f"attempts began before the results it waits for ({proof.edges} edges)"
        )
    print(json.dumps(result(options.file, instance, options.speedup, report)), flush=True)
    return EXIT_PROVED if proof.proved else EXIT_NOT_PROVED


def describe(instance: Instance) -> str:
    """One line about the file, for people."""
    return (
        f"{instance.name} (WfFormat {instance.format_version}): {len(instance.tasks)} tasks, "
        f"{instance.edge_count} edges, {instance.part_count} parts, depth {instance.depth}, "
        f"{len(instance.roots)} roots, {len(instance.leaves)} leaves"
    )


def result(file: Path, instance: Instance, speedup: float, report: Report) -> dict[str, object]:
    """The last line: times in seconds, sizes in numbers."""
    proof = report.proof
    return {
        "file": file.name,
        "name": instance.name,
        "format_version": instance.format_version,
        "tasks": proof.tasks,
        "edges": proof.edges,
        "parts": instance.part_count,
        "depth": instance.depth,
        "speedup": speedup,
        "seconds": round(report.seconds, 3),
        "deploy_seconds": round(report.deploy_seconds, 3),
        "makespan": round(proof.makespan_seconds, 3),
        "critical_path": round(instance.critical_path_seconds / speedup, 3),
        "attempts": proof.attempts,
        "events": proof.events,
        "run_id": report.run_id,
        "proved": proof.proved,
        "fault_count": proof.fault_count,
        "faults": proof.faults,
    }


def _refuse(error: Exception, code: int, say: Callable[[str], None]) -> int:
    say(f"error: {error}")
    fault = {"type": type(error).__name__, "message": str(error)}
    print(json.dumps({"proved": False, "error": fault}), flush=True)
    return code


def _speedup(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.wfformat",
        description="Runs a scientific workflow as it was recorded (WfCommons' WfFormat): each "
        "task sleeps its runtime divided by a factor. Then proves from the run's history that each "
        "task has one accepted result, and that no attempt began before all its parents' results.",
        epilog="Exit codes: 0 proved, 1 not proved, 2 the file is broken or the usage wrong, "
        "3 no server. The last line on stdout is one JSON object. Small files to try: "
        "examples/wfformat/instances; real ones: https://github.com/wfcommons/WfInstances",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a WfFormat file, up to version 1.6"
    )
    parser.add_argument(
        "--speedup",
        type=_speedup,
        default=DEFAULT_SPEEDUP,
        metavar="N",
        help="tasks sleep their runtime divided by this (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="only the JSON line on stdout")
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="a server that runs already, with a worker of examples.wfformat.activities "
        "(default: start both)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
