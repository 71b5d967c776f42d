"""What the machine itself can do: figures mean nothing without that of the same minute."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from benchmarks.build import build

_FSYNCS = 300
_COMMITS, _ROWS, _ROW_BYTES = 500, 25, 700
_BLOCK = b"x" * 4096
_ECHO = "/treadle.benchmarks.Echo/Echo"
_ECHO_CALLS = 20_000
_ECHO_IN_FLIGHT = 64


def fsync_seconds(folder: Path) -> list[float]:
    """How long it takes to append 4 KiB and have it on the disk."""
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_FSYNCS):
            began = time.perf_counter()
            file.write(_BLOCK)
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return times


def commits_per_second(folder: Path) -> float:
    """What SQLite does by itself with the rows of a busy commit."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        connection = sqlite3.connect(Path(name) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, body BLOB)")
        row = os.urandom(_ROW_BYTES)
        began = time.perf_counter()
        for _ in range(_COMMITS):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO row (body) VALUES (?)", [(row,)] * _ROWS)
            connection.execute("COMMIT")
        seconds = time.perf_counter() - began
        connection.close()
    return _COMMITS / seconds


def setting() -> dict[str, str]:
    """In what the figures were measured."""
    return {
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "grpcio": metadata.version("grpcio"),
        "treadle": f"{metadata.version('treadle')}, {build()}",
        "payload": "250 bytes",
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    """Memory of a process now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def echo_calls_per_second() -> float:
    """Calls per second of a gRPC server in Python that only sends back 250 bytes."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.machine", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        address = (await server.stdout.readline()).decode().strip()
        return await _call(address)
    finally:
        server.terminate()
        await server.wait()


async def _call(address: str) -> float:
    async with grpc.aio.insecure_channel(address) as channel:
        echo: Any = channel.unary_unary(_ECHO)
        left = iter(range(_ECHO_CALLS))

        async def lane() -> None:
            for _ in left:
                await echo(b"x" * 250)

        await echo(b"warm")
        began = time.perf_counter()
        await asyncio.gather(*(lane() for _ in range(_ECHO_IN_FLIGHT)))
        return _ECHO_CALLS / (time.perf_counter() - began)


async def _serve() -> None:
    async def echo(request: bytes, context: Any) -> bytes:
        return request

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
        def service(self, call_details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(echo)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve())
