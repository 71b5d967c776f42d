"""Parts of `make bench`: what waits, sleeps, or lies in the file."""

from __future__ import annotations

from benchmarks import code, three_steps, volume, waiting
from benchmarks.figures import Figure, Say, percentile, spread
from benchmarks.part_runs import RUNS, only_code
from examples.local_service import LocalService, local_service
from treadle import Client
from treadle_server.app import JOURNAL_FILE


async def of_sleeping(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Runs of code that sleep: disk only."""
    only_code(service)
    await code.ready(client)
    say(f"{code.SLEEPERS:,} runs that sleep")
    memory = await code.sleeping(service, client)
    return [
        Figure(
            f"{name}'s memory, {code.SLEEPERS:,} runs asleep : before",
            f"{after:.0f} : {before:.0f} MiB",
            f"at most {code.SLEEP_MARK_MEGABYTES:.0f} MiB more",
            after - before <= code.SLEEP_MARK_MEGABYTES,
        )
        for name, (before, after) in (("server", memory.server), ("worker", memory.worker))
    ]


async def of_parked_polls(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """Ten thousand workers that wait."""
    say(f"{waiting.POLLS:,} parked polls")
    megabytes, share = await waiting.parked_polls(service)
    mark = waiting.POLLS_MARK_MEGABYTES
    return [
        Figure(
            f"server's memory, {waiting.POLLS:,} polls parked",
            f"{megabytes:.0f} MiB",
            f"{share:.1%} of a core; at most {mark:.0f} MiB",
            megabytes <= mark,
        )
    ]


async def of_timers(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A hundred thousand timers that come due at the same moment."""
    say(f"{waiting.TIMERS:,} timers due at once")
    fired = await waiting.timers(client)
    return [
        Figure(
            f"{waiting.TIMERS:,} timers due at once, first / last run ended after",
            f"{fired.first_seconds:.2f} / {fired.seconds:.1f} s",
            f"{waiting.TIMERS / fired.seconds:,.0f} a second",
        )
    ]


async def of_restart(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A server that was killed while a million runs slept."""
    found = await waiting.restart(service, client, say)
    return [
        Figure(
            f"restart with {waiting.SLEEPERS:,} open runs, first task after",
            f"{found.first_task_seconds:.2f} s",
            f"at most {waiting.RESTART_MARK_SECONDS:g} s, from the process's start",
            found.first_task_seconds <= waiting.RESTART_MARK_SECONDS,
        ),
        Figure(
            "server's memory before the kill : after the restart",
            f"{found.megabytes_asleep:.0f} : {found.megabytes_after:.0f} MiB",
            f"{found.bytes_on_disk / waiting.SLEEPERS:,.0f} bytes of disk for each sleeping run",
        ),
    ]


async def of_volume(service: LocalService, client: Client, say: Say) -> list[Figure]:
    """A file of ten million events, and one with few, by turns: a machine swings more in a minute
    than the two differ.
    """
    folder = service.folder / "few"
    folder.mkdir()
    with local_service(folder) as few:
        few.start_worker("benchmarks.steps", "--slots", "200")
        async with Client(few.address) as other:
            await three_steps.prepare(other)
            await three_steps.prepare(client)
            service.server.stop()
            say(f"filling the file with {volume.EVENTS:,} events")
            runs, seconds = volume.timed_fill(service.data_dir / JOURNAL_FILE)
            say(f"{runs:,} runs in {seconds:.0f} s")
            service.start_server()
            await three_steps.closed_loop(client, 500, three_steps.WORKFLOW)
            rates: dict[bool, list[float]] = {False: [], True: []}
            for number in range(volume.TURNS):
                say(f"three-step runs, full file and other: {number + 1} of {volume.TURNS}")
                for full, where, caller in ((False, few, other), (True, service, client)):
                    found = await three_steps.saturate(where, caller, RUNS)
                    rates[full].append(found.runs_per_second)
    ratio = percentile([a / b for a, b in zip(rates[True], rates[False], strict=True)], 50)
    return [
        Figure(
            f"three-step runs/s with {volume.EVENTS:,} events in the file : with few",
            f"{ratio:.2f}",
            f"{spread(rates[True])} : {spread(rates[False])}; at least {volume.MARK}",
            ratio >= volume.MARK,
        )
    ]
