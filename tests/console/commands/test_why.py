"""``dewey why``: what keeps a job."""

from tests.console.commands.office import CommandLine, Office


def test_the_reasons_are_told_in_their_order(dewey: CommandLine, office: Office) -> None:
    office.add("first", "post")
    office.add("second", "post")
    dewey("pause", "post", "--yes", "--reason", "\x1b[2Jthe van is away")
    answer = dewey("why", "second")
    head, paused, nobody, ahead = answer.lines
    assert head == "second is queued in post."
    assert paused.startswith("  Queue post is paused by ")
    assert paused.endswith("the van is away.")
    assert (nobody, ahead) == ("  No consumer lives: start one.", "  1 job is ahead of it in line.")
    assert "\x1b" not in answer.out
    kinds = [reason["kind"] for reason in dewey("why", "second", "--json").document["reasons"]]
    assert kinds == ["paused", "no consumer", "line"]


def test_a_job_that_is_not_there_is_said_so(dewey: CommandLine) -> None:
    answer = dewey("why", "gone")
    assert (answer.status, "there is no job 'gone'" in answer.err) == (1, True)
