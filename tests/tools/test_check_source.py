"""The house rules find what they forbid, at the right line, and leave the rest alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "check_source.py"


def check(repository: Path, files: dict[str, str]) -> tuple[int, list[str]]:
    """Status and findings of the script in a fresh repository that holds these files."""
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    *findings, _total = done.stdout.splitlines()
    return done.returncode, findings


def function_of(lines: int) -> str:
    return "def long() -> None:\n" + "    pass\n" * (lines - 1)


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("a.py", "#\n" * 501, "a.py: 501 lines, over 500"),
        ("a.py", "x = 1\n" + function_of(71), "a.py:2: long has 71 lines, over 70"),
        ("a.py", "@print\n" + function_of(70), "a.py:1: long has 71 lines, over 70"),
        ("a.py", "def", "a.py:1: invalid syntax"),
        ("server/stray.py", "", "server/stray.py: only ruff.toml and treadle_server may be in"),
        ("tests/__init__.py", "", "tests/__init__.py: the tests are no package"),
        ("utils/a.py", "", "utils/a.py: a vague name"),
        ("a.md", "text\nsee /" + "tmp/x\n", "a.md:2: a path of one machine: /" + "tmp"),
        ("a.toml", "u = 'https://py" + "pi.org/simple'", "a.toml:1: a registry's host name"),
    ],
)
def test_forbidden(tmp_path: Path, name: str, text: str, finding: str) -> None:
    status, findings = check(tmp_path, {name: text})
    assert status == 1
    assert len(findings) == 1
    assert findings[0].startswith(finding)


def test_allowed(tmp_path: Path) -> None:
    files = {
        "server/treadle_server/a.py": "#\n" * 430 + function_of(70),
        "worker_sdk/treadle/v1/run_pb2.py": "#\n" * 600 + function_of(90),
        "docs/a.md": "GET /v1/work, ${X}/tmp/y, ~/work, a/work/b and /workers\n",
        ".venv/utils.py": "ignored",
        ".gitignore": ".venv/\n",
    }
    assert check(tmp_path, files) == (0, [])
