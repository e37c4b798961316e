"""What the benchmark of a watching console makes of its slices."""

import pytest

from tests.bench.watching import Pair, Slice, interval


def test_a_pair_tells_how_many_jobs_went_with_the_console_of_those_without() -> None:
    pair = Pair(watched=Slice(1_900, 2.0, 0.1, 3.8), unwatched=Slice(2_500, 2.5, 0.0, 5.0))
    assert pair.ratio == pytest.approx(0.95)
    assert pair.cost == pytest.approx(1.0)


def test_the_interval_holds_the_median_and_is_as_wide_as_the_pairs_differ() -> None:
    low, high = interval([0.99, 1.0, 1.01] * 10)
    assert 0.99 <= low <= 1.0 <= high <= 1.01
    wide_low, wide_high = interval([0.8, 1.0, 1.2] * 10)
    assert wide_high - wide_low > high - low
    assert interval([0.97] * 20) == (0.97, 0.97)


def test_one_pair_that_went_wrong_moves_the_interval_little() -> None:
    assert interval([1.0] * 29 + [0.3]) == (1.0, 1.0)


def test_the_same_pairs_have_the_same_interval() -> None:
    ratios = [0.9 + number / 100 for number in range(20)]
    assert interval(ratios) == interval(ratios)
