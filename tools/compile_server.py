"""Compiles what the server runs for every step, from its own source, by mypyc.

An optional build: `TREADLE_COMPILED=1 pip install .` makes a wheel that has an extension module
beside each file that is compiled, and Python loads that. All else is as it is without it, and the
source is the same: nothing is written twice. `make compiled` makes such a wheel and unpacks it into
`.cache/compiled`; who has that folder first on Python's path runs it.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any

from mypyc.build import mypycify
from setuptools import Distribution
from setuptools.command.build_ext import build_ext

from tools.written_out import Record, dataclasses_of, written_out

PACKAGE = "treadle_server"

COMPILED = (
    "api/*",
    "clock.py",
    "definitions/*/bindings.py",
    "definitions/*/configuration.py",
    "definitions/*/decider.py",
    "definitions/*/mapping.py",
    "definitions/*/model.py",
    "definitions/*/rules.py",
    "definitions/*/starting.py",
    "definitions/*/working.py",
    "definitions/compiled.py",
    "engine/*",
    "ids.py",
    "journal/*",
    "matching/*",
    "runs/*",
    "telemetry/counters.py",
    "telemetry/ids.py",
    "timers/*",
)

INTERPRETED = {
    "*/__init__.py": "nothing but imports",
    "*/errors.py": "class attributes, which compiled exceptions do not have",
    "api/conversation_service.py": "an asynchronous generator, which mypyc does not know",
    "api/handlers.py": "asynchronous generators",
    "api/local_socket.py": "a protocol of asyncio",
    "api/server.py": "runs once",
    "api/watch_methods.py": "asynchronous generators",
    "engine/decider.py": "the base of deciders, also of interpreted ones",
    "journal/memory.py": "what the others are compared with: plain, not fast",
    "journal/pace.py": "little is done there, and tests change how it measures",
    "journal/settled.py": "a future of asyncio",
    "runs/watching.py": "asynchronous generators",
}
"""With the reason. Compiled and interpreted modules call each other like any others."""


_MYPY = """
[mypy]
explicit_package_bases = True
follow_imports = silent
ignore_missing_imports = True

[mypy-treadle.v1.*]
ignore_errors = True
"""
"""What the server depends on need not be there when it is compiled, nor types of it."""

_FLAGS = ["-fvisibility=hidden"]
"""Functions call each other directly, and not through the table that other libraries could change:
all of them are in one file.
"""


def is_compiled(path: str) -> bool:
    """Whether a file of the package, by its path in it, is compiled."""
    return any(fnmatch.fnmatch(path, pattern) for pattern in COMPILED) and not any(
        fnmatch.fnmatch(path, pattern) for pattern in INTERPRETED
    )


def compile_package(source: Path, folder: Path, types: Path) -> list[Path]:
    """Compiles a copy of the package in an empty folder; the extension modules, as paths in it.

    `types`: where mypy finds the package's messages.
    """
    folder = folder.resolve()
    shutil.copytree(source, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    os.environ["MYPYPATH"] = os.pathsep.join([str(folder), str(types.resolve())])
    with chdir(folder):
        modules = list(_write_out(Path(PACKAGE)))
        Path("mypy.ini").write_text(_MYPY)
        extensions = mypycify(
            ["--config-file=mypy.ini", *modules],
            opt_level="2",
            debug_level="0",
            multi_file=True,
            group_name=PACKAGE,
        )
        for extension in extensions:
            extension.extra_compile_args += _FLAGS
        build = ParallelBuild(Distribution({"ext_modules": extensions}))
        build.inplace = True
        build.ensure_finalized()
        build.run()
        return sorted(path for path in Path().rglob("*.so") if path.parts[0] != "build")


def _write_out(package: Path) -> Iterator[str]:
    """Gives dataclasses what mypyc does not; the paths of what is to be compiled."""
    paths = sorted(package.rglob("*.py"))
    known: dict[str, Record] = {}
    for path in paths:
        known |= dataclasses_of(path.read_text())
    for path in paths:
        if is_compiled(str(path.relative_to(package))):
            path.write_text(written_out(path.read_text(), known))
            yield str(path)


class ParallelBuild(build_ext):  # type: ignore[misc] # it has no types
    """Compiles the files of one extension side by side."""

    def build_extensions(self) -> None:
        """See `build_ext`."""
        compile_all = self.compiler.compile

        def compile_each(sources: list[str], **options: Any) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                made = pool.map(lambda source: compile_all([source], **options), sources)
                return [path for paths in made for path in paths]

        self.compiler.compile = compile_each
        super().build_extensions()
