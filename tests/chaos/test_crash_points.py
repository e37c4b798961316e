"""Each operation of the engine, cut at each point: nothing is lost, and every extra start has its cause on record."""

import pytest

from tests.chaos import crash_points
from tests.chaos.crash_points import CUTS, OPERATIONS
from tests.chaos.faults import Fault, Kind


@pytest.mark.parametrize("kind", CUTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nothing_is_lost_when_an_operation_is_cut(operation: str, kind: Kind, redis_url: str) -> None:
    outcome = crash_points.run(Fault(operation, 1, kind), redis_url)
    assert outcome.fired, "the fault did not strike, so the trial shows nothing"
    assert outcome.verdict.clean, outcome.verdict


def test_a_settlement_that_hangs_longer_than_its_lease_loses_nothing(redis_url: str) -> None:
    outcome = crash_points.run(Fault("settle", 2, "hang"), redis_url)
    assert outcome.fired
    assert outcome.verdict.clean, outcome.verdict


def test_process_workers_lose_nothing_when_they_die_around_their_settlement(redis_url: str) -> None:
    for kind in CUTS:
        outcome = crash_points.run(Fault("settle", 1, kind), redis_url, kind="process")
        assert outcome.fired
        assert outcome.verdict.clean, outcome.verdict
