"""A recorded workflow, whatever layout its file had: tasks, their runtimes, who waits for whom.

What is not here: how a file is read (`reader`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


class BrokenFile(Exception):
    """A file that is no workflow: what is wrong, and where in the file.

    `faults` is how often it is wrong in this way; `file` the file's name, once it is known.
    """

    def __init__(self, message: str, *, faults: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.faults = faults
        self.file = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.message}" if self.file else self.message


class NotWfFormat(BrokenFile):
    """The file is not JSON, or not of a layout of WfFormat."""


class DuplicateTask(BrokenFile):
    """Two tasks cannot be told apart."""


class UnknownTask(BrokenFile):
    """A task waits for one, or is waited for by one, that is not in the file."""


class CyclicTasks(BrokenFile):
    """Tasks wait for each other in a ring. `tasks` are those of one ring."""

    def __init__(self, message: str, tasks: tuple[str, ...]) -> None:
        super().__init__(message, faults=len(tasks))
        self.tasks = tasks


class InvalidRuntime(BrokenFile):
    """A runtime is no number of seconds, or a negative one."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `id` is unique in its instance; `name` is a label and need not be."""

    id: str
    name: str
    runtime_seconds: float
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Instance:
    """A checked workflow: ids are unique, every parent is a task, nothing waits for itself.

    `tasks` are by id, in the order of the file, which need not be one they can run in; `order` is.
    """

    name: str
    format_version: str
    tasks: Mapping[str, Task]
    order: tuple[str, ...] = field(repr=False)

    @property
    def edge_count(self) -> int:
        """How often one task waits for another."""
        return sum(len(task.parents) for task in self.tasks.values())

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """By task, the tasks that wait for it."""
        children: dict[str, list[str]] = {name: [] for name in self.tasks}
        for task in self.tasks.values():
            for parent in task.parents:
                children[parent].append(task.id)
        return children

    @property
    def roots(self) -> list[str]:
        """The tasks that wait for nothing."""
        return [task.id for task in self.tasks.values() if not task.parents]

    @property
    def leaves(self) -> list[str]:
        """The tasks that nothing waits for."""
        return [name for name, children in self.children.items() if not children]

    @property
    def depth(self) -> int:
        """How many tasks stand on the longest path."""
        levels: dict[str, int] = {}
        for name in self.order:
            levels[name] = 1 + max((levels[p] for p in self.tasks[name].parents), default=0)
        return max(levels.values(), default=0)

    @property
    def critical_path_seconds(self) -> float:
        """The largest sum of runtimes along a path: no schedule is faster."""
        ends: dict[str, float] = {}
        for name in self.order:
            task = self.tasks[name]
            ends[name] = task.runtime_seconds + max((ends[p] for p in task.parents), default=0.0)
        return max(ends.values(), default=0.0)

    @property
    def part_count(self) -> int:
        """How many parts the workflow falls into, if directions are ignored."""
        leader = {name: name for name in self.tasks}

        def find(name: str) -> str:
            while leader[name] != name:
                leader[name] = leader[leader[name]]
                name = leader[name]
            return name

        for task in self.tasks.values():
            for parent in task.parents:
                leader[find(parent)] = find(task.id)
        return sum(1 for name in self.tasks if find(name) == name)


def runnable_order(parents: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The tasks, each after its parents. Raises `CyclicTasks`."""
    waiting = {task: len(its) for task, its in parents.items()}
    children: dict[str, list[str]] = {task: [] for task in parents}
    for task, its in parents.items():
        for parent in its:
            children[parent].append(task)
    order = [task for task, count in waiting.items() if count == 0]
    for task in order:  # grows while it is walked
        for child in children[task]:
            waiting[child] -= 1
            if waiting[child] == 0:
                order.append(child)
    if len(order) < len(parents):
        ring = _ring(parents, set(parents).difference(order))
        shown = " -> ".join([*ring[:10], *(["..."] if len(ring) > 10 else []), ring[0]])
        raise CyclicTasks(f"tasks wait for each other: {shown}", ring)
    return tuple(order)


def _ring(parents: Mapping[str, tuple[str, ...]], stuck: set[str]) -> tuple[str, ...]:
    """One ring: each stuck task has a stuck parent, so walking up must come back somewhere."""
    path: dict[str, int] = {}
    task = min(stuck)
    while task not in path:
        path[task] = len(path)
        task = next(parent for parent in parents[task] if parent in stuck)
    ring = list(path)[path[task] :]
    # Walking up gave child before parent; people read it the way the work flows.
    return tuple(reversed(ring))
