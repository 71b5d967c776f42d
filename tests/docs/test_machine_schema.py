"""The JSON Schema for editors says what the parser of machines says, as far as a schema can."""

from __future__ import annotations

import copy
import inspect
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine import scxml
from tests.machine.charts import Chart, charts
from tests.twins import test_seed_001, test_seed_001_groups, test_seed_004_machine
from treadle import Machine
from treadle_server.cli.yaml_text import compose, read
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.errors import DefinitionInvalid

PAGE = Path("docs/reference/machine.md").read_text()
SCHEMA = json.loads(Path("docs/reference/machine.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
CORPUS: Any = read(compose(Path("tests/docs/broken_machines.yaml").read_text())[0])
LONG = "e" * 201


def faults(document: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


[EXAMPLE] = [read(compose(text)[0]) for text in blocks("yaml")]
ORDER = read(compose(Path("examples/order_machine.yaml").read_text())[0])


class Shown(Exception):
    """A twin has shown its machine."""


class Looking:
    """In place of a bench: takes down the machine that is deployed, and runs nothing."""

    def __init__(self) -> None:
        self.client = self
        self.documents: list[Any] = []

    async def deploy(self, what: object) -> None:
        if isinstance(what, Machine):
            self.documents.append(what.document())
            raise Shown

    async def start(self, what: object, *_: object, **__: object) -> None:
        await self.deploy(what)

    async def failure(self, what: object, *_: object) -> None:
        await self.deploy(what)

    @asynccontextmanager
    async def worker(self, *_: object) -> AsyncIterator[None]:
        yield


async def of_twins() -> list[Any]:
    """The first machine of each twin."""
    looking = Looking()
    for module in (test_seed_001, test_seed_001_groups, test_seed_004_machine):
        for name, twin in vars(module).items():
            if name.startswith("test_") and [*inspect.signature(twin).parameters] == ["bench"]:
                with suppress(Shown):
                    await twin(looking)
    return looking.documents


def test_the_schema_is_one() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    graph = json.loads(Path("docs/reference/graph.schema.json").read_text())
    assert SCHEMA["$schema"] == graph["$schema"]
    for name in ("duration", "mapping"):
        assert SCHEMA["$defs"][name] == graph["$defs"][name]


def test_the_schema_describes_every_key_and_refuses_others() -> None:
    places = [SCHEMA]
    seen = 0
    while places:
        place = places.pop()
        places += [one for one in _parts(place) if isinstance(one, dict | list)]
        if not isinstance(place, dict) or "properties" not in place:
            continue
        assert place["additionalProperties"] is not True
        for key, part in place["properties"].items():
            target = SCHEMA["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else {}
            said = (target | part).get("description", "")
            assert 0 < len(said) <= 120, key
            seen += 1
    assert seen > 80


def _parts(place: Any) -> list[Any]:
    return list(place.values()) if isinstance(place, dict) else place


async def test_what_is_accepted_fits() -> None:
    shown = [EXAMPLE, ORDER, *(scxml.document(number) for number in scxml.MACHINES)]
    twins = await of_twins()
    assert len(twins) > 20
    refused = 0
    for machine in [*shown, *twins]:
        assert faults(machine) == [], machine
        try:
            compile_document(machine)
        except DefinitionInvalid:
            refused += 1
    assert refused == 2, "two twins are about what a deploy refuses"


@settings(max_examples=60)
@given(chart=charts())
def test_random_machines_fit(chart: Chart) -> None:
    assert faults(chart.document) == []


# --- what is wrong --------------------------------------------------------------------------------


def broken(case: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a case."""
    state = case.get("state", {})
    ways = state.get("on", {})
    if isinstance(ways, dict):
        ways = {"leave": "end"} | ways
    states = {"a": state | {"on": ways}, **case.get("others", {}), "end": {"final": True}}
    document = {"treadle": "v1", "kind": "machine", "name": "broken", "states": states}
    document |= case.get("parts", {})
    document.pop(case.get("without", ""), None)
    filled: dict[str, Any] = json.loads(json.dumps(document).replace('"LONG"', f'"{LONG}"'))
    return filled


CASES = [
    pytest.param(case, kind, id=case["what"]) for kind, cases in CORPUS.items() for case in cases
]


@pytest.mark.parametrize(("case", "kind"), CASES)
def test_a_broken_document_is_refused_where_it_is_broken(case: Any, kind: str) -> None:
    document = broken(case)
    with pytest.raises(DefinitionInvalid) as refused:
        compile_document(document)
    said = [fault.message for fault in refused.value.violations if fault.path == case["at"]]
    assert any(case["says"] in message for message in said), refused.value.violations
    assert bool(faults(document)) == (kind == "structure"), faults(document)


def test_the_corpus_has_both_kinds() -> None:
    assert len(CORPUS["structure"]) >= 40
    assert len(CORPUS["meaning"]) >= 30
    compile_document(broken({}))


def misspelt() -> Iterator[Any]:
    """The page's example with one key wrong, at each place where keys are the format's own."""
    inner = ("states", "open", "states")
    for path in (
        (),
        ("params", "id"),
        ("defaults",),
        ("defaults", "retry"),
        (*inner, "checking"),
        (*inner, "checking", "task"),
        (*inner, "checking", "results", "absurd"),
        (*inner, "asking", "entry", 0),
        (*inner, "asking", "entry", 1),
        (*inner, "asking", "on", "answered"),
        (*inner, "asking", "after", "14d", 0),
        (*inner, "where_it_was"),
        ("states", "open", "error", 0),
        ("states", "open", "error", 0, "action"),
        ("states", "on_hold", "on", "overdue", "action"),
        ("states", "approved", "states", "money", "states", "paying", "node"),
        ("states", "approved", "states", "money", "states", "paying", "node", "execute"),
        ("states", "approved", "states", "paper", "states", "printing", "task"),
        ("states", "settled", "final"),
        ("states", "rejected", "final", "fail"),
    ):
        document: Any = copy.deepcopy(EXAMPLE)
        place = document
        for part in path:
            place = place[part]
        place["misspelt"] = 1
        yield pytest.param(document, id="/".join(map(str, path)) or "top")


@pytest.mark.parametrize("document", list(misspelt()))
def test_a_misspelt_key_is_refused_by_both(document: dict[str, Any]) -> None:
    assert any("misspelt" in fault or "not valid" in fault for fault in faults(document))
    with pytest.raises(DefinitionInvalid, match="misspelt"):
        compile_document(document)


# --- what the server takes, the schema takes ------------------------------------------------------

VALUES: tuple[Any, ...] = (
    True,
    False,
    0,
    2.5,
    "",
    "a",
    "1s",
    [],
    ["a"],
    {},
    {"a": 1},
    {"target": "a"},
    [[]],
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Everything within, by its path."""
    items = document.items() if isinstance(document, dict) else ()
    for key, part in enumerate(document) if isinstance(document, list) else items:
        yield (*path, key)
        yield from places(part, (*path, key))


PLACES = list(places(EXAMPLE))


@settings(max_examples=300)
@given(path=st.sampled_from(PLACES), other=st.sampled_from(PLACES) | st.none(), data=st.data())
def test_the_schema_takes_what_the_server_takes(
    path: tuple[Any, ...], other: tuple[Any, ...] | None, data: st.DataObject
) -> None:
    """With one part of the page's example replaced by another of its parts, or by something else,
    the server has an answer; and what it accepts the schema accepts.
    """
    document: Any = copy.deepcopy(EXAMPLE)
    if other is None:
        value: Any = data.draw(st.sampled_from(VALUES))
    else:
        value = document
        for part in other:
            value = value[part]
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = copy.deepcopy(value)
    try:
        compile_document(document)
    except DefinitionInvalid:
        return
    if document["kind"] == "machine":
        assert faults(document) == []


# --- the page -------------------------------------------------------------------------------------


def test_the_class_of_the_page_makes_a_document() -> None:
    [text] = blocks("python")
    made: dict[str, Any] = {}
    exec(compile(text, "docs/reference/machine.md", "exec"), made)
    document = made["ticket"].document()
    compile_document(document)
    assert faults(document) == []
    assert document["states"]["checking"]["returns"] == ["waiting", "solved"]


def test_the_page_has_every_key() -> None:
    """In backticks somewhere, or in the example."""
    prose = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    shown = set(re.findall(r"\w+", " ".join([*re.findall(r"`([^`]+)`", prose), *blocks("yaml")])))
    of_graphs = {"parameter", "retry", "compensate"}
    keys = set(SCHEMA["properties"])
    for name, part in SCHEMA["$defs"].items():
        keys |= set() if name in of_graphs else set(part.get("properties", {}))
    assert keys - shown == set()
