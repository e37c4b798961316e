"""Each trial of the matrix with the fewest counts that show something, and a fixed seed."""

import pytest

from tests.chaos.matrix import MATRIX, Trial

SEED = 20_261_122


@pytest.mark.timeout(240)
@pytest.mark.parametrize("trial", [one for one in MATRIX if one.has("ci")], ids=lambda one: f"{one.promise}-{one.name}")
def test_the_promise_holds(trial: Trial, redis_url: str) -> None:
    row = trial.row("ci", SEED, redis_url)
    print(row)
    if not row.trials:
        pytest.skip(row.note)
    assert row.held, row
