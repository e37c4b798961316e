"""Jobs as history has them, made into views. Every text passes `safe_text` here, and nowhere later."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from console.gateway import building
from console.gateway.building import Call
from console.gateway.views import JobRow, JobView, LogLineView
from storage.broker.records import Attempt, Job, LogLine
from storage.history.entries import Entry, Run, Story


def entry_job(entry: Entry) -> Job:
    """Return history's job as the broker would have written it, without its payload."""
    return Job(
        id=entry.id,
        task=entry.task,
        queue=entry.queue,
        state=entry.state,
        priority=entry.priority,
        created_at=entry.created_at,
        version=entry.version,
        run_at=entry.run_at,
        started_at=entry.started_at,
        finished_at=entry.finished_at,
        attempt=entry.attempt,
        crashes=entry.crashes,
        retries=entry.retries,
        retries_left=entry.retries_left,
        worker=entry.worker,
        reason=entry.reason,
        error_type=entry.error_type,
        error=entry.error,
        parent=entry.parent,
    )


def entry_call(entry: Entry) -> Call:
    """Return the arguments as history has them."""
    return Call(kwargs=entry.args) if isinstance(entry.args, Mapping) else Call((entry.args,) if entry.args else ())


def entry_row(entry: Entry, now: datetime) -> JobRow:
    """Return the view of a job as a line."""
    return building.job_row(entry_job(entry), entry_call(entry), now)


def story_view(story: Story, now: datetime) -> JobView:
    """Return the view of a whole job that the broker has forgotten."""
    job = replace(
        entry_job(story.entry),
        attempts=tuple(_attempt(run) for run in story.runs),
        result=None if story.result is None else b"",
    )
    view = building.job_view(job, entry_call(story.entry), story.result, now)
    return replace(view, is_recorded=True)


def _attempt(run: Run) -> Attempt:
    outcome, started_at, finished_at = run.outcome, run.started_at, run.finished_at
    return Attempt(run.number, outcome, started_at, finished_at, run.worker, run.error_type, run.error, run.traceback)  # type: ignore[arg-type]


def story_lines(story: Story) -> tuple[LogLineView, ...]:
    """Return the last lines of its log."""
    entry = story.entry
    return tuple(
        building.log_line(LogLine("", entry.task, entry.queue, one.attempt, one.at, one.level, one.logger, one.message))
        for one in story.lines
    )
