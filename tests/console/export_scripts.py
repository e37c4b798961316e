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
