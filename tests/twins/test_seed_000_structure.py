"""Twins of `seeds/000`, "Building Workflows": structure and data."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.twins.conftest import Bench, events
from treadle import Context, activity
from treadle.errors import DefinitionError, InvalidRequest, RunFailed
from treadle.graph import Graph, Map, not_


@dataclass
class Greeting:
    message: str


said: list[str] = []


@activity(name="greet", description="Generate greeting message")
async def greet(ctx: Context, name: str) -> Greeting:
    ctx.log.info("Generated a greeting")
    return Greeting(f"Hello, {name}!")


@activity(name="log", description="Log a message")
async def log_message(ctx: Context, message: str) -> dict[str, bool]:
    said.append(f"MESSAGE: {message}")
    return {"logged": True}


@activity
async def same(value: Any) -> Any:
    return value


def greeting() -> Graph:
    graph = Graph("greeting_workflow", description="Greet user and log the message")
    graph.node("greet_user", greet, input="params.name")
    graph.node("log_greeting", log_message, input="greet_user.message")
    graph.edge("greet_user", "log_greeting")
    return graph


async def test_s000_02_to_05_the_first_workflow(bench: Bench) -> None:
    """Two typed actions, a mapping between them, started, awaited, printed."""
    said.clear()
    graph = greeting()
    assert await bench.result(graph, {"name": "Alice"}, greet, log_message) == {"logged": True}
    assert said == ["MESSAGE: Hello, Alice!"]
    by_function = Graph("greeting_workflow", description="Greet user and log the message")
    by_function.node("greet_user", greet, input=lambda params: params["name"])
    by_function.node("log_greeting", log_message, input=lambda greet_user: greet_user["message"])
    by_function.edge("greet_user", "log_greeting")
    assert (await bench.client.deploy(by_function)).version == 1


async def test_s000_06_a_chain(bench: Bench) -> None:
    @activity
    async def fetch() -> list[int]:
        return [3, 1]

    @activity
    async def transform(values: list[int]) -> list[int]:
        return sorted(values)

    graph = Graph("sequential_workflow")
    graph.node("step_1", fetch)
    graph.node("step_2", same)
    graph.node("step_3", transform)
    graph.node("step_4", same)
    for source, target in (("step_1", "step_2"), ("step_2", "step_3"), ("step_3", "step_4")):
        graph.edge(source, target)
    assert await bench.result(graph, None, fetch, same, transform) == [1, 3]


async def test_s000_07_branches_side_by_side(bench: Bench) -> None:
    @activity
    async def fetch_data() -> dict[str, Any]:
        return {"user": {"email": "a@b", "phone": "1", "id": 7}}

    graph = Graph("parallel_workflow")
    graph.node("fetch_data", fetch_data)
    for name, key, field in (
        ("send_email", "email", "email"),
        ("send_sms", "phone", "phone"),
        ("send_slack", "user_id", "id"),
    ):
        graph.node(name, same)
        graph.edge("fetch_data", name, map=f"{{'{key}': output.user.{field}}}")
        graph.edge(name, "aggregate")
    graph.node("aggregate", same)
    assert await bench.result(graph, None, fetch_data, same) == {
        "send_email": {"email": "a@b"},
        "send_sms": {"phone": "1"},
        "send_slack": {"user_id": 7},
    }


@pytest.mark.parametrize(
    ("status", "output"),
    [
        ("approved", {"process_approved": {"status": "approved"}}),
        ("declined", {"process_declined": {"status": "declined"}}),
        ("unknown", {}),
    ],
)
async def test_s000_08_conditions(bench: Bench, status: str, output: object) -> None:
    graph = Graph("conditional_workflow")
    graph.node("check_payment", same)
    graph.node("process_approved", same)
    graph.node("process_declined", same)
    graph.edge("check_payment", "process_approved", when=lambda output: output.status == "approved")
    graph.edge("check_payment", "process_declined", when=lambda output: output.status == "declined")
    assert await bench.result(graph, {"status": status}, same) == output


async def test_s000_09_and_26_a_loop_with_its_bound(bench: Bench) -> None:
    @activity
    async def fetch_page(given: dict[str, int]) -> dict[str, Any]:
        return {"page": given["page"], "has_next_page": given["page"] < 3}

    @activity
    async def process_items(page: int, has_next_page: bool) -> dict[str, Any]:
        return {"next_page": page + 1, "has_next_page": has_next_page}

    def pages(name: str, bound: int | None) -> Graph:
        graph = Graph(name)
        graph.node("fetch_page", fetch_page)
        graph.node("process_items", process_items)
        graph.edge("fetch_page", "process_items")
        graph.edge(
            "process_items",
            "fetch_page",
            when=lambda output: output.has_next_page == True,  # noqa: E712
            map=lambda output: {"page": output.next_page},
            max_iterations=bound,
        )
        return graph

    work = (fetch_page, process_items)
    output = await bench.result(pages("loop_workflow", None), {"page": 1}, *work)
    assert output == {"next_page": 4, "has_next_page": False}
    failure = await bench.failure(pages("short_loop", 2), {"page": 1}, *work)
    assert failure.kind == "treadle.LoopBoundReached"
    assert "has run 2 times" in failure.message


async def test_s000_10_a_mapping_that_picks_fields(bench: Bench) -> None:
    graph = Graph("transformer")
    graph.node("node_a", same)
    graph.node("node_b", same)
    graph.edge(
        "node_a",
        "node_b",
        map=lambda output: {"user_id": output.id, "email": output.contact.email},
    )
    given = {"id": 7, "contact": {"email": "a@b"}}
    assert await bench.result(graph, given, same) == {"user_id": 7, "email": "a@b"}
    failure = await bench.failure(graph, {"id": 7}, same)
    assert failure.kind == "treadle.ExpressionFailed"
    assert "contact" in failure.message


async def test_s000_11_memory(bench: Bench) -> None:
    @activity
    async def remember(ctx: Context) -> None:
        ctx.memory.set("user_id", 42)

    @activity
    async def recall(ctx: Context) -> int:
        return ctx.memory.get("user_id", int) or 0

    graph = Graph("memory_workflow")
    graph.node("remember", remember)
    graph.node("recall", recall, memory=["user_id"], input="null")
    graph.edge("remember", "recall")
    assert await bench.result(graph, None, remember, recall) == 42


async def test_s000_12_parameters(bench: Bench) -> None:
    graph = Graph("parameters")
    graph.param("user_id", int)
    graph.param("details", bool, default=False)
    graph.node("fetch_user", same)
    graph.edge_from_start(
        "fetch_user",
        map=lambda params: {"user_id": params.user_id, "include_details": params.details},
    )
    got = await bench.result(graph, {"user_id": 123, "details": True}, same)
    assert got == {"user_id": 123, "include_details": True}
    got = await bench.result(graph, {"user_id": 123}, same)
    assert got == {"user_id": 123, "include_details": False}
    with pytest.raises(InvalidRequest, match="user_id"):
        await bench.client.start("parameters", {"details": True})


async def test_s000_19_lone_nodes_run_side_by_side(bench: Bench) -> None:
    together = asyncio.Barrier(3)

    @activity
    async def slow() -> str:
        await together.wait()  # comes back only if all three run at once
        return "done"

    graph = Graph("parallel_test")
    for name in ("slow_1", "slow_2", "slow_3"):
        graph.node(name, slow)
    output = await bench.result(graph, None, slow)
    assert output == {"slow_1": "done", "slow_2": "done", "slow_3": "done"}


@pytest.mark.parametrize(("items", "output"), [([3, 1, 2], [6, 2, 4]), ([], [])])
async def test_s000_20_fan_out_and_fan_in(
    bench: Bench, items: list[int], output: list[int]
) -> None:
    @activity
    async def double(item: int) -> int:
        return item * 2

    graph = Graph("fanout_fanin")
    graph.node("fetch_items", same)
    graph.node("process_item", double, input="item", map=Map(over="fetch_items['items']"))
    graph.node("aggregate", same)
    graph.edge("fetch_items", "process_item")
    graph.edge("process_item", "aggregate", map=lambda output: {"results": output})
    assert await bench.result(graph, {"items": items}, same, double) == {"results": output}


async def test_s000_20_what_is_no_list_is_a_typed_failure(bench: Bench) -> None:
    graph = Graph("no_list")
    graph.node("process_item", same, input="item", map=Map(over="params"))
    failure = await bench.failure(graph, {"items": 7}, same)
    assert failure.kind == "treadle.NodeInputConflict"
    assert "maps over a list" in failure.message


async def test_s000_23_a_subworkflow(bench: Bench) -> None:
    onboarding = Graph("user_onboarding")
    onboarding.node("send_welcome_email", same)
    onboarding.node("create_profile", same)
    onboarding.edge("send_welcome_email", "create_profile")
    await bench.client.deploy(onboarding)
    graph = Graph("main_workflow")
    graph.node("register_user", same)
    graph.workflow("onboard_user", "user_onboarding")
    graph.edge("register_user", "onboard_user")
    async with bench.worker(same):
        handle = await bench.start(graph, {"id": 7})
        assert await handle.result(20) == {"id": 7}
        [requested] = await events(handle, "child_requested")
        assert (requested.workflow, requested.version) == ("user_onboarding", 1)
        # A new version of the child changes nothing for those that were deployed with the old one.
        onboarding.node("send_survey", same)
        await bench.client.deploy(onboarding)
        later = await bench.client.start("main_workflow", {"id": 8})
        await later.result(20)
        [requested] = await events(later, "child_requested")
        assert requested.version == 1
        again = await bench.start(graph, {"id": 9})
        await again.result(20)
        [requested] = await events(again, "child_requested")
        assert requested.version == 2


async def test_s000_p12_work_in_batches_and_memory_that_is_let_go(bench: Bench) -> None:
    @activity
    async def load(ctx: Context, ids: list[int]) -> list[int]:
        ctx.memory.set("scratch", "x" * 1_000)
        return [one * 10 for one in ids]

    @activity
    async def tidy(ctx: Context) -> bool:
        ctx.memory.delete("scratch")
        return "scratch" in ctx.memory

    @activity
    async def look(ctx: Context) -> bool:
        return "scratch" in ctx.memory

    graph = Graph("batches")
    graph.node("load", load, map=Map(over="params.ids", batch=4, parallel=2), input="item")
    graph.node("tidy", tidy, memory=["scratch"], input="null")
    graph.node("look", look, memory=["scratch"], input="null")
    graph.edge("load", "tidy")
    graph.edge("tidy", "look")
    graph.output("{'loaded': load, 'left': look}")
    async with bench.worker(load, tidy, look):
        handle = await bench.start(graph, {"ids": list(range(10))})
        output: Any = await handle.result(20)
    assert output == {"loaded": [one * 10 for one in range(10)], "left": False}
    tasks = [one for one in await events(handle, "activity_scheduled") if "[" in one.key]
    assert len(tasks) == 3  # ten items, four at a time


async def test_s000_25_a_cycle_without_a_guard_is_refused(bench: Bench) -> None:
    graph = Graph("cycle")
    graph.node("node_a", same)
    graph.node("node_b", same)
    graph.edge("node_a", "node_b")
    graph.edge("node_b", "node_a")
    with pytest.raises(InvalidRequest) as refused:
        await bench.client.deploy(graph)
    assert "node_a" in str(refused.value)
    assert "node_b" in str(refused.value)


async def test_s000_27_and_28_a_type_that_does_not_fit(bench: Bench) -> None:
    @activity
    async def fetch_user() -> dict[str, Any]:
        return {"email": "a@b"}

    @activity
    async def send_email(to: str) -> str:
        return f"sent to {to}"

    wrong = Graph("mismatch")
    wrong.node("fetch_user", fetch_user)
    wrong.node("send_email", "send_email")
    wrong.edge("fetch_user", "send_email")
    failure = await bench.failure(wrong, None, fetch_user, send_email)
    assert failure.kind == "treadle.InvalidInput"
    assert "send_email" in failure.message
    right = Graph("match")
    right.node("fetch_user", fetch_user)
    right.node("send_email", send_email)
    right.edge("fetch_user", "send_email", map=lambda output: output.email)
    assert await bench.result(right, None, fetch_user, send_email) == "sent to a@b"


async def test_s000_23_a_workflow_that_contains_itself_is_refused(bench: Bench) -> None:
    graph = Graph("ouroboros")
    graph.workflow("again", "ouroboros")
    with pytest.raises(InvalidRequest, match="would start itself"):
        await bench.client.deploy(graph)


async def test_s000_23_workflows_that_start_each_other_end(bench: Bench) -> None:
    for name, other in (("hen", "egg"), ("egg", "hen")):
        graph = Graph(name)
        graph.workflow("next", other)
        await bench.client.deploy(graph)
    handle = await bench.client.start("hen")
    with pytest.raises(RunFailed, match="32 runs stand above this one"):
        await handle.result(30)


async def test_s000_p07_an_edge_to_nowhere_is_refused_with_the_nearest_name() -> None:
    graph = Graph("typo")
    graph.node("process", same)
    graph.edge("process", "proces")
    with pytest.raises(DefinitionError, match="did you mean 'process'"):
        graph.document()


async def test_s000_08_otherwise(bench: Bench) -> None:
    graph = Graph("conditional_with_else")
    graph.node("check", same)
    graph.compute("yes", {"said": "'yes'"})
    graph.compute("no", {"said": "'no'"})
    graph.edge("check", "yes", when=lambda output: not_(output.status == "declined"))
    graph.edge("check", "no", otherwise=True)
    assert await bench.result(graph, {"status": "declined"}, same) == {"no": {"said": "no"}}
