"""What an operator sees of schedules and does to them, without the tasks: next and last runs, pauses, runs by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from huey import crontab

from storage.broker.records import NewJob, ScheduleInfo
from storage.broker.timetable import Schedule
from storage.errors import AlreadyThere, Refused
from tasks.engine import registry
from tasks.engine.codec import encode
from tasks.engine.cron import Clock, cron
from tasks.operations import Operations
from tests.tasks.engine.conftest import Shop

Make = Callable[..., Shop]


class Night:
    """A shop with one schedule, and a clock that is set by hand from a moment of today's on."""

    def __init__(self, shop: Shop, rule: Any = None, **settings: Any) -> None:
        self.shop = shop
        self.now_ms = shop.inspector.clock_ms() // 60_000 * 60_000
        self.clock = Clock(shop.huey.broker, lambda: self.now_ms)
        self.operations = Operations(shop.huey.broker, shop.inspector)
        self.broken = False
        tick = rule or cron("* * * * *", missed=settings.pop("missed", "latest"))

        @shop.huey.periodic_task(tick, queue="night", name="sweep", **settings)
        def sweep() -> None:
            """Sweep the floor."""
            if self.broken:
                raise ValueError("no broom")

        registry.publish(shop.huey.broker, shop.huey.task_infos())

    def minutes(self, count: int) -> int:
        """Let so many minutes go by, with a consumer that looks every minute; answers how many ticks had a job."""
        added = 0
        for _ in range(count):
            self.now_ms += 60_000
            added += self.clock.run(self.shop.huey.entries())
        return added

    def at(self, minutes: float) -> datetime:
        """An instant so many minutes from the clock's."""
        return datetime.fromtimestamp(self.now_ms / 1000 + 60 * minutes, UTC)

    @property
    def info(self) -> ScheduleInfo:
        (found,) = self.shop.inspector.schedules()
        return found


@pytest.fixture
def night(shop: Shop) -> Night:
    return Night(shop)


def test_a_schedule_is_shown_with_its_next_and_last_runs_without_its_task(night: Night, make_shop: Make) -> None:
    night.clock.run(night.shop.huey.entries())
    night.shop.run_all()
    night.broken = True
    night.minutes(1)
    night.shop.run_all()
    night.minutes(1)
    (info,) = make_shop().inspector.schedules(ticks=3)
    assert (info.name.rpartition(".")[2], info.queue, info.expression) == ("sweep", "night", "* * * * *")
    assert (info.timezone, info.policy, info.pause, info.problem) == ("UTC", "latest", None, "")
    assert len(info.next_at) == 3
    assert info.next_at[1] - info.next_at[0] == timedelta(minutes=1)
    assert info.last_tick_at == night.at(0)
    assert [run.tick_at for run in info.runs] == [night.at(0), night.at(-1), night.at(-2)]
    assert [run.state for run in info.runs] == ["queued", "dead", "succeeded"]
    assert [run.duration_s is None for run in info.runs] == [True, False, False]
    assert info.runs[1].error == "ValueError: no broom"
    assert [run.job_id for run in info.runs] == [f"cron:{info.name}:{night.at(-n):%Y-%m-%dT%H:%M}" for n in range(3)]
    assert (info.enqueued, info.missed, info.by_hand) == (3, 0, 0)


def test_runs_outlive_the_records_of_their_jobs_and_are_bounded(night: Night) -> None:
    night.minutes(60)
    night.shop.huey.broker.flush(("queued",))
    (info,) = night.shop.inspector.schedules(runs=1_000)
    assert len(info.runs) == 50
    assert {run.state for run in info.runs} == {""}
    assert info.enqueued == 60


def test_a_paused_schedule_skips_its_ticks_until_it_is_resumed(night: Night) -> None:
    night.operations.pause_schedule("sweep", by="ann", reason="the floor is wet")
    assert night.minutes(5) == 0
    pause = night.info.pause
    assert pause is not None
    assert (pause.by, pause.reason, pause.until_at) == ("ann", "the floor is wet", None)
    assert (night.info.skipped, night.info.next_at) == (5, ())
    night.operations.resume_schedule("sweep", by="bob")
    assert night.minutes(1) == 1
    assert night.info.pause is None
    with pytest.raises(Refused, match="is not paused; bob changed nothing"):
        night.operations.resume_schedule("sweep", by="bob")


def test_a_pause_ends_by_itself_at_its_instant(night: Night) -> None:
    until = night.at(4)
    night.operations.pause_schedule("sweep", until, by="ann")
    assert night.info.pause is not None
    assert night.info.next_at[0] == until
    assert [night.minutes(1) for _ in range(6)] == [0, 0, 0, 1, 1, 1]
    after = night.info
    assert (after.skipped, after.enqueued, after.pause) == (3, 3, None)


@pytest.mark.parametrize("missed", ["skip", "latest", "all"])
def test_ticks_of_a_pause_are_not_made_up_after_it_whatever_the_policy(shop: Shop, missed: str) -> None:
    night = Night(shop, missed=missed)
    night.minutes(1)
    night.operations.pause_schedule("sweep", by="ann")
    night.minutes(3)
    night.operations.resume_schedule("sweep", by="ann")
    assert night.minutes(2) == 2
    assert [run.tick_at for run in night.info.runs] == [night.at(0), night.at(-1), night.at(-5)]


def test_a_pause_must_end_in_the_future_and_say_its_zone(night: Night) -> None:
    with pytest.raises(Refused, match="in the past"):
        night.operations.pause_schedule("sweep", night.at(-2), by="ann")
    with pytest.raises(Refused, match="which time zone"):
        night.operations.pause_schedule("sweep", datetime(2030, 1, 1), by="ann")  # noqa: DTZ001
    assert night.info.pause is None


