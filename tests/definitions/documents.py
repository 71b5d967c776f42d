"""Graph documents for tests, and what the compiler says of them."""

from __future__ import annotations

from typing import Any

import pytest

from treadle_server.definitions.compiled import CompiledGraph, compile_document
from treadle_server.definitions.errors import DefinitionInvalid


def graph(**parts: Any) -> dict[str, Any]:
    """A document with the parts that every document needs."""
    return {"treadle": "v1", "kind": "graph", "name": "orders", "nodes": {"a": {}}} | parts


def chain(**edge: Any) -> dict[str, Any]:
    """Two nodes and an edge between them."""
    return graph(nodes={"a": {}, "b": {}}, edges=[{"from": "a", "to": "b"} | edge])


def faults(document: Any) -> dict[str, str]:
    """Messages by path."""
    with pytest.raises(DefinitionInvalid) as caught:
        compile_document(document)
    return {violation.path: violation.message for violation in caught.value.violations}


def accepted(document: Any) -> CompiledGraph:
    """The compiled form of a document that is right."""
    compiled = compile_document(document)
    assert isinstance(compiled, CompiledGraph)
    return compiled
