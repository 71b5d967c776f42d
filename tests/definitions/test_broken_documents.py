"""A corpus of broken documents: each file says where it is broken, in what words, and whether the
JSON Schema for editors sees it too. The server refuses all of them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from treadle_server.cli.yaml_text import compose, read
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.errors import DefinitionInvalid

FILES = sorted(Path("tests/definitions/broken").glob("*.yaml"))
SCHEMA = json.loads(Path("docs/reference/graph.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)


def expected(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# (at|says|schema|stored): ?(.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_broken_document_is_refused_where_it_is_broken(file: Path) -> None:
    text = file.read_text()
    wanted = expected(text)
    content: Any = read(compose(text)[0])
    with pytest.raises(DefinitionInvalid) as refused:
        compile_document(content)
    faults = {fault.path: fault.message for fault in refused.value.violations}
    assert wanted["at"] in faults, faults
    assert wanted["says"] in faults[wanted["at"]]
    assert faults[wanted["at"]].strip()
    seen = any(True for _ in VALIDATOR.iter_errors(content))
    assert seen == (wanted["schema"] == "refuses"), "what the schema says"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_an_earlier_version_took_runs_if_it_can(file: Path) -> None:
    """Also in the normal form in which it is stored."""
    text = file.read_text()
    content: Any = read(compose(text)[0])
    if expected(text).get("stored") != "runs":
        with pytest.raises(DefinitionInvalid):
            compile_document(content, stored=True)
        return
    taken = compile_document(content, stored=True)
    again = compile_document(json.loads(taken.definition.document), stored=True)
    assert again.definition.content_hash == taken.definition.content_hash


def test_the_corpus_has_both_kinds() -> None:
    kinds = [expected(file.read_text())["schema"] for file in FILES]
    assert kinds.count("refuses") >= 20
    assert kinds.count("accepts") >= 15
