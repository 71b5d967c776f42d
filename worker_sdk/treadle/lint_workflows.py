"""Finds in the code of workflows what a replay would do otherwise: for `treadle lint`.

It reads, and never runs, the code: the workflow's function, the functions in it, and those of its
module that it calls, one after the other. Functions that are handed to a step are not looked at,
as they run outside of the replay.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_CLOCK = "workflow.now()"
_CHANCE = "workflow.random() or workflow.uuid4()"
_STEP = "a step: await step(function, ...)"
_SLEEP = "await asyncio.sleep(...), which is durable"
_TASKS = "asyncio's tasks, or a step"
_INPUT = "the workflow's input, or a step that reads it"

_CALLS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "clock": (
        _CLOCK,
        (
            *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.ctime"),
            *("time.perf_counter", "time.perf_counter_ns", "time.process_time", "time.localtime"),
            *("time.gmtime", "time.strftime", "datetime.datetime.now", "datetime.datetime.today"),
            *("datetime.datetime.utcnow", "datetime.date.today"),
        ),
    ),
    "randomness": (
        _CHANCE,
        (
            *(f"random.{name}" for name in ("random", "randint", "randrange", "choice", "choices")),
            *(f"random.{name}" for name in ("sample", "shuffle", "uniform", "gauss", "randbytes")),
            *(f"random.{name}" for name in ("getrandbits", "SystemRandom", "triangular")),
            *(f"secrets.{name}" for name in ("token_hex", "token_bytes", "token_urlsafe")),
            *("secrets.choice", "secrets.randbelow", "os.urandom", "numpy.random.rand"),
        ),
    ),
    "ids": (_CHANCE, ("uuid.uuid1", "uuid.uuid4")),
    "blocking-call": (_SLEEP, ("time.sleep",)),
    "threads": (
        _TASKS,
        (
            *("threading.Thread", "threading.Timer", "threading.Lock", "threading.Event"),
            *("asyncio.to_thread", "asyncio.run_coroutine_threadsafe", "_thread.start_new_thread"),
            *("concurrent.futures.ThreadPoolExecutor", "concurrent.futures.ProcessPoolExecutor"),
            *("multiprocessing.Process", "multiprocessing.Pool"),
        ),
    ),
    "environment": (
        _INPUT,
        (
            *("os.getenv", "os.environ.get", "os.getpid", "os.cpu_count", "socket.gethostname"),
            *(
                "platform.node",
                "platform.system",
                "os.getcwd",
                "sys.getrefcount",
                "locale.getlocale",
            ),
        ),
    ),
    "io": (
        _STEP,
        (
            *("open", "io.open", "os.open", "os.listdir", "os.scandir", "os.walk", "os.stat"),
            *("os.remove", "os.rename", "os.mkdir", "os.makedirs", "os.path.exists", "glob.glob"),
            *("glob.iglob", "shutil.copy", "shutil.rmtree", "os.path.getmtime", "os.path.isfile"),
            *("urllib.request.urlopen", "socket.socket", "socket.create_connection", "input"),
            *(
                f"requests.{verb}"
                for verb in ("get", "post", "put", "delete", "request", "Session")
            ),
            *(
                f"httpx.{verb}"
                for verb in ("get", "post", "put", "delete", "Client", "AsyncClient")
            ),
            *("aiohttp.ClientSession", "asyncio.open_connection", "asyncio.start_server"),
            *("sqlite3.connect", "psycopg2.connect", "asyncpg.connect", "smtplib.SMTP"),
            *("subprocess.run", "subprocess.call", "subprocess.Popen", "subprocess.check_output"),
            *("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "os.system"),
        ),
    ),
    "hash": ("a key of your own", ("hash", "id")),
}

_RULES = {name: (rule, instead) for rule, (instead, names) in _CALLS.items() for name in names}

_PATH_METHODS = frozenset(
    {"read_text", "write_text", "read_bytes", "write_bytes", "open", "exists", "iterdir", "glob",
     "unlink", "mkdir", "stat", "is_file", "is_dir", "touch"}
)  # fmt: skip
_CHANGES = frozenset(
    {"append", "add", "update", "extend", "insert", "pop", "remove", "clear", "setdefault",
     "discard", "popitem", "appendleft"}
)  # fmt: skip
_WARNINGS = frozenset({"unordered-set", "mutable-default", "hash", "deprecated-version"})
_SETS = (ast.Set, ast.SetComp)
_EAGER = frozenset({"list", "tuple", "enumerate", "iter", "next"})
_SAME_IN_ANY_ORDER = frozenset({"sorted", "min", "max", "any", "all", "len", "set", "frozenset"})


@dataclass(slots=True, frozen=True)
class WorkflowFinding:
    """One thing that was found. `level`: error or hint."""

    line: int
    rule: str
    message: str
    level: str


@dataclass(slots=True)
class _Module:
    imported: dict[str, str]
    shared: set[str]
    functions: dict[str, Function] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    """State by the name of a workflow's function, where it is not active."""
    own: set[str] = field(default_factory=set)
    """What it defines itself: names that may be those of builtins."""


