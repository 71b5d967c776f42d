"""What must hold of every run, whatever its graph has in it: see also `test_laws`."""

from __future__ import annotations

from typing import Any

from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.graphs import whole_graphs
from tests.engine.precedence import too_early
from tests.engine.run_driver import RunDriver, folded_part
from tests.engine.test_laws import end, storm
from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine.errors import Refusal
from treadle_server.engine.evolve import evolve

laws = settings(max_examples=250)


@laws
@given(graph=whole_graphs(), data=st.data())
def test_no_node_runs_before_what_it_waits_for(graph: dict[str, Any], data: st.DataObject) -> None:
    driver = storm(data, graph)
    end(data, driver)
    assert list(too_early(graph, driver.events)) == []
    for event in driver.events:
        if isinstance(event, (e.LoopTurned, e.MapEnded, e.WaitSatisfied, e.CompensationEnded)):
            note(type(event).__name__)


@laws
@given(graph=whole_graphs(), data=st.data())
def test_each_accepted_result_is_recorded_once(graph: dict[str, Any], data: st.DataObject) -> None:
    driver = storm(data, graph)
    end(data, driver)
    taken = [(one.key, one.lease) for one in driver.events if isinstance(one, e.ActivityCompleted)]
    assert len(taken) == len(set(taken))
    for key, lease in taken:
        # Said again, by a worker that never heard the answer: nothing more is written.
        late = i.CompleteAttempt(key=key, lease=lease, output=driver.state.input)
        [answer], events = _say(driver, late)
        assert events == 0
        assert not isinstance(answer, Refusal) or answer.reason in ("RUN_ENDED", "LEASE_ENDED")


def _say(driver: RunDriver, given_input: i.Input) -> tuple[list[Any], int]:
    turn = driver.turn(given_input)
    return list(turn.answers), len(turn.events)


@laws
@given(graph=whole_graphs(), data=st.data())
def test_replay_gives_the_same_state_at_every_turn(
    graph: dict[str, Any], data: st.DataObject
) -> None:
    driver = _Noting(graph)
    storm(data, graph, driver)
    end(data, driver)
    replayed = driver.compiled.new_state(driver.state.run_id)
    for event in driver.events:
        evolve(replayed, event)
        assert replayed.seq == event.seq
        if event.seq in driver.noted:
            assert repr(folded_part(replayed)) == driver.noted[event.seq]


class _Noting(RunDriver):
    """Notes how the state looked after each turn."""

    def __init__(self, graph: dict[str, Any]) -> None:
        super().__init__(graph)
        self.noted: dict[int, str] = {}

    def turn(self, *inputs: i.Input) -> Any:
        turn = super().turn(*inputs)
        self.noted[self.state.seq] = repr(folded_part(self.state))
        return turn
