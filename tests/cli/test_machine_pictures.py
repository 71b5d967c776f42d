"""Pictures of state machines: what they show, and that nothing in a document can break out of a
label.

What is expected here was drawn by Mermaid itself (11.17, in a browser) and by Graphviz, as hundreds
of random machines were; the laws at the end keep what is written inside of what was tried so.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import ScriptedServer
from tests.machine.charts import Chart, charts
from treadle.v1 import definition_service_pb2 as definitions_pb
from treadle.v1 import run_service_pb2 as runs_pb
from treadle_server.cli.documents import load
from treadle_server.cli.machine_pictures import dot, mermaid
from treadle_server.definitions.machine.parse import parse_machine

ORDER = Path(__file__).parents[2] / "examples" / "order_machine.yaml"


def machine(states: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document that the server takes."""
    document = {"treadle": "v1", "kind": "machine", "name": "m", "states": states, **more}
    parse_machine(document)
    return document


def drawn(states: dict[str, Any], **more: Any) -> list[str]:
    """The lines of a Mermaid picture, without head and indent."""
    head, *lines = mermaid(machine(states, **more))
    assert head == "stateDiagram-v2"
    return [line.strip() for line in lines]


def test_the_order_machine() -> None:
    [document] = load(str(ORDER))
    assert list(mermaid(document.content, {"pending": "RUNNING"})) == [
        "stateDiagram-v2",
        "    [*] --> s1",
        '    state "draft" as s1',
        '    state "pending" as s2',
        "    s2 : entry / waiting_for_payment",
        '    state "processing" as s3',
        '    state "completed" as s4',
        "    s4 : entry / assign completed_at",
        '    state "cancelled" as s5',
        "    s5 --> [*]",
        '    state "failed" as s6',
        '    state "returned" as s7',
        "    s7 --> [*]",
        '    state "kept" as s8',
        "    s8 --> [*]",
        "    s1 --> s2 : submit [memory.items.size() > 0] / send order-submitted",
        "    s2 --> s3 : pay / process_payment",
        "    s2 --> s5 : cancel",
        "    s3 --> s4 : fulfill / create_shipment",
        "    s3 --> s6 : fail",
        "    s4 --> s7 : return [timestamp(now) - timestamp(memory.completed_at) #60;= "
        "duration('720h')]",
        "    s4 --> s8 : after 30d",
        "    s6 --> s3 : retry",
        "    classDef RUNNING fill:#cfe8ff,stroke:#555",
        "    class s2 RUNNING",
    ]


def test_every_way_out_in_all_its_forms() -> None:
    lines = drawn(
        {
            "a": {
                "task": "decide",
                "results": {"yes": "b", "no": [{"target": "c", "guard": "true"}, "b"], "*": "c"},
                "returns": ["c"],
                "error": [{"kinds": ["Refused", "Timeout"], "target": "c"}, "b"],
                "always": [{"guard": "memory.n > 1", "target": "b"}, "c"],
                "after": {"1h30m": ["b"], "2d": {"target": "c", "action": ["tidy"]}},
                "on": {
                    "go": {"target": "b", "action": [{"raise": "x"}, {"send": "y", "to": "'z'"}]}
                },
            },
            "b": {"after": {"delay": 30, "target": "c"}},
            "c": {"final": {"fail": {"kind": "TooLate"}}},
        }
    )
    assert lines == [
        "[*] --> s1",
        'state "a" as s1',
        "s1 : do / decide",
        'state "b" as s2',
        'state "c" as s3',
        "s3 --> [*] : fails with TooLate",
        "s1 --> s2 : go / raise x, send y",
        "s1 --> s2 : [memory.n > 1]",
        "s1 --> s3",
        "s1 --> s2 : returned yes",
        "s1 --> s3 : returned no [true]",
        "s1 --> s2 : returned no",
        "s1 --> s3 : done",
        "s1 --> s3 : returned c",
        "s1 --> s3 : error Refused Timeout",
        "s1 --> s2 : error",
        "s1 --> s2 : after 1h30m",
        "s1 --> s3 : after 2d / tidy",
        "s2 --> s3 : after 30s",
    ]