def lint_workflows(
    module: ast.Module, imported: dict[str, str], shared: set[str]
) -> list[WorkflowFinding]:
    """What there is to say about the workflows of a module, by line.

    Args:
        module: its syntax tree.
        imported: what local names stand for.
        shared: names of the containers that the whole module shares.
    """
    outside = [one for one in module.body if not isinstance(one, ast.ClassDef)]
    own = _stored([*module.body, *_without_functions(outside)])
    of_module = _Module(imported, shared, own=own)
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            of_module.functions[statement.name] = statement
    workflows = [
        one
        for one in ast.walk(module)
        if isinstance(one, ast.AsyncFunctionDef) and _decorator(one) is not None
    ]
    for one in workflows:
        state = _state(one)
        if state != "active":
            of_module.versions[one.name] = state
    found: dict[tuple[int, str], WorkflowFinding] = {}
    for one in workflows:
        for finding in _Linter(of_module, one.name).lint(one):
            found.setdefault((finding.line, finding.rule), finding)
    return sorted(found.values(), key=lambda finding: finding.line)


def _decorator(function: ast.AsyncFunctionDef) -> ast.expr | None:
    for one in function.decorator_list:
        name = _dotted(one.func if isinstance(one, ast.Call) else one)
        if name is not None and name.rpartition(".")[2] == "workflow":
            return one
    return None


def _state(function: ast.AsyncFunctionDef) -> str:
    decorator = _decorator(function)
    if isinstance(decorator, ast.Call):
        for keyword in decorator.keywords:
            if keyword.arg == "state" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return "active"


