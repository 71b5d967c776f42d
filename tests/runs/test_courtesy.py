"""A run that says much rests for others while they are there, and only then."""

from __future__ import annotations

import pytest

from treadle_server.runs.courtesy import COMPANY_SECONDS, LONGEST_REST_SECONDS, REST, Courtesy

MAP, OTHER_MAP, OTHER = b"map", b"other map", b"other"


def after_a_slice(courtesy: Courtesy, *runs: bytes, at: float, took: float = 0.001) -> float:
    """What a slice of these runs' results is followed by."""
    return courtesy.rest_seconds({*runs}, at - took, at)


@pytest.fixture
def courtesy() -> Courtesy:
    """It knows of a map."""
    made = Courtesy()
    assert after_a_slice(made, MAP, at=0.0) == 0
    return made


def test_alone_a_crowd_has_everything(courtesy: Courtesy) -> None:
    courtesy.heard({MAP}, 1.0)  # its last results, too few for a slice
    assert after_a_slice(courtesy, MAP, at=1.01) == 0


def test_beside_others_it_rests_in_proportion_and_never_long(courtesy: Courtesy) -> None:
    courtesy.heard({OTHER}, 1.0)
    assert after_a_slice(courtesy, MAP, at=1.01, took=0.002) == pytest.approx(0.002 * REST)
    assert after_a_slice(courtesy, MAP, at=1.02, took=1.0) == LONGEST_REST_SECONDS


def test_results_of_several_runs_are_company_and_never_rest(courtesy: Courtesy) -> None:
    assert after_a_slice(courtesy, OTHER, MAP, at=1.0) == 0
    assert after_a_slice(courtesy, OTHER, b"third", at=1.0) == 0
    assert after_a_slice(courtesy, MAP, at=1.01) > 0


def test_it_goes_on_as_before_once_the_others_have_gone(courtesy: Courtesy) -> None:
    courtesy.heard({OTHER}, 1.0)
    assert after_a_slice(courtesy, MAP, at=1.0 + COMPANY_SECONDS / 2) > 0
    assert after_a_slice(courtesy, MAP, at=1.0 + COMPANY_SECONDS * 1.5) == 0


def test_two_crowds_owe_each_other_nothing(courtesy: Courtesy) -> None:
    assert after_a_slice(courtesy, OTHER_MAP, at=0.005) == 0
    for moment in range(1, 10):
        run = (MAP, OTHER_MAP)[moment % 2]
        assert after_a_slice(courtesy, run, at=moment / 100) == 0
        courtesy.heard({MAP}, moment / 100)  # as little as a map says now and then
        courtesy.heard({run}, moment / 100)


def test_nothing_is_owed_before_there_was_a_crowd() -> None:
    courtesy = Courtesy()
    courtesy.heard({OTHER}, 0.0)
    courtesy.heard({b"third"}, 0.01)
    assert after_a_slice(courtesy, MAP, at=0.02) == 0
