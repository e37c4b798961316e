"""What operators say of groups of failures on the command line, and that it is recorded and undone."""

from storage.history import failures
from tasks import resources
from tests.console.commands.office import CommandLine, Office


def said(fingerprint: str) -> tuple[str, str] | None:
    mark = failures.mark_of(resources.current().database, fingerprint)
    return None if mark is None else (mark.state, mark.note)


def test_a_group_is_muted_resolved_and_opened_again(dewey: CommandLine, office: Office) -> None:
    office.run(office.add("a1"), fingerprint="f1f1f1", shape="no such page")
    assert dewey("mute", "f1", "--yes", "--reason", "known").lines == ["f1f1f1  is muted"]
    assert said("f1f1f1") == ("muted", "known")
    assert dewey("resolve", "f1", "--yes", "--reason", "mended").lines == ["f1f1f1  is resolved"]
    assert said("f1f1f1") == ("resolved", "mended")
    assert dewey("undo", "--yes").lines == ["f1f1f1  undone"]
    assert said("f1f1f1") == ("muted", "known")
    assert dewey("reopen", "f1", "--yes", "--json").document["done"] == 1
    assert said("f1f1f1") is None
    assert [one["action"] for one in dewey("audit", "--item", "f1f1f1", "--json").document] == [
        "reopen",
        "undo",
        "resolve",
        "mute",
    ]


def test_a_group_that_is_not_there_is_said_to_be_missing(dewey: CommandLine, office: Office) -> None:
    answer = dewey("mute", "f9", "--yes")
    assert answer.status == 1
    assert "no group of failures 'f9'" in answer.out
    assert dewey("mute", "f9").status == 1
