"""Reads WfFormat: 1.5 (and 1.6), where structure and execution stand apart, and the older layouts.

Up to 1.4 there is one list of tasks (called `jobs` in the first versions), which name their parents
and children by name although there are ids; some files use the ids. Some give an edge in one
direction only. So both directions are read, and whichever of name and id resolves every reference.

The format: https://github.com/wfcommons/WfFormat
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.wfformat.instance import (
    BrokenFile,
    DuplicateTask,
    Instance,
    InvalidRuntime,
    NotWfFormat,
    Task,
    UnknownTask,
    runnable_order,
)

SHOWN = 5
"""How many faults of one kind a message lists."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A task as one of the layouts has it; `path` is its place in the file."""

    path: str
    id: str | None
    name: str | None
    runtime_seconds: float
    parents: tuple[str, ...]
    children: tuple[str, ...]


def read_file(path: Path) -> Instance:
    """Reads a file. Raises `BrokenFile`, the kind of it saying what is wrong."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise NotWfFormat(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise NotWfFormat(f"{path} is not JSON: {error}") from error
    try:
        return read(content, name=path.stem)
    except BrokenFile as error:
        error.file = str(path)
        raise


def read(content: object, name: str = "workflow") -> Instance:
    """Reads a decoded file; `name` is for one that does not say its own. Raises `BrokenFile`."""
    top = _object(content, "the file")
    workflow = _object(top.get("workflow"), "workflow")
    if "specification" in workflow:
        entries = list(_split_layout(workflow))
    else:
        entries = list(_single_list(workflow))
    if not entries:
        raise NotWfFormat("workflow: there is no task in it")
    tasks = _resolve(entries)
    order = runnable_order({task.id: task.parents for task in tasks})
    label = top.get("name")
    version = top.get("schemaVersion")
    return Instance(
        name=label if isinstance(label, str) and label else name,
        format_version=str(version) if version is not None else "unknown",
        tasks={task.id: task for task in tasks},
        order=order,
    )


# --- layouts -------------------------------------------------------------------------------------


def _split_layout(workflow: Mapping[str, Any]) -> Iterator[_Entry]:
    """1.5 and later: what is to be done in `specification`, how it went in `execution`."""
    where = "workflow.specification"
    specification = _object(workflow["specification"], where)
    runtimes = _runtimes(workflow.get("execution"))
    for path, task in _tasks(specification.get("tasks"), f"{where}.tasks"):
        task_id = _text(task.get("id"), f"{path}.id")
        yield _Entry(
            path=path,
            id=task_id,
            name=_label(task.get("name")),
            # The format allows a workflow that was never run.
            runtime_seconds=runtimes.get(task_id, 0.0),
            parents=_references(task, "parents", path),
            children=_references(task, "children", path),
        )


def _runtimes(execution: object) -> dict[str, float]:
    if execution is None:
        return {}
    where = "workflow.execution.tasks"
    runtimes: dict[str, float] = {}
    for path, task in _tasks(_object(execution, "workflow.execution").get("tasks", []), where):
        task_id = _text(task.get("id"), f"{path}.id")
        if task_id in runtimes:
            raise DuplicateTask(f"{path}: the task {task_id!r} was executed twice")
        runtimes[task_id] = _seconds(task, path)
    return runtimes


def _single_list(workflow: Mapping[str, Any]) -> Iterator[_Entry]:
    """1.4 and before: one list, called `jobs` at first."""
    key = next((key for key in ("tasks", "jobs") if key in workflow), None)
    if key is None:
        raise NotWfFormat(
            "workflow: has neither `specification` (1.5) nor `tasks` (up to 1.4) nor `jobs` (1.0)"
        )
    for path, task in _tasks(workflow[key], f"workflow.{key}"):
        entry = _Entry(
            path=path,
            id=_label(task.get("id")),
            name=_label(task.get("name")),
            runtime_seconds=_seconds(task, path),
            parents=_references(task, "parents", path),
            children=_references(task, "children", path),
        )
        if entry.id is None and entry.name is None:
            raise NotWfFormat(f"{path}: has neither an id nor a name")
        yield entry


# --- who waits for whom --------------------------------------------------------------------------


def _resolve(entries: Sequence[_Entry]) -> list[Task]:
    """Finds out what references refer to, and joins both directions. Raises `BrokenFile`."""
    refusals: list[BrokenFile] = []
    for kind, keys in (
        ("id", [entry.id for entry in entries]),
        ("name", [entry.name for entry in entries]),
    ):
        known = [key for key in keys if key is not None]
        if len(known) < len(entries):
            continue
        try:
            return _joined(entries, known, kind)
        except (DuplicateTask, UnknownTask) as error:
            refusals.append(error)
    # Neither fits. The message that helps is of the kind that comes nearer.
    if not refusals:
        raise NotWfFormat("workflow: some tasks have only an id, others only a name")
    raise min(refusals, key=lambda error: error.faults)


def _joined(entries: Sequence[_Entry], keys: Sequence[str], kind: str) -> list[Task]:
    places: dict[str, str] = {}
    for entry, key in zip(entries, keys, strict=True):
        if key in places:
            raise DuplicateTask(
                f"{entry.path}: the {kind} {key!r} is taken already, by {places[key]}",
                faults=len(entries),
            )
        places[key] = entry.path
    parents: dict[str, dict[str, None]] = {key: {} for key in keys}
    unknown: list[str] = []
    for entry, key in zip(entries, keys, strict=True):
        for word, references in (("parents", entry.parents), ("children", entry.children)):
            for other in references:
                if other not in places:
                    unknown.append(f"{entry.path}.{word}: there is no task {other!r}")
                elif word == "parents":
                    parents[key][other] = None
                else:
                    parents[other][key] = None
    if unknown:
        more = f" (and {len(unknown) - SHOWN} more)" if len(unknown) > SHOWN else ""
        raise UnknownTask("; ".join(unknown[:SHOWN]) + more, faults=len(unknown))
    return [
        Task(key, entry.name or key, entry.runtime_seconds, tuple(parents[key]))
        for entry, key in zip(entries, keys, strict=True)
    ]


# --- parts of a file -----------------------------------------------------------------------------


def _object(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotWfFormat(f"{path}: must be an object, is {_kind(value)}")
    return value


def _tasks(value: object, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(value, list):
        raise NotWfFormat(f"{path}: must be a list, is {_kind(value)}")
    for place, task in enumerate(value):
        yield f"{path}[{place}]", _object(task, f"{path}[{place}]")


def _references(task: Mapping[str, Any], key: str, path: str) -> tuple[str, ...]:
    value = task.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise NotWfFormat(f"{path}.{key}: must be a list, is {_kind(value)}")
    return tuple(_text(item, f"{path}.{key}[{place}]") for place, item in enumerate(value))


def _text(value: object, path: str) -> str:
    found = _label(value)
    if found is None:
        raise NotWfFormat(f"{path}: must be a text, is {_kind(value)}")
    return found


def _label(value: object) -> str | None:
    """An id or name; the first versions numbered some tasks."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value else None


def _seconds(task: Mapping[str, Any], path: str) -> float:
    for key in ("runtimeInSeconds", "runtime"):
        value = task.get(key)
        if value is None:
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < 0:
            raise InvalidRuntime(
                f"{path}.{key}: must be a number of seconds, 0 or more, is {value!r}"
            )
        return float(value)
    return 0.0


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    return "missing" if value is None else names.get(type(value), "a number")
