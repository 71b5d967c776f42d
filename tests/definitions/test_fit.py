"""Mappings against the activities' schemas: what can never fit is refused, the rest is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.definitions.documents import accepted, faults, graph


def record(required: str = "", **properties: Any) -> dict[str, Any]:
    """The schema of a dataclass, as a builder writes it."""
    types = {
        name: {"type": kind} if isinstance(kind, str) else kind for name, kind in properties.items()
    }
    schema: dict[str, Any] = {"type": "object", "properties": types}
    return schema | ({"required": required.split()} if required else {})


USER = record("id profile", id="integer", profile=record("email", email="string"), nick="string")
MAIL = record("to", to="string", copies="integer")


def mail(
    edge: dict[str, Any] | None = None,
    *,
    source: Any = USER,
    target: Any = MAIL,
    fetch: dict[str, Any] | None = None,
    **parts: Any,
) -> dict[str, Any]:
    """A user is fetched, and a mail is sent."""
    return graph(
        nodes={"fetch": fetch or {}, "mail": {"activity": "send_mail"}},
        edges=[{"from": "fetch", "to": "mail"} | (edge or {})],
        activities={"fetch": {"output": source}, "send_mail": {"input": target}},
        **parts,
    )


# Whole outputs.


def test_a_whole_object_into_an_activity_that_wants_something_else() -> None:
    assert faults(mail()) == {
        "edges[0]": (
            "does not fit 'mail' (activity 'send_mail'): `to` is missing; it must be a string "
            "(the output of 'fetch' goes there as it is; give the edge a `map`)"
        )
    }


def test_a_whole_output_that_fits() -> None:
    accepted(mail(source=record("to", to="string", more="integer")))
    accepted(mail(source=record("", to="string")))  # may be there
    accepted(mail(source={"type": "object"}))
    accepted(mail(source={}))
    accepted(mail(source=True))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"type": "string"}, "must be an object, is a string"),
        ({"type": ["string", "null"]}, "must be an object, is a string"),
        ({"type": "array", "items": MAIL}, "must be an object, is a list"),
        ({"enum": ["a", "b"]}, "must be an object, is a string"),
        ({"const": None}, "must be an object, is null"),
        (record("to", to="integer"), "`to` must be a string, is a number"),
        (record("", to="integer"), "`to` must be a string, is a number"),
        (record("to copies", to="string", copies="string"), "`copies` must be a whole number"),
        ({"anyOf": [USER, {"type": "null"}]}, "`to` is missing"),
        ({"oneOf": [USER, record("x", x="string")]}, "`to` is missing"),
        ({"$ref": "#/$defs/U", "$defs": {"U": USER}}, "`to` is missing"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "`to` must be a string"),
        ({"type": "object", "additionalProperties": False}, "`to` is missing"),
    ],
)
def test_whole_outputs_that_never_fit(source: Any, message: str) -> None:
    assert message in faults(mail(source=source))["edges[0]"]


@pytest.mark.parametrize(
    "source",
    [
        {"anyOf": [USER, MAIL]},
        {"anyOf": [USER, {}]},
        {"$ref": "http://example.org/mail.json"},
        {"$ref": "#/$defs/Missing"},
        {"$ref": "#"},
        {"allOf": [USER]},
        USER | {"additionalProperties": True},
        USER | {"patternProperties": {"^t": {"type": "string"}}},
        {"$ref": "#/$defs/U", "properties": {"to": True}, "$defs": {"U": USER}},
        MAIL | {"anyOf": [record("x", x="string"), record("y", y="string")]},
        USER | {"allOf": [MAIL]},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": ["object", "string"]},
        {"not": USER},
    ],
)
def test_whole_outputs_that_may_fit(source: Any) -> None:
    accepted(mail(source=source))


def test_a_target_may_take_several_forms() -> None:
    nothing = {"type": "null"}
    accepted(mail(source={"type": ["object", "null"]}, target={"anyOf": [MAIL, nothing]}))
    accepted(mail(target={"anyOf": [MAIL, record("id", id="integer")]}))
    accepted(mail(target=True))
    assert "`to` is missing" in faults(mail(target={"anyOf": [MAIL, nothing]}))["edges[0]"]
    found = faults(mail(source={"type": "integer"}, target={"anyOf": [MAIL, nothing]}))
    assert "must be an object or null, is a number" in found["edges[0]"]


def test_a_target_that_contains_itself() -> None:
    tree = record("value", value="integer", left={"$ref": "#/$defs/T"}) | {}
    schema = {"$ref": "#/$defs/T", "$defs": {"T": tree}}
    accepted(mail(source=schema, target=schema))
    found = faults(mail({"map": '{"value": 1, "left": {"value": 2, "left": {}}}'}, target=schema))
    assert "`left.left.value` is missing" in found["edges[0].map.left.left"]


def test_a_type_that_contains_itself_twice() -> None:
    branch = {"anyOf": [{"$ref": "#/$defs/T"}, {"type": "null"}]}

    def tree(value: str) -> dict[str, Any]:
        node = record("left right value", left=branch, right=branch, value=value)
        return {"$ref": "#/$defs/T", "$defs": {"T": node}}

    accepted(mail(source=tree("integer"), target=tree("integer")))
    found = faults(mail(source=tree("integer"), target=tree("string")))
    assert "`value` must be a string, is a number" in found["edges[0]"]


def test_types_that_share_their_parts() -> None:
    def layers(leaf: str) -> dict[str, Any]:
        parts = {
            f"L{depth}": record("x y", x=below, y=below)
            for depth in range(30)
            for below in [{"$ref": f"#/$defs/L{depth + 1}"}]
        }
        return {"$ref": "#/$defs/L0", "$defs": parts | {"L30": {"type": leaf}}}

    accepted(mail(source=layers("integer"), target=layers("integer")))
    found = faults(mail(source=layers("integer"), target=layers("string")))
    assert f"`x{'.x' * 29}` must be a string, is a number" in found["edges[0]"]


def test_a_schema_is_read_by_the_rules_of_its_dialect() -> None:
    dialect = {"$schema": "http://json-schema.org/draft-07/schema#"}
    pair = dialect | {"type": "array", "items": [{"type": "string"}, MAIL]}
    accepted(mail({"map": '["x", {"to": "y"}]'}, target=pair))
    accepted(mail({"map": "output[1]"}, source=pair, target=MAIL))
    found = faults(mail(target=dialect | {"minItems": -1}))
    assert "is no JSON Schema" in found["activities.send_mail.input.minItems"]


@pytest.mark.parametrize("dialect", ["https://example.org/mine", 7, ["x"], {}])
def test_a_dialect_that_is_none(dialect: Any) -> None:
    found = faults(mail(target=MAIL | {"$schema": dialect}))
    assert "is no dialect" in found["activities.send_mail.input.$schema"]


def test_a_failure_into_an_activity_that_wants_something_else() -> None:
    found = faults(mail({"on": "error"}))
    assert "the failure of 'fetch' goes there as it is" in found["edges[0]"]
    accepted(mail({"on": "error"}, target=record("kind message", kind="string", node="string")))


# Mappings.


@pytest.mark.parametrize(
    ("mapping", "path", "message"),
    [
        ("{}", "edges[0].map", "`to` is missing; it must be a string"),
        ('{"To": output.profile.email}', "edges[0].map", "`to` is missing"),
        ('{"to": 7}', "edges[0].map.to", "`to` must be a string, is 7"),
        ('{"to": null}', "edges[0].map.to", "`to` must be a string, is null"),
        ('{"to": output.id}', "edges[0].map.to", "`to` must be a string, is a number"),
        ('{"to": output.profile}', "edges[0].map.to", "`to` must be a string, is an object"),
        ('{"to": output.id == 1}', "edges[0].map.to", "must be a string, is true or false"),
        ('{"to": size(output.nick)}', "edges[0].map.to", "must be a string, is a number"),
        ('{"to": [output.nick]}', "edges[0].map.to", "must be a string, is a list"),
        ('{"to": "a", "copies": 1.5}', "edges[0].map.copies", "must be a whole number, is 1.5"),
        ('{"to": "a", "copies": "1"}', "edges[0].map.copies", 'whole number, is "1"'),
        ({"to": "7"}, "edges[0].map.to", "`to` must be a string, is 7"),
        ("output.profile", "edges[0].map", "`to` is missing"),
        ("output.nick", "edges[0].map", "must be an object, is a string"),
        ("7", "edges[0].map", "must be an object, is 7"),
    ],
)
def test_mappings_that_never_fit(mapping: Any, path: str, message: str) -> None:
    found = faults(mail({"map": mapping}))
    assert found.keys() == {path}
    assert found[path].startswith("does not fit 'mail' (activity 'send_mail'): ")
    assert message in found[path]


@pytest.mark.parametrize(
    "mapping",
    [
        '{"to": output.profile.email}',
        '{"to": output.nick, "copies": 2.0, "more": 1}',
        '{"to": output.id > 1 ? "a" : "b"}',
        '{"to": output.id > 1 ? output.nick : output.id}',
        '{"to": memory.address}',
        '{"to": params.address}',
        '{"to": failures["fetch"].message}',
        "memory",
        {"to": "fetch.nick"},
    ],
)
def test_mappings_that_may_fit(mapping: Any) -> None:
    accepted(mail({"map": mapping}))


def test_fields_of_closed_targets() -> None:
    closed = MAIL | {"additionalProperties": False}
    found = faults(mail({"map": '{"to": "a", "cc": "b"}'}, target=closed))
    assert "`cc` is not known there" in found["edges[0].map.cc"]
    counts = record("to", to="string") | {"additionalProperties": {"type": "integer"}}
    found = faults(mail({"map": '{"to": "a", "cc": "b"}'}, target=counts))
    assert '`cc` must be a whole number, is "b"' in found["edges[0].map.cc"]


def test_literals_inside_of_literals() -> None:
    target = record("lines", lines={"type": "array", "items": record("sku", sku="string")})
    found = faults(mail({"map": '{"lines": [{"sku": "a"}, {"sku": 7}]}'}, target=target))
    assert "`lines[1].sku` must be a string, is 7" in found["edges[0].map.lines[1].sku"]
    pair = record("at", at={"type": "array", "prefixItems": [{"type": "number"}]})
    found = faults(mail({"map": '{"at": ["x", "y"]}'}, target=pair))
    assert '`at[0]` must be a number, is "x"' in found["edges[0].map.at[0]"]
    accepted(mail({"map": '{"at": [1.5, "y"]}'}, target=pair))


def test_listed_values() -> None:
    target = record("size", size={"enum": ["small", "large", 1]})
    accepted(mail({"map": '{"size": "small"}'}, target=target))
    for value, shown in (('"medium"', '"medium"'), ("true", "true"), ("2", "2")):
        found = faults(mail({"map": f'{{"size": {value}}}'}, target=target))["edges[0].map.size"]
        assert found.endswith(f'must be one of "small", "large", 1; is {shown}') or "true" in found
    sizes = record("size", size={"enum": ["medium", "tiny"]})
    assert '"medium" or "tiny"' in faults(mail(source=sizes, target=target))["edges[0]"]
    accepted(mail(source=record("size", size={"enum": ["medium", "small"]}), target=target))


# Paths.


@pytest.mark.parametrize(
    ("source", "path", "message"),
    [
        ("output.email", "edges[0].map.to", "the output has no `email`; it has id, profile, nick"),
        ("output.profle.email", "edges[0].map.to", "has no `profle`. Did you mean 'profile'?"),
        ("output.profile.to", "edges[0].map.to", "output.profile has no `to`; it has email"),
        ("output.nick.first", "edges[0].map.to", "output.nick has no `first`"),
        ("output.nick[0]", "edges[0].map.to", "output.nick has no `0`"),
        ("fetch.email", "edges[0].map.to", "the output of 'fetch' has no `email`"),
        ("output['email']", "edges[0].map.to", "the output has no `email`"),
    ],
)
def test_paths_that_lead_nowhere(source: str, path: str, message: str) -> None:
    assert message in faults(mail({"map": f'{{"to": {source}}}'}))[path]


def test_paths_that_lead_nowhere_are_found_everywhere() -> None:
    document = mail(
        {"map": '{"to": output.nick}', "when": "output.active"}, output="[mail, fetch.x]"
    )
    document["nodes"]["failed"] = {"fail": {"message": "error.code"}}
    document["nodes"]["log"] = {"run_if": "fetch.active", "input": "fetch.what"}
    document["edges"] += [
        {"from": "fetch", "to": "log"},
        {"from": "mail", "to": "failed", "on": "error", "when": "error.fatal"},
    ]
    assert faults(document).keys() == {
        "edges[0].when",
        "edges[2].when",
        "nodes.log.run_if",
        "nodes.log.input",
        "nodes.failed.fail.message",
        "output[1]",
    }


def test_a_node_that_may_be_skipped_may_give_its_default() -> None:
    node = {"run_if": "params.go", "default_output": {"email": "nobody@example.com"}}
    accepted(mail({"map": '{"to": output.email}'}, fetch=node))
    go_on = {"on_failure": "continue", "default_output": {"to": "nobody@example.com"}}
    accepted(mail(fetch=go_on))
    assert "`to` is missing" in faults(mail(fetch=go_on | {"default_output": {}}))["edges[0]"]


def test_a_node_further_up_may_not_have_run() -> None:
    optional = record("user", user={"type": ["object", "null"]})
    source = {"type": "string"}
    document = mail({"map": '{"user": fetch}'}, source=source, target=optional)
    accepted(document)
    document["edges"][0]["map"] = '{"user": output}'
    assert "is a string" in faults(document)["edges[0].map.user"]


# First nodes.


def first(params: dict[str, Any] | None, node: dict[str, Any] | None = None, **parts: Any) -> Any:
    declared = {} if params is None else {"params": params}
    activities = {"send_mail": {"input": MAIL}}
    nodes = {"mail": {"activity": "send_mail"} | (node or {})}
    return graph(nodes=nodes, activities=activities, **declared, **parts)


def test_parameters_against_the_first_nodes() -> None:
    accepted(first(None))
    accepted(first({"to": {"type": "string"}}))
    accepted(first({"to": {"type": "any"}}))
    accepted(first({"to": {"type": "string", "required": False}}))
    accepted(first({"address": {"type": "string"}}, {"input": '{"to": params.address}'}))
    message = faults(first({"address": {"type": "string"}}))["nodes.mail"]
    assert "`to` is missing" in message
    assert "the run's parameters go there as they are; give it an `input`" in message
    assert "is a number" in faults(first({"to": {"type": "integer"}}))["nodes.mail"]
    found = faults(first({"to": {"type": "integer"}}, {"input": '{"to": params.to}'}))
    assert "is a number" in found["nodes.mail.input.to"]
    found = faults(first({"to": {"type": "string"}}, {"input": '{"to": params.address}'}))
    assert "params has no `address`; it has to" in found["nodes.mail.input.to"]


def test_edges_from_start() -> None:
    params = {"address": {"type": "string"}}
    edge = {"from": "start", "to": "mail"}
    accepted(first(params, edges=[edge | {"map": '{"to": output.address}'}]))
    found = faults(first(params, edges=[edge | {"map": '{"to": output.to}'}]))
    assert "the output has no `to`" in found["edges[0].map.to"]
    assert "`to` is missing" in faults(first(params, edges=[edge | {"map": "{}"}]))["edges[0].map"]
    assert "`to` is missing" in faults(first(params, edges=[edge]))["nodes.mail"]


# Several edges in.


def join(*edges: dict[str, Any], target: Any = MAIL) -> dict[str, Any]:
    return graph(
        nodes={"a": {}, "b": {}, "mail": {"activity": "send_mail"}},
        edges=[{"from": "a", "to": "mail"} | edge for edge in edges],
        activities={"a": {"output": USER}, "b": {"output": USER}, "send_mail": {"input": target}},
    )


def test_what_no_edge_brings_is_missing() -> None:
    found = faults(join({"map": {"x": "1"}}, {"from": "b"}))
    assert found["nodes.mail"].endswith("`to` is missing: no edge brings it")
    accepted(join({"map": {"x": "1"}}, {"from": "b", "map": {"to": '"x"'}}))
    accepted(join({"map": "memory"}, {"from": "b"}))
    accepted(join({}, {"from": "b"}, target=record("a b", a=USER, b=USER)))


def test_a_part_of_the_wrong_type_is_wrong_whatever_else_comes() -> None:
    found = faults(join({"map": {"to": "7"}, "when": "output.id > 1"}, {"from": "b"}))
    assert "`to` must be a string, is 7" in found["edges[0].map.to"]


# What undoes a node: advice, as such documents were deployed before this was looked at.


def advice(undo: Any, wanted: Any, charge: dict[str, Any] | None = None) -> dict[str, str]:
    """What is said of an undo, by path; the document is accepted."""
    document = graph(
        nodes={"charge": (charge or {}) | {"compensate": undo}},
        activities={"charge": {"output": USER}, "refund": {"input": wanted}},
        params={"reason": {"type": "string"}},
    )
    found = accepted(document).definition.undo_faults
    return {fault.path: fault.message for fault in found}


@pytest.mark.parametrize(
    ("undo", "wanted", "path", "message"),
    [
        (
            "refund",
            {"type": "string"},
            "",
            "must be a string, is an object (the output of 'charge'",
        ),
        ("refund", MAIL, "", "`to` is missing; it must be a string (the output of 'charge'"),
        ("output.id", {"type": "string"}, ".input", "must be a string, is a number"),
        ("output.nick", record("id", id="integer"), ".input", "must be an object, is a string"),
        ('{"to": output.id}', MAIL, ".input.to", "`to` must be a string, is a number"),
        ("params.reason", MAIL, ".input", "must be an object, is a string"),
    ],
)
def test_an_undo_that_never_fits(undo: str, wanted: Any, path: str, message: str) -> None:
    given: Any = undo if undo == "refund" else {"activity": "refund", "input": undo}
    for charge in ({}, {"run_if": "true"}, {"on_failure": "continue"}):
        found = advice(given, wanted, charge)
        assert found.keys() == {f"nodes.charge.compensate{path}"}
        [said] = found.values()
        assert said.startswith("does not fit 'refund', which undoes 'charge': ")
        assert message in said


def test_an_undo_that_names_what_is_not_there() -> None:
    found = advice({"activity": "refund", "input": "output.payment"}, {"type": "string"})
    assert "the output has no `payment`" in found["nodes.charge.compensate.input"]


@pytest.mark.parametrize(
    ("undo", "wanted"),
    [
        ("refund", USER),
        ("refund", True),
        ("refund", {"type": ["object", "null"]}),
        ({"activity": "refund", "input": "output.nick"}, {"type": "string"}),
        ({"activity": "refund", "input": "params"}, record("reason", reason="string")),
        ({"activity": "refund", "input": "output.profile"}, record("email", email="string")),
        ("another", {"type": "string"}),
    ],
)
def test_an_undo_that_may_fit(undo: Any, wanted: Any) -> None:
    assert advice(undo, wanted) == {}


def test_what_undoes_a_map_gets_what_is_not_known() -> None:
    assert advice("refund", {"type": "string"}, {"map": {"over": "params"}}) == {}
