"""What runs wait for when nothing can happen any more."""

from __future__ import annotations

from collections.abc import Iterator, Set

from treadle.client import Client, RunDescription

_LONGEST = 20
"""Runs that are described; of more there is the number."""


class Stuck(AssertionError):
    """A test waits for what will never come; the message says what each open run waits for."""


async def explain(client: Client, types: Set[str]) -> str:
    """For people. `types`: activities that some worker runs."""
    open_runs = [run.run_id async for run in client.list_runs(state="running")]
    if not open_runs:
        return "nothing happens any more: no run is open, and the test still waits for something"
    lines = ["nothing happens any more, however long the test waits:"]
    for run_id in open_runs[:_LONGEST]:
        description = await client.get_run(run_id)
        run = description.run
        waits = list(_waits(description, types)) or ["nothing that is known"]
        lines += [f"  run {run.workflow_id} of {run.workflow} waits for {one}" for one in waits]
    if len(open_runs) > _LONGEST:
        lines.append(f"  and {len(open_runs) - _LONGEST} more")
    return "\n".join(lines)


def _waits(description: RunDescription, types: Set[str]) -> Iterator[str]:
    message = description.message
    if message.paused:
        yield "somebody to resume it: it is paused"
    if description.incident:
        yield f"a person: {description.incident}"
    for activity in description.pending_activities:
        if activity.type not in types:
            yield (
                f"activity {activity.type!r} (node {activity.key}), which no worker here runs: "
                "give it to the kit, as an activity or among the mocks"
            )
        else:
            yield f"activity {activity.type!r} (node {activity.key}, {activity.state.lower()})"
    for wait in message.pending_waits:
        yield f"event {wait.event_name!r} (node {wait.key}): send it with `send_event`"
    for child in message.pending_children:
        yield f"its child run of {child.workflow!r} (node {child.key})"
    for timer in message.pending_timers:
        yield f"a time (node {timer.key}): {timer.due_time.ToDatetime().isoformat()}"
