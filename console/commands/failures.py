"""Dead jobs by what their errors have in common: ``dewey failures``."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import typer

from console.commands.jobs import SHORT_ID, short_name
from console.commands.opening import open_desk
from console.commands.printing import Json, emit, span, table
from storage.broker.records import FailureGroup

app = typer.Typer()


@app.command()
def failures(as_json: Json = False) -> None:
    """Show dead jobs, grouped by what broke.

    Errors that differ only by ids, numbers, paths and the like are one group.

    The group with the latest failure comes first. `dewey requeue --group ID` tries all jobs of one again.
    """
    inspector = open_desk().inspector
    groups = inspector.failure_groups()
    now = datetime.fromtimestamp(inspector.clock_ms() / 1000, UTC)
    emit(groups, as_json, _lines(groups, now) if groups else ["No job is dead."])


def _lines(groups: Sequence[FailureGroup], now: datetime) -> Iterator[str]:
    yield from table(
        ["GROUP", " JOBS", " LAST", " FIRST", "TASK", "SAMPLE", "ERROR"], (_row(one, now) for one in groups)
    )
    yield f"`dewey requeue --group {groups[0].fingerprint[:SHORT_ID]}` tries the jobs of a group again."


def _row(group: FailureGroup, now: datetime) -> list[str]:
    last, first = (span((now - at).total_seconds()) for at in (group.last_seen_at, group.first_seen_at))
    error = f"{group.error_type}: {group.message}" if group.error_type else group.message
    sample = group.sample[:SHORT_ID]
    return [group.fingerprint[:SHORT_ID], str(group.count), last, first, short_name(group.task), sample, error]
