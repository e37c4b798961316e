"""Errors travel between processes, so they have to survive it."""

import copy

import pytest

from tasks.errors import MailDeferred, ModelUnavailable, NoText, Permanent, TasksError, Transient


@pytest.mark.parametrize("error", [Transient("later", 17.5), ModelUnavailable("busy", 3), MailDeferred("no")])
def test_a_transient_error_keeps_its_waiting_time_when_it_is_copied(error: Transient) -> None:
    twin = copy.copy(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert twin.retry_after_s == error.retry_after_s


def test_a_waiting_time_is_never_negative() -> None:
    assert Transient("later", -4).retry_after_s == 0


def test_an_error_is_permanent_or_transient_but_never_both() -> None:
    assert issubclass(NoText, Permanent)
    assert not issubclass(NoText, Transient)
    assert issubclass(MailDeferred, Transient)
    assert str(NoText("3 pages, no text")) == "3 pages, no text"
    assert isinstance(Transient("x"), TasksError)
