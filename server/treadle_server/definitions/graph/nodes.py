"""Reading one node of a document: what kind it is, and what that kind needs.

A node is what one of the keys `fail`, `compute`, `timer`, `wait`, `send` and `workflow` says it is;
without them it runs an activity, once or for each item of a `map`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from treadle_server.definitions.document import Fields, Problems, canonical_json, shown
from treadle_server.definitions.expression import Expression, may_give
from treadle_server.definitions.graph.model import (
    ChildSpec,
    CompensationSpec,
    FailSpec,
    MapSpec,
    NodePlan,
    SendSpec,
    Start,
    WaitSpec,
)
from treadle_server.definitions.graph.options import (
    TIMEOUTS,
    Defaults,
    read_compensation_options,
    read_options,
)
from treadle_server.definitions.names import NAME_RULE, is_name
from treadle_server.engine.values import NULL, ParentClosePolicy, Payload

KINDS = ("fail", "compute", "timer", "wait", "send", "workflow")
WINDOW = 100
MAX_WINDOW = 1_000
MAX_BATCH = 10_000
PARENT_ENDS = {
    "terminate": ParentClosePolicy.TERMINATE,
    "cancel": ParentClosePolicy.CANCEL,
    "abandon": ParentClosePolicy.ABANDON,
}
ACTIVITY_KEYS = frozenset(
    {"activity", "queue", "memory", "retry", "priority", "map", "delay", "at", "compensate"}
).union(TIMEOUTS)
LIST = frozenset({"array"})
TEXT = frozenset({"string"})
TIME = frozenset({"string", "number"})
_ALL_BUT_FAIL = frozenset({"input", "run_if", "default_output", "on_failure", "choice"})

NamesOf = Callable[..., Collection[str]]
"""`names(*words)`: what an expression of the node may name."""
Compile = Callable[..., Expression | None]
"""`compile(value, path, names, guard=False)`."""


def must_give(
    found: Expression | None, types: frozenset[str], what: str, problems: Problems
) -> None:
    """Notes an expression that never gives a value of these JSON types."""
    if found is not None and not may_give(found.outline(), types):
        problems.add_if_new(found.path, f"must give {what}, and this never does")


class NodeReader:
    """Reads the nodes of one document; each fault is noted, and reading goes on."""

    def __init__(self, problems: Problems, compile_one: Compile, defaults: Defaults) -> None:
        self._problems = problems
        self._compile = compile_one
        self._defaults = defaults

    def read(self, name: str, body: Any, names: NamesOf) -> NodePlan:
        """One node; `names` gives what its expressions may name."""
        fields = Fields({} if body is None else body, f"nodes.{name}", self._problems)
        fields.text("description")
        for key in ("depends_on", "depends_on_any", "join"):
            fields.has(key)
        plan = NodePlan(name=name)
        kinds = [kind for kind in KINDS if fields.has(kind)]
        if len(kinds) > 1:
            self._problems.add(
                fields.path, f"is of one kind only, but has {' and '.join(kinds)}; make two nodes"
            )
        kind = kinds[0] if kinds else "activity"
        self._refuse_foreign_keys(fields, body, kind)
        if kind == "fail":
            plan.fail = self._fail(fields, names)
            fields.close()
            return plan
        self._common(fields, plan, names)
        match kind:
            case "compute":
                known = names("params", "memory", "failures", "run")
                plan.compute = self._expression(fields, "compute", known)
            case "timer":
                plan.timer = self._timer(fields, names)
            case "wait":
                plan.wait = self._wait(fields, names)
            case "send":
                plan.send = self._send(fields, names)
            case "workflow":
                plan.child = self._child(fields, names)
            case _:
                self._activity(fields, plan, names)
        fields.close()
        return plan

    def _refuse_foreign_keys(self, fields: Fields, body: Any, kind: str) -> None:
        """Says what a key is for, rather than that it is not known."""
        if kind == "activity" or not isinstance(body, Mapping):
            return
        foreign = ACTIVITY_KEYS | (_ALL_BUT_FAIL if kind == "fail" else frozenset())
        if kind in ("compute", "wait"):
            foreign |= {"input"}
        for key in sorted(foreign & set(body)):
            fields.has(key)
            if kind == "fail":
                why = "a fail node runs nothing: it has `fail` and `description` only"
            else:
                why = f"a {kind} node runs no activity, so it has no `{key}`"
            self._problems.add(fields.at(key), why)

    # --- what kinds have in common ----------------------------------------------------------------

    def _common(self, fields: Fields, plan: NodePlan, names: NamesOf) -> None:
        words = ("params", "memory", "failures", "run")
        plan.run_if = self._expression(fields, "run_if", names(*words), guard=True)
        item = ("item",) if fields.has("map") else ()
        plan.input = self._expression(fields, "input", names(*words, *item))
        if fields.has("default_output"):
            plan.default_output = self._constant(fields, "default_output")
        plan.first_only = fields.choice("choice", {"all", "first"}, "all") == "first"
        outcomes = {"fail", "continue"}
        if not any(fields.has(kind) for kind in KINDS):
            outcomes |= {"retry", "hold"}
        plan.continue_on_failure = fields.choice("on_failure", outcomes, "fail") == "continue"

    def _expression(
        self, fields: Fields, key: str, known: Collection[str], *, guard: bool = False
    ) -> Expression | None:
        return self._compile(fields.raw(key), fields.at(key), known, guard=guard)

    def _typed(
        self, fields: Fields, key: str, known: Collection[str], types: frozenset[str], what: str
    ) -> Expression | None:
        found = self._expression(fields, key, known)
        must_give(found, types, what, self._problems)
        return found

    def _constant(self, fields: Fields, name: str) -> Payload:
        try:
            return Payload(canonical_json(fields.raw(name)))
        except ValueError:  # lone surrogates, NaN
            self._problems.add(fields.at(name), "is no JSON value")
            return NULL

    def _inner(self, fields: Fields, key: str, short: str) -> Fields:
        """An object, or text that stands for one with this only key."""
        value = fields.raw(key)
        if isinstance(value, str):
            value = {short: value}
        return Fields({} if value is None else value, fields.at(key), self._problems)

    # --- kinds ------------------------------------------------------------------------------------

    def _fail(self, fields: Fields, names: NamesOf) -> FailSpec:
        value = fields.raw("fail")
        inner = Fields({} if value is None else value, fields.at("fail"), self._problems)
        known = names("params", "memory", "failures", "error", "run")
        spec = FailSpec(
            kind=inner.text("kind", max_bytes=200),
            message=self._expression(inner, "message", known),
        )
        inner.close()
        return spec

    def _timer(self, fields: Fields, names: NamesOf) -> Start:
        inner = self._inner(fields, "timer", "delay")
        start = self._start(inner, names)
        if not start.delay and start.at is None:
            self._problems.add(
                inner.path, "needs a `delay` such as 10s, or `at`, an expression that gives a time"
            )
        inner.close()
        return start

    def _start(self, fields: Fields, names: NamesOf) -> Start:
        known = names("params", "memory", "failures", "run")
        what = "a time, text such as 2026-01-31T09:00:00Z or seconds since 1970"
        at = self._typed(fields, "at", known, TIME, what)
        return Start(delay=fields.duration("delay") or 0, at=at)

    def _wait(self, fields: Fields, names: NamesOf) -> WaitSpec:
        inner = self._inner(fields, "wait", "event")
        known = names("params", "memory", "failures", "event", "run")
        spec = WaitSpec(
            event=self._event_name(inner),
            filter=self._expression(inner, "filter", known, guard=True),
            timeout=inner.duration("timeout"),
            look_back=inner.duration("look_back"),
        )
        inner.close()
        return spec

    def _event_name(self, fields: Fields) -> str:
        name = fields.text("event", max_bytes=200)
        if not is_name(name):
            self._problems.add(fields.at("event"), f"is the name of an external event; {NAME_RULE}")
        return name

    def _send(self, fields: Fields, names: NamesOf) -> SendSpec | None:
        inner = Fields(fields.raw("send") or {}, fields.at("send"), self._problems)
        event = self._event_name(inner)
        known = names("params", "memory", "failures", "run")
        to = self._typed(inner, "to", known, TEXT, "the workflow id of a run, text")
        to_all = inner.flag("to_all")
        inner.close()
        if (to is None) != to_all:
            self._problems.add(
                inner.at("to"),
                "is missing: an expression that gives the workflow id of a run, or `to_all: true` "
                "for all runs that wait for the event"
                if to is None
                else "goes to one run, and `to_all` to all that wait; leave one of them out",
            )
            return None
        return SendSpec(event=event, to=to)

    def _child(self, fields: Fields, names: NamesOf) -> ChildSpec:
        inner = self._inner(fields, "workflow", "name")
        workflow = inner.text("name", max_bytes=200)
        if not is_name(workflow):
            self._problems.add(inner.at("name"), f"is the name of a workflow; {NAME_RULE}")
        known = names("params", "memory", "failures", "run")
        spec = ChildSpec(
            workflow=workflow,
            version=inner.integer("version", 0, low=1, high=2**53) if inner.has("version") else 0,
            workflow_id=self._typed(inner, "workflow_id", known, TEXT, "a workflow id, text"),
            on_parent_end=PARENT_ENDS[inner.choice("on_parent_end", PARENT_ENDS, "terminate")],
            awaited=inner.flag("wait", default=True),
        )
        inner.close()
        return spec

    def _activity(self, fields: Fields, plan: NodePlan, names: NamesOf) -> None:
        plan.options = read_options(fields, plan.name, self._defaults)
        start = self._start(fields, names)
        if start.delay or start.at is not None:
            plan.start = start
        if fields.has("map"):
            plan.map = self._map(fields, names)
        if fields.has("compensate"):
            plan.compensation = self._compensation(fields, names)
        if plan.map is not None and plan.start is not None:
            self._problems.add(
                fields.path, "a map starts its items at once; put a timer node before it"
            )

    def _map(self, fields: Fields, names: NamesOf) -> MapSpec:
        inner = self._inner(fields, "map", "over")
        over = self._typed(
            inner, "over", names("params", "memory", "failures", "run"), LIST, "a list"
        )
        spec = MapSpec(
            over=over,
            window=inner.integer("parallel", WINDOW, low=1, high=MAX_WINDOW),
            batch=inner.integer("batch", 1, low=1, high=MAX_BATCH),
            tolerated=self._tolerated(inner),
        )
        inner.close()
        return spec

    def _tolerated(self, fields: Fields) -> tuple[int, float]:
        value = fields.raw("tolerate", 0)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**31:
            return value, 0.0
        if isinstance(value, str) and value.endswith("%"):
            try:
                percent = float(value[:-1])
            except ValueError:
                percent = -1.0
            if 0 <= percent <= 100:
                return 0, percent
        self._problems.add(
            fields.at("tolerate"),
            f'must be how many items may fail, such as 5 or "10%"; is {shown(value)}',
        )
        return 0, 0.0

    def _compensation(self, fields: Fields, names: NamesOf) -> CompensationSpec:
        inner = self._inner(fields, "compensate", "activity")
        known = names("params", "memory", "failures", "output", "run")
        spec = CompensationSpec(
            options=read_compensation_options(inner, self._defaults),
            input=self._expression(inner, "input", known),
        )
        inner.close()
        return spec
