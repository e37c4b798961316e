"""The demo's audit, trash and canaries: what happened before the console was opened, and what is done in it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, field

from console.gateway import demo_tracebacks
from console.gateway.demo_records import NOW, group_named, job_id
from storage.audit import Entry, Item
from storage.broker.canaries import Canary
from storage.trash import Trashed
from storage.values import replace
from storage.wording import error_line
from tasks.engine.fingerprint import shape_of

MAIL_GROUP: Final = group_named("tasks.email.send_email", demo_tracebacks.SMTP.error_type)
MAIL_BROKE: Final = error_line(demo_tracebacks.SMTP.error_type, shape_of(demo_tracebacks.SMTP.error))
"""The group that mail's outage left behind, and what broke in it."""
TIMEOUT_GROUP: Final = group_named("tasks.contacts.sync_contacts", "TimeoutError")
BY_HAND: Final = 65
"""The number of the dead mail that was to be requeued by hand when a console was lost."""

Cell = tuple[str, str]
"""A place in the demo where something stands: a kind (job, pause, hold ...) and a name."""


class Deed(Struct, frozen=True):
    """An action that was done, and what stood in each cell before and after."""

    entry: Entry
    items: tuple[Item, ...]
    before: Mapping[Cell, object] = field(default_factory=dict)
    after: Mapping[Cell, object] = field(default_factory=dict)


def _key(number: int) -> str:
    return hashlib.sha256(f"deed {number}".encode()).hexdigest()[:32]


def _deed(
    number: int, minutes_ago: float, actor: str, command: str, reason: str, items: tuple[Item, ...], undo: str = ""
) -> Deed:
    words = command.split()
    at = NOW - timedelta(minutes=minutes_ago)
    done = sum(1 for item in items if item.outcome == "done")
    refused = sum(1 for item in items if item.outcome == "refused")
    ended = at + timedelta(seconds=0.4) if done + refused == len(items) else None
    host = {"ada": "laptop-ada", "grace": "bastion", "cron-bot": "w1"}[actor]
    scope = "queue" if words[1] in ("pause", "resume", "purge") else "job"
    return Deed(
        Entry(
            *(number, _key(number), at, actor, host, reason, words[1], "write", scope, "", {}, command, undo),
            *(None, None, len(items), done, refused, ended),
        ),
        items,
    )


def _jobs(first: int, count: int, refused: int = 0, open_ones: int = 0) -> tuple[Item, ...]:
    items = [Item(job_id(first + number), "3", "done", "") for number in range(count)]
    changed = "it has changed since it was shown: it is running now, look again"
    items += [Item(job_id(first + count + number), "3", "refused", changed) for number in range(refused)]
    items += [Item(job_id(first + count + refused + number), "3", "", "") for number in range(open_ones)]
    return tuple(items)


_CALLED_OFF: Final = "its callers are told, so it can not be undone; a canceled job can be requeued"
_DEEDS: Final = (
    _deed(101, 2_890, "grace", "dewey limit reports --rate 30/60", "warehouse asked for it",
          (Item("reports", "", "done"),)),
    _deed(102, 1_440, "ada", "dewey purge maintenance --state scheduled", "left over from the drill",
          tuple(Item(job_id(7_000 + number), "1", "done") for number in range(3))),
    _deed(103, 310, "cron-bot", f"dewey requeue --group {TIMEOUT_GROUP[:4]} --limit 50", "hourly retry of timeouts",
          _jobs(8_000, 12, 2)),
    _deed(104, 96, "grace", "dewey cancel --matching 'task:sync_contacts state:queued'", "partner is down",
          _jobs(8_100, 4), _CALLED_OFF),
    _deed(105, 41, "ada", "dewey discard " + job_id(7_010), "test of a customer, by hand",
          (Item(job_id(7_010), "3", "done"),)),
    _deed(106, 38, "ada", "dewey pause reports --until 2026-03-14T08:00Z", "ledger is being migrated, see #ops",
          (Item("reports", "", "done"),)),
    _deed(107, 12, "grace", f"dewey requeue --group {MAIL_GROUP[:4]} --canary --rate 120", "mail is back",
          _jobs(8_200, 64),
          "abort it with `dewey canary abort`; what it has requeued by then goes on"),
    _deed(108, 3, "ada", "dewey requeue " + job_id(BY_HAND), "one by hand, to see", _jobs(BY_HAND, 0, 0, 1)),
)  # fmt: skip
_TRASH: Final = tuple(
    Trashed(
        number + 1, _key(102 if number < 3 else 105), job_id(7_000 + number if number < 3 else 7_010), task, queue,
        state, 3, size, NOW - timedelta(minutes=1_440 if number < 3 else 41), NOW if number != 2 else None,
    )
    for number, (task, queue, state, size) in enumerate((
        ("tasks.files.clean_abandoned_files", "maintenance", "scheduled", 412),
        ("tasks.files.clean_abandoned_files", "maintenance", "scheduled", 412),
        ("tasks.tokens.clean_expired_tokens", "maintenance", "scheduled", 388),
        ("tasks.email.send_email", "email", "dead", 12_870),
    ))
)  # fmt: skip


def canned_canary() -> Canary:
    """A canary that requeued what mail's outage left behind, and has ended."""
    began = NOW - timedelta(minutes=12)
    return Canary(
        *(_key(107), "finished", "rest", "grace", f"group {MAIL_GROUP}", 120, 20.0, 64, 63, 60, 3, 0, 1, 0, 0),
        *(began, NOW - timedelta(minutes=10), NOW - timedelta(minutes=10), "", "", MAIL_BROKE),
    )


def grown(canary: Canary, now: datetime) -> Canary:
    """A canary as it stands some time after it began: one, ten after eight seconds, then the rest at its rate."""
    if canary.state != "running":
        return canary
    since_s = (now - canary.started_at).total_seconds()
    sent = 1 if since_s < 8 else 11 + int(max(0.0, since_s - 16) * canary.rate / 60)
    sent = min(canary.total, sent)
    ended = max(0, min(sent, sent - 2 if since_s < 16 or sent < canary.total else sent))
    failed = ended // 16
    is_over = sent == canary.total and since_s > 24 + (canary.total - 11) * 60 / canary.rate
    return replace(
        canary,
        state="finished" if is_over else "running",
        phase="one" if sent == 1 else "ten" if since_s < 16 else "rest",
        sent=sent,
        succeeded=(sent if is_over else ended) - failed,
        failed=failed,
        waiting=canary.total - sent,
        flying=0 if is_over else sent - ended,
        ended_at=now if is_over else None,
    )


class DemoBook:
    """What was done: deeds by number, the trash, the jobs of canaries, and what was said of groups."""

    def __init__(self, *, empty: bool = False) -> None:
        self.deeds: dict[int, Deed] = {} if empty else {deed.entry.id: deed for deed in _DEEDS}
        self.trash: dict[int, Trashed] = {} if empty else {one.id: one for one in _TRASH}
        self.lines: dict[str, tuple[str, ...]] = {}
        """The jobs of the canaries that were begun here."""
        self.cells: dict[str, dict[str, object]] = {"limit": {}, "mark": {}, "canary": {}}
        self.performed: dict[str, int] = {}
        self._looks = 0
        if not empty:
            self.cells["limit"]["reports"] = {"rate": "30/60"}
            canary = canned_canary()
            self.cells["canary"][canary.id] = canary

    def looked(self) -> int:
        """Count a look, so that no two have one key."""
        self._looks += 1
        return self._looks

    def next_number(self) -> int:
        """The number of the next deed."""
        return max(self.deeds, default=0) + 1
