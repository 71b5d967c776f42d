"""What the pages show is what the server takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from treadle_server.cli.yaml_text import compose, read
from treadle_server.definitions.compiled import compile_document

PAGES = sorted(Path("docs").rglob("*.md"))
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
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


@pytest.mark.parametrize("page", [*PAGES, Path("README.md"), Path("CONTRIBUTING.md")], ids=str)
def test_what_a_page_points_to_is_there(page: Path) -> None:
    text = page.read_text()
    missing = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    assert missing == []
    files = re.findall(r"`((?:docs|tests|server|worker_sdk|examples|proto|tools)/[\w./-]*)`", text)
    assert [file for file in files if not Path(file).exists()] == []


def test_every_twin_is_listed_and_every_listed_twin_is_there() -> None:
    listed = set(re.findall(r"`(test_s\d+_\w+)`", Path("docs/examples.md").read_text()))
    text = "".join(file.read_text() for file in Path("tests/twins").glob("test_*.py"))
    assert listed == set(re.findall(r"^(?:async )?def (test_s\d+_\w+)", text, re.MULTILINE))


def test_every_pattern_is_listed_and_every_listed_pattern_is_there() -> None:
    listed = set(re.findall(r"`(test_\w+)`", Path("docs/patterns.md").read_text()))
    text = Path("tests/twins/test_patterns.py").read_text()
    assert listed == set(re.findall(r"^async def (test_\w+)", text, re.MULTILINE))
