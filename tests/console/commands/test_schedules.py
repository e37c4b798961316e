"""Schedules: what is shown of them."""

from storage.broker.records import TaskInfo
from tasks.engine import registry
from tasks.operations import Operations
from tests.console.commands.office import CommandLine, Office


def publish(office: Office, *tasks: TaskInfo) -> None:

    registry.publish(office.broker, list(tasks))


def schedule(name: str, expression: str, timezone: str = "UTC") -> TaskInfo:
    return TaskInfo(name, "night", "", (), 0, 0.0, expression, timezone, periodic=True, missed="latest")


def test_without_a_schedule_the_answer_is_a_sentence(dewey: CommandLine, office: Office) -> None:
    assert "no schedule yet" in dewey("schedules").out
    assert dewey("schedules", "--json").document == []


def test_schedules_are_shown_with_their_next_and_last_runs(dewey: CommandLine, office: Office) -> None:
    publish(office, schedule("shop.sweep", "0 4 1 1 *", "Europe/Paris"), schedule("shop.wax", ""))
    operations = Operations(office.broker, office.inspector)
    job_id = operations.run_now("sweep", by="ann")
    operations.pause_schedule("wax", by="ann", reason="wet")
    head, sweep, wax = dewey("schedules").lines
    assert head.split() == ["SCHEDULE", "RULE", "ZONE", "NEXT", "LAST", "LATE", "MISSED", "SKIPPED", "STATUS"]
    assert sweep.startswith("sweep     0 4 1 1 *  Europe/Paris  in ")
    assert "s ago by hand, queued" in sweep
    assert sweep.endswith("0       0        0  on")
    assert wax.split()[:3] == ["wax", "crontab()", "UTC"]
    assert wax.endswith("paused by ann: wet")
    first, second = dewey("schedules", "--json").document
    assert [run["job_id"] for run in first["runs"]] == [job_id]
    assert len(first["next_at"]) == 5
    assert first["next_at"][0].endswith("-01-01T03:00:00+00:00")
    assert second["pause"]["reason"] == "wet"
