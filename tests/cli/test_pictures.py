"""Pictures of graphs: what they show, and that nothing in a document can break out of a label."""

from __future__ import annotations

from typing import Any

from treadle_server.cli.pictures import dot, mermaid

DOCUMENT: dict[str, Any] = {
    "name": "orders",
    "nodes": {
        "check": {},
        "charge": {"activity": "charge_card"},
        "nap": {"timer": {"delay": "10s"}},
        "ask": {"wait": {"event": "approved"}},
        "child": {"workflow": {"name": "shipping"}},
        "each": {"map": {"over": "check"}, "depends_on": ["check"]},
        "no": {"fail": {"kind": "Declined"}},
    },
    "edges": [
        {"from": "start", "to": "check"},
        {"from": "check", "to": "charge", "when": 'output.total < 5 && output.name == "a"'},
        {"from": "check", "to": "nap", "else": True},
        {"from": "charge", "to": "no", "on": "error", "kinds": ["CardExpired"]},
        {"from": "ask", "to": "check", "when": "output.again"},
    ],
}


def test_mermaid() -> None:
    assert list(mermaid(DOCUMENT, {"check": "COMPLETED", "charge": "FAILED"})) == [
        "flowchart TD",
        '    n0["check"]',
        '    n1["charge<br/>charge_card"]',
        '    n2(["nap<br/>timer 10s"])',
        '    n3{{"ask<br/>wait approved"}}',
        '    n4[/"child<br/>workflow shipping"/]',
        '    n5["each<br/>each, once per item"]',
        '    n6[["no<br/>fail"]]',
        "    start((start))",
        "    start --> n0",
        '    n0 -->|"output.total #60; 5 && output.name == #34;a#34;"| n1',
        '    n0 -->|"else"| n2',
        '    n1 -.->|"error CardExpired"| n6',
        '    n3 -.->|"output.again"| n0',
        "    n0 --> n5",
        "    classDef COMPLETED fill:#d3f2d3,stroke:#555",
        "    class n0 COMPLETED",
        "    classDef FAILED fill:#ffd0cc,stroke:#555",
        "    class n1 FAILED",
    ]


def test_dot() -> None:
    lines = list(dot(DOCUMENT, {"check": "COMPLETED"}))
    assert lines[0] == 'digraph "orders" {'
    assert '    "check" [label="check", shape=box, fillcolor="#d3f2d3"];' in lines
    assert '    "ask" [label="ask\\nwait approved", shape=hexagon, fillcolor="white"];' in lines
    assert '    "charge" -> "no" [label="error CardExpired", style=dashed];' in lines
    guard = r"output.total < 5 && output.name == \"a\""
    assert f'    "check" -> "charge" [label="{guard}"];' in lines
    assert lines[-1] == "}"


def test_no_sign_of_mermaid_in_a_guard_is_one() -> None:
    """Each of these was a directive, an entity or Markdown for Mermaid 11."""
    guards = {
        "output == '%%{init: {}}%%'": "output == '#37;#37;#123;init#58; #123;#125;#125;#37;#37;'",
        "`a` == '#35;'": "#96;a#96; == '#35;35#59;'",
        "- output.n < 1": "#45; output.n #60; 1",
    }
    edges = [{"from": "start", "to": "a", "when": guard} for guard in guards]
    lines = list(mermaid({"name": "g", "nodes": {"a": {}}, "edges": edges}))
    assert [line.strip() for line in lines if "|" in line] == [
        f'start -->|"{shown}"| n0' for shown in guards.values()
    ]
