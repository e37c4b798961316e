"""A secret is shown only to whom it is meant for."""

import copy

from storage.secret import Secret


def test_a_secret_is_shown_only_when_it_is_asked_for() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret:}" + "%s" % secret  # noqa: UP031 - as logging does
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == "hunter2"


def test_secrets_are_alike_when_their_texts_are() -> None:
    assert Secret("one") == copy.copy(Secret("one"))
    assert hash(Secret("one")) == hash(Secret("one"))
    assert Secret("one") != Secret("two")
    assert Secret("one") != "one"
