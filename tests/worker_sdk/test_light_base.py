"""A worker needs grpcio and protobuf (with the google.rpc messages), and nothing else."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tests.worker_sdk.fake_server import FakeServer

WITHOUT = """
import sys
for name in ("msgspec", "pydantic", "opentelemetry", "uvloop", "click", "treadle_server"):
    sys.modules[name] = None  # an import of it fails
"""

WORKER = """
from dataclasses import dataclass
import treadle

@dataclass
class Order:
    id: int

@treadle.activity
async def double(order: Order, ctx: treadle.Context) -> Order:
    ctx.log.info("doubling")
    return Order(order.id * 2)

treadle.Worker([double], address=sys.argv[1]).run_blocking()
"""


async def test_a_worker_runs_without_any_other_package(server: FakeServer) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WITHOUT + WORKER, server.address
    )
    assert await server.output(await server.add("double", {"id": 4})) == {"id": 8}
    process.terminate()
    assert await process.wait() == 0


def test_importing_the_package_or_its_errors_loads_nothing_heavy() -> None:
    program = (
        "import sys, treadle, treadle.errors\n"
        "assert not {'grpc', 'google.protobuf', 'asyncio'} & set(sys.modules), sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
