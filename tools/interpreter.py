"""Which Python to make the environment with: the fastest build, at hand, of this one's version.

A CPython that was compiled without profile-guided optimization (version managers do that unless
they are told otherwise) runs the server a fifth slower than the same version as distributions build
it. Nothing that an interpreter says of itself tells one from the other in every case, so they are
timed: some seconds, and only where there are several.

`python3 tools/interpreter.py` prints the path. It stays with the Python it was started with unless
another is clearly faster, and then says so on standard error.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CLEARLY = 0.9
"""What another build may need of this one's time: machines swing by some percent."""

ROUNDS = 5

PLACES = ("/usr/bin", "/usr/local/bin")
"""Looked into besides PATH, where a version manager's folder comes first."""

USABLE = """
import os, sys, ensurepip, sqlite3, ssl, venv
assert sys.version_info[:2] == ({major}, {minor}) and sys.prefix == sys.base_prefix
print(os.path.realpath(sys.executable))
"""
"""Fails where no environment could be made; prints what is behind a version manager's stand-in."""

WORK = """
import time
class Item:
    def __init__(self, number): self.number, self.parts = number, {}
    def put(self, key): self.parts[key] = (self.number, key); return len(self.parts)
def work():
    began = time.process_time()
    for number in range(2_000):
        item = Item(number)
        for key in range(8): item.put(key)
    return time.process_time() - began
print(min(work() for _ in range(10)))
"""
"""Objects, calls, dictionaries: what the server does all day. Prints seconds of the
processor."""


def builds() -> Iterator[Path]:
    """Interpreters of this one's version that can make an environment, this one first."""
    own = Path(sys.executable)
    yield own
    seen = {own.resolve()}
    major, minor = sys.version_info[:2]
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), *PLACES]:
        for name in (f"python{major}.{minor}", "python3"):
            path = Path(folder) / name
            if not path.is_file() or path.resolve() in seen:
                continue
            printed = _printed(path, USABLE.format(major=major, minor=minor))
            if printed and Path(printed) not in seen:
                yield path
            seen |= {path.resolve(), Path(printed)}


def _printed(python: Path, source: str) -> str:
    """Empty if it cannot be run, or fails."""
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", source],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def seconds(pythons: list[Path]) -> dict[Path, float]:
    """What each needs at best, in turns; one that fails is not there."""
    best: dict[Path, float] = {}
    for _ in range(ROUNDS):
        for python in pythons:
            if printed := _printed(python, WORK):
                best[python] = min(float(printed), best.get(python, float("inf")))
    return best


def chosen(best: dict[Path, float], own: Path) -> Path:
    """The fastest, if it is clearly faster than the one that would be taken anyway."""
    if own not in best:
        return own
    fastest = min(best, key=lambda python: best[python])
    return fastest if best[fastest] < CLEARLY * best[own] else own


def main() -> None:
    """Prints the path of one interpreter."""
    own, *others = builds()
    python = own
    if others:
        best = seconds([own, *others])
        python = chosen(best, own)
        if python != own:
            print(
                f"taking {python}: it needs {best[python] / best[own]:.2f} of the time of {own},"
                " which PYTHON=python3 would take",
                file=sys.stderr,
            )
    print(python)


if __name__ == "__main__":
    main()
