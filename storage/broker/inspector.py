"""What operators read of what is happening now. Nothing here can change anything: no script, no write command."""

import json
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec

from storage.broker.failures import FailureReads
from storage.broker.fleet import FleetReads
from storage.broker.flows import FlowReads
from storage.broker.reading import instant, text
from storage.broker.records import (
    STATES,
    Attempt,
    AttemptOutcome,
    Job,
    JobPage,
    LogLine,
    LogPage,
    Pause,
    Progress,
    QueueStats,
    State,
)
from storage.broker.requests import decode_limits
from storage.broker.schedules import ScheduleReads
from storage.broker.why import WhyReads
from storage.errors import JobMissing
from storage.wording import alike, short_id

ORDER: tuple[State, ...] = (
    "running",
    "retrying",
    "queued",
    "scheduled",
    "blocked",
    "dead",
    "canceled",
    "succeeded",
)
NEWEST_FIRST = frozenset({"succeeded", "dead", "canceled"})
MINUTES_SHOWN = 30
BANDS_READ = 32
ROWS_AT_ONCE = 500
_OUTCOMES = frozenset(get_args(AttemptOutcome))
_ROW = (
    *(
        "task",
        "queue",
        "state",
        "priority",
        "created",
        "version",
        "run_at",
        "started",
        "finished",
        "attempt",
        "crashes",
    ),
    *("retries", "left", "retry_delay", "worker", "reason", "error_type", "error", "parent", "progress", "payload"),
)


