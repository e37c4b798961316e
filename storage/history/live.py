"""Jobs as the broker has them now, in the shape of history, for what history does not have yet. Changes nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from storage.broker.inspector import Inspector
from storage.broker.reading import Reads, instant, text
from storage.broker.records import FINISHED
from storage.history.entries import Entry
from storage.history.rows import ShownTexts
from storage.history.writing import host_of

UNREAD_SHOWN = 1_000
"""Most events that are looked at for what history does not have yet."""
UNREAD_AT_ONCE = 250
"""Most events that are read at once: of jobs that start and end, those of a list as long as a screen."""
AHEAD = timedelta(milliseconds=10)
"""How much later than its first event a job may say that it was created. From Redis 7.2 on an event bears the instant
at which its script began (streamNextID in t_stream.c), and the script reads the clock after that."""
_SAME = ("version", "created")
"""What tells whether a record says what history says."""
_FIELDS = (
    *("version", "task", "queue", "state", "priority", "created", "queued", "run_at", "started", "finished"),
    *("attempt", "crashes", "retries", "left", "worker", "reason", "error_type", "error", "fingerprint", "parent"),
    *("unique", "payload"),
)


class Unread(Struct, frozen=True):
    """Jobs to which something has happened. Of those that come after them, none was created after ``others_until_at``:
    a job's first event is that it was created, and its other ones are no older; None: none come after them."""

    job_ids: tuple[str, ...]
    others_until_at: datetime | None


class Live(Reads):
    """The broker's records. ``shown`` answers the JSON texts of a job's arguments, without secrets, and result."""

    def __init__(self, inspector: Inspector, shown: ShownTexts) -> None:
        super().__init__(inspector._client)
        self._keys = inspector._keys
        self._shown = shown

    def unread(self) -> Iterator[Unread]:
        """Yield the jobs to which something has happened that is not in history yet, some at a time, those with the
        newest events first, as far as the newest events tell. Each job comes once.

        Raises: StoreUnavailable.
        """
        cursor = self._call("hget", self._keys.recording, "cursor")
        low, high = f"({cursor.decode()}" if cursor else "-", "+"
        seen: set[str] = set()
        for start in range(0, UNREAD_SHOWN, UNREAD_AT_ONCE):
            most = min(UNREAD_AT_ONCE, UNREAD_SHOWN - start)
            events = self._call("xrevrange", self._keys.events, max=high, min=low, count=most)
            found = dict.fromkeys(text(job_id) for _, fields in events for job_id in fields)  # see tell in _base.lua
            is_last = len(events) < most or start + most >= UNREAD_SHOWN
            last = events[-1][0].decode() if events else "0-0"
            yield Unread(
                tuple(one for one in found if one not in seen), None if is_last else _happened_at(last) + AHEAD
            )
            if is_last:
                return
            seen.update(found)
            high = f"({last}"

    def entries(self, job_ids: Sequence[str], recorded: Mapping[str, Entry]) -> dict[str, Entry]:
        """Those of these jobs that the broker knows, by id; ``recorded`` is how history has them, and those of which
        the broker says the same are left out.

        Raises: StoreUnavailable.
        """
        fields = [_SAME if job_id in recorded else _FIELDS for job_id in job_ids]
        found = dict(zip(job_ids, self._records(job_ids, fields), strict=True))
        changed = [job_id for job_id in job_ids if job_id in recorded and _differs(found[job_id], recorded[job_id])]
        if changed:
            found.update(zip(changed, self._records(changed, [_FIELDS] * len(changed)), strict=True))
        entries = {}
        for job_id, values in found.items():
            if len(values) == len(_FIELDS):
                record = dict(zip(_FIELDS, values, strict=True))
                if record["state"]:
                    entries[job_id] = self._entry(job_id, record, recorded.get(job_id))
        return entries

    def _records(self, job_ids: Sequence[str], fields: Sequence[Sequence[str]]) -> list[Any]:
        with self._pipe() as pipe:
            for job_id, names in zip(job_ids, fields, strict=True):
                pipe.hmget(self._keys.job(job_id), names)
            return self._run(pipe)

    def _entry(self, job_id: str, fields: Mapping[str, Any], known: Entry | None) -> Entry:
        created_at = instant(fields["created"]) or datetime.fromtimestamp(0, UTC)
        if known is not None and known.created_at != created_at:
            known = None  # another job, which had this id before
        queued_at, started_at, finished_at = (instant(fields[name]) for name in ("queued", "started", "finished"))
        state, task, worker = (text(fields[name]) for name in ("state", "task", "worker"))
        attempt = int(fields["attempt"] or 0)
        is_ended = state in FINISHED
        same = known if known is not None and known.attempt == attempt and state != "running" else None
        return Entry(
            id=job_id,
            created_at=created_at,
            version=int(fields["version"] or 0),
            task=task,
            queue=text(fields["queue"]),
            state=state,  # type: ignore[arg-type]  # only our scripts write it
            priority=float(fields["priority"] or 0),
            queued_at=queued_at,
            run_at=instant(fields["run_at"]),
            started_at=started_at,
            finished_at=finished_at,
            wait_ms=_ms(queued_at, started_at) if same is None or same.wait_ms is None else same.wait_ms,
            duration_ms=_ms(started_at, finished_at) if is_ended else same.duration_ms if same else None,
            attempt=attempt,
            crashes=int(fields["crashes"] or 0),
            retries=int(fields["retries"] or 0),
            retries_left=int(fields["left"] or 0),
            host=host_of(worker),
            worker=worker,
            consumer_version=known.consumer_version if known is not None and known.worker == worker else "",
            reason=text(fields["reason"]),
            error_type=text(fields["error_type"]),
            error=text(fields["error"]),
            fingerprint=text(fields["fingerprint"]) or (same.fingerprint if same and fields["error_type"] else ""),
            parent=text(fields["parent"]),
            unique_key=text(fields["unique"]),
            args=self._arguments(task, fields["payload"]) if known is None else known.args,
        )

    def _arguments(self, task: str, payload: bytes | None) -> Any:
        shown, _ = self._shown(task, payload or None, None)
        return None if shown is None else json.loads(shown)


def _differs(values: Sequence[Any], known: Entry) -> bool:
    """Whether the broker knows a job, and says something else of it than history; ``values`` are those of _SAME."""
    version, created = values
    return version is not None and (int(version) != known.version or instant(created) != known.created_at)


def _happened_at(event_id: str) -> datetime:
    """When an event was left, by its id."""
    return datetime.fromtimestamp(int(event_id.partition("-")[0]) / 1000, UTC)


def _ms(since_at: datetime | None, until_at: datetime | None) -> int | None:
    if since_at is None or until_at is None or until_at < since_at:
        return None
    return round((until_at - since_at).total_seconds() * 1_000)
