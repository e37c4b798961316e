"""The state machine, for some thousands of steps. ``python -m tests.chaos --only G4 --full`` takes many more."""

from tests.chaos import model


def test_redis_and_the_model_agree_after_every_step(redis_url: str) -> None:
    seed = 20_261_122
    counts = model.run(redis_url, seed, steps=3_000)
    print(f"seed {seed}: {counts}")
    assert counts.claims
    assert counts.stale
    assert counts.expired
