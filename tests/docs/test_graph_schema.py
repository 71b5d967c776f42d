"""The JSON Schema for editors says what the parser says, as far as a schema can."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings

from tests.engine.graphs import graphs
from tests.engine.run_driver import document
from tests.worker_sdk.graph.test_kinds import BY_HAND
from treadle_server.cli.yaml_text import compose, read
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.errors import DefinitionInvalid

SCHEMA = json.loads(Path("docs/reference/graph.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)


def faults(graph: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(graph)]


def from_pages() -> Iterator[Any]:
    for page in Path("docs").rglob("*.md"):
        for text in re.findall(r"^```yaml\n(treadle.*?)^```", page.read_text(), re.M | re.S):
            content: Any = read(compose(text)[0])
            if content["kind"] == "graph":
                yield content


def from_transcripts() -> Iterator[Any]:
    """The graphs that the engine's transcripts show and that are accepted."""
    for file in Path("tests/engine/transcripts").glob("*.txt"):
        for text in re.findall(r"^graph\n(.*?)\n----\nok\n", file.read_text(), re.M | re.S):
            parts = read(compose(text)[0])
            assert isinstance(parts, dict)
            yield document(**parts)


EXAMPLE = read(compose(Path("examples/order_processing/workflow.yaml").read_text())[0])
WHOLE = json.loads(BY_HAND)


def test_what_is_accepted_fits() -> None:
    shown = [EXAMPLE, WHOLE, *from_pages(), *from_transcripts()]
    assert len(shown) > 50
    for graph in shown:
        compile_document(graph)
        assert faults(graph) == [], graph


@settings(max_examples=60)
@given(graph=graphs(clocks=True))
def test_random_graphs_fit(graph: dict[str, Any]) -> None:
    assert faults(graph) == []


def misspelt() -> Iterator[Any]:
    """The whole document with one key wrong, at each place where keys are the format's own."""
    for path in (
        (),
        ("nodes", "each"),
        ("nodes", "each", "map"),
        ("nodes", "pause", "timer"),
        ("nodes", "book", "compensate"),
        ("nodes", "book", "compensate", "retry"),
        ("nodes", "approved", "wait"),
        ("nodes", "tell", "send"),
        ("nodes", "child", "workflow"),
        ("edges", 0),
    ):
        broken = copy.deepcopy(WHOLE)
        place = broken
        for part in path:
            place = place[part]
        place["misspelt"] = 1
        yield pytest.param(broken, id="/".join(map(str, path)) or "top")


@pytest.mark.parametrize("graph", list(misspelt()))
def test_a_misspelt_key_is_refused_by_both(graph: dict[str, Any]) -> None:
    assert any("misspelt" in fault or "not valid" in fault for fault in faults(graph))
    with pytest.raises(DefinitionInvalid, match="misspelt"):
        compile_document(graph)
