"""Random state machines: as documents, and as the oracle reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.machine.oracle import Oracle, Way

EVENTS = ("a", "b", "c")
RAISED = "x"
_MOST = 12
_NO_GUARD: dict[str, Any] = {}


@dataclass
class Chart:
    """A machine. Its states stand in `top`, which can be entered anywhere and always left."""

    document: dict[str, Any]
    ways: list[Way]
    states: list[str]
    """Histories are among them."""

    def oracle(self) -> Oracle:
        return Oracle(self.document, self.ways)


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    """A machine of up to a dozen states."""
    bodies: dict[str, dict[str, Any]] = {}
    histories: list[str] = []

    def tree(depth: int, least: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(draw(st.integers(least, 3))):
            if len(bodies) >= _MOST and len(found) >= least:
                break
            name = f"s{len(bodies)}"
            body = bodies[name] = found[name] = {
                "entry": [_notes(f"enter {name}")],
                "exit": [_notes(f"exit {name}")],
            }
            if depth < 3 and len(bodies) < _MOST and draw(st.booleans()):
                inner = tree(depth + 1, 1)
                if draw(st.booleans()) and len(inner) > 1:
                    body["parallel"] = True
                if draw(st.booleans()):
                    kind = draw(st.sampled_from(["shallow", "deep"]))
                    target = draw(st.sampled_from(sorted(inner)))
                    inner[f"h{name}"] = {"history": kind, "target": target}
                    histories.append(f"h{name}")
                body["states"] = inner
        return found

    top: dict[str, Any] = {"states": tree(0, 2), "on": {"stop": "end"}}
    names = list(bodies)
    anywhere = [*names, *histories]
    ways = [Way("top", name, f"to-{name}", _NO_GUARD, "", False, False, "") for name in anywhere]
    top["on"] |= {f"to-{name}": name for name in anywhere}
    for source in names:
        for number in range(draw(st.integers(0, 2))):
            way = draw(_ways(source, number, anywhere, names))
            ways.append(way)
            _write(way, bodies[source])
    document = {
        "treadle": "v1",
        "kind": "machine",
        "name": "chart",
        "memory": {"n": 0, "log": []},
        "states": {"top": top, "end": {"final": True}},
    }
    return Chart(document, ways, anywhere)


@st.composite
def _ways(draw: st.DrawFn, source: str, number: int, targets: list[str], states: list[str]) -> Way:
    event = draw(st.sampled_from([*EVENTS, *EVENTS, RAISED, ""]))
    guards = [_NO_GUARD, {"below": draw(st.integers(1, 3))}, {"in": draw(st.sampled_from(states))}]
    # What needs no event, or raises one, must come to an end some time.
    guard = guards[1] if not event else draw(st.sampled_from(guards))
    return Way(
        source=source,
        target=draw(st.none() | st.sampled_from(targets)),
        event=event,
        guard=guard,
        note=f"{source} {number}",
        internal=draw(st.booleans()),
        counts=not event or draw(st.booleans()),
        raises=draw(st.sampled_from(["", RAISED])) if event != RAISED else "",
    )


def _notes(text: str) -> dict[str, Any]:
    return {"assign": {"log": f"memory.log + ['{text}']"}}


def _write(way: Way, body: dict[str, Any]) -> None:
    action = _notes(way.note)
    if way.counts:
        action["assign"]["n"] = "memory.n + 1"
    written: dict[str, Any] = {"action": [action]}
    if way.raises:
        written["action"].append({"raise": way.raises})
    if way.target is not None:
        written["target"] = way.target
        written["internal"] = way.internal
    if "below" in way.guard:
        written["guard"] = f"memory.n < {way.guard['below']}"
    elif way.guard:
        written["guard"] = f"'{way.guard['in']}' in active"
    if way.event:
        body.setdefault("on", {}).setdefault(way.event, []).append(written)
    else:
        body.setdefault("always", []).append(written)
