"""Jobs as history has them, made into views. Every text passes `safe_text` here, and nowhere later.

They were recorded without secrets; what the settings call secret by now is taken out as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from console.gateway import building
from console.gateway.building import Call
from storage.broker.records import Attempt, Job, LogLine
from storage.values import replace

if TYPE_CHECKING:
    from console.gateway.views import JobRow, JobView, LogLineView
    from storage.history.entries import Entry, Run, Story
    from storage.redaction import Redactor


def entry_job(entry: Entry, redactor: Redactor) -> Job:
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
        reason=redactor.redact_text(entry.reason),
        error_type=entry.error_type,
        error=redactor.redact_text(entry.error),
        parent=entry.parent,
    )


def entry_call(entry: Entry, redactor: Redactor) -> Call:
    """Return the arguments as history has them."""
    shown = redactor.redact_value(entry.args)
    return Call(kwargs=shown) if isinstance(shown, Mapping) else Call((shown,) if shown else ())


def entry_row(entry: Entry, now: datetime, redactor: Redactor) -> JobRow:
    """Return the view of a job as a line."""
    return building.job_row(entry_job(entry, redactor), entry_call(entry, redactor), now)


def story_view(story: Story, now: datetime, redactor: Redactor) -> JobView:
    """Return the view of a whole job that the broker has forgotten."""
    job = replace(
        entry_job(story.entry, redactor),
        attempts=tuple(_attempt(run, redactor) for run in story.runs),
        result=None if story.result is None else b"",
    )
    view = building.job_view(job, entry_call(story.entry, redactor), redactor.redact_value(story.result), now)
    return replace(view, is_recorded=True)


def _attempt(run: Run, redactor: Redactor) -> Attempt:
    error, traceback = redactor.redact_text(run.error), redactor.redact_text(run.traceback)
    outcome, started_at, finished_at = run.outcome, run.started_at, run.finished_at
    return Attempt(run.number, outcome, started_at, finished_at, run.worker, run.error_type, error, traceback)  # type: ignore[arg-type]


def story_lines(story: Story, redactor: Redactor) -> tuple[LogLineView, ...]:
    """Return the last lines of its log."""
    entry = story.entry
    lines = [
        LogLine("", entry.task, entry.queue, one.attempt, one.at, one.level, one.logger, one.message)
        for one in story.lines
    ]
    return tuple(building.log_line(replace(one, message=redactor.redact_text(one.message))) for one in lines)
