"""What the pages show is what the server takes."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
from fnmatch import fnmatch
from pathlib import Path

import pytest

from treadle_server.cli.yaml_text import compose, read
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.expression import compile_expression

PAGES = sorted(Path("docs").rglob("*.md"))
ALL_PAGES = [*PAGES, *sorted(Path().glob("*.md"))]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
MODULE = re.compile(r"`(\w+…?)`")
TABLED = [
    file.parent
    for folder in ("server", "worker_sdk")
    for file in sorted(Path(folder).rglob("__init__.py"))
    if "| module | owns |" in file.read_text()
]
DOCUMENTS = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, text in enumerate(BLOCK.findall(page.read_text()))
    if text.startswith("treadle:")
]


def test_there_are_documents_to_read() -> None:
    assert len(DOCUMENTS) >= 3


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_document_of_a_page_is_accepted(text: str) -> None:
    [document] = compose(text)
    compile_document(read(document))


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    titles = HEADING.findall(FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", ALL_PAGES, ids=str)
def test_what_a_page_points_to_is_there(page: Path) -> None:
    text = page.read_text()
    links = [
        (page.parent / target if target else page, name) for target, name in LINK.findall(text)
    ]
    assert [target for target, _ in links if not target.exists()] == []
    assert [(target, name) for target, name in links if name and name not in anchors(target)] == []
    files = re.findall(r"`((?:docs|tests|server|worker_sdk|examples|proto|tools)/[\w./-]*)`", text)
    assert [file for file in files if not Path(file).exists()] == []


def test_every_page_can_be_come_to() -> None:
    """From the README, link by link."""
    found: set[Path] = set()
    ahead = [Path("README.md")]
    while ahead:
        page = ahead.pop()
        if page.suffix == ".md" and page not in found:
            found.add(page)
            targets = [target for target, _ in LINK.findall(page.read_text()) if target]
            ahead += [Path(os.path.normpath(page.parent / target)) for target in targets]
    assert set(PAGES) <= found


@pytest.mark.parametrize(
    "name", ["docs/howto/code.md", "docs/howto/groups.md", "docs/howto/testing.md"]
)
def test_what_a_page_shows_of_python_runs(name: str, tmp_path: Path) -> None:
    """Whole modules as they stand, each in a file; what is a test in them is run."""
    modules = [text for text in PYTHON.findall(Path(name).read_text()) if "import" in text]
    assert modules
    for number, text in enumerate(modules):
        file = tmp_path / f"shown_{number}.py"
        file.write_text(text)
        for shown in [one for key, one in runpy.run_path(str(file)).items() if "test_" in key]:
            shown()


@pytest.mark.parametrize("package", TABLED, ids=str)
def test_a_table_of_modules_has_all_of_them(package: Path) -> None:
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    rows = docstring.splitlines()
    names = [name for row in rows if row.startswith("| `") for name in MODULE.findall(row)]
    modules = {file.stem for file in package.glob("*.py") if file.stem != "__init__"}
    listed = {name.replace("…", "*") for name in names}
    assert {one for one in modules if not any(fnmatch(one, name) for name in listed)} == set()
    firsts = {
        name
        for row in rows
        if row.startswith("| `")
        for name in MODULE.findall(row[: row.index(" | ", 2)])
    }
    assert {
        name for name in firsts if not (package / f"{name}.py").exists() and "…" not in name
    } == set()


def test_an_expression_of_the_page_gives_what_stands_beside_it() -> None:
    text = Path("docs/reference/graph.md").read_text()
    _, given, table = re.split(
        r"^.*With `(\{.*\})` as `params`:$", text, maxsplit=1, flags=re.MULTILINE
    )
    rows = re.findall(
        r"^\| `(.*)` \| `(.*?)`(?:[:;] .*)? \|$", table.partition("An expression")[0], re.M
    )
    assert len(rows) == 9
    for source, value in rows:
        found = compile_expression(source, {"params"}, "page").evaluate(
            {"params": json.loads(given)}
        )
        assert found == json.loads(value), source


def test_every_twin_is_listed_and_every_listed_twin_is_there() -> None:
    listed = set(re.findall(r"`(test_s\d+_\w+)`", Path("docs/examples.md").read_text()))
    text = "".join(file.read_text() for file in Path("tests/twins").glob("test_*.py"))
    assert listed == set(re.findall(r"^(?:async )?def (test_s\d+_\w+)", text, re.MULTILINE))


def test_every_pattern_is_listed_and_every_listed_pattern_is_there() -> None:
    listed = set(re.findall(r"`(test_\w+)`", Path("docs/patterns.md").read_text()))
    text = Path("tests/twins/test_patterns.py").read_text()
    assert listed == set(re.findall(r"^async def (test_\w+)", text, re.MULTILINE))
