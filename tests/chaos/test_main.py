"""The command that runs the matrix: a promise that did not hold is shown, and the command fails."""

import pytest

from tests.chaos import __main__ as command
from tests.chaos.matrix import Trial
from tests.chaos.report import Row

GOOD = Trial("G1", "good", lambda seed, _, count: Row("G1", "a good trial", seed, faults=count, jobs=10), (1, 2, 3))
BAD = Trial("G2", "bad", lambda seed, _, count: Row("G2", "a bad trial", seed, faults=count, lost=count), (1, 2, 3))
FULL_ONLY = Trial("G3", "long", lambda seed, _, count: Row("G3", "a long trial", seed, faults=count), (0, 0, 7))


def _break(*_: object) -> Row:
    raise RuntimeError("no server")


BROKEN = Trial("G4", "broken", _break, (1, 1, 1))


def run(monkeypatch: pytest.MonkeyPatch, trials: tuple[Trial, ...], *words: str) -> int:
    monkeypatch.setattr(command, "MATRIX", trials)
    return command.main(words)


def test_trials_that_held_end_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, (GOOD, FULL_ONLY)) == 0
    said = capsys.readouterr().out
    assert "a good trial" in said
    assert "a long trial" not in said


def test_the_full_matrix_has_its_own_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, (GOOD, FULL_ONLY), "--full") == 0
    said = capsys.readouterr().out
    assert "size full" in said
    assert "good                   seed 1: faults 3" in said
    assert "long                   seed 1: faults 7" in said


@pytest.mark.parametrize(("trial", "why"), [(BAD, "NO"), (BROKEN, "RuntimeError: no server")])
def test_one_that_did_not_hold_is_shown_and_fails_the_command(
    trial: Trial, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, (GOOD, trial)) == 1
    said = capsys.readouterr().out
    assert "FAILED" in said
    assert why in said
    assert "a good trial" in said


def test_a_trial_that_fails_with_one_seed_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def now_and_then(seed: int, _: str, __: int) -> Row:
        return Row("G1", "now and then", seed, lost=int(seed == 2))

    assert run(monkeypatch, (Trial("G1", "flaky", now_and_then, (1, 1, 1)),), "--minutes", "0.002") == 1
    assert "seeds 1 to" in capsys.readouterr().out


def test_some_trials_can_be_chosen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, (GOOD, BAD), "--only", "G1") == 0
    assert run(monkeypatch, (GOOD, BAD), "--only", "bad") == 1
    assert run(monkeypatch, (GOOD, BAD), "--only", "nothing") == 2
    assert "G2   bad" in capsys.readouterr().out


def test_a_trial_can_be_given_a_count(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, (GOOD, FULL_ONLY), "--only", "G3", "--count", "5") == 0
    assert "long                   seed 1: faults 5" in capsys.readouterr().out
