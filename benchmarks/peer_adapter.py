"""Treadle for the harness that measures other engines: one of its adapters.

The harness brings `common` and runs this file in its own processes: server, workers and load are
those that users run. Options: `kind=graph` (each step is dispatched to a worker; the default),
`kind=code` (steps run in the process of the code) or `kind=machine`.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from common import Adapter, abump, join, until  # type: ignore[import-not-found]

from benchmarks.build import build
from benchmarks.steps import chain, states
from treadle import Client, activity, step, workflow
from treadle.client import RunHandle

TREADLE = str(Path(sys.executable).with_name("treadle"))
STEPS = (3, 10)
"""Graphs and machines have their steps in the document."""


@activity(name="bump")
async def bump(n: int, t: list[int], pad: str) -> dict[str, Any]:
    """The harness's own activity."""
    done: dict[str, Any] = await abump({"n": n, "t": t, "pad": pad})
    return done


@activity(name="bump_item")
async def bump_item(item: dict[str, Any]) -> dict[str, Any]:
    """The same for a branch."""
    done: dict[str, Any] = await abump(item)
    return done


@activity(name="put_together")
async def put_together(results: list[dict[str, Any]]) -> dict[str, Any]:
    """After the branches."""
    done: dict[str, Any] = join(results)
    return done


@workflow(name="seq-code")
async def seq_code(given: dict[str, Any]) -> Any:
    """Steps one after the other."""
    value = given["d"]
    for _ in range(given["n"]):
        value = await step(bump, **value)
    return value


def _fan() -> dict[str, Any]:
    nodes = {
        "each": {"activity": "bump_item", "map": {"over": "params.items"}, "input": "item"},
        "join": {"activity": "put_together", "depends_on": "each"},
    }
    return {"treadle": "v1", "kind": "graph", "name": "fan", "nodes": nodes}


def _sleep() -> dict[str, Any]:
    until = "string(timestamp(run.started_time) + duration(string(int(params.seconds)) + 's'))"
    nodes = {"wait": {"timer": {"at": until}}}
    return {"treadle": "v1", "kind": "graph", "name": "sleep", "nodes": nodes, "output": "params.d"}


class Peer(Adapter):  # type: ignore[misc]
    """See the module's docstring."""

    ports = 1

    @property
    def address(self) -> str:
        """Where the server listens."""
        return f"127.0.0.1:{self.ports_[0]}"

    @property
    def kind(self) -> str:
        """How three steps are written."""
        return str(self.opts.get("kind", "graph"))

    def servers(self) -> list[tuple[str, list[str], None]]:
        """One process."""
        folder = os.path.join(self.data, "treadle")
        arguments = ["server", "--address", self.address, "--data-dir", folder, "--quiet"]
        return [("treadle", [TREADLE, *arguments], None)]

    def worker_argv(self, index: int, count: int) -> list[str]:
        """A worker's process, as its users start it: with the activities of this module."""
        arguments = ["worker", __name__, "--address", self.address, "--slots", "200", "--quiet"]
        return [TREADLE, *arguments]

    async def ready(self) -> None:
        """Once it answers."""

        async def probe() -> None:
            async with Client(self.address, retry_seconds=0) as client:
                [_ async for _ in client.list_definitions()]

        await until(probe)

    async def workers_started(self) -> None:
        """Definitions are there from here on; code is deployed by its worker."""
        async with Client(self.address) as client:
            for steps in STEPS:
                await client.deploy(chain(f"seq-{steps}", steps))
                await client.deploy(states(f"machine-{steps}", steps))
            await client.deploy(_fan())
            await client.deploy(_sleep())

            async def probe() -> None:
                await client.get_definition(seq_code.name)

            await until(probe)

    def version(self) -> dict[str, str]:
        """What is measured."""
        return {"treadle": f"{metadata.version('treadle')}, {build()}"}

    async def open(self) -> None:
        """The load's connection."""
        self._client = Client(self.address)

    async def close(self) -> None:
        """And its end."""
        await self._client.close()

    async def _start(self, kind: str, n: int, run_id: str, data: dict[str, Any]) -> RunHandle:
        name, given = self._named(kind, n, data)
        return await self._client.start(name, given, workflow_id=run_id)

    def _named(self, kind: str, n: int, data: dict[str, Any]) -> tuple[str, object]:
        if kind == "sleep":
            return "sleep", {"seconds": n, "d": data}
        if kind == "fan":
            return "fan", {"items": [data] * n}
        if self.kind == "code":
            return seq_code.name, {"n": n, "d": data}
        return (f"seq-{n}" if self.kind == "graph" else f"machine-{n}"), data

    async def run(self, kind: str, n: int, run_id: str, data: dict[str, Any]) -> Any:
        """Starts one, and waits for its result."""
        name, given = self._named(kind, n, data)
        return await self._client.run(name, given, workflow_id=run_id)

    async def start(self, kind: str, n: int, run_id: str, data: dict[str, Any]) -> None:
        """Starts one."""
        await self._start(kind, n, run_id, data)

    async def result(self, kind: str, run_id: str) -> Any:
        """Of one that was started before."""
        described = await self._client.get_run(workflow_id=run_id)
        return await self._client.get_handle(described.run_id).result()
