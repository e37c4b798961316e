"""Schedules from the command line: their rules, next and last runs: ``dewey schedules``."""

from datetime import UTC, datetime

import typer

from console.commands.opening import open_desk
from console.commands.printing import Json, emit, span, table
from storage.broker.records import ScheduleInfo
from storage.wording import short_name

app = typer.Typer()


@app.command()
def schedules(as_json: Json = False) -> None:
    """Show every schedule: its rule, its next and its last run.

    Ticks that had no job are counted: MISSED when nobody was there, SKIPPED while the schedule was paused. With --json
    also the next five ticks and the last ten runs.
    """
    inspector = open_desk().inspector
    found = inspector.schedules()
    now = datetime.fromtimestamp(inspector.clock_ms() / 1000, UTC)
    head = ["SCHEDULE", "RULE", "ZONE", "NEXT", "LAST", " LATE", " MISSED", " SKIPPED", "STATUS"]
    lines = table(head, [_row(one, now) for one in found])
    nothing = ["There is no schedule yet: `dewey up` brings those of the tasks."]
    emit(found, as_json, lines if found else nothing)


def _row(one: ScheduleInfo, now: datetime) -> list[str]:
    coming = f"in {span((one.next_at[0] - now).total_seconds())}" if one.next_at else "-"
    counts = [str(one.late), str(one.missed), str(one.skipped)]
    rule = one.expression or "crontab()"
    return [short_name(one.name), rule, one.timezone or "-", coming, _last(one, now), *counts, _status(one)]


def _last(one: ScheduleInfo, now: datetime) -> str:
    if not one.runs:
        return "-"
    run = one.runs[0]
    by_hand = " by hand" if run.tick_at is None else ""
    return f"{span((now - run.enqueued_at).total_seconds())} ago{by_hand}, {run.state or 'forgotten'}"


def _status(one: ScheduleInfo) -> str:
    if one.pause is None:
        return one.problem or "on"
    until = f" until {one.pause.until_at:%Y-%m-%d %H:%M} UTC" if one.pause.until_at else ""
    return f"paused by {one.pause.by}{until}" + (f": {one.pause.reason}" if one.pause.reason else "")
