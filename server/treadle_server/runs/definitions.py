"""The stored versions of workflows, and their compiled forms in memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from treadle_server.clock import Clock
from treadle_server.definitions.code.signature import signature_fault
from treadle_server.definitions.compiled import Compiled, built_in, compile_document
from treadle_server.definitions.errors import DefinitionInvalid, Violation
from treadle_server.definitions.names import is_name
from treadle_server.definitions.versions import RULES, VersionState
from treadle_server.engine.values import Instant
from treadle_server.journal.port import Journal, Outcome, Row, Table, Unit
from treadle_server.journal.writer import Writer
from treadle_server.runs.errors import (
    DefinitionNotFound,
    DefinitionUnusable,
    NotFound,
    RequestIdReused,
    Stopping,
    VersionNotActive,
)
from treadle_server.runs.model import DefinitionView, Deployed
from treadle_server.runs.room import must_have_room
from treadle_server.runs.versions import WorkflowVersions, read_versions

CACHE_WEIGHT = 2_000_000
"""Nodes and edges of compiled versions that are kept in memory; the least recently used go first.
"""

COMPILE_APART = 200_000
"""Documents of more bytes are compiled off the event loop, so that others are not kept waiting."""

MAX_NESTING = 200
"""As in YAML."""

_log = structlog.get_logger(component="runs")

REQUEST_LIFE = 24 * 3_600 * 1_000_000
_HIGHEST_VERSION = 2**62
_VERSIONS_LISTED = 10_000


class Definitions:
    """Deploys, finds and compiles."""

    def __init__(self, journal: Journal, writer: Writer, clock: Clock) -> None:
        self._journal = journal
        self._writer = writer
        self._clock = clock
        self._compiled: OrderedDict[tuple[str, str, int], Compiled] = OrderedDict()
        self._weight = 0
        self._unusable: dict[tuple[str, str, int], str] = {}
        """Versions that were found not to compile, and why: each of their runs need not find out.
        """
        self._versions: dict[tuple[str, str], WorkflowVersions] = {}
        self._deploying = asyncio.Lock()
        self._retiring: dict[tuple[str, str, int], asyncio.Event] = {}
        """Versions of which it is not decided whether they are retired; set when it is."""

    async def deploy(
        self, namespace: str, document: Any, *, request_id: str, validate_only: bool
    ) -> Deployed:
        """Checks and stores. Raises `DefinitionInvalid`.

        Workflows that it starts without naming a version are those that are there now: what a
        parent does must not change under it. One that is not there yet is looked for at its start.
        """
        document = self._with_versions(namespace, document)
        try:
            size = len(json.dumps(document))
        except RecursionError:
            raise DefinitionInvalid([Violation("$", "nested too deeply")]) from None
        compiled = (
            await asyncio.to_thread(_compile_new, document)
            if size > COMPILE_APART
            else _compile_new(document)
        )
        # One at a time: the next version number must not be given twice.
        async with self._deploying:
            view, created = await self._store(
                namespace, compiled, request_id, validate_only=validate_only
            )
        return Deployed(view=view, created=created, hints=compiled.hints())

    async def _store(
        self, namespace: str, compiled: Compiled, request_id: str, *, validate_only: bool
    ) -> tuple[DefinitionView, bool]:
        definition = compiled.definition
        content_hash = bytes.fromhex(definition.content_hash)
        request_key = (namespace, "DeployDefinition", request_id)
        if request_id:
            [earlier] = self._journal.get(Table.REQUEST, [request_key])
            if earlier is not None and earlier.value != content_hash:
                raise RequestIdReused(
                    f"request id {request_id!r} was used for another document before; take a "
                    f"new one"
                )
        [same] = self._journal.get(
            Table.DEFINITION_HASH, [(namespace, definition.name, content_hash)]
        )
        if same is not None:
            return self.read(namespace, definition.name, int(same.value)), False
        version = compiled.number or self._highest(namespace, definition.name) + 1
        view = _view(compiled, version, self._clock.now())
        if compiled.number:
            self._check_number(namespace, view)
        if validate_only:
            return view, True
        versions = self.versions(namespace, definition.name)
        known = replace(versions, states=dict(versions.states))
        if compiled.number and version not in known.states and compiled.state is not None:
            known.states[version] = compiled.state
        if known.state(version) is VersionState.ACTIVE:
            known.current = max(known.current, version)
        known.stored = known.stored or bool(compiled.number)
        puts = [
            Row(Table.DEFINITION, (namespace, definition.name, version), _encode(view)),
            Row(
                Table.DEFINITION_HASH,
                (namespace, definition.name, content_hash),
                str(version).encode(),
            ),
        ]
        if known.stored:
            puts.append(known.row(namespace, definition.name))
        if request_id:
            expire_time = self._clock.now() + REQUEST_LIFE
            puts.append(Row(Table.REQUEST, request_key, content_hash, expire_time))
        must_have_room(self._writer)
        note = partial(self._note, (namespace, definition.name), known)
        if await self._writer.submit(Unit(puts=puts), note) is not Outcome.COMMITTED:
            raise Stopping("the definition could not be stored; try again")
        self._remember((namespace, definition.name, version), compiled)
        return view, True

    def _check_number(self, namespace: str, view: DefinitionView) -> None:
        """A number means one thing for ever: a signature that its runs' data fits."""
        [row] = self._journal.get(Table.DEFINITION, [(namespace, view.workflow, view.version)])
        if row is None:
            return
        stored = _decode(row)
        fault = f"is a {stored.kind} already"
        if stored.kind == view.kind:
            old, new = json.loads(stored.document), json.loads(view.document)
            fault = signature_fault(old.get("input"), new.get("input"))
        if fault:
            raise DefinitionInvalid(
                [
                    Violation(
                        "version",
                        f"version {view.version} of {view.workflow!r} {fault}; give the changed "
                        "workflow a new number, and keep the old one for its open runs",
                    )
                ]
            )

    def read(self, namespace: str, workflow: str, version: int) -> DefinitionView:
        """One stored version; 0 is the current one. Raises `NotFound`."""
        if version == 0:
            version = self._latest(namespace, workflow)
        [row] = self._journal.get(Table.DEFINITION, [(namespace, workflow, version)])
        if row is None:
            raise self._not_found(namespace, workflow, version)
        return self._with_state(namespace, _decode(row))

    def list(
        self, namespace: str, *, workflow: str | None, after: tuple[str, int] | None, limit: int
    ) -> list[DefinitionView]:
        """Versions by name and number, without their documents."""
        low: tuple[str | int, ...] = (namespace, workflow) if workflow else (namespace,)
        high: tuple[str | int, ...] = (
            (namespace, workflow, _HIGHEST_VERSION) if workflow else (namespace + "\0",)
        )
        if after is not None:
            low = (namespace, after[0], after[1] + 1)
        views = [_decode(row) for row in self._journal.scan(Table.DEFINITION, low, high, limit)]
        for view in views:
            view.document = b""
            self._with_state(namespace, view)
        return views

    async def current(self, namespace: str, workflow: str) -> int:
        """The number of the current version, once it is known that it remains that; raises
        `NotFound`, `VersionNotActive`.
        """
        versions = self.versions(namespace, workflow)
        while versions.current and await self._decided((namespace, workflow, versions.current)):
            versions = self.versions(namespace, workflow)
        if versions.current:
            return versions.current
        if versions.states:
            raise VersionNotActive(
                f"no version of workflow {workflow!r} is active, so no new run can take one",
                workflow=workflow,
            )
        raise self._not_found(namespace, workflow, 0)

    async def must_be_startable(self, namespace: str, workflow: str, version: int) -> None:
        """Raises `VersionNotActive` if new runs may not take this version.

        Whoever begins a run of it lets nobody else have the loop in between: what is found here is
        true until then.
        """
        await self._decided((namespace, workflow, version))
        state = self.versions(namespace, workflow).state(version)
        if state is not VersionState.ACTIVE:
            raise VersionNotActive(
                f"version {version} of workflow {workflow!r} is {state.name.lower()}: "
                f"{RULES[state]}",
                workflow=workflow,
                version=str(version),
            )

    async def _decided(self, version: tuple[str, str, int]) -> bool:
        """Waits until it is decided whether the version is retired; False if nobody asked."""
        waited = False
        while (decided := self._retiring.get(version)) is not None:
            await decided.wait()
            waited = True
        return waited

    async def until_decided(self, namespace: str, workflow: str, version: int) -> None:
        """Waits until nobody else is about to retire the version."""
        await self._decided((namespace, workflow, version))

    @contextmanager
    def retiring(self, namespace: str, workflow: str, version: int) -> Iterator[None]:
        """Until the block ends, who asks whether new runs may take the version waits for what
        becomes of it. Nobody else may be about to retire it: see `until_decided`.
        """
        name = (namespace, workflow, version)
        decided = self._retiring[name] = asyncio.Event()
        try:
            yield
        finally:
            del self._retiring[name]
            decided.set()

    def versions(self, namespace: str, workflow: str) -> WorkflowVersions:
        """What its versions are for."""
        known = self._versions.get((namespace, workflow))
        if known is None:
            [row] = self._journal.get(Table.WORKFLOW, [(namespace, workflow)])
            if row is not None:
                known = read_versions(row)
            else:
                known = WorkflowVersions(self._highest(namespace, workflow))
            self._versions[namespace, workflow] = known
        return known

    async def change_version(
        self,
        namespace: str,
        workflow: str,
        version: int,
        state: VersionState,
        *,
        make_current: bool,
    ) -> DefinitionView:
        """Says what a version is for. Raises `NotFound`, `VersionNotActive`."""
        async with self._deploying:
            view = self.read(namespace, workflow, version)
            versions = self.versions(namespace, workflow)
            known = replace(versions, states=dict(versions.states), stored=True)
            if state is not VersionState.UNSPECIFIED:
                known.states[version] = state
            if make_current:
                if known.state(version) is not VersionState.ACTIVE:
                    raise VersionNotActive(
                        f"version {version} of {workflow!r} is not active, so it cannot be current"
                    )
                known.current = version
            elif known.current == version and known.state(version) is not VersionState.ACTIVE:
                known.current = self._highest_active(namespace, workflow, known)
            must_have_room(self._writer)
            unit = Unit(puts=[known.row(namespace, workflow)])
            note = partial(self._note, (namespace, workflow), known)
            if await self._writer.submit(unit, note) is not Outcome.COMMITTED:
                raise Stopping("the version could not be changed; try again")
        return self._with_state(namespace, view)

    def _note(
        self, workflow: tuple[str, str], known: WorkflowVersions, outcome: Outcome | None
    ) -> None:
        """It is stored, whether or not the caller has stayed for it."""
        if outcome is Outcome.COMMITTED:
            self._versions[workflow] = known

    def _highest_active(self, namespace: str, workflow: str, known: WorkflowVersions) -> int:
        rows = self._journal.scan(
            Table.DEFINITION,
            (namespace, workflow),
            (namespace, workflow, _HIGHEST_VERSION),
            _VERSIONS_LISTED,
        )
        numbers = [int(row.key[2]) for row in rows]
        active = [n for n in numbers if known.state(n) is VersionState.ACTIVE]
        return max(active, default=0)

    def _with_state(self, namespace: str, view: DefinitionView) -> DefinitionView:
        versions = self.versions(namespace, view.workflow)
        view.state = versions.state(view.version)
        view.current = versions.current == view.version
        return view

    async def compiled(self, namespace: str, workflow: str, version: int) -> Compiled:
        """A version, ready to run; raises `NotFound`, `DefinitionUnusable`."""
        own = built_in(workflow)
        if own is not None:
            return own
        name = (namespace, workflow, version)
        found = self._compiled.get(name)
        if found is not None:
            self._compiled.move_to_end(name)
            return found
        if (fault := self._unusable.get(name)) is not None:
            raise _unusable(name, fault)
        document = self.read(namespace, workflow, version).document
        try:
            if len(document) > COMPILE_APART:
                found = await asyncio.to_thread(_compile_stored, document)
            else:
                found = _compile_stored(document)
        except (DefinitionInvalid, ValueError) as error:
            self._unusable[name] = str(error)
            refusal = _unusable(name, str(error))
            _log.error("a stored version cannot be run", namespace=namespace, error=refusal.message)
            raise refusal from None
        self._remember(name, found)
        return found

    def cached(self, namespace: str, workflow: str, version: int) -> Compiled | None:
        """A version if it is in memory: the way that never waits."""
        return built_in(workflow) or self._compiled.get((namespace, workflow, version))

    def _remember(self, name: tuple[str, str, int], compiled: Compiled) -> None:
        self._unusable.pop(name, None)
        if name not in self._compiled:
            self._weight += compiled.weight
        self._compiled[name] = compiled
        while self._weight > CACHE_WEIGHT and len(self._compiled) > 1:
            _, oldest = self._compiled.popitem(last=False)
            self._weight -= oldest.weight

    def _latest(self, namespace: str, workflow: str) -> int:
        """The current version; 0 if there is none."""
        return self.versions(namespace, workflow).current

    def _highest(self, namespace: str, workflow: str) -> int:
        """The newest version of a graph; 0 if there is none."""
        # Versions have no gaps, so the highest is found by asking for powers of two, then halving.
        if not self._exists(namespace, workflow, 1):
            return 0
        low, high = 1, 2
        while self._exists(namespace, workflow, high):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (
                (middle, high) if self._exists(namespace, workflow, middle) else (low, middle)
            )
        return low

    def _with_versions(self, namespace: str, document: Any) -> Any:
        """The document with the present version in each node that starts another workflow. What is
        wrong with it is not said here.
        """
        nodes = document.get("nodes") if isinstance(document, dict) else None
        if not isinstance(nodes, dict):
            return document
        pinned = {}
        for name, node in nodes.items():
            child = node.get("workflow") if isinstance(node, dict) else None
            child = {"name": child} if isinstance(child, str) else child
            if not isinstance(child, dict) or "version" in child:
                continue
            workflow = child.get("name")
            if not isinstance(workflow, str) or not is_name(workflow):
                continue
            if version := self._latest(namespace, workflow):
                pinned[name] = node | {"workflow": child | {"version": version}}
        return document | {"nodes": nodes | pinned} if pinned else document

    def _exists(self, namespace: str, workflow: str, version: int) -> bool:
        key = (namespace, workflow, version)
        return bool(
            self._journal.scan(Table.DEFINITION, key, (namespace, workflow, version + 1), 1)
        )

    def _not_found(self, namespace: str, workflow: str, version: int) -> NotFound:
        if version and self._latest(namespace, workflow):
            return DefinitionNotFound(
                f"workflow {workflow!r} has no version {version}; its versions go to "
                f"{self._latest(namespace, workflow)}"
            )
        return DefinitionNotFound(
            f"there is no workflow {workflow!r} in namespace {namespace!r}; deploy it first. "
            "`treadle deploy` stores graphs and state machines; a worker deploys workflows in code "
            "as it begins, a moment after its start",
            workflow=workflow,
        )