def test_a_schedule_runs_by_hand_beside_its_ticks_and_while_it_is_paused(night: Night) -> None:
    night.operations.pause_schedule("sweep", by="ann")
    job_id = night.operations.run_now("sweep", by="ann")
    night.shop.run_all()
    (run,) = night.info.runs
    assert (run.job_id, run.tick_at, run.by, run.state, run.late_s) == (job_id, None, "ann", "succeeded", 0.0)
    assert (night.info.by_hand, night.info.enqueued, night.info.last_tick_at) == (1, 0, None)


def test_only_schedules_are_paused_and_run_by_hand(night: Night) -> None:
    night.shop.huey.task(name="pack")(lambda: None)
    registry.publish(night.shop.huey.broker, night.shop.huey.task_infos())
    for act in (night.operations.run_now, night.operations.pause_schedule, night.operations.resume_schedule):
        with pytest.raises(Refused, match="has no schedule"):
            act("pack", by="ann")
        with pytest.raises(Refused, match=r"no consumer knows a schedule 'nobody'; there are [a-z_.]+\.sweep$"):
            act("nobody", by="ann")
    assert [info.name.rpartition(".")[2] for info in night.shop.inspector.schedules()] == ["sweep"]


@pytest.mark.parametrize(("missed", "enqueued", "lost"), [("skip", 2, 29), ("latest", 2, 29), ("all", 31, 0)])
def test_ticks_that_nobody_was_there_for_are_counted_once(shop: Shop, missed: str, enqueued: int, lost: int) -> None:
    night = Night(shop, missed=missed)
    night.minutes(1)
    night.now_ms += 29 * 60_000
    night.minutes(1)
    night.clock.run(night.shop.huey.entries())
    assert (night.info.enqueued, night.info.missed) == (enqueued, lost)


def test_skipped_ticks_are_counted_with_the_next_one_that_runs(shop: Shop) -> None:
    night = Night(shop, cron("0 * * * *", missed="skip"))
    night.now_ms = int(datetime(2026, 5, 1, 11, 59, tzinfo=UTC).timestamp() * 1000)
    assert night.minutes(1) == 1
    night.now_ms += 150 * 60_000  # half past two: thirteen and fourteen o'clock are gone
    assert night.minutes(1) == 0
    assert night.info.missed == 0
    assert night.minutes(29) == 1
    assert (night.info.enqueued, night.info.missed) == (2, 2)


def test_a_tick_that_is_enqueued_late_says_by_how_much(night: Night) -> None:
    broker, now_ms = night.shop.huey.broker, night.shop.inspector.clock_ms()
    name = night.info.name
    for number, late_ms in enumerate((30_000, 2_000)):
        broker.tick(name, now_ms - late_ms, NewJob(f"j{number}", name, "night", encode(None)))
    assert [round(run.late_s) for run in night.info.runs] == [2, 30]
    assert night.info.late == 1


def test_a_rule_of_hueys_own_is_listed_and_says_why_its_ticks_are_not_known(shop: Shop) -> None:
    night = Night(shop, crontab(minute="*"))
    assert (night.info.expression, night.info.next_at) == ("", ())
    assert "use cron()" in night.info.problem


def test_a_rule_that_this_version_can_not_read_does_not_hide_the_others(night: Night) -> None:
    keys = night.shop.huey.broker.keys
    row = night.shop.huey.broker.call("hget", keys.tasks, night.info.name).decode()
    night.shop.huey.broker.call("hset", keys.tasks, "odd", row.replace("* * * * *", "@reboot").replace("sweep", "odd"))
    first, second = night.shop.inspector.schedules()
    assert {bool(first.problem), bool(second.problem)} == {True, False}
    assert "@reboot" in first.problem + second.problem


def test_a_unique_job_of_a_schedule_is_not_run_twice_by_hand(shop: Shop) -> None:
    broker = shop.huey.broker
    broker.enqueue([NewJob("a", "t.sweep", "night", encode(None), unique="k")])
    with pytest.raises(AlreadyThere, match="job a holds its key"):
        broker.run_now("t.sweep", NewJob("b", "t.sweep", "night", encode(None), unique="k"), "ann")
    assert shop.inspector.count() == 1


CHANGES = {
    "Europe/Paris": ("2026-03-29", "2026-10-25", "02:30"),
    "America/New_York": ("2026-03-08", "2026-11-01", "02:30"),
    "Australia/Lord_Howe": ("2026-10-04", "2026-04-05", "02:15"),  # by half an hour
}


@pytest.mark.parametrize("zone", CHANGES)
def test_on_both_days_of_change_a_fixed_time_runs_once_and_a_real_time_rule_never_pauses(zone: str) -> None:
    spring, autumn, skipped = CHANGES[zone]
    hour, minute = skipped.split(":")
    local = ZoneInfo(zone)
    for day in (spring, autumn):
        start = datetime.fromisoformat(day).replace(tzinfo=local).astimezone(UTC)
        end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=local).astimezone(UTC)
        fixed = [
            tick for tick in islice(Schedule(f"{minute} {hour} * * *", zone).ticks(start - timedelta(seconds=1)), 9)
            if tick < end
        ]  # fmt: skip
        assert len(fixed) == 1, (day, fixed)
        assert fixed[0].astimezone(local).hour in (2, 3)
        every = [
            tick for tick in islice(Schedule("*/15 * * * *", zone).ticks(start - timedelta(seconds=1)), 200)
            if tick < end
        ]  # fmt: skip
        assert len(every) == (end - start) / timedelta(minutes=15)
        assert {after - before for before, after in pairwise(every)} == {timedelta(minutes=15)}
