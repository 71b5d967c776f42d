"""Nodes that run no activity, loops, joins, maps and compensation: the builder's document is the
one that is written by hand, and the server accepts it.
"""

from __future__ import annotations

import json

import pytest

from treadle.errors import DefinitionError
from treadle.graph import CannotRecord, Compensate, Graph, Map, Retry
from treadle_server.definitions.compiled import CompiledGraph, compile_document

BY_HAND = """{
  "treadle": "v1", "kind": "graph", "name": "everything",
  "nodes": {
    "orders": {"compute": "params.orders"},
    "each": {
      "activity": "handle", "input": "{\\"order\\": item}", "on_failure": "hold",
      "map": {"over": "orders", "parallel": 5, "batch": 1, "tolerate": "10%"}
    },
    "pause": {"timer": {"delay": "10s"}},
    "book": {
      "compensate": {"activity": "unbook", "input": "output.id", "retry": {"max_attempts": 9}}
    },
    "approved": {
      "wait": {"event": "approved", "filter": "event.id == params.id", "timeout": "1h"}
    },
    "tell": {
      "send": {"event": "news", "to": "params.other"}, "input": {"from": "run.workflow_id"}
    },
    "child": {
      "workflow": {"name": "other", "version": 2, "workflow_id": "params.id",
                   "on_parent_end": "abandon", "wait": false},
      "input": "params"
    },
    "poll": {"delay": "1s", "choice": "first"},
    "late": {"compute": {"state": "\\"late\\""}},
    "after": {"join": "approved or late"}
  },
  "edges": [
    {"from": "orders", "to": "each"},
    {"from": "pause", "to": "book"},
    {"from": "approved", "to": "after"},
    {"from": "approved", "to": "late", "on": "timeout"},
    {"from": "late", "to": "after"},
    {"from": "poll", "to": "poll", "when": "output.again", "max_iterations": 20, "delay": "5s"}
  ]
}"""


def everything() -> Graph:
    graph = Graph("everything")
    graph.compute("orders", lambda params: params.orders)
    graph.node(
        "each",
        "handle",
        input=lambda item: {"order": item},
        on_failure="hold",
        map=Map(over=lambda orders: orders, parallel=5, batch=1, tolerate="10%"),
    )
    graph.timer("pause", "10s")
    graph.node(
        "book",
        compensate=Compensate(
            activity="unbook", input=lambda output: output.id, retry=Retry(max_attempts=9)
        ),
    )
    graph.wait(
        "approved", "approved", filter=lambda event, params: event.id == params.id, timeout="1h"
    )
    graph.send("tell", "news", to=lambda params: params.other, payload={"from": "run.workflow_id"})
    graph.workflow(
        "child",
        "other",
        version=2,
        workflow_id=lambda params: params.id,
        on_parent_end="abandon",
        wait=False,
        input=lambda params: params,
    )
    graph.node("poll", delay="1s", choice="first")
    graph.compute("late", {"state": '"late"'})
    graph.node("after", join="approved or late")
    graph.edge("orders", "each")
    graph.edge("pause", "book")
    graph.edge("approved", "after")
    graph.timeout_edge("approved", "late")
    graph.edge("late", "after")
    graph.edge("poll", "poll", when=lambda output: output.again, max_iterations=20, delay="5s")
    return graph


def test_the_document_is_the_one_written_by_hand() -> None:
    assert everything().document() == json.loads(BY_HAND)


def test_the_server_accepts_it() -> None:
    compiled = compile_document(everything().document())
    assert isinstance(compiled, CompiledGraph)
    assert [node.name for node in compiled.definition.nodes][:3] == ["orders", "each", "pause"]


def test_a_short_form_of_compensation() -> None:
    graph = Graph("short")
    graph.node("book", compensate="unbook")
    assert graph.document()["nodes"] == {"book": {"compensate": {"activity": "unbook"}}}


def test_an_item_is_there_in_a_map_only() -> None:
    graph = Graph("items")
    graph.node("each", input=lambda item: item, map=Map())
    with pytest.raises(CannotRecord, match="the parameter item, which is not there"):
        graph.node("one", input=lambda item: item)
    with pytest.raises(DefinitionError, match="'each' is added twice"):
        graph.compute("each", "1")