def _compile_stored(document: bytes) -> Compiled:
    """Raises `DefinitionInvalid`, or `ValueError` for what is no JSON."""
    return compile_document(json.loads(document), stored=True)


def _unusable(name: tuple[str, str, int], fault: str) -> DefinitionUnusable:
    _, workflow, version = name
    return DefinitionUnusable(
        f"version {version} of workflow {workflow!r} was stored by another version of Treadle, and "
        f"this one cannot run it: {fault}. Its runs stand still and lose nothing; they go on with "
        "a version of Treadle that can run it. New runs can take a mended one, once it is deployed",
        workflow=workflow,
        version=str(version),
    )


def _compile_new(document: Any) -> Compiled:
    """Compiles what is not stored yet. Raises `DefinitionInvalid`.

    How deep a document can be read depends on who calls: one that is stored must be far from that.
    """
    level: list[Any] = [document] if isinstance(document, (dict, list)) else []
    for _ in range(MAX_NESTING + 1):
        if not level:
            return compile_document(document)
        inside = [part.values() if isinstance(part, dict) else part for part in level]
        level = [one for part in inside for one in part if isinstance(one, (dict, list))]
    raise DefinitionInvalid([Violation("$", f"nested more than {MAX_NESTING} deep")])


def _view(compiled: Compiled, version: int, now: Instant) -> DefinitionView:
    definition = compiled.definition
    return DefinitionView(
        workflow=definition.name,
        version=version,
        kind=compiled.kind,
        description=definition.description,
        content_hash=definition.content_hash,
        create_time=now,
        node_count=compiled.node_count,
        document=definition.document,
    )


def _encode(view: DefinitionView) -> bytes:
    """A line of JSON that says what the document is, then the document."""
    head = {
        "kind": view.kind,
        "description": view.description,
        "create_time": view.create_time,
        "node_count": view.node_count,
    }
    return json.dumps(head).encode() + b"\n" + view.document


def stored_document(row: Row) -> bytes:
    """The document in a row of the definition table."""
    return row.value.partition(b"\n")[2]


def _decode(row: Row) -> DefinitionView:
    head, _, document = row.value.partition(b"\n")
    _, workflow, version = row.key
    return DefinitionView(
        workflow=str(workflow),
        version=int(version),
        content_hash=hashlib.sha256(document).hexdigest(),
        document=document,
        **json.loads(head),
    )
