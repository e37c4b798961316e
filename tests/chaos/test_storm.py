"""A storm of a minute with a fixed seed, and stock Huey in the same minute. Longer ones: ``python -m tests.chaos``."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos import storm
from tests.chaos.report import table

SEED = 20_261_121
SECONDS = 60.0
KILLS_AT_LEAST = 30


@pytest.mark.timeout(400)
def test_no_acked_job_is_lost_in_a_minute_of_kills(capsys: pytest.CaptureFixture[str]) -> None:
    plans = [storm.Plan(SEED, "mixed", seconds=SECONDS, app=app) for app in ("app", "stock")]
    with ThreadPoolExecutor(2) as pool:
        dewey, stock = pool.map(storm.row, plans)
    with capsys.disabled():
        print(f"\nseed {SEED}\n{table([dewey, stock])}")
    assert dewey.faults >= KILLS_AT_LEAST, "too few kills struck, so the storm shows nothing"
    assert dewey.jobs > 10 * dewey.faults, "too few jobs flowed, so the storm shows nothing"
    assert dewey.held, dewey