def test_what_a_state_does_stands_in_it() -> None:
    lines = drawn(
        {
            "a": {
                "entry": {"activity": "greet", "input": "params"},
                "exit": [{"assign": {"k": "1", "l": "2"}}, "wave"],
                "node": {"prepare": "fetch", "execute": {"workflow": "ship"}},
                "on": {"ping": {"action": "pong", "guard": "true"}},
            },
            "b": {"final": True},
        }
    )
    assert lines[2:6] == [
        "s1 : entry / greet",
        "s1 : exit / assign k, l, wave",
        "s1 : do / fetch, workflow ship, which names the next state",
        "s1 : ping [true] / pong",
    ]


def test_states_in_states() -> None:
    """Arrows between neighbours stand with them, those over borders outside of all states: in a
    state's block Mermaid would move the state that they name. Between a state and one around it it
    draws none.
    """
    lines = list(
        mermaid(
            machine(
                {
                    "top": {
                        "entry": "begin",
                        "initial": "deep",
                        "states": {
                            "a": {"on": {"x": "inner", "out": "end"}},
                            "inner": {"states": {"deep": {"on": {"y": "a", "up": "inner"}}}},
                        },
                        "on": {"again": "top", "in": "deep"},
                    },
                    "end": {"final": True},
                },
                on={"stop": "end"},
            )
        )
    )
    assert lines == [
        "stateDiagram-v2",
        '    state "m<br/>stop → end" as s0note',
        "    [*] --> s1",
        '    state "top" as s1 {',
        '        state "entry / begin<br/>in → deep" as s1note',
        "        [*] --> s4",
        '        state "a" as s2',
        '        state "inner" as s3 {',
        "            [*] --> s4",
        '            state "deep" as s4',
        "            s4 : up → inner",
        "        }",
        "        s2 --> s3 : x",
        "    }",
        '    state "end" as s5',
        "    s5 --> [*]",
        "    s1 --> s1 : again",
        "    s2 --> s5 : out",
        "    s4 --> s2 : y",
        "    classDef note fill:none,stroke:none",
        "    class s0note,s1note note",
    ]


PARALLEL: dict[str, Any] = {
    "idle": {"on": {"both": {"target": ["a2", "b2"], "action": "split"}, "back": "past"}},
    "work": {
        "parallel": True,
        "entry": "begin",
        "states": {
            "a": {"states": {"a1": {"on": {"x": "a2"}}, "a2": {"final": True}}},
            "b": {"initial": "b2", "states": {"b1": {"on": {"y": "b2"}}, "b2": {}}},
            "c": {"on": {"z": "a"}},
            "past": {"history": "deep", "target": ["a1", "b1"]},
        },
        "on": {"done.work": "idle"},
    },
}


def test_regions_histories_and_forks() -> None:
    assert drawn(PARALLEL) == [
        "[*] --> s1",
        'state "idle" as s1',
        'state "work" as s2 {',
        'state "entry / begin" as s2note',
        'state "H#42; past" as s10',
        "--",
        'state "a" as s3 {',
        "[*] --> s4",
        'state "a1" as s4',
        'state "a2" as s5',
        "s5 --> [*]",
        "s4 --> s5 : x",
        "}",
        "--",
        'state "b" as s6 {',
        "[*] --> s8",
        'state "b1" as s7',
        'state "b2" as s8',
        "s7 --> s8 : y",
        "}",
        "--",
        'state "c" as s9',
        "}",
        "state fork0 <<fork>>",
        "s2 --> s1 : done.work",
        "state fork6 <<fork>>",
        "s1 --> fork0 : both / split",
        "fork0 --> s5",
        "fork0 --> s8",
        "s1 --> s10 : back",
        "s9 --> s3 : z",
        "s10 --> fork6",
        "fork6 --> s4",
        "fork6 --> s7",
        "classDef note fill:none,stroke:none",
        "class s2note note",
    ]


def test_only_the_innermost_states_of_a_run_are_marked() -> None:
    active = dict.fromkeys(["work", "a", "a2", "b", "b1", "c", "gone"], "FAILED")
    lines = list(mermaid(machine(PARALLEL), active))
    assert lines[-2:] == [
        "    classDef FAILED fill:#ffd0cc,stroke:#555",
        "    class s5,s7,s9 FAILED",
    ]
    graph = list(dot(machine(PARALLEL), active))
    assert [line.split()[0] for line in graph if "#ffd0cc" in line] == ["s5", "s7", "s9"]


