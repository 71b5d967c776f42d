"""`treadle server`."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import click

from treadle_server.cli.command import Command
from treadle_server.cli.exit_codes import missing_extra
from treadle_server.cli.options import LOG_LEVEL_VARIABLE, Duration, Settings, log_options

DATA_DIR_VARIABLE = "TREADLE_DATA_DIR"

_ADDRESS = "127.0.0.1:7400"


def default_data_dir() -> Path:
    """`treadle` in the XDG data folder."""
    base = os.environ.get("XDG_DATA_HOME")
    # The XDG rules: a relative path there is to be ignored.
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return root / "treadle"


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=DATA_DIR_VARIABLE,
    metavar="FOLDER",
    help="Holds the journal, treadle.db.  [env: TREADLE_DATA_DIR; default: treadle in the XDG "
    "data folder, ~/.local/share/treadle]",
)


class _Retention(click.ParamType[timedelta | None]):
    """A length of time, or "forever"."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | None:
        """None for "forever"."""
        return None if value == "forever" else Duration().convert(value, param, ctx)


@click.command(
    cls=Command,
    examples=[
        ("On 127.0.0.1:7400, with the journal in your data folder", "treadle server"),
        ("To try things: nothing is kept", "treadle server --in-memory"),
        ("Forget runs a day after their end", "treadle server --retention 24h"),
        ("Another port and folder", "treadle server --address 127.0.0.1:7500 --data-dir ./data"),
        (
            "Traces to a collector",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4317 treadle server",
        ),
    ],
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one.  [env: TREADLE_ADDRESS; default: "
    "127.0.0.1:7400]",
)
@data_dir_option
@click.option("--in-memory", is_flag=True, help="Keep the journal in memory: all ends with it.")
@click.option(
    "--retention",
    type=_Retention(),
    envvar="TREADLE_RETENTION",
    default="30d",
    metavar="DURATION",
    help="How long runs are kept after they have ended, or forever; up to twice as long while "
    "their traces cannot be exported.  [env: TREADLE_RETENTION; default: 30d]",
)
@click.option(
    "--local-socket/--no-local-socket",
    default=True,
    envvar="TREADLE_LOCAL_SOCKET",
    help="Have workers and clients on this machine talk over treadle.sock in the data folder, "
    "which takes half as long as gRPC.  [env: TREADLE_LOCAL_SOCKET; default: yes]",
)
@log_options
@click.pass_obj
def server(
    settings: Settings,
    address: str | None,
    data_dir: Path | None,
    in_memory: bool,
    retention: timedelta | None,
    local_socket: bool,
    log_level: str | None,
) -> int:
    """Run the server until it is told to stop.

    It serves gRPC with reflection and health on. Ctrl-C or SIGTERM stops it gracefully; a second
    one at once. After a crash it goes on where it was. Logs go to stderr, as JSON where that is no
    terminal. OTEL_* variables configure telemetry.
    """
    os.environ[LOG_LEVEL_VARIABLE] = settings.log_level(log_level)
    try:
        from treadle_server.app import run_server
        from treadle_server.config import ServerConfig
    except ImportError as error:
        missing_extra("the server", "server", error)
    config = ServerConfig(
        address=address or settings.address or os.environ.get("TREADLE_ADDRESS") or _ADDRESS,
        data_dir=Path() if in_memory else data_dir or default_data_dir(),
        in_memory=in_memory,
        local_socket=local_socket,
        retention=None if retention is None else retention // timedelta(microseconds=1),
    )
    return run_server(config)
