"""How jobs, tasks, errors and numbers are written in a line."""

import ast
from pathlib import Path

import pytest

from storage.wording import SHORT_ID, alike, error_line, job_line, plural, short_id, short_name

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("error_type", "error", "line"),
    [
        ("ValueError", "no such page", "ValueError: no such page"),
        ("ValueError", "ValueError: no such page", "ValueError: no such page"),
        ("ValueError", "", "ValueError"),
        ("", "killed", "killed"),
        ("", "", ""),
    ],
)
def test_an_error_is_named_once(error_type: str, error: str, line: str) -> None:
    assert error_line(error_type, error) == line


def test_jobs_of_schedules_are_told_apart_by_their_ticks() -> None:
    ticks = [
        "cron:tasks.files.clean_public_files:2026-11-22T21:00",
        "cron:tasks.files.clean_public_files:2026-11-22T21:10",
    ]
    assert [short_id(one) for one in (*ticks, "684131a4-0d43")] == ["22T21:00", "22T21:10", "684131a4"]
    assert alike(ticks[0], "22T21:00") == f"end with '22T21:00': write more of the id, as in {ticks[0]}"
    assert alike("684131a4", "68").startswith("begin with '68'")
    assert job_line(ticks[1], "tasks.files.clean_public_files", "maintenance", "dead") == (
        "22T21:10 clean_public_files in maintenance, dead"
    )


def test_a_task_is_called_by_its_own_name_and_things_are_counted() -> None:
    assert [short_name(task) for task in ("tasks.email.send", "send", "odd.")] == ["send", "send", "odd."]
    assert [plural(1, "job"), plural(1_200, "job"), plural(2, "canary", "canaries")] == [
        *("1 job", "1,200 jobs", "2 canaries"),
    ]


@pytest.mark.parametrize("name", ["SHORT_ID", "short_name", "error_line", "plural"])
def test_each_is_said_in_one_place(name: str) -> None:
    found = []
    for package in ("console", "tasks", "storage"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text("utf-8")).body:
                named = getattr(node, "name", "") or getattr(getattr(node, "target", None), "id", "")
                named = named or next((getattr(one, "id", "") for one in getattr(node, "targets", [])), "")
                if named == name:
                    found.append(str(path.relative_to(ROOT)))
    assert found == ["storage/wording.py"]
    assert SHORT_ID == 8
