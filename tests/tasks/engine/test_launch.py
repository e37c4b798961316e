"""How jobs come into being, in line or later, by one Huey or several, and what is kept when one can not be run."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import redis
from huey import group
from huey.api import TaskException
from huey.exceptions import ConfigurationError
from huey.serializer import Serializer

from storage.broker.records import NewJob
from storage.errors import EncodeError, Refused
from tasks.engine.codec import encode
from tasks.engine.context import current_job
from tasks.engine.huey import UNKNOWN_DELAY_MS, DeweyHuey
from tests.tasks.engine.conftest import Shop, typed

Make = Callable[..., Shop]


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's clock is nine hours ahead of UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def calls_of(client: "redis.Redis", act: Callable[[], object]) -> int:
    """How many scripts Redis ran while `act` did."""
    count = "cmdstat_evalsha"
    before = int(client.info("commandstats")[count]["calls"])
    act()
    return int(client.info("commandstats")[count]["calls"]) - before


def test_a_local_time_is_kept_to_the_millisecond(shop: Shop, in_tokyo: None) -> None:
    @shop.huey.task()
    def work() -> None: ...

    at = datetime.now().replace(microsecond=987_000) + timedelta(hours=1)  # noqa: DTZ005 - naive and local, as Huey takes it
    for handle in (work.schedule(eta=at), work.schedule(at), shop.huey.enqueue(work.s(eta=at))):
        run_at = shop.job(handle).run_at
        assert run_at is not None
        assert run_at.timestamp() == pytest.approx(at.timestamp(), abs=0.2)


def test_an_argument_that_can_not_be_encoded_fails_the_call_and_leaves_nothing(shop: Shop) -> None:
    @shop.huey.task()
    def send(to: object, body: object = None) -> None: ...

    sent: list[str] = []
    typed(shop.huey.signal())(lambda signal, *_: sent.append(signal))
    with pytest.raises(EncodeError, match=r"argument 'body' of .*\.send\['lines'\]\[1\] is an object"):
        send("ann", body={"lines": ["a", object()]})
    with pytest.raises(EncodeError, match=r"argument 1 of .*\.send is an object"):
        shop.huey.enqueue(group([send.s("a"), send.s(object())]))
    with pytest.raises(EncodeError, match=r"argument 1 of .*\.send is an object"):
        shop.huey.enqueue(group([send.s("a")]).then(send, object()))
    with pytest.raises(EncodeError, match=r"argument 1 of .*\.send is an object"):
        send.schedule((object(),), delay=5)
    assert shop.inspector.count() == 0
    assert sent == []
    assert list(shop.huey.broker.client.scan_iter(f"{shop.huey.broker.keys.prefix}*")) == []


def test_jobs_run_in_the_order_of_their_priorities(shop: Shop) -> None:
    ran: list[str] = []

    @shop.huey.task(priority=5)
    def work(name: str) -> None:
        ran.append(name)

    work("default")
    work("low", priority=-1)
    work("high", priority=9)
    work("default too")
    shop.run_all()
    assert ran == ["high", "default", "default too", "low"]
    with pytest.raises(Refused, match="out of range"):
        work("too high", priority=10_000)


@pytest.mark.parametrize("utc", [True, False])
@pytest.mark.usefixtures("in_tokyo")
def test_an_eta_is_an_instant_whatever_the_clocks_zone(make_shop: Make, utc: bool) -> None:
    shop = make_shop(utc=utc)

    @shop.huey.task()
    def work() -> None: ...

    now = datetime.now(UTC)
    in_an_hour = now + timedelta(hours=1)
    handles = [
        work.schedule(delay=3600),
        work.schedule(eta=in_an_hour),
        work.schedule(eta=in_an_hour.astimezone(timezone(timedelta(hours=-8)))),
        work.schedule(eta=in_an_hour.astimezone().replace(tzinfo=None)),  # naive: the host's own clock
        shop.huey.enqueue(work.s(delay=timedelta(hours=1))),
    ]
    for handle in handles:
        assert shop.job(handle).state == "scheduled"
        assert shop.wait_s(handle) == pytest.approx(3600, abs=2)
    due = work.schedule(eta=now - timedelta(hours=1))
    assert shop.job(due).state == "queued"
    assert shop.run_all() == 1
    for handle in handles:
        shop.make_due(handle)
    assert shop.run_all() == 5
    assert shop.inspector.count(("succeeded",)) == 6


def test_a_delayed_job_is_never_early(shop: Shop) -> None:
    @shop.huey.task()
    def work() -> None: ...

    handle = work.schedule(delay=0.2)
    due = shop.job(handle).run_at
    while shop.huey.broker.promote()[0] == 0:
        pass
    assert due is not None
    assert shop.inspector.clock_ms() >= due.timestamp() * 1000


def test_scheduled_and_pending_jobs_are_listed_as_tasks(shop: Shop) -> None:
    @shop.huey.task(retries=2, retry_delay=60)
    def work(n: int) -> None:
        raise ValueError(n)

    work(1)
    work.schedule((2,), delay=3600)
    assert [task.args for task in shop.huey.pending()] == [(1,)]
    shop.run_one()
    later = {task.args: task for task in shop.huey.scheduled()}
    assert later.keys() == {(1,), (2,)}
    assert later[1,].retries == 1
    assert (shop.huey.pending_count(), shop.huey.scheduled_count()) == (0, 2)


def test_a_group_and_a_map_are_enqueued_in_one_round_trip(shop: Shop, redis_client: "redis.Redis") -> None:
    @shop.huey.task()
    def double(n: int) -> int:
        return 2 * n

    double(0)  # loads the script
    assert calls_of(redis_client, lambda: shop.huey.enqueue(group([double.s(n) for n in range(250)]))) == 1
    results: list[Any] = []
    assert calls_of(redis_client, lambda: results.append(double.map(range(250)))) == 1
    shop.run_all()
    assert results[0].get() == [2 * n for n in range(250)]
    assert calls_of(redis_client, lambda: double.map(range(1_100))) == 5


def test_a_job_knows_which_job_launched_it(shop: Shop) -> None:
    @shop.huey.task()
    def child() -> None: ...

    @shop.huey.task()
    def after(_: Any) -> None: ...

    @shop.huey.task()
    def parent() -> str:
        launched.append(child().id)
        return ""

    launched: list[str] = []
    handle = list(shop.huey.enqueue(parent.s().then(after)))
    shop.run_one()
    (child_id,) = launched
    assert shop.job(child_id).parent == handle[0].id
    assert shop.job(handle[1]).parent == handle[0].id
    assert shop.job(handle[0]).parent == ""


def test_an_unknown_task_waits_unspent_until_a_consumer_knows_it(make_shop: Make, shop: Shop) -> None:
    new, old = shop, make_shop()

    def brand_new(n: int) -> int:
        return n + 1

    @old.huey.task()
    def known() -> str:
        return "old"

    @new.huey.task(name=known.task_class.__name__)
    def known_too() -> None: ...

    handle = new.huey.task(retries=1)(brand_new)(41)
    known()
    assert old.run_one() is None
    job = old.job(handle)
    assert (job.state, job.attempt, job.retries_left, job.attempts) == ("scheduled", 0, 1, ())
    assert job.reason.startswith("no task 'tests.tasks.engine.test_launch.brand_new' in ")
    assert old.wait_s(handle) == pytest.approx(UNKNOWN_DELAY_MS / 1000, rel=0.5, abs=1)
    assert old.run_one() == "old"
    new.make_due(handle)
    assert new.run_one() == 42
    assert new.job(handle).state == "succeeded"


def test_an_undecodable_payload_is_dead_with_its_bytes_kept(shop: Shop) -> None:
    broken = [b"", b"\xff\x00garbage", b"[1]", b'{"~job":{"args":5}}', b'{"~newer":1}', b"[" * 10_000]
    for number, payload in enumerate(broken):
        shop.huey.broker.enqueue([NewJob(f"j{number}", "shop.work", "default", payload)])
    assert shop.run_all() == len(broken)
    for number, payload in enumerate(broken):
        job = shop.job(f"j{number}")
        assert (job.state, job.payload) == ("dead", payload)
        assert job.reason == "the payload can not be read; its bytes are kept"
        assert job.error
        with pytest.raises(TaskException):
            shop.huey.result(f"j{number}")
    assert shop.huey.held.all() == ()


def test_a_serializer_of_the_applications_own_is_used_if_it_insists(make_shop: Make) -> None:
    shop = make_shop(serializer=Serializer())

    class Basket:
        pass

    @shop.huey.task(retries=1)
    def count(things: Any) -> tuple[int, str]:
        return len(things), type(things[0]).__name__

    handle = count([range(3)])
    shop.run_all()
    assert handle.get() == (1, "range")
    assert shop.job(count([1])).payload[:1] == b"\x80"


def test_an_applications_own_connections_are_used(make_shop: Make, redis_url: str, namespace: str) -> None:
    pool = redis.ConnectionPool.from_url(redis_url)
    shop = make_shop(url=None, connection_pool=pool)

    @shop.huey.task()
    def work() -> int:
        return 1

    handle = work()
    shop.run_all()
    assert handle.get() == 1
    assert shop.huey.broker.client.connection_pool is pool
    with pytest.raises(ConfigurationError, match="decodes responses"):
        DeweyHuey(namespace, connection_pool=redis.ConnectionPool.from_url(redis_url, decode_responses=True))


NOWHERE = "unix:///nonexistent/redis.sock"


def test_immediate_mode_needs_no_redis(make_shop: Make) -> None:
    shop = make_shop(url=NOWHERE, immediate=True)
    ran: list[str] = []

    @shop.huey.task(retries=1)
    def work(name: str) -> str:
        assert current_job() is None
        ran.append(name)
        if name == "fail" and ran.count("fail") == 1:
            raise ValueError(name)
        return name

    @shop.huey.task()
    def total(names: list[str]) -> str:
        return "+".join(names)

    assert work("a").get() == "a"
    assert work("fail").get() == "fail"
    assert shop.huey.enqueue(work.s("b").then(total, [])) is not None
    assert shop.huey.enqueue(group([work.s("c"), work.s("d")]).then(total)).callback.get() == "c+d"
    work.schedule(("later",), delay=3600)
    assert [task.args for task in shop.huey.scheduled()] == [("later",)]
    with pytest.raises(ConfigurationError, match="immediate mode keeps no books"):
        _ = shop.huey.broker


def test_immediate_mode_can_be_switched_on_and_off(shop: Shop) -> None:
    @shop.huey.task()
    def work() -> int:
        return 1

    shop.huey.immediate = True
    assert work().get() == 1
    shop.huey.immediate = False
    handle = work()
    assert shop.job(handle).state == "queued"
    shop.huey.immediate = True
    assert work().get() == 1
    shop.huey.immediate = False
    assert shop.run_all() == 1
    assert handle.get() == 1


def test_a_url_may_be_found_when_it_is_first_needed(make_shop: Make, redis_url: str) -> None:
    asked: list[int] = []

    def find() -> str:
        asked.append(1)
        return redis_url

    shop = make_shop(url=find)
    work = shop.huey.task()(os.getpid)
    assert asked == []
    work()
    assert (shop.run_one(), asked) == (os.getpid(), [1])


def test_flush_forgets_what_waits_with_everything_that_is_its_own(shop: Shop, redis_client: "redis.Redis") -> None:
    @shop.huey.task()
    def work(n: int) -> int:
        return n

    @shop.huey.task()
    def total(values: list[int]) -> int:
        return sum(values)

    work(0)
    shop.run_one()
    shop.huey.enqueue(group([work.s(n) for n in range(700)]).then(total))
    work.schedule((1,), delay=60)
    waiting = work(1)
    waiting.revoke()
    shop.huey.flush()
    assert {job.state for job in shop.inspector.jobs().jobs} == {"succeeded"}
    kinds = {key.decode().split(":")[1] for key in redis_client.scan_iter(f"{shop.huey.broker.keys.prefix}*")}
    assert len(list(redis_client.scan_iter(f"{shop.huey.broker.keys.prefix}job:*"))) == 1
    assert not kinds & {"chord", "data"}


def test_data_that_did_not_come_from_a_task_is_kept_in_order(shop: Shop) -> None:
    storage = shop.huey.storage
    for data, priority in ((b"a", None), (b"b", 3), (b"\x00\xff", None)):
        storage.enqueue(data, priority)
    assert storage.queue_size() == 3
    assert storage.enqueued_items(2) == [b"b", b"a"]
    assert [storage.dequeue() for _ in range(4)] == [b"b", b"a", b"\x00\xff", None]
    now = datetime.now(UTC).replace(tzinfo=None)
    storage.add_to_schedule(b"second", now - timedelta(seconds=5))
    storage.add_to_schedule(b"first", now - timedelta(seconds=9))
    storage.add_to_schedule(b"later", now + timedelta(hours=1))
    assert storage.read_schedule(now) == [b"first", b"second"]
    assert (storage.schedule_size(), storage.scheduled_items()) == (1, [b"later"])
    storage.flush_schedule()
    assert storage.schedule_size() == 0


def test_thousands_of_queues_do_not_stop_an_idle_worker(shop: Shop) -> None:
    shop.huey.broker.add_queues([f"tenant-{number}" for number in range(9_000)])
    assert shop.huey.broker.claim(shop.huey.claim_request("test")) is None
    shop.huey.broker.enqueue([NewJob("a", "t", "tenant-8999", encode(None))])
    assert shop.claim().id == "a"


def test_a_job_of_another_payload_size_limit_is_refused_at_the_call(shop: Shop, caplog: Any) -> None:
    @shop.huey.task()
    def work(data: str) -> None: ...

    with caplog.at_level(logging.INFO), pytest.raises(EncodeError, match="store it and pass its id"):
        work("x" * 5_000_000)
    assert shop.inspector.count() == 0


def test_a_task_that_enqueues_itself_is_told_that_this_adds_nothing(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    @shop.huey.task(context=True)
    def again(task: Any = None) -> str:
        shop.huey.enqueue(task)
        return "done"

    handle = again()
    assert shop.run_all() == 1
    assert shop.job(handle).state == "succeeded"
    assert f"job {handle.id} enqueued itself while it runs, which adds nothing" in caplog.text
