"""`make setup` takes a build of Python that is clearly faster than python3, if it can be used."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "interpreter.py"
NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"

CHOSEN = runpy.run_path(str(SCRIPT))["chosen"]
OWN, OTHER = Path("own"), Path("other")

FAST = """#!/bin/sh
case "$3" in
    *ensurepip*) {usable} ;;
    *) echo 0.000000001 ;;
esac
"""
"""Stands for an interpreter: says that it is usable, or not, and did the work in no time."""


@pytest.mark.parametrize(
    ("best", "taken"),
    [
        ({OWN: 1.0, OTHER: 0.7}, OTHER),
        ({OWN: 1.0, OTHER: 0.95}, OWN),
        ({OWN: 1.0, OTHER: 1.4}, OWN),
        ({OWN: 1.0, OTHER: 0.85, Path("third"): 0.7}, Path("third")),
        ({OWN: 1.0}, OWN),
        ({OTHER: 0.7}, OWN),
    ],
)
def test_only_one_that_is_clearly_faster_is_taken_instead(
    best: dict[Path, float], taken: Path
) -> None:
    assert CHOSEN(best, OWN) == taken


def printed(folder: Path, usable: str) -> tuple[str, str]:
    """What the script prints, and says of it, where `folder` has such an interpreter."""
    program = folder / NAME
    program.write_text(FAST.format(usable=usable))
    program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


def test_the_faster_one_is_found_on_the_path_and_said(tmp_path: Path) -> None:
    path, said = printed(tmp_path, usable="echo /somewhere/python")
    assert path == str(tmp_path / NAME)
    assert f"taking {path}" in said
    assert sys.executable in said


@pytest.mark.parametrize("usable", ["exit 1", f'realpath "{Path(sys.executable).resolve()}"'])
def test_one_that_cannot_make_an_environment_or_is_the_same_is_not(
    tmp_path: Path, usable: str
) -> None:
    path, _said = printed(tmp_path, usable)
    assert path != str(tmp_path / NAME)
    assert Path(path).exists()
