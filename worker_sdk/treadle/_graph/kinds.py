"""Nodes that run no activity: what the server does by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from treadle._graph.document import duration, kind_names, plain, without_absent
from treadle._graph.names import ANYWHERE
from treadle._graph.parts import Node
from treadle._graph.policies import ErrorKind, Time

Formula: TypeAlias = str | Callable[..., object]
"""CEL text, or a function that is recorded."""

Join: TypeAlias = str | int
"""`all`, `any`, `race`, a number of sources, or text such as "a and (b or c)"."""


class OtherKinds(ABC):
    """The part of `Graph` that adds them. Each can be skipped (`run_if`), and waits for the nodes
    that lead to it as `join` says.
    """

    def compute(
        self,
        id: str,  # noqa: A002
        formula: Formula | Mapping[str, object],
        *,
        run_if: Formula | None = None,
        join: Join | None = None,
        description: str = "",
    ) -> Node:
        """Adds a value that the server evaluates by itself."""
        return self._add_kind(
            id, self._value("compute", formula, id), run_if=run_if, join=join, about=description
        )

    def timer(
        self,
        id: str,  # noqa: A002
        delay: Time | None = None,
        *,
        at: Formula | None = None,
        run_if: Formula | None = None,
        join: Join | None = None,
        description: str = "",
    ) -> Node:
        """Adds a wait for a time: so long after it is reached, and not before `at`, which gives
        RFC 3339 text. Its output is its input.
        """
        timer = without_absent(delay=duration(delay)) | self._formula("at", at, ANYWHERE)
        return self._add_kind(id, {"timer": timer}, run_if=run_if, join=join, about=description)

    def wait(
        self,
        id: str,  # noqa: A002
        event: str,
        *,
        filter: Formula | None = None,  # noqa: A002
        timeout: Time | None = None,
        look_back: Time | None = None,
        run_if: Formula | None = None,
        join: Join | None = None,
        description: str = "",
    ) -> Node:
        """Adds a wait for an external event, whose payload is its output.

        `filter` says which: `event` is the payload. After `timeout`, edges made with
        `timeout_edge` are taken. An event that came earlier and was not consumed counts, if it
        came within `look_back` before the wait began; whenever it came if that is None.
        """
        wait: dict[str, object] = {"event": event}
        wait |= self._formula("filter", filter, ANYWHERE | {"event"}, guard=True)
        wait |= without_absent(timeout=duration(timeout), look_back=duration(look_back))
        return self._add_kind(id, {"wait": wait}, run_if=run_if, join=join, about=description)

    def send(
        self,
        id: str,  # noqa: A002
        event: str,
        *,
        to: Formula | None = None,
        to_all: bool = False,
        payload: Formula | Mapping[str, object] | None = None,
        run_if: Formula | None = None,
        join: Join | None = None,
        description: str = "",
    ) -> Node:
        """Adds an external event that goes to the open run whose workflow id `to` gives, or to all
        runs that wait for it (`to_all`). Without `payload`, what the node gets is sent.
        """
        send = {"event": event} | self._formula("to", to, ANYWHERE)
        send |= without_absent(to_all=to_all or None)
        node: dict[str, object] = {"send": send} | self._value("input", payload, id)
        return self._add_kind(id, node, run_if=run_if, join=join, about=description)

    def workflow(
        self,
        id: str,  # noqa: A002
        name: str,
        *,
        version: int | None = None,
        workflow_id: Formula | None = None,
        input: Formula | Mapping[str, object] | None = None,  # noqa: A002
        on_parent_end: Literal["terminate", "cancel", "abandon"] | None = None,
        wait: bool = True,
        run_if: Formula | None = None,
        join: Join | None = None,
        default_output: object = None,
        on_failure: Literal["fail", "continue"] | None = None,
        description: str = "",
    ) -> Node:
        """Adds a run of another workflow: the current version if none is named, awaited unless
        `wait` is False. `on_parent_end` says what becomes of it when this run ends.
        """
        child: dict[str, object] = {"name": name} | without_absent(version=version)
        child |= self._formula("workflow_id", workflow_id, ANYWHERE)
        child |= without_absent(on_parent_end=on_parent_end)
        child |= {} if wait else {"wait": False}
        node: dict[str, object] = {"workflow": child} | self._value("input", input, id)
        if default_output is not None:
            node["default_output"] = plain(default_output, f"the default_output of node {id!r}")
        node |= without_absent(on_failure=on_failure)
        return self._add_kind(id, node, run_if=run_if, join=join, about=description)

    def fail(
        self,
        id: str,  # noqa: A002
        *,
        kind: ErrorKind,
        message: Formula | None = None,
        description: str = "",
    ) -> Node:
        """Adds a node that ends the run as failed.

        `kind` is the failure's kind; `message` is CEL, by default the failure that led here.
        """
        fail: dict[str, object] = {"kind": kind_names([kind])[0]}
        fail |= self._formula("message", message, ANYWHERE | {"error"})
        return self._add_node(id, {"fail": fail} | without_absent(description=description))

    def _add_kind(
        self,
        id: str,  # noqa: A002
        node: dict[str, object],
        *,
        run_if: Formula | None,
        join: Join | None,
        about: str,
    ) -> Node:
        node |= without_absent(join=join, description=about)
        node |= self._formula("run_if", run_if, ANYWHERE, guard=True)
        return self._add_node(id, node)

    def _value(
        self,
        key: str,
        formula: Formula | Mapping[str, object] | None,
        node: str,
        offered: frozenset[str] = ANYWHERE,
    ) -> dict[str, object]:
        """A formula, or an object whose text leaves are CEL."""
        if isinstance(formula, Mapping):
            return {key: plain(formula, f"the {key} of node {node!r}")}
        return self._formula(key, formula, offered)

    @abstractmethod
    def _formula(
        self, key: str, formula: Formula | None, offered: frozenset[str], *, guard: bool = False
    ) -> dict[str, object]:
        """A key with its formula as CEL; nothing for None."""

    @abstractmethod
    def _add_node(self, id: str, node: dict[str, object]) -> Node:  # noqa: A002
        """Takes a node in. Raises `DefinitionError` for one that is there."""
