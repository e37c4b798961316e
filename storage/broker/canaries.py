"""Canary requeues: one job is tried, then ten, then the rest a few at a time; they stop by themselves when they fail.

A canary is in Redis, with the jobs that it is about: each step of it is one transition (tend.lua), on Redis's clock. So
any consumer drives it, no two can drive it at once, and it needs neither PostgreSQL nor whoever began it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from storage.broker.broker import Broker
from storage.broker.custody import Answer, Shown, Verdict
from storage.broker.reading import instant, text
from storage.broker.scripts import pack
from storage.errors import JobMissing, Refused
from storage.wording import SHORT_ID

CanaryState = Literal["loading", "running", "paused", "stopped", "aborted", "finished"]
"""Stopped is by itself, because too many failed; paused and aborted are by an operator."""
Order = Literal["paused", "running", "aborted"]
Phase = Literal["one", "ten", "rest"]

LOADED_AT_ONCE = 2_000
DEFAULT_RATE, DEFAULT_SHARE = 60, 20.0
_NEVER = datetime.fromtimestamp(0, UTC)


class Plan(Struct, frozen=True):
    """How a canary is to go: ``rate`` jobs a minute after the first eleven, until more than ``share_percent`` of those
    that ended have failed. ``label`` says what the jobs have in common: the id of their group, or a filter; ``about``
    what broke in that group, which may be gone when the canary has requeued its jobs."""

    by: str
    label: str
    rate: int = DEFAULT_RATE
    share_percent: float = DEFAULT_SHARE
    about: str = ""

    def check(self) -> None:
        """Raises Refused when it can not be meant so."""
        if not 1 <= self.rate <= 100_000:
            raise Refused(f"a rate of {self.rate} a minute: use 1 to 100,000")
        if not 0 <= self.share_percent <= 100:
            raise Refused(f"a failure share of {self.share_percent:g} %: use 0 to 100")


class Canary(Struct, frozen=True):
    """A canary as it stands. ``refused`` had changed before their turn; ``gone`` ended and were forgotten unseen;
    ``waiting`` are those that it has not requeued yet, ``flying`` those whose outcome is not known yet."""

    id: str
    state: CanaryState
    phase: Phase
    by: str
    label: str
    rate: int
    share_percent: float
    total: int
    sent: int
    succeeded: int
    failed: int
    gone: int
    refused: int
    waiting: int
    flying: int
    started_at: datetime
    stepped_at: datetime | None
    ended_at: datetime | None
    reason: str
    told_by: str
    about: str = ""

    @property
    def name(self) -> str:
        """What broke, or else what its jobs have in common."""
        return self.about or self.label

    @property
    def group(self) -> str:
        """The beginning of the id of the group that it is of; "" when it is of a filter or of named jobs."""
        head, _, group = self.label.partition("group ")
        return "" if head or " " in group else group[:SHORT_ID]

    def sentence(self) -> str:
        """How it stands, for a person."""
        ended = f"{self.succeeded} succeeded, {self.failed} failed"
        said = f"{self.state}: {self.sent} of {self.total} requeued, {ended}, {self.flying} not known yet"
        said += f", {self.refused} had changed" if self.refused else ""
        return said + (f" ({self.reason})" if self.reason else "")


class Canaries:
    """The canaries of one namespace."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._keys = broker.keys
        self._scripts = broker.scripts

    def begin(self, act: str, jobs: Sequence[Shown], plan: Plan) -> CanaryState:
        """Begin a canary, whose id is the act; begun again, it is the one that was begun. Raises Refused."""
        plan.check()
        fields = ["by", plan.by, "label", plan.label, "rate", str(plan.rate), "share", f"{plan.share_percent:g}"]
        fields += ["about", plan.about]
        state = b"running"
        for start in range(0, max(1, len(jobs)), LOADED_AT_ONCE):
            part = jobs[start : start + LOADED_AT_ONCE]
            last = start + LOADED_AT_ONCE >= len(jobs)
            items = [f"{job.version} {job.id}" for job in part]
            words = {"start": start, "last": last, "items": items, "fields": fields}
            state = self._scripts.run("canary_load", act, pack(words))
        return state.decode()  # type: ignore[return-value]  # only our scripts write it

    def tell(self, act: str, canary_id: str, order: Order, by: str, reason: str, seen: str) -> Answer:
        """Pause a canary, let it go on, or end it, if it is in the state that was seen."""
        reply = self._scripts.run("canary_tell", act, canary_id, order, by, reason, seen)
        verdict, word, after = (text(part) for part in reply)
        return Answer(canary_id, _verdict(verdict), word, after)

    def all(self) -> tuple[Canary, ...]:
        """The canaries that go on, and those that ended not long ago; the newest first."""
        ids = [text(one) for one in self._broker.call("smembers", self._keys.canaries)]
        found = [canary for canary_id in ids if (canary := self._read(canary_id)) is not None]
        return tuple(sorted(found, key=lambda one: one.started_at, reverse=True))

    def one(self, prefix: str) -> Canary:
        """The canary whose id begins so. Raises JobMissing."""
        found = [canary for canary in self.all() if canary.id.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        if found:
            raise JobMissing(f"{len(found)} canaries begin with {prefix!r}: write more of the id")
        raise JobMissing(f"there is no canary {prefix!r}: `dewey canary list` shows those that there are")

    def _read(self, canary_id: str) -> Canary | None:
        keys = self._keys
        row = {text(k): text(v) for k, v in self._broker.call("hgetall", keys.canary(canary_id)).items()}
        if "state" not in row:
            return None
        counts = {name: int(row.get(name) or 0) for name in ("total", "sent", "succeeded", "failed", "gone", "refused")}
        return Canary(
            id=canary_id,
            state=row["state"],  # type: ignore[arg-type]  # only our scripts write it
            phase=row["phase"],  # type: ignore[arg-type]  # the same
            by=row.get("by", ""),
            label=row.get("label", ""),
            rate=int(row.get("rate") or DEFAULT_RATE),
            share_percent=float(row.get("share") or DEFAULT_SHARE),
            waiting=self._broker.call("llen", keys.canary_line(canary_id)),
            flying=self._broker.call("hlen", keys.canary_flight(canary_id)),
            started_at=instant(row.get("started")) or _NEVER,
            stepped_at=instant(row.get("stepped")),
            ended_at=instant(row.get("ended")),
            reason=row.get("reason", ""),
            told_by=row.get("told_by", ""),
            about=row.get("about", ""),
            **counts,
        )


def _verdict(word: str) -> Verdict:
    return word  # type: ignore[return-value]  # only our scripts say it