class _Linter:
    """Looks at one workflow and at what it calls."""

    def __init__(self, module: _Module, workflow: str) -> None:
        self._module = module
        self._workflow = workflow
        self._seen: set[Function] = set()

    def lint(self, function: Function) -> Iterator[WorkflowFinding]:
        if function in self._seen:
            return
        self._seen.add(function)
        yield from self._defaults(function)
        nodes = list(_nodes(function))
        handed = _handed_to_steps(nodes)
        own = _arguments(function) | _stored(nodes)
        same = _same_in_any_order(nodes)
        sets = _local_sets(nodes)
        paths = _local_paths(nodes, self._module.imported)
        nested = {
            node.name: node
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        for node in nodes:
            if node not in same:
                yield from self._node(node, own, sets, paths)
            for name in _answering(node):
                answers = nested.get(name) or self._module.functions.get(name)
                if answers is not None:
                    yield from self.lint(answers)
            if isinstance(node, ast.Lambda) and node not in handed:
                yield from self.lint(node)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                called = nested.get(name) or (
                    None if name in own else self._module.functions.get(name)
                )
                if called is not None and not _is_outside(called):
                    yield from self.lint(called)

    def _node(
        self, node: ast.AST, own: set[str], sets: set[str], paths: set[str]
    ) -> Iterator[WorkflowFinding]:
        match node:
            case ast.Call():
                yield from self._call(node, own, sets, paths)
            case ast.Subscript() if self._full(node.value) == "os.environ":
                yield self._say(node, "environment", "os.environ", _INPUT)
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                yield from self._shared(node, _dotted(node.value), own)
            case ast.Global() | ast.Nonlocal() if isinstance(node, ast.Global):
                yield self._say_shared(node, node.names[0])
            case ast.For() | ast.AsyncFor() | ast.comprehension() if _is_set(node.iter, sets):
                yield self._say_set(node.iter)
            case _:
                pass

    def _call(
        self, node: ast.Call, own: set[str], sets: set[str], paths: set[str]
    ) -> Iterator[WorkflowFinding]:
        full = self._full(node.func)
        first = _dotted(node.func)
        if full in _RULES and not self._is_own(first, own):
            rule, instead = _RULES[full]
            yield self._say(node, rule, f"{full}()", instead)
        elif full in _EAGER and node.args and _is_set(node.args[0], sets):
            yield self._say_set(node.args[0])
        elif isinstance(node.func, ast.Attribute):
            yield from self._method(node, node.func, own, paths)
        yield from self._version(node)

    def _is_own(self, name: str | None, own: set[str]) -> bool:
        """Whether a name is the function's, or one of the module's in place of a builtin."""
        return name is not None and (name.partition(".")[0] in own or name in self._module.own)

    def _method(
        self, node: ast.Call, method: ast.Attribute, own: set[str], paths: set[str]
    ) -> Iterator[WorkflowFinding]:
        base = method.value
        is_path = (isinstance(base, ast.Name) and base.id in paths) or (
            isinstance(base, ast.Call) and self._full(base.func) == "pathlib.Path"
        )
        if method.attr in _PATH_METHODS and is_path:
            yield self._say(node, "io", f"Path.{method.attr}()", _STEP)
        elif method.attr == "run_in_executor":
            yield self._say(node, "threads", "run_in_executor()", _TASKS)
        elif method.attr in _CHANGES:
            yield from self._shared(node, _dotted(base), own)

    def _version(self, node: ast.Call) -> Iterator[WorkflowFinding]:
        name = (_dotted(node.func) or "").rpartition(".")[2]
        if name not in ("start_child", "run_child") or not node.args:
            return
        state = self._module.versions.get(_dotted(node.args[0]) or "")
        if state == "retired":
            yield WorkflowFinding(
                node.lineno,
                "retired-version",
                f"starts {_dotted(node.args[0])!r}, which is retired: no run of it is started",
                "error",
            )
        elif state == "deprecated":
            yield WorkflowFinding(
                node.lineno,
                "deprecated-version",
                f"starts {_dotted(node.args[0])!r}, which is deprecated: start its next version",
                "hint",
            )

    def _defaults(self, function: Function) -> Iterator[WorkflowFinding]:
        for default in [*function.args.defaults, *function.args.kw_defaults]:
            if isinstance(default, ast.List | ast.Dict | ast.Set):
                yield WorkflowFinding(
                    default.lineno,
                    "mutable-default",
                    "the default is one object for all runs in this process: what one run does to "
                    "it, the others see; use None and make it inside",
                    "hint",
                )

    def _shared(self, node: ast.expr, name: str | None, own: set[str]) -> Iterator[WorkflowFinding]:
        if name is not None and name in self._module.shared - own:
            yield self._say_shared(node, name)

    def _say_shared(self, node: ast.stmt | ast.expr, name: str) -> WorkflowFinding:
        return WorkflowFinding(
            node.lineno,
            "global-state",
            f"changes {name!r}, which lives in this process only: a replay changes it again, and "
            "another worker has another one; keep it in the workflow's own variables",
            "error",
        )

    def _say_set(self, node: ast.expr) -> WorkflowFinding:
        return WorkflowFinding(
            node.lineno,
            "unordered-set",
            "a set of strings has another order in each process, so a replay may do this in "
            "another order; iterate over sorted(...) of it, or use a list or a dict",
            "hint",
        )

    def _say(self, node: ast.expr, rule: str, what: str, instead: str) -> WorkflowFinding:
        return WorkflowFinding(
            node.lineno,
            rule,
            f"{what} in the code of workflow {self._workflow!r}, which is replayed: use {instead}",
            "hint" if rule in _WARNINGS else "error",
        )

    def _full(self, node: ast.AST) -> str | None:
        """What a dotted name stands for."""
        name = _dotted(node)
        if name is None:
            return None
        first, dot, rest = name.partition(".")
        return self._module.imported.get(first, first) + dot + rest


def _is_outside(function: Function) -> bool:
    """Whether it is an activity, or another workflow, which is looked at by itself."""
    if isinstance(function, ast.Lambda):
        return False
    names = {
        (_dotted(one.func if isinstance(one, ast.Call) else one) or "").rpartition(".")[2]
        for one in function.decorator_list
    }
    return bool(names & {"activity", "workflow"})


def _nodes(function: Function) -> Iterator[ast.AST]:
    """What stands in the function itself; nested functions are given, but not what is in them."""
    return _without_functions(function.body if isinstance(function.body, list) else [function.body])


def _without_functions(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _handed_to_steps(nodes: list[ast.AST]) -> set[ast.AST]:
    """Lambdas that a step calls, or that are recorded as CEL; by themselves, in a `partial` or by
    a name.
    """
    handed: list[ast.AST] = []
    for node in nodes:
        if isinstance(node, ast.Call) and _called(node) in ("step", "compensate", "wait_for_event"):
            handed += [*node.args, *(one.value for one in node.keywords)]
    handed += [
        argument
        for one in handed
        if isinstance(one, ast.Call) and _called(one) == "partial"
        for argument in one.args
    ]
    names = {one.id for one in handed if isinstance(one, ast.Name)}
    return {*handed, *(value for name, value in _assigned(nodes) if name in names)}


def _called(node: ast.Call) -> str:
    return (_dotted(node.func) or str(getattr(node.func, "attr", ""))).rpartition(".")[2]


def _answering(node: ast.AST) -> Iterator[str]:
    """The names of functions that are called when an update comes: a handler and its validator."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for decorator in node.decorator_list:
        made = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (_dotted(made) or "").rpartition(".")[2] == "on_update":
            yield node.name
            for keyword in decorator.keywords if isinstance(decorator, ast.Call) else []:
                if keyword.arg == "validator":
                    yield _dotted(keyword.value) or ""


def _arguments(function: Function) -> set[str]:
    given = function.args
    several = [one for one in (given.vararg, given.kwarg) if one is not None]
    return {one.arg for one in [*given.posonlyargs, *given.args, *given.kwonlyargs, *several]}


def _stored(nodes: list[ast.AST]) -> set[str]:
    """Names that are given a value."""
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case (
                ast.ClassDef(name=name)
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                names.add(name)
            case _:
                pass
    return names


def _same_in_any_order(nodes: list[ast.AST]) -> set[ast.AST]:
    """Loops of comprehensions that come to the same in whatever order they go."""
    made: list[ast.SetComp | ast.ListComp | ast.GeneratorExp] = []
    for node in nodes:
        match node:
            case ast.SetComp():
                made.append(node)
            case ast.Call(
                func=ast.Name(id=name),
                args=[ast.SetComp() | ast.ListComp() | ast.GeneratorExp() as given],
                keywords=[],
            ) if name in _SAME_IN_ANY_ORDER:
                made.append(given)
            case _:
                pass
    return {
        loop
        for one in made
        if not any(isinstance(part, ast.Await) for part in ast.walk(one))
        for loop in one.generators
    }


def _assigned(nodes: list[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.value is not None
        ):
            yield node.target.id, node.value


def _local_sets(nodes: list[ast.AST]) -> set[str]:
    """Names that stand for sets, and for nothing else."""
    assigned = list(_assigned(nodes))
    others = {name for name, value in assigned if not _is_set(value, set())}
    return {name for name, _ in assigned} - others


def _local_paths(nodes: list[ast.AST], imported: dict[str, str]) -> set[str]:
    found: set[str] = set()
    for name, value in _assigned(nodes):
        if isinstance(value, ast.Call):
            made = _dotted(value.func) or ""
            if imported.get(made, made) == "pathlib.Path":
                found.add(name)
    return found


def _is_set(node: ast.expr, known: set[str]) -> bool:
    if isinstance(node, _SETS):
        return True
    if isinstance(node, ast.Call):
        return _dotted(node.func) in ("set", "frozenset")
    return isinstance(node, ast.Name) and node.id in known


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None