def test_dot() -> None:
    assert [line.strip() for line in dot(machine(PARALLEL))] == [
        'digraph "m" {',
        "compound=true; fontname=sans; edge [fontname=sans];",
        'node [shape=box, style="rounded,filled", fillcolor=white, fontname=sans];',
        's0_begin [shape=circle, label="", width=0.2, fillcolor=black];',
        's1 [label="idle"];',
        "subgraph cluster_s2 {",
        'label="work\\nentry / begin"; style=rounded;',
        "s2 [shape=point];",
        "subgraph cluster_s3 {",
        'label="a"; style=dashed;',
        "s3 [shape=point];",
        's3_begin [shape=circle, label="", width=0.2, fillcolor=black];',
        's4 [label="a1"];',
        's5 [label="a2", peripheries=2];',
        "}",
        "subgraph cluster_s6 {",
        'label="b"; style=dashed;',
        's6_begin [shape=circle, label="", width=0.2, fillcolor=black];',
        's7 [label="b1"];',
        's8 [label="b2"];',
        "}",
        's9 [label="c"];',
        's10 [label="H* past", shape=circle];',
        "}",
        "s0_begin -> s1;",
        "s3_begin -> s4;",
        "s6_begin -> s8;",
        's1 -> s5 [label="both\\n/ split"];',
        's1 -> s8 [label="both\\n/ split"];',
        's1 -> s10 [label="back"];',
        's2 -> s1 [label="done.work", ltail=cluster_s2];',
        's4 -> s5 [label="x"];',
        's7 -> s8 [label="y"];',
        's9 -> s3 [label="z", lhead=cluster_s3];',
        "s10 -> s4;",
        "s10 -> s7;",
        "}",
    ]


HOSTILE = {
    'a"; } --> [*]\n%%{b}': "a#34;#59; #125; #45;#45;#62; [#42;] #37;#37;#123;b#125;",
    "direction LR": "#100;irection LR",
    "1. - [x](y) <b>": "#49;. - [x#93;(y) #60;b>",
    "__init__": "#95;_init_#95;",
    "a && b || &lt; #35;": "a && b || #38;lt#59; #35;35#59;",
    "[[fork]]": "#91;#91;fork#93;#93;",
}


@pytest.mark.parametrize("event", HOSTILE)
def test_signs_of_mermaid_in_names_and_guards(event: str) -> None:
    states = {
        "a": {
            "on": {event: {"target": "b", "guard": "params == '\";}'"}},
            "entry": {"raise": event},
        },
        "b": {"final": True},
    }
    lines = drawn(states)
    assert f"s1 --> s2 : {HOSTILE[event]} [params == '#34;#59;#125;']" in lines
    assert any(line.startswith("s1 : entry / raise ") for line in lines)
    told = json.dumps(" ".join(event.split()), ensure_ascii=False)
    guard = r"[params == '\";}']"
    assert f'    s1 -> s2 [label={told[:-1]}\\n{guard}"];' in list(dot(machine(states)))


def test_long_texts_are_cut() -> None:
    [line] = [
        line
        for line in drawn(
            {
                "a": {"on": {"go": {"target": "b", "guard": f"params == '{'x' * 100}'"}}},
                "b": {"final": True},
            }
        )
        if "s1 --> s2" in line
    ]
    assert line == f"s1 --> s2 : go [params == '{'x' * 68}…]"


# --- as commands ---------------------------------------------------------------------------------


def definition(document: dict[str, Any]) -> definitions_pb.GetDefinitionResponse:
    return definitions_pb.GetDefinitionResponse(
        definition=definitions_pb.Definition(
            workflow="m", version=1, kind=document["kind"], json=json.dumps(document)
        )
    )


def test_the_commands_draw_what_the_definition_is(server: ScriptedServer, treadle: Treadle) -> None:
    document = machine({"a": {"on": {"go": "b"}}, "b": {"final": True}})
    server.answers["GetDefinition"] = definition(document)
    server.answers["GetRun"] = runs_pb.GetRunResponse(
        run=sample_run.run_message(runs_pb.RUN_STATE_TIMED_OUT), active_states=["a"]
    )

    assert treadle("definitions", "picture", "m").stdout.splitlines() == list(mermaid(document))
    marked = treadle("runs", "picture", "order-17").stdout.splitlines()
    assert marked == list(mermaid(document, {"a": "TIMED_OUT"}))
    assert marked[-1] == "    class s1 TIMED_OUT"
    as_dot = treadle("runs", "picture", "order-17", "--as", "dot").stdout.splitlines()
    assert as_dot == list(dot(document, {"a": "TIMED_OUT"}))


