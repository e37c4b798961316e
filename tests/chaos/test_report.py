"""The table says what happened, and a row that must not hold does not."""

import dataclasses

import pytest

from tests.chaos.report import Row, summed, table

GOOD = Row("G1", "storm", 1, faults=2, jobs=300)


@pytest.mark.parametrize("wrong", [{"lost": 1}, {"unexplained": 1}, {"failures": ("something else",)}])
def test_a_row_with_anything_wrong_does_not_hold(wrong: dict[str, object]) -> None:
    assert GOOD.held
    bad = dataclasses.replace(GOOD, **wrong)  # type: ignore[arg-type]  # fields of Row
    assert not bad.held
    (why,) = bad.wrong
    assert f"G1 storm, FAILED: {why}" in table([bad])


def test_the_baseline_is_shown_and_not_judged() -> None:
    stock = dataclasses.replace(GOOD, trial="stock", lost=17, baseline=True)
    assert stock.held
    assert "17" in table([stock])
    assert "baseline" in table([stock])


def test_rows_of_several_seeds_add_up() -> None:
    (both,) = summed([GOOD, dataclasses.replace(GOOD, seed=2, lost=1, failures=("late",))])
    assert (both.trials, both.faults, both.jobs, both.lost, both.failures) == (2, 4, 600, 1, ("late",))
    assert not both.held


def test_with_none_lost_the_bound_is_three_in_all_jobs() -> None:
    assert GOOD.bound == "1.0e-02"
    assert dataclasses.replace(GOOD, lost=1).bound == "-"
