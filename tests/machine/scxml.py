"""Tests of W3C SCXML 1.0 (the implementation report's, by their numbers), as machines of Treadle.

Each ends in `pass` if the machine does what the test wants, else in `fail`. What they check is
theirs; how it is written is ours: an event is raised where theirs send one to themselves, and
`done.NAME` is what they call `done.state.NAME`.
"""

from __future__ import annotations

from tests.machine.scxml_later import LATER
from tests.machine.scxml_words import FAIL, State, count, note, noted, raises, verdict

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
                                "on": {
                                    "entering.s011": {"target": "s012", "guard": "memory.n < 3"}
                                },
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
    **LATER,
}

NOT_SUPPORTED = {
    "399": "names of events match whole, or `*`; `foo` is no prefix of `foo.bar`",
    "409": "`active` are the states before the transition until all that it does is done: what it "
    "does may be activities, and the machine is where it was if one of them fails",
    "411": "as 409: a state is not active yet while it does what it does on entry",
    "412": "the way to an initial state has no actions; the state's own `entry` has",
    "579": "the way from a history state to its default has no actions",
    "376, 378": "what fails on entry or exit raises the state's `error`, and the rest is not done",
    "401, 402": "failures are no events: they take the `error` ways of their state",
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