class Inspector(FlowReads, FailureReads, FleetReads, ScheduleReads, WhyReads):
    """Reads of one namespace. Every instant is an aware UTC datetime on Redis's clock."""

    def ping(self) -> float:
        """Seconds of one round trip. Raises StoreUnavailable."""
        start = time.perf_counter()
        self._call("ping")
        return time.perf_counter() - start

    def clock_ms(self) -> int:
        """Redis's clock, in ms since the epoch."""
        seconds, micros = self._call("time")
        return int(seconds) * 1000 + int(micros) // 1000

    # -- queues ------------------------------------------------------------------------------------------------

    def queue_names(self) -> tuple[str, ...]:
        """All queues, sorted."""
        return tuple(sorted(name.decode() for name in self._call("smembers", self._keys.queues)))

    def count(self, states: Sequence[State] = (), queues: Sequence[str] = ()) -> int:
        """How many jobs are in these states and queues (none named: all)."""
        return sum(size for _, _, size in self._sizes(states, queues))

    def by_state(self, queues: Sequence[str] = ()) -> dict[State, int]:
        """How many jobs of these queues (none named: all) are in each state."""
        found = dict.fromkeys(STATES, 0)
        for _, state, size in self._sizes((), queues):
            found[state] += size
        return found

    def queues(self) -> tuple[QueueStats, ...]:
        """Every queue at a glance."""
        names = self.queue_names()
        now_ms = self.clock_ms()
        minute = now_ms // 60_000
        minutes = range(minute - MINUTES_SHOWN + 1, minute + 1)
        with self._pipe() as pipe:
            pipe.hgetall(self._keys.paused)
            pipe.hgetall(self._keys.gates)
            for name in names:
                for state in STATES:
                    pipe.zcard(self._keys.index(name, state))
                for one in minutes:
                    pipe.hgetall(self._keys.minute(name, one))
            rows = iter(self._run(pipe))
        paused = {name.decode(): _pause(text) for name, text in next(rows).items()}
        limits = {name.decode(): decode_limits(text) for name, text in next(rows).items()}
        living = self.consumers()
        stats = []
        for name in names:
            counts: dict[State, int] = {state: next(rows) for state in STATES}
            per_minute = tuple(_minute(next(rows)) for _ in minutes)
            oldest_ms = self._oldest(name) if counts["queued"] else None
            serving = [one for one in living if not one.queues or name in one.queues]
            stats.append(
                QueueStats(
                    name=name,
                    counts=counts,
                    oldest_waiting_s=max(0, now_ms - oldest_ms) / 1000 if oldest_ms else 0.0,
                    pause=paused.get(name),
                    consumers=len(serving),
                    minutes=per_minute,
                    limits=limits.get(name),
                    quiet_consumers=sum(1 for one in serving if one.order),
                )
            )
        return tuple(stats)

    def _oldest(self, queue: str) -> int | None:
        """When the job that has waited longest came in line: the first of each priority band is its oldest."""
        key = self._keys.index(queue, "queued")
        low: float | str = "-inf"
        heads: list[str] = []
        for _ in range(BANDS_READ):
            head = self._call("zrangebyscore", key, low, "+inf", start=0, num=1, withscores=True)
            if not head:
                break
            heads.append(head[0][0].decode())
            low = (head[0][1] // 2**40 + 1) * 2**40
        with self._pipe() as pipe:
            for job_id in heads:
                pipe.hget(self._keys.job(job_id), "queued")
            return min((int(at) for at in self._run(pipe) if at), default=None)

    # -- jobs --------------------------------------------------------------------------------------------------

    def jobs(
        self, states: Sequence[State] = (), queues: Sequence[str] = (), offset: int = 0, limit: int = 100
    ) -> JobPage:
        """A slice of the list of jobs: state by state in ORDER, then by queue; newest first among the finished."""
        sizes = self._sizes(states, queues)
        ids = self._slice(sizes, max(0, offset), limit)
        return JobPage(total=sum(size for _, _, size in sizes), offset=max(0, offset), jobs=self._rows(ids))

    def listing(self, states: Sequence[State] = (), queues: Sequence[str] = (), limit: int = 100) -> JobPage:
        """The beginning of that list as operators read it: what has ended comes last, the latest end first, whatever
        its state and queue."""
        sizes = self._sizes(states, queues)
        ids = self._slice([one for one in sizes if one[1] not in NEWEST_FIRST], 0, limit)
        ids += self._latest([one for one in sizes if one[1] in NEWEST_FIRST], limit - len(ids))
        return JobPage(total=sum(size for _, _, size in sizes), offset=0, jobs=self._rows(ids))

    def _latest(self, sizes: Sequence[tuple[str, State, int]], room: int) -> list[str]:
        """Ids of the jobs that ended last; equal instants go by id."""
        if room <= 0:
            return []
        with self._pipe() as pipe:
            for queue, state, _ in sizes:
                pipe.zrevrange(self._keys.index(queue, state), 0, room - 1, withscores=True)
            ended = [(finished_ms, job_id.decode()) for rows in self._run(pipe) for job_id, finished_ms in rows]
        return [job_id for _, job_id in sorted(ended, reverse=True)[:room]]

    def ids(self, states: Sequence[State], queues: Sequence[str], limit: int) -> tuple[str, ...]:
        """The ids of the first jobs of that list."""
        return tuple(self._slice(self._sizes(states, queues), 0, limit))

    def _slice(self, sizes: Sequence[tuple[str, State, int]], skip: int, room: int) -> list[str]:
        ids: list[str] = []
        for queue, state, size in sizes:
            if skip >= size:
                skip -= size
                continue
            if room <= 0:
                break
            command = "zrevrange" if state in NEWEST_FIRST else "zrange"
            found = self._call(command, self._keys.index(queue, state), skip, skip + room - 1)
            ids += [job_id.decode() for job_id in found]
            room -= len(found)
            skip = 0
        return ids

    def job(self, job_id: str) -> Job:
        """The whole record of a job, its attempts and result included. Raises JobMissing."""
        with self._pipe() as pipe:
            pipe.hgetall(self._keys.job(job_id))
            pipe.hget(self._keys.data, job_id)
            raw, stored = self._run(pipe)
        if not raw:
            raise JobMissing(f"there is no job {job_id!r}: it may be past its retention")
        fields = {key.decode(): value for key, value in raw.items()}
        lease_ms = None
        if fields.get("state") == b"running":
            lease_ms = self._call("zscore", self._keys.index(fields["queue"].decode(), "running"), job_id)
        return _job(job_id, fields, lease_ms=lease_ms, stored=stored)

    def rows(self, job_ids: Sequence[str]) -> tuple[Job, ...]:
        """The jobs of these ids, as a list of jobs shows them; those that are gone are left out."""
        found: list[Job] = []
        for start in range(0, len(job_ids), ROWS_AT_ONCE):
            found += self._rows(job_ids[start : start + ROWS_AT_ONCE])
        return tuple(found)

    def find(self, prefix: str) -> str:
        """The id that begins with ``prefix``, or is shown as it, when exactly one of the last few thousand does.

        Raises: JobMissing.
        """
        if self._call("exists", self._keys.job(prefix)):
            return prefix
        found: set[str] = set()
        for queue, state, _ in self._sizes((), ()):
            ids = self._call("zrevrange", self._keys.index(queue, state), 0, 2_000)
            names = [job_id.decode() for job_id in ids]
            found |= {name for name in names if name.startswith(prefix) or short_id(name) == prefix}
        if len(found) == 1:
            return found.pop()
        if found:
            raise JobMissing(f"{len(found)} jobs {alike(min(found), prefix)}")
        raise JobMissing(f"there is no job {prefix!r}: it may be past its retention")

    def due(self, states: Sequence[State], at_ms: int) -> list[str]:
        """Ids of the scheduled or retrying jobs that are due at an instant, soonest first."""
        found: list[tuple[float, str]] = []
        for queue, state, _ in self._sizes(states, ()):
            rows = self._call("zrangebyscore", self._keys.index(queue, state), "-inf", at_ms, withscores=True)
            found += [(score, job_id.decode()) for job_id, score in rows]
        return [job_id for _, job_id in sorted(found)]

    def _sizes(self, states: Sequence[State], queues: Sequence[str]) -> list[tuple[str, State, int]]:
        wanted = [state for state in ORDER if not states or state in states]
        names = [name for name in self.queue_names() if not queues or name in queues]
        places = [(name, state) for state in wanted for name in names]
        with self._pipe() as pipe:
            for name, state in places:
                pipe.zcard(self._keys.index(name, state))
            return [(*place, size) for place, size in zip(places, self._run(pipe), strict=True)]

    def _rows(self, ids: Sequence[str]) -> tuple[Job, ...]:
        with self._pipe() as pipe:
            for job_id in ids:
                pipe.hmget(self._keys.job(job_id), _ROW)
            rows = self._run(pipe)
        jobs = []
        for job_id, values in zip(ids, rows, strict=True):
            fields = {name: value for name, value in zip(_ROW, values, strict=True) if value is not None}
            if "state" in fields:  # else it was forgotten between the two reads
                jobs.append(_job(job_id, fields))
        return tuple(jobs)

    # -- logs --------------------------------------------------------------------------------------------------

    def log(self, job_id: str, after: str = "0", limit: int = 1000) -> LogPage:
        """Lines of one job after a cursor ("0": from the first one kept)."""
        low = f"({after}" if after != "0" else "-"
        rows = self._call("xrange", self._keys.log(job_id), min=low, max="+", count=limit)
        lines = tuple(_line(job_id, fields[b"d"]) for _, fields in rows)
        return LogPage(lines, rows[-1][0].decode() if rows else after)

    def tail(self, after: str = "", limit: int = 1000) -> LogPage:
        """Lines of all jobs after a cursor, as they were logged; "" answers the last ``limit`` ones.

        Workers ship what their jobs log about once a second, a job at a time: that is not the order to read them in.
        """
        if after:
            rows = self._call("xrange", self._keys.tail, min=f"({after}", max="+", count=limit)
        else:
            rows = self._call("xrevrange", self._keys.tail, count=limit)[::-1]
        lines = sorted((_line(fields[b"j"].decode(), fields[b"d"]) for _, fields in rows), key=lambda line: line.at)
        return LogPage(tuple(lines), rows[-1][0].decode() if rows else after or "0")

    def repairs(self) -> dict[str, int]:
        """How often the reconciler has found each kind of impossible state."""
        found = self._call("hgetall", self._keys.repairs)
        return {kind.decode(): int(count) for kind, count in found.items() if kind != b"last"}


# -- from Redis's bytes to values ------------------------------------------------------------------------------


def _job(job_id: str, fields: dict[str, Any], *, lease_ms: Any = None, stored: bytes | None = None) -> Job:
    created_at = instant(fields.get("created"))
    result = fields.get("result") or (stored if fields.get("state") == b"succeeded" else None)
    return Job(
        id=job_id,
        task=text(fields.get("task")),
        queue=text(fields.get("queue")),
        state=text(fields.get("state")),  # type: ignore[arg-type]  # only our scripts write it
        priority=float(fields.get("priority") or 0),
        created_at=created_at or datetime.fromtimestamp(0, UTC),
        version=int(fields.get("version") or 0),
        run_at=instant(fields.get("run_at")),
        started_at=instant(fields.get("started")),
        finished_at=instant(fields.get("finished")),
        lease_until=instant(lease_ms),
        attempt=int(fields.get("attempt") or 0),
        crashes=int(fields.get("crashes") or 0),
        released=int(fields.get("released") or 0),
        retries=int(fields.get("retries") or 0),
        retries_left=int(fields.get("left") or 0),
        retry_delay_s=float(fields.get("retry_delay") or 0),
        worker=text(fields.get("worker")),
        reason=text(fields.get("reason")),
        error_type=text(fields.get("error_type")),
        error=text(fields.get("error")),
        parent=text(fields.get("parent")),
        payload=fields.get("payload") or b"",
        result=result,
        progress=_progress(fields.get("progress")),
        attempts=tuple(_attempts(fields)),
    )


def _attempts(fields: dict[str, Any]) -> Iterable[Attempt]:
    numbers = sorted(int(name[2:]) for name in fields if name.startswith("a:"))
    for number in numbers:
        row = json.loads(text(fields[f"a:{number}"]))
        started_at = instant(row.get("started"))
        yield Attempt(
            number=number,
            outcome=row["outcome"] if row["outcome"] in _OUTCOMES else "failed",
            started_at=started_at or datetime.fromtimestamp(0, UTC),
            finished_at=instant(row["finished"]),
            worker=row.get("worker") or "",
            error_type=row["error_type"],
            error=row["error"],
            traceback=row["traceback"],
            fingerprint=row.get("fingerprint", ""),
            shape=row.get("shape", ""),
        )
    started_at = instant(fields.get("started"))
    if fields.get("state") == b"running" and started_at is not None:
        yield Attempt(int(fields["attempt"]), "running", started_at, None, text(fields.get("worker")))


def _progress(value: bytes | None) -> Progress | None:
    if not value:
        return None
    word = msgspec.json.decode(value)
    at = datetime.fromtimestamp(word["at"] / 1000, UTC)
    return Progress(int(word["done"]), int(word["total"]), str(word["note"]), at)


def _line(job_id: str, data: bytes) -> LogLine:
    at_ms, attempt, level, logger, message, task, queue = msgspec.json.decode(data)
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return LogLine(job_id, task, queue, attempt, at, level, logger, message)


def _pause(text: bytes) -> Pause:
    who = json.loads(text)
    at = instant(who["at"]) or datetime.fromtimestamp(0, UTC)
    return Pause(str(who.get("by", "")), str(who.get("reason", "")), at, instant(who.get("until_ms") or None))


def _minute(fields: dict[bytes, bytes]) -> tuple[int, int, int]:
    return (
        int(fields.get(b"enqueued", 0)),
        int(fields.get(b"succeeded", 0)),
        int(fields.get(b"failed", 0)) + int(fields.get(b"lost", 0)),
    )
