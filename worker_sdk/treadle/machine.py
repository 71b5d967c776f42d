"""`Machine`: a workflow as a state machine over an `Enum`. It makes the same document as YAML.

    class Step(Enum):
        DRAFT = "draft"
        PENDING = "pending"
        PAID = "paid"

    order = Machine("order", Step, memory={"items": "params.items"})
    order.state(Step.DRAFT).on("submit", Step.PENDING, guard="size(memory.items) > 0")
    order.state(Step.PENDING).on("pay", Step.PAID, action=charge).after("7d", Step.PAID)
    order.final(Step.PAID)
    client.deploy(order)

An activity as an action gets `memory` (all of the run's) and `event` (the payload of what made the
machine move), or those of its parameters that have these names; another name is that of a memory
key. An object that an action returns is merged into the memory. A state's `task` picks the next
state by what it returns: a member of the enum, so that its annotation is checked before any run.

What is not here: the rules of machines. The server checks the document when it is deployed, and
says for each fault where it is.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from treadle._graph.document import duration, kind_names, plain, without_absent
from treadle._graph.policies import Defaults, ErrorKind, Time
from treadle._machine.actions import Assign, Child, Do, Formula, Raise, Send, cel, formula
from treadle._types import hints
from treadle.activities import Activity
from treadle.errors import DefinitionError

__all__ = ["Assign", "Child", "Do", "Machine", "Raise", "Send", "State"]

Action = Activity[..., Any] | str | Do | Assign | Raise | Send
Actions = Action | Iterable[Action]


@dataclass(slots=True)
class State:
    """One state of a machine; its methods can be chained."""

    machine: Machine
    name: str
    body: dict[str, Any] = field(default_factory=dict)

    def on(
        self,
        event: str,
        target: Enum | str | None = None,
        *,
        guard: Formula | None = None,
        action: Actions | None = None,
        internal: bool = False,
        description: str = "",
    ) -> Self:
        """An external event leads to `target`, if `guard` holds; of several for one event the first
        that is possible counts. Without a target the machine stays, and only acts.
        """
        way = self._way(target, guard, action, internal=internal, description=description)
        self.body.setdefault("on", {}).setdefault(event, []).append(way)
        return self

    def always(
        self, target: Enum | str, *, guard: Formula | None = None, action: Actions | None = None
    ) -> Self:
        """Leads on as soon as `guard` holds."""
        self.body.setdefault("always", []).append(self._way(target, guard, action))
        return self

    def after(
        self,
        delay: Time,
        target: Enum | str | None = None,
        *,
        guard: Formula | None = None,
        action: Actions | None = None,
    ) -> Self:
        """Leads on when the machine has been here for so long."""
        way = {"delay": duration(delay)} | self._way(target, guard, action)
        self.body.setdefault("after", []).append(way)
        return self

    def error(
        self,
        target: Enum | str | None = None,
        *,
        kinds: Iterable[ErrorKind] = (),
        guard: Formula | None = None,
        action: Actions | None = None,
    ) -> Self:
        """Leads on when something of this state failed for good."""
        way = self._way(target, guard, action) | without_absent(kinds=kind_names(kinds))
        self.body.setdefault("error", []).append(way)
        return self

    def returns(
        self,
        value: str,
        target: Enum | str,
        *,
        guard: Formula | None = None,
        action: Actions | None = None,
        description: str = "",
    ) -> Self:
        """Leads on when the task returns this; `*` is any value."""
        way = self._way(target, guard, action, description=description)
        self.body.setdefault("results", {}).setdefault(value, []).append(way)
        return self

    def _way(
        self,
        target: Enum | str | None,
        guard: Formula | None,
        action: Actions | None,
        *,
        internal: bool = False,
        description: str = "",
    ) -> dict[str, Any]:
        return without_absent(
            target=None if target is None else self.machine.name_of(target),
            internal=internal or None,
            action=_actions(action),
            description=description,
        ) | formula("guard", guard, guard=True)


class Machine:
    """Builds the document of one state machine.

    Args:
        name: the workflow's name.
        states: an enum whose values are text: the names of the states.
        initial: where it begins; the first member if None.
        memory: what the run's memory holds at first: CEL over `params`.
        output: what the run gives, as CEL over `memory`; all of the memory if None.
        description: for people.
        defaults: what holds for every activity.
        run_timeout: the run is timed out after this long.

    Every method raises `DefinitionError` for what cannot be meant.
    """

    def __init__(
        self,
        name: str,
        states: type[Enum],
        *,
        initial: Enum | str | None = None,
        memory: Mapping[str, Formula] | None = None,
        output: Formula | None = None,
        description: str = "",
        defaults: Defaults | None = None,
        run_timeout: Time | None = None,
    ) -> None:
        self.name = name
        self.states = states
        self._names = {_state_name(member) for member in states}
        self._initial = None if initial is None else self.name_of(initial)
        self._head = without_absent(
            description=description,
            defaults=defaults.document() if defaults else None,
            run_timeout=duration(run_timeout),
            memory={key: cel(value) for key, value in (memory or {}).items()},
        ) | formula("output", output)
        self._params: dict[str, dict[str, object]] = {}
        self._root = State(self, "")
        self._states: dict[str, State] = {}
        self._parents: dict[str, str] = {}

    def param(
        self,
        name: str,
        type: str = "any",  # noqa: A002
        *,
        description: str = "",
        **options: object,
    ) -> None:
        """A member of the input, as in a graph: `required`, `default`, `min_length`."""
        self._params[name] = (
            {"type": type}
            | without_absent(description=description)
            | {key: plain(value, f"param {name!r}") for key, value in options.items()}
        )

    @property
    def anywhere(self) -> State:
        """Its transitions hold in all states that have none of their own."""
        return self._root

    def state(
        self,
        state: Enum | str,
        *,
        entry: Actions | None = None,
        exit: Actions | None = None,  # noqa: A002
        within: Enum | str | None = None,
        initial: Enum | str | None = None,
        parallel: bool = False,
        description: str = "",
    ) -> State:
        """A state, made at the first call. `within`: the state that it is a part of."""
        name = self.name_of(state)
        found = self._states.get(name)
        if found is None:
            found = self._states[name] = State(self, name)
        if within is not None:
            self._parents[name] = self.name_of(within)
        found.body |= without_absent(
            entry=_actions(entry),
            exit=_actions(exit),
            initial=None if initial is None else self.name_of(initial),
            parallel=parallel or None,
            description=description,
        )
        return found

    def final(
        self,
        state: Enum | str,
        *,
        output: Formula | None = None,
        fails: str = "",
        message: Formula | None = None,
        entry: Actions | None = None,
        within: Enum | str | None = None,
        description: str = "",
    ) -> State:
        """A state in which the machine, or what it is within, ends. `fails`: the run fails with
        this kind.
        """
        found = self.state(state, entry=entry, within=within, description=description)
        end: dict[str, object] = dict(formula("output", output))
        if fails:
            end["fail"] = {"kind": fails} | formula("message", message)
        found.body["final"] = end or True
        return found

    def history(
        self,
        state: Enum | str,
        *,
        within: Enum | str,
        deep: bool = False,
        target: Enum | str | None = None,
    ) -> State:
        """Stands for the states of `within` that were active when it was left; `target` if it never
        was.
        """
        found = self.state(state, within=within)
        found.body["history"] = "deep" if deep else "shallow"
        if target is not None:
            found.body["target"] = self.name_of(target)
        return found

    def task(
        self,
        state: Enum | str,
        task: Activity[..., Any] | Do | Child | str,
        *,
        route: Formula | None = None,
        **options: Any,
    ) -> State:
        """What the machine does in a state; what that returns is the next one."""
        found = self.state(state, **options)
        found.body["task"] = _phase(task, first=True)
        return self._routed(found, task, route)

    def node(
        self,
        state: Enum | str,
        *,
        execute: Activity[..., Any] | Do | Child | str,
        prepare: Activity[..., Any] | Do | str | None = None,
        post: Activity[..., Any] | Do | str | None = None,
        route: Formula | None = None,
        **options: Any,
    ) -> State:
        """Three activities, one after the other: `execute` gets what `prepare` returned, `post`
        gets `prepared` and `executed`; what the last one returns is the next state.
        """
        found = self.state(state, **options)
        phases = {"prepare": prepare, "execute": execute, "post": post}
        found.body["node"] = {
            role: _phase(phase, first=role == ("execute" if prepare is None else "prepare"))
            for role, phase in phases.items()
            if phase is not None
        }
        return self._routed(found, post if post is not None else execute, route)

    def _routed(self, state: State, last: object, route: Formula | None) -> State:
        state.body |= formula("route", route)
        activity = last.activity if isinstance(last, Do) else last
        if isinstance(activity, Activity) and route is None:
            returned = _returned(activity, self.states)
            if returned:
                state.body["returns"] = returned
        return state

    def name_of(self, state: Enum | str) -> str:
        """A state's name. Raises `DefinitionError` for one of another enum."""
        name = state if isinstance(state, str) and not isinstance(state, Enum) else None
        if name is None:
            assert isinstance(state, Enum), "an enum's member, or text"
            if not isinstance(state, self.states):
                raise DefinitionError(f"{state!r} is no member of {self.states.__name__}")
            name = _state_name(state)
        if name not in self._names:
            raise DefinitionError(f"{name!r} is no state of {self.states.__name__}")
        return name

    def document(self) -> dict[str, object]:
        """The machine's document; a copy of its own. Raises `DefinitionError` for a member without
        a state.
        """
        missing = [name for name in map(_state_name, self.states) if name not in self._states]
        if missing:
            raise DefinitionError(
                f"{self.states.__name__} has members that are no states: {', '.join(missing)}"
            )
        first = self._initial or _state_name(next(iter(self.states)))
        document = (
            {"treadle": "v1", "kind": "machine", "name": self.name}
            | self._head
            | without_absent(params=self._params)
            | _short(self._root.body)
            | {"initial": first, "states": self._inner("")}
        )
        copy = plain(document, f"machine {self.name}")
        assert isinstance(copy, dict)
        return copy

    def _inner(self, parent: str) -> dict[str, object]:
        found: dict[str, object] = {}
        for member in self.states:
            name = _state_name(member)
            if self._parents.get(name, "") != parent:
                continue
            inner = self._inner(name)
            found[name] = _short(self._states[name].body) | ({"states": inner} if inner else {})
        return found


