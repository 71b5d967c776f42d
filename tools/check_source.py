"""House rules that no linter has: sizes, names, and words that stay out of the repository.

`python tools/check_source.py` looks at every file that git tracks or would track, prints what it
finds as `file:line: what is wrong`, and ends with status 1 if that was anything.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MODULE_LINES = 500
FUNCTION_LINES = 70
GENERATED = {
    PurePosixPath("server/treadle_server/journal/codec_functions.py"),
    PurePosixPath("worker_sdk/treadle/v1"),
}

VAGUE_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}

# Whatever else lay in these folders would become importable by its bare name.
PACKAGE_FOLDERS = {
    "server": {"treadle_server", "ruff.toml"},
    "worker_sdk": {"treadle"},
}

UNWANTED = {
    "a path of one machine": re.compile(r"(?<![\w.})~-])/(?:work|root|tmp|home/\w+)(?![\w-])"),
    "a registry's host name": re.compile(
        r"\b(?:pypi|pythonhosted|npmjs|yarnpkg|crates)\.(?:org|io|com)\b"
        r"|\b(?:proxy|sum)\.golang\.org\b|\brepo\d*\.maven\b|--(?:extra-)?index-url[ =]\S"
    ),
}


def files() -> list[PurePosixPath]:
    """All files of the repository, as git sees it, relative to the working folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = (PurePosixPath(name) for name in listed.split("\0") if name)
    return sorted(path for path in paths if Path(path).is_file())


def check_names(path: PurePosixPath) -> Iterator[str]:
    """Where a file may be and what it may be called."""
    folder, *inside = path.parts
    if folder in PACKAGE_FOLDERS and inside[0] not in PACKAGE_FOLDERS[folder]:
        yield f"{path}: only {' and '.join(sorted(PACKAGE_FOLDERS[folder]))} may be in {folder}/"
    if path.suffix == ".py" and not VAGUE_NAMES.isdisjoint((*path.parts[:-1], path.stem)):
        yield f"{path}: a vague name; a module is named for the one thing it holds"
    if folder == "tests" and path.name == "__init__.py":
        yield f"{path}: the tests are no package (pytest imports them by path)"


def check_words(path: PurePosixPath, text: str) -> Iterator[str]:
    """Words that mean something on one machine only."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in UNWANTED.items():
            if found := pattern.search(line):
                yield f"{path}:{number}: {what}: {found.group()}"


def check_sizes(path: PurePosixPath, text: str) -> Iterator[str]:
    """Small rooms: a module and a function fit in a reader's head."""
    lines = text.count("\n")
    if lines > MODULE_LINES:
        yield f"{path}: {lines} lines, over {MODULE_LINES}"
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        yield f"{path}:{error.lineno}: {error.msg}"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            length = (node.end_lineno or node.lineno) - first + 1
            if length > FUNCTION_LINES:
                yield f"{path}:{first}: {node.name} has {length} lines, over {FUNCTION_LINES}"


def check(path: PurePosixPath) -> Iterator[str]:
    """Everything there is to say against one file."""
    yield from check_names(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # a binary file has no words
    yield from check_words(path, text)
    if path.suffix == ".py" and GENERATED.isdisjoint((path, *path.parents)):
        yield from check_sizes(path, text)


def main() -> int:
    paths = files()
    findings = [finding for path in paths for finding in check(path)]
    for finding in findings:
        print(finding)
    print(f"{len(paths)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
