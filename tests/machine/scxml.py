"""Tests of W3C SCXML 1.0 (the implementation report's, by their numbers), as machines of Treadle.

Each ends in `pass` if the machine does what the test wants, else in `fail`. What they check is
theirs; how it is written is ours: an event is raised where theirs send one to themselves, and
`done.NAME` is what they call `done.state.NAME`.
"""

from __future__ import annotations

from typing import Any

State = dict[str, Any]

PASS: State = {"target": "pass"}
FAIL: State = {"target": "fail"}


def raises(*events: str) -> list[State]:
    """Actions that raise these."""
    return [{"raise": event} for event in events]


def count(*keys: str) -> list[State]:
    """Actions that add one to each."""
    return [{"assign": {key: f"memory.{key} + 1"}} for key in keys]


def note(text: str) -> list[State]:
    """An action that writes down what came."""
    return [{"assign": {"noted": f"memory.noted + ['{text}']"}}]


def noted(*texts: str) -> str:
    """A guard: just these came, in this order."""
    return "memory.noted == [" + ", ".join(f"'{text}'" for text in texts) + "]"


def verdict(guard: str) -> list[State]:
    """Where a machine goes by a guard."""
    return [{"target": "pass", "guard": guard}, FAIL]


MACHINES: dict[str, tuple[str, dict[str, State]]] = {
    "144": (
        "events are taken from the internal queue in the order in which they were raised",
        {
            "s0": {"entry": raises("foo", "bar"), "on": {"foo": "s1", "*": "fail"}},
            "s1": {"on": {"bar": "pass", "*": "fail"}},
        },
    ),
    "355": (
        "without `initial`, the first state in the document is entered",
        {"s0": {"always": "pass", "on": {"never": "s1"}}, "s1": {"always": "fail"}},
    ),
    "364": (
        "an initial configuration may name several states of a parallel one",
        {
            "s1": {
                "initial": ["s11p112", "s11p122"],
                "after": {"1s": "fail"},
                "states": {
                    "s11": {
                        "initial": "s111",
                        "states": {
                            "s111": {"on": {"never": "s11p111"}},
                            "s11p1": {
                                "parallel": True,
                                "states": {
                                    "s11p11": {
                                        "initial": "s11p111",
                                        "states": {
                                            "s11p111": {},
                                            "s11p112": {"entry": raises("in-s11p112")},
                                        },
                                    },
                                    "s11p12": {
                                        "initial": "s11p121",
                                        "states": {
                                            "s11p121": {},
                                            "s11p122": {"on": {"in-s11p112": "pass"}},
                                        },
                                    },
                                },
                            },
                        },
                    }
                },
            }
        },
    ),
    "372": (
        "the event that a state is done comes after what its final state does on entry",
        {
            "s0": {
                "initial": "s0final",
                "on": {"done.s0": verdict("memory.n == 1"), "*": "fail"},
                "states": {"s0final": {"final": True, "entry": count("n")}},
            }
        },
    ),
    "375": (
        "what a state does on entry is done in the document's order",
        {
            "s0": {"entry": raises("event1", "event2"), "on": {"event1": "s1", "*": "fail"}},
            "s1": {"on": {"event2": "pass", "*": "fail"}},
        },
    ),
    "377": (
        "what a state does on exit is done in the document's order",
        {
            "s0": {"exit": raises("event1", "event2"), "always": "s1"},
            "s1": {"on": {"event1": "s2", "*": "fail"}},
            "s2": {"on": {"event2": "pass", "*": "fail"}},
        },
    ),
    "387": (
        "a history state of a parent that was never left leads to its default",
        {
            "s3": {"always": [{"target": "s0sh1", "guard": "memory.n == 0"}, "s0"]},
            "s0": {
                "initial": "s01",
                "on": {"entering.s012": "s4", "entering.s0111": "fail", "never": "s0dh1"},
                "states": {
                    "s0sh1": {"history": "shallow", "target": "s01"},
                    "s0dh1": {"history": "deep", "target": "s022"},
                    "s01": {
                        "initial": "s012",
                        "states": {
                            "s011": {"entry": raises("entering.s0111")},
                            "s012": {"entry": raises("entering.s012"), "on": {"never": "s011"}},
                        },
                    },
                    "s02": {
                        "initial": "s021",
                        "states": {
                            "s021": {"entry": raises("entering.s021")},
                            "s022": {"entry": raises("entering.s022"), "on": {"never": "s021"}},
                        },
                    },
                },
            },
            "s4": {"always": {"target": "s0b"}},
            "s0b": {
                "initial": "s0bdh",
                "on": {"entering.s0b22": "pass", "entering.s0b21": "fail"},
                "states": {
                    "s0bdh": {"history": "deep", "target": "s0b22"},
                    "s0b2": {
                        "initial": "s0b21",
                        "states": {
                            "s0b21": {"entry": raises("entering.s0b21")},
                            "s0b22": {
                                "entry": raises("entering.s0b22"),
                                "on": {"never": "s0b21"},
                            },
                        },
                    },
                },
            },
        },
    ),
    "388": (
        "a history state leads to what was active when its parent was left: shallow to the child, "
        "deep to the innermost",
        {
            "s0": {
                "initial": "s01",
                "entry": count("n"),
                "on": {
                    "entering.s012": [
                        {"target": "s1", "guard": "memory.n == 1"},
                        {"target": "s2", "guard": "memory.n == 2"},
                        FAIL,
                    ],
                    "entering.s011": {"target": "pass", "guard": "memory.n == 3"},
                },
                "states": {
                    "s0sh": {"history": "shallow", "target": "s02"},
                    "s0dh": {"history": "deep", "target": "s02"},
                    "s01": {
                        "initial": "s011a",
                        "states": {
                            "s011a": {
                                "always": {"target": "s012", "guard": "memory.n == 1"},
                                "entry": raises("entering.s011"),
                                "on": {"entering.s011": {"target": "s012", "guard": "memory.n < 3"}},
                            },
                            "s012": {"entry": raises("entering.s012")},
                        },
                    },
                    "s02": {"entry": raises("entering.s02"), "on": {"entering.s02": "fail"}},
                },
            },
            "s1": {"always": "s0dh"},
            "s2": {"always": "s0sh"},
        },
    ),
    "396": (
        "an event matches a transition by its name",
        {"s0": {"entry": raises("foo"), "on": {"foo": "pass", "*": "fail"}}},
    ),
    "403a": (
        "of two transitions the inner state's goes first, then the document's order decides; one "
        "whose guard fails lets its ancestor's be taken",
        {
            "s0": {
                "initial": "s01",
                "on": {"event1": "fail", "event2": "pass"},
                "after": {"1s": "fail"},
                "states": {
                    "s01": {"entry": raises("event1"), "on": {"event1": ["s02", "fail"]}},
                    "s02": {
                        "entry": raises("event2"),
                        "on": {"event1": "fail", "event2": {"target": "fail", "guard": "false"}},
                    },
                },
            }
        },
    ),
    "403b": (
        "a transition of a parallel state is taken once, whatever its regions",
        {
            "p0": {
                "parallel": True,
                "entry": raises("event1", "event2"),
                "on": {
                    "event1": {"action": count("n")},
                    "event2": verdict("memory.n == 1"),
                },
                "states": {"p0s1": {}, "p0s2": {}},
            }
        },
    ),
    "403c": (
        "of transitions that would leave the same states the first in the document preempts",
        {
            "p0": {
                "parallel": True,
                "entry": raises("event1", "event2"),
                "on": {"event1": "fail", "event2": verdict("memory.n == 2")},
                "states": {
                    "p0s1": {"on": {"event1": {"action": count("n")}}},
                    "p0s2": {
                        "initial": "p0s21",
                        "states": {
                            "p0s21": {"on": {"event1": {"target": "p0s22", "action": count("n")}}},
                            "p0s22": {},
                        },
                    },
                },
            }
        },
    ),
    "404": (
        "states are left children first, then in the reverse of the document's order",
        {
            "s0": {
                "initial": "s01p",
                "states": {
                    "s01p": {
                        "parallel": True,
                        "exit": note("s01p"),
                        "always": {"target": "s02", "action": note("transition")},
                        "states": {
                            "s01p1": {"exit": note("s01p1")},
                            "s01p2": {"exit": note("s01p2")},
                        },
                    },
                    "s02": {"always": verdict(noted("s01p2", "s01p1", "s01p", "transition"))},
                },
            }
        },
    ),
    "405": (
        "what transitions do is done after the exits, in the document's order of their states",
        {
            "s0": {
                "initial": "s01p",
                "states": {
                    "s01p": {
                        "parallel": True,
                        "always": {"target": "s02", "guard": "size(memory.noted) >= 4"},
                        "states": {
                            "s01p1": {
                                "initial": "s01p11",
                                "states": {
                                    "s01p11": {
                                        "exit": note("exit 1"),
                                        "always": {"target": "s01p12", "action": note("way 1")},
                                    },
                                    "s01p12": {},
                                },
                            },
                            "s01p2": {
                                "initial": "s01p21",
                                "states": {
                                    "s01p21": {
                                        "exit": note("exit 2"),
                                        "always": {"target": "s01p22", "action": note("way 2")},
                                    },
                                    "s01p22": {},
                                },
                            },
                        },
                    },
                    "s02": {"always": verdict(noted("exit 2", "exit 1", "way 1", "way 2"))},
                },
            }
        },
    ),
    "406": (
        "states are entered after the transition's action, parents first, in the document's order",
        {
            "s0": {"always": {"target": "s01p", "action": note("transition")}},
            "s01p": {
                "parallel": True,
                "entry": note("s01p"),
                "always": verdict(noted("transition", "s01p", "s01p1", "s01p2")),
                "states": {
                    "s01p1": {"entry": note("s01p1")},
                    "s01p2": {"entry": note("s01p2")},
                },
            },
        },
    ),
    "407": (
        "what a state does on exit is done when it is left",
        {
            "s0": {"exit": count("n"), "always": "s1"},
            "s1": {"always": verdict("memory.n == 1")},
        },
    ),
    "413": (
        "with a parallel state all of its regions are active from the start",
        {
            "s2p1": {
                "parallel": True,
                "states": {
                    "s2p11": {
                        "initial": "s2p111",
                        "states": {"s2p111": {"always": verdict("'s2p121' in active")}},
                    },
                    "s2p12": {"initial": "s2p121", "states": {"s2p121": {}}},
                },
            }
        },
    ),
    "416": (
        "a state whose final state is entered raises its done event",
        {
            "s1": {
                "initial": "s11",
                "after": {"1s": "fail"},
                "states": {
                    "s11": {
                        "initial": "s111",
                        "on": {"done.s11": "pass"},
                        "states": {"s111": {"always": "s11final"}, "s11final": {"final": True}},
                    }
                },
            }
        },
    ),
    "417": (
        "a parallel state is done when all of its regions are",
        {
            "s1": {
                "initial": "s1p1",
                "after": {"1s": "fail"},
                "states": {
                    "s1p1": {
                        "parallel": True,
                        "on": {"done.s1p1": "pass"},
                        "states": {
                            "s1p11": {
                                "initial": "s1p111",
                                "states": {
                                    "s1p111": {"always": "s1p11final"},
                                    "s1p11final": {"final": True},
                                },
                            },
                            "s1p12": {
                                "initial": "s1p121",
                                "states": {
                                    "s1p121": {"always": "s1p12final"},
                                    "s1p12final": {"final": True},
                                },
                            },
                        },
                    }
                },
            }
        },
    ),
    "419": (
        "a transition without event goes before those with one",
        {"s1": {"entry": raises("internal"), "on": {"*": "fail"}, "always": "pass"}},
    ),
    "421": (
        "the machine's own events go before external ones, all of them",
        {
            "s1": {
                "initial": "s11",
                "entry": raises("i1", "i2", "i3", "i4"),
                "on": {"external": "fail"},
                "states": {
                    "s11": {"on": {"i3": "s12"}},
                    "s12": {"on": {"i4": "pass"}},
                },
            }
        },
    ),
    "423": (
        "events are taken from the queue until one leads on",
        {
            "s0": {
                "entry": raises("e1", "e2"),
                "on": {"e2": "s1"},
            },
            "s1": {"after": {"1ms": "pass"}, "on": {"*": "fail"}},
        },
    ),
    "503": (
        "a transition without target leaves no state",
        {
            "s1": {"entry": raises("foo", "bar"), "always": "s2"},
            "s2": {
                "exit": count("n"),
                "on": {
                    "foo": {"action": count("m")},
                    "bar": [{"target": "s3", "guard": "memory.m == 1"}, FAIL],
                },
            },
            "s3": {"always": verdict("memory.n == 1")},
        },
    ),
    "504": (
        "an external transition leaves and enters its own state, and all that is in it",
        {
            "s1": {"entry": raises("foo", "bar"), "always": "p"},
            "p": {
                "parallel": True,
                "exit": note("p"),
                "on": {"foo": {"target": "p", "action": note("foo")}, "bar": "s4"},
                "states": {"ps1": {"exit": note("ps1")}, "ps2": {"exit": note("ps2")}},
            },
            "s4": {"always": verdict(noted("ps2", "ps1", "p", "foo", "ps2", "ps1", "p"))},
        },
    ),
    "505": (
        "an internal transition to a state within does not leave its own",
        {
            "s1": {
                "initial": "s11",
                "entry": raises("foo", "bar"),
                "exit": note("s1"),
                "on": {
                    "foo": {"target": "s11", "internal": True, "action": note("foo")},
                    "bar": "s2",
                },
                "states": {"s11": {"exit": note("s11")}},
            },
            "s2": {"always": verdict(noted("s11", "foo", "s11", "s1"))},
        },
    ),
    "506": (
        "an internal transition to a state that is not within leaves its own",
        {
            "s1": {"entry": raises("foo", "bar"), "always": "s2"},
            "s2": {
                "initial": "s21",
                "exit": note("s2"),
                "on": {
                    "foo": {"target": "s2", "internal": True, "action": note("foo")},
                    "bar": "s3",
                },
                "states": {"s21": {"exit": note("s21")}},
            },
            "s3": {"always": verdict(noted("s21", "s2", "foo", "s21", "s2"))},
        },
    ),
    "533": (
        "an internal transition of a state that is not compound leaves its own",
        {
            "s1": {"entry": raises("foo", "bar"), "always": "p"},
            "p": {
                "parallel": True,
                "exit": note("p"),
                "on": {
                    "foo": {"target": "ps1", "internal": True, "action": note("foo")},
                    "bar": "s4",
                },
                "states": {"ps1": {"exit": note("ps1")}, "ps2": {"exit": note("ps2")}},
            },
            "s4": {"always": verdict(noted("ps2", "ps1", "p", "foo", "ps2", "ps1", "p"))},
        },
    ),
    "570": (
        "a parallel state is not done before its last region is",
        {
            "p0": {
                "parallel": True,
                "entry": raises("e1", "e2"),
                "on": {"done.p0": verdict(noted("r1", "r2")), "never": "fail"},
                "states": {
                    "p0s1": {
                        "initial": "p0s11",
                        "on": {"done.p0s1": {"action": note("r1")}},
                        "states": {
                            "p0s11": {"on": {"e1": "p0s1final"}},
                            "p0s1final": {"final": True},
                        },
                    },
                    "p0s2": {
                        "initial": "p0s21",
                        "on": {"done.p0s2": {"action": note("r2")}},
                        "states": {
                            "p0s21": {"on": {"e2": "p0s2final"}},
                            "p0s2final": {"final": True},
                        },
                    },
                },
            }
        },
    ),
    "576": (
        "the machine may begin in several regions of a state deep inside",
        {
            "s0": {
                "initial": ["s11p112", "s11p122"],
                "after": {"1s": "fail"},
                "states": {
                    "s11": {
                        "parallel": True,
                        "states": {
                            "s11p11": {
                                "initial": "s11p111",
                                "states": {
                                    "s11p111": {},
                                    "s11p112": {"entry": raises("in-s11p112")},
                                },
                            },
                            "s11p12": {
                                "initial": "s11p121",
                                "states": {
                                    "s11p121": {},
                                    "s11p122": {"on": {"in-s11p112": "pass"}},
                                },
                            },
                        },
                    }
                },
            }
        },
    ),
    "580": (
        "a history state is never active itself",
        {
            "p1": {
                "parallel": True,
                "states": {
                    "s0": {
                        "initial": "s0a",
                        "on": {"never": "s0b"},
                        "states": {
                            "s0a": {"always": {"target": "s1", "guard": "!('sh1' in active)"}},
                            "s0b": {"always": "fail"},
                        },
                    },
                    "s1": {
                        "initial": "sh1",
                        "states": {
                            "sh1": {"history": "shallow", "target": "s11"},
                            "s11": {
                                "exit": count("n"),
                                "always": [
                                    {"target": "pass", "guard": "memory.n > 0"},
                                    {"target": "fail", "guard": "'sh1' in active"},
                                ],
                            },
                        },
                    },
                },
            }
        },
    ),
}

NOT_SUPPORTED = {
    "399": "names of events match whole, or `*`; `foo` is no prefix of `foo.bar`",
    "409": "`active` are the states before the transition until all that it does is done: what it "
    "does may be activities, and the machine is where it was if one of them fails",
    "411": "as 409: a state is not active yet while it does what it does on entry",
    "412": "the way to an initial state has no actions; the state's own `entry` has",
    "579": "the way from a history state to its default has no actions",
    "376, 378": "what fails on entry or exit raises the state's `error`, and the rest is not done",
    "401, 402": "failures are no events: they take the `error` transitions of the state they are of",
}


def document(number: str) -> State:
    """A test as a document."""
    _, states = MACHINES[number]
    return {
        "treadle": "v1",
        "kind": "machine",
        "name": f"scxml-{number}",
        "memory": {"n": 0, "m": 0, "noted": []},
        "states": {
            **states,
            "pass": {"final": True},
            "fail": {"final": {"fail": {"kind": "NotAsScxmlHasIt"}}},
        },
    }
