"""Finds in the source of activities and workflows what goes wrong in production.

For `treadle lint`.

It reads, and never runs, the code. A finding has the line, the rule, what happens and what to do.
What is said of activities is advice; in workflows (`lint_workflows`) most of it is an error.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from treadle.lint_workflows import lint_workflows

_BLOCKING = {
    "time.sleep": "await asyncio.sleep(...)",
    "requests.get": "an async client",
    "requests.post": "an async client",
    "requests.put": "an async client",
    "requests.delete": "an async client",
    "requests.request": "an async client",
    "urllib.request.urlopen": "an async client",
    "httpx.get": "httpx.AsyncClient",
    "httpx.post": "httpx.AsyncClient",
    "subprocess.run": "asyncio.create_subprocess_exec",
    "subprocess.call": "asyncio.create_subprocess_exec",
    "subprocess.check_output": "asyncio.create_subprocess_exec",
    "os.system": "asyncio.create_subprocess_shell",
    "socket.create_connection": "asyncio.open_connection",
    "sqlite3.connect": "a plain `def` activity, which runs in a thread",
    "psycopg2.connect": "an async driver",
    "input": "an external event",
}
"""Calls that hold up the whole event loop, and what to do instead."""

_CHANGES = frozenset(
    {"append", "add", "update", "extend", "insert", "pop", "remove", "clear", "setdefault",
     "discard", "popitem", "appendleft"}
)  # fmt: skip
_CONTAINERS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MAKERS = frozenset({"list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict"})


@dataclass(slots=True, frozen=True)
class Finding:
    """One thing that was found."""

    line: int
    rule: str
    message: str
    level: str = "hint"
    """error or hint."""


def lint_source(source: str, filename: str = "<string>") -> list[Finding]:
    """What there is to say about the activities and workflows of a module, by line. Raises
    `SyntaxError`.
    """
    module = ast.parse(source, filename)
    imported = _imported(module)
    shared = _module_containers(module)
    found: list[Finding] = []
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _is_activity(function):
            found += _shared_state(function, shared)
            if isinstance(function, ast.AsyncFunctionDef):
                found += _blocking_calls(function, imported)
    for one in lint_workflows(module, imported, shared):
        found.append(Finding(one.line, one.rule, one.message, one.level))
    return sorted(found, key=lambda finding: finding.line)


def _is_activity(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {_dotted(one.func if isinstance(one, ast.Call) else one)
             for one in function.decorator_list}  # fmt: skip
    return any(name is not None and name.rpartition(".")[2] == "activity" for name in names)


def _imported(module: ast.Module) -> dict[str, str]:
    """What local names stand for: `sleep` -> `time.sleep`."""
    names: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    names[alias.asname] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _module_containers(module: ast.Module) -> set[str]:
    """Names of lists, dicts and sets that the whole module shares."""
    names: set[str] = set()
    for statement in module.body:
        if isinstance(statement, ast.Assign):
            targets: list[ast.expr] = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        value = statement.value
        made = isinstance(value, ast.Call) and (_dotted(value.func) or "").rpartition(".")[2]
        if isinstance(value, _CONTAINERS) or made in _MAKERS:
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def _blocking_calls(function: ast.AsyncFunctionDef, imported: dict[str, str]) -> Iterator[Finding]:
    for node in _own_nodes(function):
        name = _dotted(node.func) if isinstance(node, ast.Call) else None
        if name is None:
            continue
        first, dot, rest = name.partition(".")
        full = imported.get(first, first) + dot + rest
        if full in _BLOCKING:
            yield Finding(
                node.lineno,
                "blocking-call",
                f"{full}() blocks the event loop: while it lasts, no other activity of this worker "
                f"goes on and nothing is reported; use {_BLOCKING[full]}, or write "
                f"{function.name!r} as a plain `def`",
            )


def _shared_state(
    function: ast.FunctionDef | ast.AsyncFunctionDef, shared: set[str]
) -> Iterator[Finding]:
    own = {argument.arg for argument in function.args.args + function.args.kwonlyargs}
    for node in _own_nodes(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    for node in _own_nodes(function):
        name = ""
        if isinstance(node, ast.Global):
            name = node.names[0]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = _dotted(node.func.value) or "" if node.func.attr in _CHANGES else ""
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            name = _dotted(node.value) or ""
        if name and (isinstance(node, ast.Global) or name in shared - own):
            yield Finding(
                node.lineno,
                "shared-state",
                f"changes {name!r}, which lives in this process only: other workers have another "
                "one, a restart forgets it, and a retried attempt changes it twice; keep it in the "
                "run's memory (`ctx.memory`) or in a service",
            )


def _own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.stmt | ast.expr]:
    """What stands in the function itself, not in functions inside it: those may run elsewhere."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.stmt | ast.expr):
            yield node
        waiting += ast.iter_child_nodes(node)


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None
