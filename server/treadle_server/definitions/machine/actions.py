"""Reading what a state or a transition does: activities, writes to memory, events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from treadle_server.definitions.document import Fields, Problems, kind_of, shown
from treadle_server.definitions.expression import (
    Expression,
    ExpressionInvalid,
    compile_expression,
    compile_guard,
    compile_mapping,
)
from treadle_server.definitions.graph.model import ChildSpec, CompensationSpec, SendSpec
from treadle_server.definitions.graph.nodes import PARENT_ENDS, TEXT, must_give
from treadle_server.definitions.graph.options import (
    Defaults,
    read_compensation_options,
    read_options,
)
from treadle_server.definitions.machine.model import WORDS, ActionPlan, PhasePlan
from treadle_server.definitions.names import NAME_RULE, is_name
from treadle_server.engine.commands import ActivityOptions

MAX_EVENT_NAME_BYTES = 200
_KINDS = ("activity", "assign", "raise", "send")
_ON_FAILURE = ("fail", "hold", "retry")
_NAMES = WORDS - {"prepared", "executed"}
_HANDED_ON = {"execute": {"prepared"}, "post": {"prepared", "executed"}}


class ActionReader:
    """Reads actions and phases of one document; each fault is noted, and reading goes on."""

    def __init__(self, problems: Problems, defaults: Defaults) -> None:
        self.problems = problems
        self._defaults = defaults

    def actions(self, value: Any, path: str) -> tuple[ActionPlan, ...]:
        """What stands under `entry`, `exit` or `action`: one action, or a list of them."""
        if value is None:
            return ()
        if not isinstance(value, list):
            return (self._action(value, path),)
        return tuple(self._action(one, f"{path}[{n}]") for n, one in enumerate(value))

    def _action(self, value: Any, path: str) -> ActionPlan:
        plan = ActionPlan(path=path)
        if isinstance(value, str):
            value = {"activity": value}
        fields = Fields(value, path, self.problems)
        kinds = [kind for kind in _KINDS if fields.has(kind)]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            self.problems.add(
                path,
                "is the name of an activity, or an object with one of `activity`, `assign`, "
                f"`raise` and `send`; has {found}",
            )
            return plan
        match kinds[0]:
            case "activity":
                plan.options = self._options(fields)
                plan.input = self.expression(fields, "input", _NAMES)
                plan.compensation = self._compensation(fields)
            case "assign":
                plan.assign = self._assign(fields)
            case "raise":
                plan.raises = self.event_name(fields, "raise")
                plan.payload = self.expression(fields, "payload", _NAMES)
            case _:
                plan.send = self._send(fields)
                plan.payload = self.expression(fields, "payload", _NAMES)
        fields.close()
        return plan

    def assignments(
        self, value: Any, path: str, names: Collection[str]
    ) -> tuple[tuple[str, Expression], ...]:
        """Memory keys, and what each is to hold."""
        if not isinstance(value, Mapping):
            self.problems.add(path, f"must be an object: memory keys, is {kind_of(value)}")
            return ()
        found = []
        for key, part in value.items():
            compiled = self._compiled(part, f"{path}.{key}", names)
            if compiled is not None:
                found.append((str(key), compiled))
        return tuple(found)

    def _assign(self, fields: Fields) -> tuple[tuple[str, Expression], ...]:
        value, path = fields.raw("assign"), fields.at("assign")
        if isinstance(value, Mapping) and not value:
            self.problems.add(path, "is empty: name the memory keys that it writes")
        return self.assignments(value, path, _NAMES)

    def phase(self, value: Any, path: str, role: str) -> PhasePlan:
        """An activity, or a run of another workflow."""
        if isinstance(value, str):
            value = {"activity": value}
        fields = Fields(value, path, self.problems)
        known = _NAMES | _HANDED_ON.get(role, frozenset())
        plan = PhasePlan(role=role)
        if fields.has("workflow"):
            plan.child = self._child(fields)
        else:
            plan.options = self._options(fields)
            plan.compensation = self._compensation(fields)
        plan.input = self.expression(fields, "input", known)
        fields.close()
        return plan

    def _options(self, fields: Fields) -> ActivityOptions:
        fields.choice("on_failure", _ON_FAILURE, "fail")
        return read_options(fields, "", self._defaults)

    def event_name(self, fields: Fields, name: str) -> str:
        """The name of an event."""
        found = fields.text(name, max_bytes=MAX_EVENT_NAME_BYTES)
        if not found:
            self.problems.add(fields.at(name), "is the name of an event; it cannot be empty")
        return found

    def expression(
        self, fields: Fields, name: str, names: Collection[str], *, guard: bool = False
    ) -> Expression | None:
        """The expression or mapping under a key."""
        if not fields.has(name):
            return None
        return self._compiled(fields.raw(name), fields.at(name), names, guard=guard)

    def _workflow_id(self, fields: Fields, name: str) -> Expression | None:
        if not isinstance(fields.raw(name, ""), str):
            value = shown(fields.raw(name))
            self.problems.add(fields.at(name), f"is an expression, text; is {value}")
            return None
        found = self.expression(fields, name, _NAMES)
        must_give(found, TEXT, "a workflow id, text", self.problems)
        return found

    def guard(self, fields: Fields) -> Expression | None:
        """A transition's guard."""
        return self.expression(fields, "guard", _NAMES, guard=True)

    def _compiled(
        self, value: Any, path: str, names: Collection[str], *, guard: bool = False
    ) -> Expression | None:
        try:
            if not isinstance(value, str):
                if guard:
                    self.problems.add(path, f"is an expression, text; is {shown(value)}")
                    return None
                return compile_mapping(value, names, path)
            if guard and not self.problems.stored:
                return compile_guard(value, names, path)
            return compile_expression(value, names, path)
        except ExpressionInvalid as invalid:
            self.problems.add(invalid.path, invalid.message)
            return None

    def _send(self, fields: Fields) -> SendSpec:
        to = self._workflow_id(fields, "to")
        to_all = fields.flag("to_all")
        if fields.has("to") is to_all:
            self.problems.add(
                fields.at("to"),
                "goes to one run, and `to_all` to all that wait; leave one of them out"
                if to_all
                else "is missing: an expression that gives the workflow id of a run, or "
                "`to_all: true` for all runs that wait for the event",
            )
        return SendSpec(event=self.event_name(fields, "send"), to=to)

    def _compensation(self, fields: Fields) -> CompensationSpec | None:
        if not fields.has("compensate"):
            return None
        value = fields.raw("compensate")
        if isinstance(value, str):
            value = {"activity": value}
        inner = Fields(value, fields.at("compensate"), self.problems)
        spec = CompensationSpec(
            options=read_compensation_options(inner, self._defaults),
            input=self.expression(inner, "input", {"params", "memory", "output", "run"}),
        )
        inner.close()
        return spec

    def _child(self, fields: Fields) -> ChildSpec:
        workflow = fields.text("workflow", max_bytes=200)
        if not is_name(workflow):
            self.problems.add(fields.at("workflow"), f"is the name of a workflow; {NAME_RULE}")
        version = fields.integer("version", 0, low=1, high=2**53) if fields.has("version") else 0
        return ChildSpec(
            workflow=workflow,
            version=version,
            workflow_id=self._workflow_id(fields, "workflow_id"),
            on_parent_end=PARENT_ENDS[fields.choice("on_parent_end", PARENT_ENDS, "terminate")],
        )
