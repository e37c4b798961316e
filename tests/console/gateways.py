"""Gateways that misbehave on demand, for tests."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from textual.content import Content

from console.formats import safe_text
from console.gateway import building
from console.gateway.acting import (
    CanaryRow,
    Done,
    EntryRow,
    EntryView,
    Look,
    Said,
    TrashRow,
    canary_row,
    done_of,
    entry_row,
    item_rows,
    look_of,
    trash_row,
)
from console.gateway.building import Call
from console.gateway.demo import DemoGateway
from console.gateway.demo_book import canned_canary
from console.gateway.demo_records import NOW
from console.gateway.errors import GatewayRefused, GatewayUnavailable
from console.gateway.fleet import ConsumerView, consumer_view
from console.gateway.glance import HealthView, Part, Waits, health_view
from console.gateway.library import FilePage, Found, PassagePage, file_row, hit_view, passage_view
from console.gateway.timetable import ScheduleRow, schedule_row
from console.gateway.views import JobPage, JobRow, JobView, LogPage, QueueRow, Tally, TaskView
from storage.audit import Entry, Item
from storage.broker.records import (
    Attempt,
    ConsumerInfo,
    Job,
    LogLine,
    Parameter,
    Pause,
    QueueStats,
    ScheduleInfo,
    SchedulePause,
    ScheduleRun,
    TaskInfo,
)
from storage.chunks import Chunk, Hit
from storage.doctor import Finding
from storage.files import File
from storage.trash import Trashed
from storage.values import replace
from tasks.actions import registry
from tasks.actions.values import NotEligible, Performed, Preview, Request, Subject
from tests.console.hostile_history import HostileHistory

QUESTIONS = (
    "queues",
    "jobs",
    "count",
    "states",
    "words",
    "rows",
    "find",
    "job",
    "log",
    "tail",
    "tasks",
    "fleet",
    "failures",
    "beside",
    "past",
    "past_failures",
    "ping",
    "place",
    "preview",
    "perform",
    "audit",
    "audit_entry",
    "trash",
    "arguments",
    "last_arguments",
    "schedules",
    "glance",
    "health",
    "waits",
    "measures",
    "files",
    "passages",
    "search",
)


class FlakyGateway(DemoGateway):
    """Answers as the demo does, until it is told to fail, to break, or to wait."""

    def __init__(self, empty: bool = False) -> None:
        super().__init__(lambda: NOW + timedelta(seconds=self.later_s), empty=empty)
        self.later_s = 0.0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._counting = threading.Lock()
        for name in QUESTIONS:
            setattr(self, name, self._wrapped(name, getattr(self, name)))

    def _wrapped(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*args: Any) -> Any:
            with self._counting:
                self.asked.append(name)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                assert self.gate.wait(20), "nobody opened the gate"
                if self.error is not None:
                    raise self.error
                return method(*args)
            finally:
                with self._counting:
                    self.at_once -= 1

        return asked

    def go_away(self, after_s: float = 0.0) -> None:
        """Answer nothing from now on."""
        self.later_s += after_s
        self.error = GatewayUnavailable("Redis did not answer: connection refused")

    def come_back(self) -> None:
        """Answer again."""
        self.error = None


class VastGateway(DemoGateway):
    """A list of jobs of any length, made as it is asked for; ``shift`` moves every job down."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total
        self.shift = 0
        self.is_exact = True
        self.counted: list[str] = []
        self.asked: list[tuple[int, int]] = []
        self._model = super().jobs("", 0, 1).rows[0]

    def row(self, number: int) -> JobRow:
        """Return the job of a number."""
        return replace(self._model, key=f"job-{number:07}", short_id=Content(f"{number:08}"), state="queued")

    def jobs(self, criteria: str, offset: int, limit: int) -> JobPage:
        """Return rows ``offset`` to ``offset + limit``."""
        self.asked.append((offset, limit))
        last = min(self.total, offset + limit)
        rows = tuple(self.row(index - self.shift) for index in range(offset, max(offset, last)))
        return JobPage(self.total, offset, rows, self.is_exact)

    def count(self, criteria: str) -> Tally:
        """Count them; when they are not to be counted exactly, up to ten thousand."""
        self.counted.append(criteria)
        return Tally(self.total, True) if self.is_exact else Tally(min(self.total, 10_000), self.total <= 10_000)