def _short(body: dict[str, Any]) -> dict[str, Any]:
    """A state as people write it: one way out is no list, and one that only leads on is a name."""
    found = dict(body)
    for key in ("on", "results"):
        if key in found:
            found[key] = {name: _shortened(ways) for name, ways in found[key].items()}
    for key in ("always", "error"):
        if key in found:
            found[key] = _shortened(found[key])
    return found


def _shortened(ways: list[dict[str, Any]]) -> object:
    short = [way["target"] if way.keys() == {"target"} else way for way in ways]
    return short[0] if len(short) == 1 else short


def _state_name(member: Enum) -> str:
    if not isinstance(member.value, str):
        raise DefinitionError(f"{member!r}: a state's value is its name, text")
    return member.value


def _phase(task: Activity[..., Any] | Do | Child | str, *, first: bool) -> object:
    if isinstance(task, Child):
        return task.document()
    if isinstance(task, Activity | str):
        task = Do(activity=task)
    return task.document(first=first)


def _actions(given: Actions | None) -> object:
    if given is None:
        return None
    several = [given] if isinstance(given, str) or not isinstance(given, Iterable) else given
    found = [_action(one) for one in several]
    return found[0] if len(found) == 1 else found


def _action(action: Any) -> object:
    if isinstance(action, Activity):
        return Do(activity=action).document()
    if isinstance(action, str):
        return action
    document: object = action.document()
    return document


def _returned(activity: Activity[..., Any], states: type[Enum]) -> list[str]:
    """The states that an activity's annotation says it can return."""
    return list(dict.fromkeys(_states_in(activity.output, states)))


def _states_in(annotation: object, states: type[Enum]) -> Iterator[str]:
    annotation = hints.unwrap(annotation)
    origin = typing.get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, states):
        yield from (_state_name(member) for member in annotation)
    elif hints.is_union(origin):
        for option in typing.get_args(annotation):
            yield from _states_in(option, states)
    elif hints.is_literal(origin):
        for value in typing.get_args(annotation):
            if isinstance(value, states):
                yield _state_name(value)
            elif isinstance(value, str):
                yield value
