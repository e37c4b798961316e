"""What is exported from where, as scripts; test_keys.py plays them."""

import json
from pathlib import Path
from typing import Any

from tests.console.key_scripts import key
from tests.console.stage import Stage


async def _exported(stage: Stage) -> Any:
    """Export as JSON; answers what the file says."""
    await stage.press("e", "enter")
    (path,) = Path.cwd().glob("dewey-*.json")
    try:
        return json.loads(path.read_text())
    finally:
        path.unlink()


@key("export", start="jobs")
async def _e_writes_the_jobs(stage: Stage) -> None:
    assert len(await _exported(stage)) == 225


@key("export", start="queues")
async def _e_writes_the_queues(stage: Stage) -> None:
    assert [one["queue"] for one in await _exported(stage)] == list(stage.app.gateway.words()["queue"])


@key("export", start="state:dead queue:email")
async def _e_writes_one_job_with_its_attempts_and_log(stage: Stage) -> None:
    await stage.press("enter")
    (job,) = await _exported(stage)
    assert (job["state"], job["attempts"][0]["outcome"]) == ("dead", "failed")
    assert job["log"]


@key("export", start="logs")
async def _e_writes_the_lines_of_the_log(stage: Stage) -> None:
    lines = await _exported(stage)
    assert {"job", "level", "message", "task"} <= set(lines[0])


@key("export", start="audit")
async def _e_writes_the_audit_or_the_trash(stage: Stage) -> None:
    numbers = [one["number"] for one in await _exported(stage)]
    assert numbers == sorted(numbers, reverse=True)
    await stage.press("right_square_bracket")
    assert all("state" in one for one in await _exported(stage))


@key("export", start="failures")
async def _e_writes_the_groups_of_the_tab(stage: Stage) -> None:
    groups = await _exported(stage)
    assert [one["state"] for one in groups] == ["regressed" if one["said_by"] else "open" for one in groups]
    assert groups[0]["week"] >= groups[0]["day"] == sum(groups[0]["hours"])
    await stage.press("right_square_bracket")
    assert [(one["state"], bool(one["note"])) for one in await _exported(stage)] == [("muted", True)]


@key("export", start="workers")
async def _e_writes_the_consumers_with_what_they_run(stage: Stage) -> None:
    fleet = await _exported(stage)
    assert [one["consumer"] for one in fleet] == [one.name.plain for one in stage.app.gateway.fleet()]
    running = [job for one in fleet for job in one["running"]]
    assert len(running) == len(stage.app.gateway.jobs("state:running", 0, 100).rows)
    assert {"job", "task", "p95_s"} <= set(running[0])


@key("export", start="schedules")
async def _e_writes_the_schedules_with_their_ticks_and_runs(stage: Stage) -> None:
    schedules = await _exported(stage)
    assert len(schedules) == len(stage.app.gateway.schedules())
    assert all(one["next_at"] or one["problem"] or one["paused_by"] for one in schedules)
    assert "tick_at" in next(one for one in schedules if one["runs"])["runs"][0]