def test_code_has_no_picture(server: ScriptedServer, treadle: Treadle) -> None:
    server.answers["GetDefinition"] = definition({"kind": "code", "name": "m"})

    result = treadle("definitions", "picture", "m")

    assert result.exit_code == 1
    assert result.stderr == "Error: m is code: only graphs and machines are drawn\n"


# --- laws ----------------------------------------------------------------------------------------

TEXT = r'(?:[^\x00-\x1f"#;:{}<%`*\\$~^@]|#\d+;)+'
LINES = {
    "beginning": r"\[\*\] --> (?P<target>s\d+)",
    "block": rf'state "{TEXT}" as (?P<id>s\d+) {{',
    "state": rf'state "{TEXT}" as (?P<id>s\d+)',
    "note": rf'state "{TEXT}(?:<br/>{TEXT})*" as (?P<id>s\d+note)',
    "fork": r"state (?P<id>fork\d+) <<fork>>",
    "end": rf"(?P<source>s\d+) --> \[\*\](?: : {TEXT})?",
    "arrow": rf"(?P<source>(?:s|fork)\d+) --> (?P<target>(?:s|fork)\d+)(?: : {TEXT})?",
    "line": rf"(?P<source>s\d+) : {TEXT}",
    "close": r"}",
    "region": r"--",
    "colour": r"classDef \w+ fill:(?:none|#\w{6}),stroke:(?:none|#555)",
    "class": r"class [\w,]+ \w+",
}


def read(line: str) -> tuple[str, dict[str, str]]:
    """What a line is, and whom it names."""
    for kind, pattern in LINES.items():
        found = re.fullmatch(pattern, line.strip())
        if found:
            return kind, {name: text for name, text in found.groupdict().items() if text}
    raise AssertionError(f"no line of a state diagram: {line!r}")


@settings(max_examples=100)
@given(charts())
def test_every_state_stands_where_it_belongs(chart: Chart) -> None:
    """Once, and in blocks only neighbours are named, unless before they are declared."""
    blocks: list[list[str]] = [[]]
    declared: set[str] = set()
    for line in list(mermaid(chart.document))[1:]:
        kind, named = read(line)
        if "id" in named:
            assert named["id"] not in declared
            declared.add(named["id"])
            blocks[-1].append(named["id"])
        for end in (named[name] for name in ("source", "target") if name in named):
            assert len(blocks) == 1 or end in blocks[-1] or kind == "beginning"
        if kind == "beginning" and len(blocks) > 1:
            assert named["target"] not in declared
        if kind == "block":
            blocks.append([])
        elif kind == "close":
            blocks.pop()
    assert len(blocks) == 1
    states = {one for one in declared if re.fullmatch(r"s\d+", one)}
    assert len(states) == len(chart.states) + 2  # `top` and `end`


@settings(max_examples=100)
@given(charts())
def test_every_transition_is_drawn_or_told(chart: Chart) -> None:
    histories: set[str] = set()
    count = 0
    for line in list(mermaid(chart.document))[1:]:
        kind, named = read(line)
        if kind == "state" and 'state "H' in line:
            histories.add(named["id"])
        elif kind == "arrow":
            count += named["source"] not in histories
        elif kind == "line":
            count += not re.search(r" : (entry|exit) /", line)
        elif kind == "note":
            texts = line.split('"')[1].split("<br/>")
            count += sum(not text.startswith(("entry /", "exit /")) for text in texts)
    assert count == len(chart.ways) + 1  # that of `stop`


@given(st.text(min_size=1))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    document = {"name": "m", "states": {"a": {"exit": [{"raise": text}]}}}
    [line] = [line for line in mermaid(document) if line.startswith("    s1 : ")]
    read(line)
    shown = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), line)
    expected = " ".join(f"raise {text}".split())
    assert shown == f"    s1 : exit / {expected if len(expected) <= 80 else expected[:79] + '…'}"
