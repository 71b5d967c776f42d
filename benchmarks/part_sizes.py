"""Parts of `make bench`: what a node, an item and a transition cost when there are many of them."""

from __future__ import annotations

import time
from statistics import fmean

from benchmarks import fan_out, graph_size, transitions
from benchmarks.figures import Figure, Say, milliseconds, percentile
from examples.local_service import LocalService
from treadle import Client

REPETITIONS = 3


async def of_graph_size(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A node of a large graph against one of a small graph."""
    say("graphs of 100 and of 100,000 nodes: deploying")
    began = time.perf_counter()
    await graph_size.prepare(client)
    deploying = time.perf_counter() - began
    ratios, costs = [], []
    for number in range(REPETITIONS):
        say(f"graphs of 100 and of 100,000 nodes: {number + 1} of {REPETITIONS}")
        small, large = await graph_size.ratio(service, client)
        ratios.append(large / small)
        costs.append((small, large))
    middle = percentile(ratios, 50)
    small, large = costs[ratios.index(middle)]
    return [
        Figure("deploying 100 and 100,000 nodes", f"{deploying:.1f} s"),
        Figure(
            "server CPU per node, 100,000 nodes : 100",
            f"{middle:.2f}",
            f"{large:.0f} µs : {small:.0f} µs; median of {', '.join(f'{r:.2f}' for r in ratios)}; "
            f"at most {graph_size.MARK}",
            middle <= graph_size.MARK,
        ),
    ]


async def of_run_sizes(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A node in runs of every size, and what memory is left when they have ended."""
    await graph_size.prepare_sizes(client)
    figures, base = [], 0.0
    for size in graph_size.SIZES:
        say(f"runs of {size:,} nodes")
        costs = [await graph_size.cost_at(service, client, size) for _ in range(REPETITIONS)]
        cost = percentile(costs, 50)
        base = base or cost
        figures.append(
            Figure(
                f"server CPU per node, runs of {size:,}",
                f"{cost:.0f} µs",
                f"{cost / base:.2f} of that in runs of {graph_size.SIZES[0]}; at most "
                f"{graph_size.MARK}",
                cost / base <= graph_size.MARK,
            )
        )
    before, after = await graph_size.memory(service, client)
    figures.append(_memory("a run of 10,000 nodes", before, after))
    return figures


async def of_fan_out(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Maps: an item of many against one of few, and what others feel of a hundred thousand."""
    service.start_worker("benchmarks.steps", "--slots", "200", "--queue", fan_out.QUEUE)
    await fan_out.prepare(client)
    ratios = []
    for number in range(REPETITIONS):
        say(f"maps over {fan_out.FEW:,} and {fan_out.MANY:,} items: {number + 1} of {REPETITIONS}")
        few = await fan_out.cost(service, client, fan_out.FEW, fan_out.MANY // fan_out.FEW)
        many = await fan_out.cost(service, client, fan_out.MANY, 1)
        ratios.append(many / few)
    before, after = await fan_out.memory(service, client)
    slowdowns = []
    for number in range(REPETITIONS):
        say(f"three-step runs beside a map over {fan_out.CROWD:,} items: {number + 1}")
        found = await fan_out.beside(client)
        if found.crowd_ended_meanwhile:
            raise AssertionError("the map ended before the runs beside it did")
        slowdowns.append(fan_out.slowdown(found))
    middle, slowest = percentile(ratios, 50), percentile(slowdowns, 50)
    return [
        Figure(
            f"server CPU per item, {fan_out.MANY:,} items : {fan_out.FEW:,}",
            f"{middle:.2f}",
            f"last {many:.0f} µs : {few:.0f} µs; at most {fan_out.COST_MARK}",
            middle <= fan_out.COST_MARK,
        ),
        _memory(f"a map over {fan_out.MANY:,} items", before, after),
        Figure(
            f"step to step p99 beside a map over {fan_out.CROWD:,} items : alone",
            f"{slowest:.2f}",
            f"{', '.join(f'{one:.2f}' for one in slowdowns)}; last "
            f"{milliseconds(found.beside.step)} : {milliseconds(found.alone.step)}; at most "
            f"{fan_out.LATENCY_MARK}",
            slowest <= fan_out.LATENCY_MARK,
        ),
    ]


def _memory(what: str, before: float, after: float) -> Figure:
    return Figure(
        f"server's memory after {what} : before",
        f"{after:.0f} : {before:.0f} MiB",
        f"at most {graph_size.MEMORY_MARK}",
        after / before <= graph_size.MEMORY_MARK,
    )


async def of_machines(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A state machine that lives long."""
    say(f"{transitions.TRANSITIONS:,} transitions of one run")
    life = await transitions.live(service, client, transitions.TRANSITIONS)
    first, last = fmean(life.first), fmean(life.last)
    ratio = last / first
    before, after = life.megabytes
    return [
        Figure(
            "transitions of one run a second",
            f"{transitions.TRANSITIONS / sum(life.seconds):,.0f}",
            f"{transitions.SENDERS} senders, one event a call",
        ),
        Figure(
            "server CPU per 1,000 transitions, last : first",
            f"{ratio:.2f}",
            f"{last:.3f} s : {first:.3f} s; at most {transitions.MARK}",
            ratio <= transitions.MARK,
        ),
        Figure("server's memory at the end : early", f"{after:.0f} : {before:.0f} MiB"),
        Figure("events kept of the run's history", f"{life.kept_events:,}"),
    ]
