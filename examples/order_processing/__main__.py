"""`make demo`: all orders of a file through a real server and two real workers."""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import tempfile
from pathlib import Path

from examples.local_service import ServiceFailed
from examples.order_processing import report
from examples.order_processing.demo import Demo
from examples.order_processing.display import make_display
from examples.order_processing.orders import ORDERS_FILE, read_orders
from examples.order_processing.services import Ledger
from treadle import TreadleError


def main(arguments: list[str] | None = None) -> int:
    """Runs the demo; 0 if every order ended as it must, 1 if not, 2 for a wrong argument."""
    options = _parser().parse_args(arguments)
    display = make_display()
    try:
        orders = list(itertools.islice(read_orders(options.orders), options.count))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    folder = options.folder or Path(tempfile.mkdtemp(prefix="treadle-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    demo = Demo(folder, orders, display)
    try:
        demo.start_processes()
        with demo.service.client() as client:
            demo.deploy(client)
            demo.start_orders(client)
            seconds = demo.wait(client, chaos=options.chaos)
            results = demo.results(client)
        ledger = Ledger(demo.ledger_file)
        effects = ledger.effects()
        ledger.close()
        report.show_orders(display, results, everything=options.all)
        report.show_endings(display, results)
        report.show_books(display, results, effects)
        wrong = sum(1 for result in results if result.differences)
        report.show_differences(display, results)
        display.say(
            f"{len(results) - wrong} of {len(results)} orders ended as they must, "
            f"in {seconds:.1f} s, most of it waits between attempts"
        )
        report.show_how_to_look(display, results, demo.service, kept=options.keep)
        if options.keep:
            display.say("the server and the workers go on; Ctrl-C stops them")
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        return 1 if wrong else 0
    except (ServiceFailed, TreadleError) as error:
        display.warn(str(error))
        return 1
    except KeyboardInterrupt:
        display.warn("interrupted")
        return 130
    finally:
        display.say("stopping the workers and the server")
        demo.service.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.order_processing",
        description="Runs orders through a real Treadle server and two workers, and checks how "
        "each of them ended.",
        epilog="With make: make demo ARGS='--chaos --all'",
    )
    parser.add_argument(
        "--orders", type=Path, default=ORDERS_FILE, metavar="FILE", help="a file of orders"
    )
    parser.add_argument(
        "--count", type=int, default=None, metavar="NUMBER", help="only the first so many"
    )
    parser.add_argument("--all", action="store_true", help="list every order at the end")
    parser.add_argument(
        "--chaos", action="store_true", help="kill -9 the server and a worker on the way"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the server and the workers until Ctrl-C"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="where the journal, the ledger and the logs go (default: a new temporary one)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