class HostileGateway(HostileHistory):
    """Every text of every answer is a payload; there is a job, a queue and a task for each."""

    def __init__(self, payloads: Sequence[str]) -> None:
        super().__init__()
        self.payloads = tuple(payloads)
        self.acted: list[str] = []

    def _job(self, number: int) -> Job:
        text = self.payloads[number]
        trace = f'Traceback (most recent call last):\n  File "{text}", line 1, in {text}\n    {text}\n{text}: {text}\n'
        at = NOW - timedelta(minutes=number + 1)
        ended = at + timedelta(seconds=3)
        attempt = Attempt(1, "failed", at, ended, text, text, text, trace)
        return Job(
            id=f"{number:04}{text}",
            task=text,
            queue=text,
            state="dead",
            priority=0,
            created_at=at,
            version=1,
            started_at=at,
            finished_at=ended,
            attempt=1,
            worker=text,
            reason=text,
            error_type=text,
            error=text,
            parent=text,
            attempts=(attempt,),
            result=b"x",
        )

    def _call(self, number: int) -> Call:
        text = self.payloads[number]
        return Call((text,), {text: [text, {text: text * 30}], "plain": text})

    def _rows(self) -> tuple[JobRow, ...]:
        numbers = range(len(self.payloads))
        return tuple(building.job_row(self._job(number), self._call(number), self.now()) for number in numbers)

    def queues(self) -> tuple[QueueRow, ...]:
        """Return a queue for each payload."""
        pause = [Pause(text, text, NOW) for text in self.payloads]
        minutes = ((1, 1, 0),) * 30
        stats = [QueueStats(text, {"dead": 1}, 0, pause[index], 0, minutes) for index, text in enumerate(self.payloads)]
        return tuple(building.queue_row(one) for one in stats)

    def jobs(self, criteria: str, offset: int, limit: int) -> JobPage:
        """Return all of them, whatever the filter."""
        rows = self._rows()
        return JobPage(len(rows), offset, rows[offset : offset + limit])

    def words(self) -> Mapping[str, tuple[str, ...]]:
        """Return the payloads as values of every field."""
        return dict.fromkeys(("state", "queue", "task", "err", "args", "host"), self.payloads)

    def rows(self, keys: Sequence[str]) -> tuple[JobRow, ...]:
        """Return those of the keys."""
        return tuple(row for row in self._rows() if row.key in keys)

    def job(self, key: str) -> JobView:
        """Return the whole job."""
        number = self._number(key)
        text = self.payloads[number]
        return building.job_view(self._job(number), self._call(number), {text: [text]}, self.now(), "")

    def _number(self, key: str) -> int:
        if not key[:4].isdecimal():
            raise GatewayRefused(f"there is no job {key}")
        return int(key[:4])

    def _lines(self, key: str = "") -> tuple[LogLine, ...]:
        numbers = [self._number(key)] if key else range(len(self.payloads))
        texts = [self.payloads[number] for number in numbers]
        return tuple(LogLine(f"{text}", text, text, 1, NOW, text, text, text) for text in texts)

    def log(self, key: str, after: str) -> LogPage:
        """Return a line of the payload."""
        return LogPage(() if after else tuple(building.log_line(line) for line in self._lines(key)), "1")

    def tail(self, after: str) -> LogPage:
        """Return a line for each payload."""
        return LogPage(() if after else tuple(building.log_line(line) for line in self._lines()), "1")

    def tasks(self) -> tuple[TaskView, ...]:
        """Return a task for each payload."""
        return tuple(
            building.task_view(
                TaskInfo(
                    text,
                    text,
                    f"{text}\n{text}",
                    (
                        Parameter(text, text, text),
                        Parameter("choice", f"Literal[{text!r}, 'b']", repr(text)),
                        Parameter("flag", "bool", text),
                    ),
                    1,
                    1.0,
                    text,
                    text,
                )
            )
            for text in self.payloads
        )

    def fleet(self) -> tuple[ConsumerView, ...]:
        """Return a consumer for each payload, which runs its job."""
        views = []
        for number, text in enumerate(self.payloads):
            job = replace(self._job(number), state="running", worker=f"{number}/{text}")
            info = ConsumerInfo(
                f"{number:04}{text}", text, number, 1, text, (text, text), NOW, NOW, (job.id,), 1, text, order="quiet"
            )
            views.append(consumer_view(info, {job.id: (job, self._call(number))}, {}, self.now()))
        return tuple(views)

    def schedules(self) -> tuple[ScheduleRow, ...]:
        """Return a schedule for each payload, every second one paused."""
        rows = []
        for number, text in enumerate(self.payloads):
            pause = SchedulePause(text, text, NOW, None) if number % 2 else None
            run = ScheduleRun(f"{number:04}{text}", NOW, NOW, 0, "dead", 1, text, text)
            info = ScheduleInfo(text, text, text, text, text, pause, NOW, (NOW,), (run,), problem=text * (number % 3))
            rows.append(schedule_row(info))
        return tuple(rows)

    def health(self, part: Part) -> HealthView:
        """Return a finding for each payload."""
        return health_view(part, [Finding(text, "fail", text, text) for text in self.payloads], self.now())

    def _file(self, number: int) -> File:
        text = self.payloads[number]
        return File(
            number + 1, 1, text, text, text, 1, "private", "FAILED", None, None, None, text, NOW, None, NOW, None
        )

    def files(self, status: str | None, before_id: int | None) -> FilePage:
        """Return a file for each payload."""
        rows = tuple(file_row(self._file(number), 1) for number in reversed(range(len(self.payloads))))
        return FilePage(rows if before_id is None else (), {"FAILED": len(rows)})

    def passages(self, file_id: int, after: int) -> PassagePage:
        """Return the payload as the only passage of its file."""
        text = self.payloads[file_id - 1]
        chunk = Chunk(file_id, 0, f"{text}\n{text}", 0, 1, text)
        return PassagePage(file_row(self._file(file_id - 1), 1), (passage_view(chunk),), 1)

    def search(self, text: str) -> Found:
        """Return a hit for each payload."""
        hits = [Hit(number + 1, text, 0, f"{text}\n{text}", 0.5) for number, text in enumerate(self.payloads)]
        return Found(tuple(hit_view(hit) for hit in hits), safe_text(self.payloads[0], limit=80))

    def waits(self) -> Waits:
        """Return a payload as the reason why nothing is known."""
        return Waits((), safe_text(self.payloads[0], limit=200))

    def preview(self, request: Request) -> Look:
        """Return a look of which every text is a payload, at as many things as there are payloads."""
        action = registry.find(request.action)
        subjects = tuple(Subject(f"{number:04}{text}", "1", text) for number, text in enumerate(self.payloads))
        left_out = tuple(NotEligible(text, text) for text in self.payloads)
        text = self.payloads[0]
        preview = Preview(
            *("key", action.name, text, request, action.permission, action.scope, text, subjects, left_out, text, True),
            *(" ".join(self.payloads), "", self.now()),
        )
        return look_of(preview)

    def command(self, request: Request) -> str:
        """Return all payloads as a command line."""
        return safe_text(" ".join(self.payloads), limit=4_000).plain

    def perform(self, look: Look, said: Said) -> Done:
        """Note that it was called; what came of it is payloads."""
        self.acted.append(look.preview.action)
        items = tuple(Item(text, "", "refused", text) for text in self.payloads)
        values = {text: [text, {text: text}] for text in self.payloads}
        return done_of(look.preview, Performed(look.preview.action, 1, items, unsaved=self.payloads[0], values=values))

    def audit(self, before: int | None, limit: int, criteria: str = "") -> tuple[EntryRow, ...]:
        """Return an action for each payload."""
        return tuple(entry_row(self._entry(number)) for number in reversed(range(len(self.payloads))))

    def _entry(self, number: int) -> Entry:
        text = self.payloads[number]
        words = (number + 1, text, self.now(), text, text, text, text, "write", "job", text, {text: text}, text, "")
        return Entry(*words, None, None, 1, 1, 0, self.now())

    def audit_entry(self, number: int) -> EntryView:
        """Return one of them, with all payloads as items."""
        items = tuple(Item(text, text, "done", text) for text in self.payloads)
        return EntryView(entry_row(self._entry(number - 1)), item_rows(items))

    def trash(self, before: int | None, limit: int) -> tuple[TrashRow, ...]:
        """Return a job in the trash for each payload."""
        rows = [
            Trashed(number + 1, text, text, text, text, text, 1, 10, self.now(), None)
            for number, text in enumerate(self.payloads)
        ]
        return tuple(trash_row(row) for row in rows)

    def canaries(self) -> tuple[CanaryRow, ...]:
        """Return a canary for each payload."""
        rows = [
            replace(canned_canary(), id=text, label=text, by=text, reason=text, told_by=text) for text in self.payloads
        ]
        return tuple(canary_row(row) for row in rows)
