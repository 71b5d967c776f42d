"""Tests of W3C SCXML 1.0 from number 406 on, as `scxml` says."""

from __future__ import annotations

from tests.machine.scxml_words import FAIL, State, count, note, noted, raises, verdict

LATER: dict[str, tuple[str, dict[str, State]]] = {
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
                    "s0": {"always": {"target": "fail", "guard": "'sh1' in active"}},
                    "s1": {
                        "initial": "sh1",
                        "exit": count("n"),
                        "always": [
                            {"target": "fail", "guard": "'sh1' in active"},
                            {"target": "sh1", "guard": "'s12' in active && memory.n == 0"},
                            {"target": "pass", "guard": "memory.n == 1"},
                        ],
                        "states": {
                            "sh1": {"history": "shallow", "target": "s11"},
                            "s11": {"always": "s12"},
                            "s12": {},
                        },
                    },
                },
            }
        },
    ),
}
