"""Time rules, their zones and days of change, and one enqueue per tick over any number of consumers."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
import redis
from huey import crontab

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import NewJob
from storage.broker.timetable import Missed
from storage.errors import SettingsError, StoreUnavailable
from tasks.engine.codec import encode
from tasks.engine.cron import ALL_AT_MOST, Clock, Entry, cron, due
from tests.tasks.engine.conftest import Shop, attempt

Make = Callable[..., Shop]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ms(text: str) -> int:
    return int(instant(text).timestamp() * 1000)


def entry(name: str, rule: Callable[[datetime], bool]) -> Entry:
    return Entry(name, rule, lambda job_id: NewJob(job_id, name, "cron", encode(None)))


class Hand:
    """A clock that a test sets by hand."""

    def __init__(self, text: str) -> None:
        self.now_ms = ms(text)

    def __call__(self) -> int:
        return self.now_ms

    def set(self, text: str) -> None:
        self.now_ms = ms(text)


@pytest.fixture
def broker(redis_client: "redis.Redis", namespace: str) -> Broker:
    return Broker(redis_client, namespace)


@pytest.fixture
def inspector(redis_client: "redis.Redis", namespace: str) -> Inspector:
    return Inspector(redis_client, namespace)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("61 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day-of-month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day-of-week"),
        ("* * * *", "expected five fields"),
        ("* * * * * *", "expected five fields"),
        ("", "expected five fields"),
        ("a b c d e", "minute"),
    ],
)
def test_a_wrong_field_is_named(expression: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as raised:
        cron(expression)
    assert repr(expression) in str(raised.value)


@pytest.mark.parametrize("zone", ["Europe/Pariss", "", "../etc/passwd", "UTC+2"])
def test_a_wrong_zone_is_named(zone: str) -> None:
    with pytest.raises(SettingsError, match="use an IANA name, as Europe/Paris"):
        cron("* * * * *", timezone=zone)


def test_a_wrong_policy_is_named() -> None:
    with pytest.raises(SettingsError, match="missed='never'"):
        cron("* * * * *", missed="never")  # type: ignore[arg-type]  # what a person might write


SPRING = {
    # Paris, 29 March 2026: 02:00 is followed by 03:00 (01:00 UTC).
    ("30 2 * * *", "Europe/Paris", "2026-03-28T12:00", 2): ["2026-03-29T01:00", "2026-03-30T00:30"],
    ("0 * * * *", "Europe/Paris", "2026-03-29T00:00", 3): ["2026-03-29T01:00", "2026-03-29T02:00", "2026-03-29T03:00"],
    ("*/30 * * * *", "Europe/Paris", "2026-03-29T00:30", 2): ["2026-03-29T01:00", "2026-03-29T01:30"],
    # New York, 8 March 2026: 02:00 is followed by 03:00 (07:00 UTC).
    ("30 2 * * *", "America/New_York", "2026-03-07T12:00", 2): ["2026-03-08T07:00", "2026-03-09T06:30"],
    ("0 3 * * *", "America/New_York", "2026-03-07T12:00", 2): ["2026-03-08T07:00", "2026-03-09T07:00"],
}
AUTUMN = {
    # Paris, 25 October 2026: 03:00 is followed by 02:00 (01:00 UTC).
    ("30 2 * * *", "Europe/Paris", "2026-10-24T12:00", 2): ["2026-10-25T00:30", "2026-10-26T01:30"],
    ("0 * * * *", "Europe/Paris", "2026-10-24T23:00", 3): ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"],
    # New York, 1 November 2026: 02:00 is followed by 01:00 (06:00 UTC).
    ("30 1 * * *", "America/New_York", "2026-10-31T12:00", 2): ["2026-11-01T05:30", "2026-11-02T06:30"],
    ("*/20 1 * * *", "America/New_York", "2026-11-01T04:50", 7): [
        *["2026-11-01T05:00", "2026-11-01T05:20", "2026-11-01T05:40"],
        *["2026-11-01T06:00", "2026-11-01T06:20", "2026-11-01T06:40", "2026-11-02T06:00"],
    ],
}


@pytest.mark.parametrize(("rule", "expected"), [*SPRING.items(), *AUTUMN.items()])
def test_days_of_change_follow_the_stated_rule(rule: tuple[str, str, str, int], expected: list[str]) -> None:
    expression, zone, after, count = rule
    ticks = islice(cron(expression, timezone=zone).ticks(instant(after)), count)
    assert [tick.strftime("%Y-%m-%dT%H:%M") for tick in ticks] == expected


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/7 * * * *", "15 1-3 * * 0"])
def test_asking_minute_by_minute_finds_the_same_ticks_as_listing_them(zone: str, expression: str) -> None:
    rule = cron(expression, timezone=zone)
    for day in ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"):
        start = instant(f"{day}T00:00") - timedelta(hours=14)
        minutes = [start + timedelta(minutes=count) for count in range(1, 30 * 60, 1)]
        asked = [minute for minute in minutes if rule(minute.replace(tzinfo=None))]
        listed = [tick for tick in islice(rule.ticks(start), 2_000) if tick <= minutes[-1]]
        assert asked == listed


def test_a_date_that_never_comes_has_no_ticks() -> None:
    with pytest.raises(SettingsError):
        cron("0 0 30 2 *")
    assert [tick.year for tick in islice(cron("0 0 29 2 *").ticks(instant("2026-01-01T00:00")), 2)] == [2028, 2032]


def test_a_schedule_counts_from_the_minute_it_is_first_seen(broker: Broker, inspector: Inspector) -> None:
    hand = Hand("2026-05-01T12:00:20")
    clock = Clock(broker, hand)
    entries = [entry("a", cron("0 12 * * *")), entry("b", cron("0 11 * * *"))]
    assert clock.run(entries) == 1  # twelve o'clock is this minute; eleven was before anybody asked
    assert [job.id for job in inspector.jobs().jobs] == ["cron:a:2026-05-01T12:00"]
    assert clock.run(entries) == 0
    hand.set("2026-05-02T11:00:01")
    assert clock.run(entries) == 1
    assert clock.run([]) == 0


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("skip", []),
        ("latest", ["12:00"]),
        ("all", ["09:00", "10:00", "11:00", "12:00"]),
    ],
)
def test_ticks_that_nobody_was_there_for_are_made_up_by_policy(
    broker: Broker, inspector: Inspector, missed: Missed, expected: list[str]
) -> None:
    hand = Hand("2026-05-01T08:00:00")
    clock = Clock(broker, hand)
    entries = [entry("hourly", cron("0 * * * *", missed=missed))]
    assert clock.run(entries) == 1
    hand.set("2026-05-01T12:20:00")
    assert clock.run(entries) == len(expected)
    waiting = [job.id for job in inspector.jobs(("queued",)).jobs]
    assert waiting[1:] == [f"cron:hourly:2026-05-01T{hour}" for hour in expected]
    hand.set("2026-05-01T13:01:00")
    assert clock.run(entries) == 1  # and the next one comes on time


def test_making_up_is_bounded() -> None:
    rule = cron("* * * * *", missed="all")
    found = due(rule, ms("2026-05-01T00:00"), ms("2026-05-03T00:00"))
    assert len(found) == ALL_AT_MOST
    assert found[0] == instant("2026-05-01T00:01")


def test_a_clock_that_is_set_back_enqueues_nothing_twice(broker: Broker, inspector: Inspector) -> None:
    hand = Hand("2026-05-01T12:00:00")
    clock = Clock(broker, hand)
    entries = [entry("a", cron("* * * * *"))]
    clock.run(entries)
    broker.flush(("queued",))  # the job itself is long forgotten
    for text in ("2026-05-01T11:58:00", "2026-05-01T11:59:30", "2026-05-01T12:00:30"):
        hand.set(text)
        assert clock.run(entries) == 0
    hand.set("2026-05-01T12:01:00")
    assert clock.run(entries) == 1
    assert [job.id for job in inspector.jobs().jobs] == ["cron:a:2026-05-01T12:01"]


def test_eight_consumers_enqueue_every_tick_once(redis_url: str, redis_client: "redis.Redis", namespace: str) -> None:
    rules: list[tuple[str, Missed]] = [("*/5 * * * *", "latest"), ("* * * * *", "all"), ("30 2 * * *", "skip")]
    entries = [entry(f"rule-{number}", cron(rule, missed=missed)) for number, (rule, missed) in enumerate(rules)]
    hand = Hand("2026-10-24T22:00:00")
    added: list[int] = []
    line = threading.Barrier(8)

    def consumer() -> None:
        client = redis.Redis.from_url(redis_url)
        clock = Clock(Broker(client, namespace), hand)
        mine = 0
        for step in range(240):
            line.wait()
            if line.n_waiting == 0 and step:
                pass
            mine += clock.run(entries)
            if line.wait() == 0:
                hand.now_ms += 60_000
        added.append(mine)
        client.close()

    threads = [threading.Thread(target=consumer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ids = [job.id for job in Inspector(redis_client, namespace).jobs(limit=10_000).jobs]
    assert len(ids) == len(set(ids)) == sum(added)
    minutes = [instant("2026-10-24T22:00") + timedelta(minutes=count) for count in range(240)]
    expected = {f"cron:rule-1:{minute:%Y-%m-%dT%H:%M}" for minute in minutes}
    expected |= {f"cron:rule-0:{minute:%Y-%m-%dT%H:%M}" for minute in minutes if minute.minute % 5 == 0}
    assert set(ids) == expected


def test_a_tick_whose_job_was_tried_or_has_ended_is_not_enqueued_again(shop: Shop) -> None:
    @shop.huey.periodic_task(cron("0 * * * *"), retries=1)
    def sweep() -> int:
        if attempt() == 1:
            raise ValueError("no")
        return 3

    hand = Hand("2026-05-01T12:00:00")
    clocks = [Clock(shop.huey.broker, hand) for _ in range(2)]
    assert clocks[0].run(shop.huey.entries()) == 1
    (job,) = shop.inspector.jobs().jobs
    assert job.id.endswith("sweep:2026-05-01T12:00")
    for _ in range(2):
        shop.run_one()
        for clock in clocks:
            assert clock.run(shop.huey.entries()) == 0
    assert shop.job(job.id).state == "succeeded"
    shop.huey.broker.call("delete", shop.huey.broker.keys.cron)  # even if the last tick is forgotten
    assert clocks[0].run(shop.huey.entries()) == 0


def test_hueys_own_crontab_functions_tick_once_a_minute(shop: Shop) -> None:
    @shop.huey.periodic_task(crontab(minute="*/2"))
    def even() -> None: ...

    hand = Hand("2026-05-01T12:00:00")
    clocks = [Clock(shop.huey.broker, hand) for _ in range(3)]
    for second in range(0, 240, 10):
        hand.now_ms = ms("2026-05-01T12:00:00") + second * 1000
        for clock in clocks:
            clock.run(shop.huey.entries())
    ids = [job.id.rpartition("T")[2] for job in shop.inspector.jobs().jobs]
    assert ids == ["12:00", "12:02"]


def test_hueys_own_rules_are_asked_in_the_time_that_the_instance_speaks(
    make_shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time  # noqa: PLC0415

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        for utc, hour in ((True, 3), (False, 12)):
            shop = make_shop(utc=utc)
            asked: list[datetime] = []

            def ask(minute: datetime, asked: list[datetime] = asked) -> bool:
                asked.append(minute)
                return False

            shop.huey.periodic_task(ask)(lambda: None)
            Clock(shop.huey.broker, Hand("2026-05-01T03:00:00")).run(shop.huey.entries())
            assert [(minute.hour, minute.tzinfo) for minute in asked] == [(hour, None)]
            shop.huey.broker.client.flushall()
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_rule_that_raises_does_not_stop_the_others(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    def broken(minute: datetime) -> bool:
        raise ZeroDivisionError("odd")

    shop.huey.periodic_task(broken, name="odd")(lambda: None)
    shop.huey.periodic_task(cron("* * * * *"), name="even")(lambda: None)
    clock = Clock(shop.huey.broker, Hand("2026-05-01T12:00:00"))
    assert clock.run(shop.huey.entries()) == 1
    assert "odd could not be asked for its ticks" in caplog.text


def test_a_redis_that_is_away_is_said_to_the_caller(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.huey.periodic_task(cron("* * * * *"), name="even")(lambda: None)

    def away(*_: Any, **__: Any) -> bool:
        raise StoreUnavailable("away")

    monkeypatch.setattr(shop.huey.broker, "tick", away)
    with pytest.raises(StoreUnavailable):
        Clock(shop.huey.broker, Hand("2026-05-01T12:00:00")).run(shop.huey.entries())


def test_a_schedule_is_published_with_its_task(shop: Shop) -> None:
    @shop.huey.periodic_task(cron("0 4 * * *", timezone="Europe/Paris"), queue="night")
    def sweep(limit: int = 5) -> None:
        """Sweep the floor."""

    (info,) = shop.huey.task_infos()
    assert (info.schedule, info.timezone, info.queue) == ("0 4 * * *", "Europe/Paris", "night")
    assert info.doc == "Sweep the floor."
