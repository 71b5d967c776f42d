"""A graph document of an instance: a node for each task that sleeps its runtime, an edge for each
wait.

A node's input is its own, a constant, so nothing flows along the edges but the order: a task with
2,500 parents gets no object of 2,500 results.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from examples.wfformat.instance import Instance

ACTIVITY = "wfformat.sleep"
"""The type of the activity that every node runs (`activities`)."""

MIN_START_TO_CLOSE_SECONDS = 60.0

# What the server takes as a node's id; ids of other forms are numbered instead.
_LONGEST_ID = 200
_RESERVED = {"start", "params", "output", "error", "failures", "memory", "event", "item"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A document, and which node stands for which task."""

    document: dict[str, object]
    nodes: dict[str, str]
    """Task's id → node's id; nearly always the same."""


def plan(instance: Instance, speedup: float) -> Plan:
    """The graph of an instance whose tasks sleep their runtime divided by `speedup`."""
    nodes = _node_ids(instance)
    longest = max(task.runtime_seconds for task in instance.tasks.values()) / speedup
    document: dict[str, object] = {
        "treadle": "v1",
        "kind": "graph",
        "name": workflow_name(instance.name),
        "description": f"{instance.name}, WfFormat {instance.format_version}, sped up {speedup:g}x",
        "defaults": {"start_to_close": max(MIN_START_TO_CLOSE_SECONDS, 3 * longest)},
        "nodes": {
            nodes[task.id]: {
                "activity": ACTIVITY,
                "description": task.name,
                "input": {"seconds": task.runtime_seconds / speedup},
            }
            for task in instance.tasks.values()
        },
        "edges": [
            {"from": nodes[parent], "to": nodes[task.id]}
            for task in instance.tasks.values()
            for parent in task.parents
        ],
        # Without it the output would be an object with all tasks that nothing waits for.
        "output": f'{{"tasks": {len(instance.tasks)}}}',
    }
    return Plan(document, nodes)


def workflow_name(name: str) -> str:
    """A name that a workflow may have, made of an instance's."""
    cleaned = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "workflow"
    return f"wfformat.{cleaned}"[:_LONGEST_ID]


def _node_ids(instance: Instance) -> dict[str, str]:
    taken = set(instance.tasks)
    nodes: dict[str, str] = {}
    for number, task in enumerate(instance.tasks, start=1):
        node = task
        if not _is_node_id(task):
            node = f"task {number}"
            while node in taken:
                node += "'"
            taken.add(node)
        nodes[task] = node
    return nodes


def _is_node_id(text: str) -> bool:
    return (
        len(text) <= _LONGEST_ID
        and text.isprintable()
        and text == text.strip()
        and text not in _RESERVED
    )
