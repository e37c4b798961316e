"""What was counted, for any window, queue and task: throughput, failures, and the quantiles of waits and runs.

Minutes are kept two days and hours a quarter, so an older window begins and ends at full hours. Quantiles come from
histograms that were added up (histogram.py), never from averages of quantiles: they are at most 5 % or 1 ms off.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from storage.database.connection import Database, Session
from storage.history.histogram import quantile

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MINUTES_KEPT = timedelta(days=2)
FORECAST_MINUTES = 5

By = Literal["queue", "task"]
_COUNTS = ("enqueued", "started", "succeeded", "failed", "lost", "canceled", "dead", "wait_ms", "run_ms")


class Quantiles(Struct, frozen=True):
    """Half of all took at most ``p50_s`` seconds, and so on; None: there was none."""

    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


class Measured(Struct, frozen=True):
    """What was counted in a window, of one queue and task ("": of all).

    Jobs: ``enqueued``, ``canceled``, ``dead``. Attempts: ``started``, ``succeeded``, ``failed``, ``lost``.
    ``per_minute`` are attempts that ended; ``failure_share`` is how many of them failed or were lost (or None).
    """

    queue: str
    task: str
    enqueued: int
    started: int
    succeeded: int
    failed: int
    lost: int
    canceled: int
    dead: int
    per_minute: float
    failure_share: float | None
    wait: Quantiles
    run: Quantiles


class Stats(Struct, frozen=True):
    """The measures of a window, as far as it was recorded: ``start_at`` may be earlier than asked, at a full hour."""

    start_at: datetime
    end_at: datetime
    total: Measured
    rows: tuple[Measured, ...]


class Step(Struct, frozen=True):
    """What was counted in one minute or hour."""

    at: datetime
    enqueued: int
    started: int
    succeeded: int
    failed: int
    lost: int


class _Part(Struct, frozen=True):
    step_s: int
    start_at: datetime
    end_at: datetime


def stats(
    database: Database,
    start_at: datetime,
    end_at: datetime,
    *,
    queue: str | None = None,
    task: str | None = None,
    by: Sequence[By] = ("queue", "task"),
) -> Stats:
    """What was counted from one instant to another, in all and by queue and task; a task also by the end of its name.

    Raises: StoreUnavailable, StoreRefused.
    """
    parts = _parts(start_at, end_at, datetime.now(UTC))
    first_at = min(part.start_at for part in parts)
    last_at = max(part.end_at for part in parts)
    where, values = _where(parts, queue, task)
    minutes = max((min(last_at, datetime.now(UTC)) - first_at) / MINUTE, 1 / 60)
    with database.session() as session:
        rows = tuple(_measured(session, where, values, by, minutes)) if by else ()
        total = next(iter(_measured(session, where, values, (), minutes)))
    return Stats(first_at, last_at, total, rows)


def series(
    database: Database, start_at: datetime, end_at: datetime, *, queue: str | None = None, task: str | None = None
) -> tuple[Step, ...]:
    """The counts of each minute (in the last two days) or hour of a window that had any, oldest first."""
    now = datetime.now(UTC)
    is_recent = start_at >= now - MINUTES_KEPT
    step, step_s = (MINUTE, 60) if is_recent else (HOUR, 3600)
    part = _Part(step_s, _floor(start_at, step), end_at)
    where, values = _where([part], queue, task)
    with database.session() as session:
        rows = session.rows(
            "SELECT at, sum(enqueued)::bigint, sum(started)::bigint, sum(succeeded)::bigint, sum(failed)::bigint, "
            f"sum(lost)::bigint FROM measures WHERE {where} GROUP BY at ORDER BY at",
            values,
        )
    return tuple(Step(*row) for row in rows)


def run_times(database: Database, start_at: datetime, end_at: datetime, *, task: str) -> tuple[int, ...]:
    """How many runs of a task ended in each bucket of histogram.py, in a window as `stats` has it.

    Raises: StoreUnavailable, StoreRefused.
    """
    where, values = _where(_parts(start_at, end_at, datetime.now(UTC)), None, task)
    with database.session() as session:
        return tuple(_histograms(session, "run", where, values, ()).get(("", ""), ()))


def drain_s(queued: int, minutes: Sequence[tuple[int, int, int]]) -> float | None:
    """Seconds until a queue is empty if it goes on as in its last full minutes (QueueStats.minutes); None: never."""
    if queued == 0:
        return 0.0
    full = minutes[:-1][-FORECAST_MINUTES:]
    if not full:
        return None
    shrinks_by = sum(succeeded + failed - enqueued for enqueued, succeeded, failed in full) / len(full)
    return queued / shrinks_by * 60 if shrinks_by > 0 else None


def _parts(start_at: datetime, end_at: datetime, now: datetime) -> list[_Part]:
    """A window as minutes at its edges and hours between them."""
    end_at = max(end_at, start_at + MINUTE)
    if start_at < now - MINUTES_KEPT + HOUR:
        return [_Part(3600, _floor(start_at, HOUR), _ceiling(end_at, HOUR))]
    start_at, end_at = _floor(start_at, MINUTE), _ceiling(end_at, MINUTE)
    first_hour, last_hour = _ceiling(start_at, HOUR), _floor(end_at, HOUR)
    if first_hour >= last_hour:
        return [_Part(60, start_at, end_at)]
    parts = [_Part(60, start_at, first_hour), _Part(3600, first_hour, last_hour), _Part(60, last_hour, end_at)]
    return [part for part in parts if part.start_at < part.end_at]


def _floor(at: datetime, step: timedelta) -> datetime:
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % step


def _ceiling(at: datetime, step: timedelta) -> datetime:
    floor = _floor(at, step)
    return floor if floor == at else floor + step


def _where(parts: Sequence[_Part], queue: str | None, task: str | None) -> tuple[str, list[object]]:
    windows = " OR ".join(["step_s = %s AND at >= %s AND at < %s"] * len(parts))
    values: list[object] = [value for part in parts for value in (part.step_s, part.start_at, part.end_at)]
    where = f"({windows})"
    if queue is not None:
        where += " AND queue = %s"
        values.append(queue)
    if task is not None:
        where += " AND (task = %s OR right(task, length(%s) + 1) = '.' || %s)"
        values += [task, task, task]
    return where, values


def _measured(
    session: Session, where: str, values: Sequence[object], by: Sequence[By], minutes: float
) -> list[Measured]:
    keys = ", ".join(name if name in by else f"'' AS {name}" for name in ("queue", "task"))
    group = f"GROUP BY {', '.join(by)}" if by else ""
    sums = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in _COUNTS)
    order = f"ORDER BY {', '.join(by)}" if by else ""
    rows = session.rows(f"SELECT {keys}, {sums} FROM measures WHERE {where} {group} {order}", values)
    waits, runs = (_histograms(session, name, where, values, by) for name in ("wait", "run"))
    return [_row(row, waits, runs, minutes) for row in rows]


def _histograms(
    session: Session, name: str, where: str, values: Sequence[object], by: Sequence[By]
) -> dict[tuple[str, str], list[int]]:
    keys = ", ".join(one if one in by else f"'' AS {one}" for one in ("queue", "task"))
    group = ", ".join([*by, "bucket"])
    rows = session.rows(
        f"SELECT {keys}, bucket, sum(jobs)::bigint FROM measures, unnest({name}) WITH ORDINALITY AS b (jobs, bucket) "
        f"WHERE {where} GROUP BY {group} HAVING sum(jobs) > 0 ORDER BY bucket",
        values,
    )
    found: dict[tuple[str, str], list[int]] = {}
    for queue, task, bucket, jobs in rows:
        counts = found.setdefault((queue, task), [])
        counts += [0] * (int(bucket) - len(counts))
        counts[int(bucket) - 1] = int(jobs)
    return found


def _row(
    row: tuple[Any, ...],
    waits: dict[tuple[str, str], list[int]],
    runs: dict[tuple[str, str], list[int]],
    minutes: float,
) -> Measured:
    queue, task, enqueued, started, succeeded, failed, lost, canceled, dead, _, _ = row
    ended = succeeded + failed + lost
    return Measured(
        *(queue, task, enqueued, started, succeeded, failed, lost, canceled, dead),
        per_minute=ended / minutes,
        failure_share=(failed + lost) / ended if ended else None,
        wait=_quantiles(waits.get((queue, task), [])),
        run=_quantiles(runs.get((queue, task), [])),
    )


def _quantiles(counts: Sequence[int]) -> Quantiles:
    p50, p95, p99 = (quantile(counts, share) for share in (0.5, 0.95, 0.99))
    if p50 is None or p95 is None or p99 is None:
        return Quantiles()
    return Quantiles(p50 / 1000, p95 / 1000, p99 / 1000)
