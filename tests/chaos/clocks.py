"""G7: eight schedulers whose clocks disagree, over simulated days with both changes of the clocks, in four zones."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import redis

from storage.broker.broker import Broker
from storage.broker.records import NewJob
from storage.broker.requests import BATCH, Bounds, ClaimRequest, Settlement
from storage.broker.timetable import Schedule
from tasks.engine.cron import ON_TIME_S, Clock, Entry
from tests.chaos.report import Row

CLOCKS = 8
SKEW_MS = 5_000
OUTAGE_S = 3 * 3_600
ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Europe/Paris forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # and back
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # America/New_York forward
    datetime(2026, 11, 1, 6, tzinfo=UTC),  # and back
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Australia/Lord_Howe back, by half an hour
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # and forward
)
DAILY, HALF_HOURLY = "30 2 * * *", "*/30 * * * *"
"""A fixed time inside the changes, which must run once a local day; and one that must run every thirty minutes."""


class Killed(BaseException):
    """The scheduler's process is gone in this instant."""


@dataclass(slots=True)
class World:
    """The simulated time, the jobs that were made of ticks, and the faults."""

    broker: Broker
    chance: random.Random
    now_ms: int = 0
    kills: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    late: list[str] = field(default_factory=list)

    def clock(self, skew_ms: int) -> Callable[[], int]:
        """The simulated time as one host has it."""
        return lambda: self.now_ms + skew_ms


def entries() -> list[Entry]:
    """Every rule in every zone and with every policy."""
    rules = [
        Schedule(expression, zone, policy)
        for zone in ZONES
        for expression in (DAILY, HALF_HOURLY)
        for policy in ("skip", "latest", "all")
    ]
    return [Entry(f"{rule.timezone}|{rule.expression}|{rule.missed}", rule, _maker(rule)) for rule in rules]


def _maker(rule: Schedule) -> Callable[[str], NewJob]:
    return lambda job_id: NewJob(job_id, "tick", "cron", b"{}")


def row(seed: int, redis_url: str, hours: int, changes: int = len(CHANGES)) -> Row:
    """So many hours around each change of clocks; no consumer lives for a few of them now and then."""
    client = redis.Redis.from_url(redis_url)
    bounds = Bounds(
        succeeded=(0.0, 0)
    )  # forgotten at once, so that only the ledger of ticks keeps one from coming twice
    failures: list[str] = []
    ticks = kills = outages = 0
    try:
        for number, change in enumerate(CHANGES[:changes]):
            broker = Broker(client, f"cron-{uuid.uuid4().hex[:10]}", bounds)
            world = World(broker, random.Random(seed + number))
            start = change - timedelta(hours=hours / 2)
            gaps = _simulate(world, start, hours * 3_600)
            failures += world.late + _wrong(world, start, hours, gaps)
            ticks, kills, outages = ticks + sum(world.runs.values()), kills + world.kills, outages + len(gaps)
    finally:
        client.close()
    return Row(
        "G7",
        f"cron, {CLOCKS} schedulers, {changes} changes of clocks",
        seed,
        trials=changes,
        faults=kills + outages,
        jobs=ticks,
        failures=tuple(failures[:5]),
        note=f"{hours} simulated hours around each change in {len(ZONES)} zones; jobs are ticks; {kills} schedulers "
        f"killed in a tick, {outages} outages of 3 h, clocks {SKEW_MS / 1000:g} s apart",
    )


def _simulate(world: World, start: datetime, seconds: int) -> list[tuple[datetime, datetime]]:
    """Let the time pass, in steps of less than ON_TIME_S; answers when nobody was there."""
    rules = entries()
    gaps: list[tuple[datetime, datetime]] = []
    now, end = start, start + timedelta(seconds=seconds)
    clocks = [_scheduler(world) for _ in range(CLOCKS)]
    with ThreadPoolExecutor(CLOCKS) as pool:
        while now < end or (gaps and now == gaps[-1][1]):  # what an outage at the end has missed is made up too
            world.now_ms = int(now.timestamp() * 1000)
            if world.chance.random() < 0.05:  # all at once
                lived = list(pool.map(lambda clock: _run(world, clock, rules), clocks))
                again = [place for place, one in enumerate(lived) if not one]
            else:
                again = [world.chance.randrange(CLOCKS)]
            for place in again:
                while not _run(world, clocks[place], rules):
                    clocks[place] = _scheduler(world)  # killed; another one is there within its second
            _work_off(world)
            step = _step(world, now)
            if world.chance.random() < 0.006:
                gaps.append((now, now + timedelta(seconds=OUTAGE_S)))
                step = timedelta(seconds=OUTAGE_S)
            now += step
    return gaps


