"""Numbers that are too long to be meant: a sentence of one line, and no number of theirs is computed with."""

import pytest

from tests.console.commands.office import CommandLine, Office

LONG = ("9" * 19, "9" * 400, "9" * 5_000)


@pytest.mark.parametrize("number", LONG, ids=len)
@pytest.mark.parametrize(
    "command",
    [
        ("audit", "{}"),
        ("audit", "{}", "--finish"),
        ("audit", "--before", "{}"),
        ("undo", "{}", "--yes"),
        ("limit", "email", "--cap", "{}", "--yes"),
        ("limit", "email", "--max-jobs", "{}", "--yes"),
        ("limit", "email", "--max-bytes", "{}", "--yes"),
        ("limit", "email", "--rate", "{}/60", "--yes"),
        ("limit", "email", "--rate", "1/{}", "--yes"),
        ("requeue", "--group", "f1", "--canary", "--rate", "{}", "--yes"),
        ("priority", "{}", "d1", "--yes"),
        ("reveal", "d1", "--field", "args.{}", "--yes"),
        ("metrics", "--listen", "127.0.0.1:{}"),
        ("pause", "email", "--for", "{}h", "--yes"),
        ("jobs", "--limit", "{}"),
    ],
    ids=" ".join,
)
def test_a_number_that_is_too_long_is_a_mistake_of_who_wrote_it(
    dewey: CommandLine, office: Office, command: tuple[str, ...], number: str
) -> None:
    office.run(office.add("d1"), fingerprint="f1f1", shape="no such page")
    answer = dewey(*(part.format(number) for part in command))
    assert answer.status in (1, 2)
    assert "mistake in dewey" not in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("number", LONG, ids=len)
def test_the_audit_has_no_action_of_a_number_that_is_too_long(dewey: CommandLine, office: Office, number: str) -> None:
    for more in ((), ("--finish",)):
        answer = dewey("audit", number, *more)
        assert (answer.status, answer.out) == (2, "")
        assert "999999999999999999…: no action has such a number" in answer.err
        assert len(answer.err) < 200
    assert dewey("audit", number, "--json").document == {
        "error": "999999999999999999…: no action has such a number; `dewey audit` lists them"
    }
    assert "no action 999999999999999999 " in dewey("audit", "9" * 18).err
    assert dewey("undo", "0", "--yes").status == 2


@pytest.mark.parametrize("number", LONG[:2], ids=len)
def test_a_limit_that_is_no_limit_lets_all_through(dewey: CommandLine, office: Office, number: str) -> None:
    office.run(office.add("d1"), fingerprint="f1f1", shape="no such page")
    assert dewey("requeue", "--group", "f1", "--limit", number, "--yes").lines == ["d1  requeued"]
