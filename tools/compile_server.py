"""Compiles what the server runs for every step, from its own source, by mypyc, into a folder.

`make compiled` writes `.cache/compiled`: the package, and an extension module beside each file that
is `compiled`. Who has that folder first on Python's path gets those; all else is interpreted, as
everything is without it. It is an optional build of the same source: nothing is written twice.

mypyc leaves the `__init__` that `dataclasses` makes to the interpreter, and much of what the engine
does is to make events and entities: so it is written out before (`tools.written_out`).
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mypyc.build import mypycify
from setuptools import Distribution
from setuptools.command.build_ext import build_ext

from tools.written_out import Record, dataclasses_of, written_out

PACKAGE = "treadle_server"

COMPILED = (
    "api/*",
    "definitions/*",
    "engine/*",
    "journal/*",
    "matching/*",
    "runs/*",
    "timers/*",
)

INTERPRETED = {
    "*/__init__.py": "nothing but imports",
    "api/*_service.py": "asynchronous generators, which mypyc does not know",
    "api/errors.py": "looks at class attributes that instances may change",
    "api/group_methods.py": "an asynchronous generator",
    "api/handlers.py": "asynchronous generators",
    "api/local_socket.py": "a protocol of asyncio",
    "api/server.py": "runs once",
    "definitions/expression/*": "plans are closures; native values are no faster there",
    "engine/decider.py": "the base of deciders, also of interpreted ones",
    "journal/memory.py": "for tests",
    "runs/groups.py": "an asynchronous generator",
    "runs/polls.py": "lets go of arguments before it waits",
    "runs/query.py": "asynchronous generators",
}
"""With the reason. Compiled and interpreted modules call each other like any others."""


def is_compiled(path: str) -> bool:
    """Whether a file of the package, by its path in it, is compiled."""
    return any(fnmatch.fnmatch(path, pattern) for pattern in COMPILED) and not any(
        fnmatch.fnmatch(path, pattern) for pattern in INTERPRETED
    )


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


def prepared(source: Path, folder: Path) -> Iterator[str]:
    """Copies the package, with what is compiled written out; the paths of that, in the folder."""
    copy_package(source, folder)
    known: dict[str, Record] = {}
    paths = sorted(source.rglob("*.py"))
    for path in paths:
        known |= dataclasses_of(path.read_text())
    for path in paths:
        inside = path.relative_to(source)
        if is_compiled(str(inside)):
            there = folder / PACKAGE / inside
            there.write_text(written_out(path.read_text(), known))
            yield str(there.relative_to(folder))


def copy_package(source: Path, folder: Path) -> None:
    """What is there is replaced, or stays."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, folder / PACKAGE, ignore=leave, dirs_exist_ok=True)


def compile_package(source: Path, folder: Path, types: list[Path]) -> None:
    """Fills an empty folder. `types`: where mypy finds other packages of the project."""
    modules = list(prepared(source, folder))
    os.environ["MYPYPATH"] = os.pathsep.join(str(path.resolve()) for path in (folder, *types))
    home = Path.cwd()
    os.chdir(folder)
    try:
        options = [
            "--explicit-package-bases",
            "--ignore-missing-imports",
            "--follow-imports=silent",
        ]
        extensions = mypycify(
            ["--config-file=", *options, *modules],
            opt_level="2",
            debug_level="0",
            multi_file=True,
            group_name=PACKAGE,
        )
        build = ParallelBuild(Distribution({"ext_modules": extensions}))
        build.inplace = True
        build.ensure_finalized()
        build.run()
    finally:
        os.chdir(home)


def main() -> int:
    """Writes the folder anew."""
    parser = argparse.ArgumentParser(prog="python -m tools.compile_server", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    source = Path("server", PACKAGE)
    compile_package(source, fresh, [Path("worker_sdk")])
    copy_package(source, fresh)  # the source as people know it: the lines are the same
    shutil.rmtree(fresh / "build")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
