"""A short storm with a fixed seed for each kind of worker. The long ones: ``python -m tests.chaos --full``."""

import pytest

from tests.chaos import storm


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["thread", "process"])
def test_no_acked_job_is_lost_in_a_storm_of_kills(kind: str) -> None:
    plan = storm.Plan(seed=20_261_121, kind=kind, jobs=220, kills=10)
    outcome = storm.run(plan)
    print(f"seed {plan.seed}: {outcome.kills} kills, {outcome.verdict}")
    assert outcome.kills >= plan.kills * 3 // 4
    assert outcome.verdict.jobs >= plan.jobs
    assert outcome.verdict.clean, outcome.verdict