def _step(world: World, now: datetime) -> timedelta:
    """Small steps around the half hours, where all the ticks are, and a long one between them."""
    into_s = (now - _half_hour(now)).total_seconds()
    if 120 < into_s < 1_700:
        return timedelta(seconds=1_800 - into_s - world.chance.uniform(10, 60))
    return timedelta(seconds=world.chance.uniform(15, 60))


def _scheduler(world: World) -> Clock:
    return Clock(_Mortal(world), world.clock(world.chance.randint(-SKEW_MS, SKEW_MS)))  # type: ignore[arg-type]  # a broker that may die


def _run(world: World, clock: Clock, rules: list[Entry]) -> bool:
    try:
        clock.run(rules)
    except Killed:
        world.kills += 1
        return False
    return True


class _Mortal:
    """The broker of a scheduler that is killed, now and then, right before or right after a tick reaches Redis."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.keys, self.call = world.broker.keys, world.broker.call

    def tick(self, *args: Any, **more: Any) -> bool:
        fate = random.Random(f"{self._world.kills}{args[:2]}").random()
        if fate < 0.05:
            raise Killed
        added = self._world.broker.tick(*args, **more)
        if fate > 0.95:
            raise Killed
        return added


def _work_off(world: World) -> None:
    """Run every job that was made, and forget it."""
    while claim := world.broker.claim(ClaimRequest("c", "w", 60_000)):
        world.runs[claim.id] += 1
        _, rule, policy, tick = _parts(claim.id)
        late_s = world.now_ms / 1000 - tick.timestamp()
        if policy == "skip" and late_s > ON_TIME_S + SKEW_MS / 1000:
            world.late.append(f"{claim.id} ran {late_s:.0f} s late under the policy skip of {rule}")
        world.broker.settle(Settlement(claim.id, claim.token, "succeeded", "succeeded", 0))
    while world.broker.retain() >= BATCH:
        pass


def _parts(job_id: str) -> tuple[str, str, str, datetime]:
    name, _, minute = job_id.removeprefix("cron:").partition(":")
    zone, expression, policy = name.split("|")
    return zone, expression, policy, datetime.strptime(minute, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)


def _wrong(world: World, start: datetime, hours: int, gaps: list[tuple[datetime, datetime]]) -> list[str]:
    """Ticks that ran twice, days with more or less than one run, and half hours without one."""
    found = [f"{job_id} was enqueued {count} times" for job_id, count in world.runs.items() if count > 1]
    first, last = start + timedelta(minutes=5), start + timedelta(hours=hours) - timedelta(minutes=5)
    expected = [
        at
        for number in range(hours * 2 + 1)
        if first < (at := _half_hour(start) + timedelta(minutes=30 * number)) < last
    ]
    for zone in ZONES:
        for policy in ("skip", "latest", "all"):
            ran = {tick for z, e, p, tick in map(_parts, world.runs) if (z, e, p) == (zone, HALF_HOURLY, policy)}
            missed = [at for at in expected if at not in ran]
            if policy != "all":  # the last one of an outage is made up under `latest`, none under `skip`
                # A scheduler whose clock is slow may have looked last right before it.
                slow = timedelta(milliseconds=SKEW_MS)
                missed = [at for at in missed if not any(begin - slow < at <= end for begin, end in gaps)]
            found += [f"{zone} {policy}: no run at {at.isoformat()}" for at in missed]
            found += _wrong_days(world, zone, policy, first, last) if policy == "all" else []
    return found


def _wrong_days(world: World, zone: str, policy: str, first: datetime, last: datetime) -> list[str]:
    """A fixed time runs once a local day, on the days of change too."""
    per_day = Counter(
        tick.astimezone(ZoneInfo(zone)).date()
        for z, e, p, tick in map(_parts, world.runs)
        if (z, e, p) == (zone, DAILY, policy)
    )
    found = [f"{zone}: {count} runs on {day}" for day, count in per_day.items() if count != 1]
    day = first.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    while day < last.astimezone(ZoneInfo(zone)).date():  # whole days only
        if not per_day[day]:
            found.append(f"{zone}: no run on {day}")
        day += timedelta(days=1)
    return found


def _half_hour(instant: datetime) -> datetime:
    return instant.replace(minute=instant.minute // 30 * 30, second=0, microsecond=0)


def restarts(seed: int, redis_url: str, count: int) -> Row:
    """A scheduler that is started anew so many times within one minute enqueues its tick once."""
    client = redis.Redis.from_url(redis_url)
    try:
        broker = Broker(client, f"cron-{uuid.uuid4().hex[:10]}")
        now_ms = int(time.time() * 1000) // 60_000 * 60_000 + 1_000
        rule = Schedule("* * * * *")
        made = sum(Clock(broker, lambda: now_ms).run([Entry("minutely", rule, _maker(rule))]) for _ in range(count))
    finally:
        client.close()
    failures = (f"{made} jobs of one tick",) if made != 1 else ()
    return Row("G7", "restarts within a minute", seed, faults=count, jobs=made, failures=failures)
