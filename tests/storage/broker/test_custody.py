"""What an operator does to a job happens as it was shown or not at all, once per action, and can be taken back."""

import threading
import uuid
from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.custody import Custody, Shown
from storage.broker.inspector import Inspector
from storage.broker.records import Limits
from storage.broker.requests import Note, Settlement
from tests.storage.broker.conftest import REQUEST

Add = Callable[..., str]


@pytest.fixture
def custody(broker: Broker) -> Custody:
    return Custody(broker)


@pytest.fixture
def act() -> str:
    return str(uuid.uuid4())


def shown(inspector: Inspector, job_id: str) -> Shown:
    return Shown(job_id, str(inspector.job(job_id).version))


def settle(broker: Broker, job_id: str, state: str = "dead", **more: object) -> str:
    claim = broker.take(REQUEST, job_id)
    assert claim is not None
    broker.note([Note(job_id, claim.token, lines=(b'[1,1,"INFO","shop","hello","t","q"]',))])
    outcome = "succeeded" if state == "succeeded" else "failed"
    end = {"error_type": "ValueError", "error": "no", "fingerprint": "f1", "shape": "no", **more}
    broker.settle(Settlement(job_id, claim.token, state, outcome, 0, **end))  # type: ignore[arg-type]
    return job_id


def everything(client: "redis.Redis", namespace: str) -> dict[bytes, object]:
    """All of the namespace but what counts and wakes, and what only says that something happened."""
    found: dict[bytes, object] = {}
    kinds = ("events", "seq", "minute", "wake", "act:", "tail", "counters")
    for key in client.scan_iter(f"{{{namespace}}}:*"):
        if any(f":{kind}".encode() in key for kind in kinds):
            continue
        kind = client.type(key)
        if kind == b"hash":
            row = dict(client.hgetall(key))
            row.pop(b"version", None)
            found[key] = row
        elif kind == b"zset":
            found[key] = client.zrange(key, 0, -1, withscores=True)
        elif kind == b"stream":
            found[key] = client.xrange(key)
        elif kind == b"set":
            found[key] = client.smembers(key)
        else:
            found[key] = client.get(key) if kind == b"string" else client.lrange(key, 0, -1)
    return found


# -- thrown away and restored ----------------------------------------------------------------------------------


def make(add: Add, broker: Broker, state: str) -> str:
    if state == "queued":
        add(id="before")
        return add(id="j", priority=3, unique="one of {a}")
    if state == "scheduled":
        return add(id="j", delay_ms=60_000, unique="u")
    job_id = add(id="j", retries=2, unique="u", unique_ttl_ms=100_000)
    if state == "retrying":
        return settle(broker, job_id, "retrying", delay_ms=60_000)
    if state == "canceled":
        broker.cancel(job_id, "wrong month", [("set", job_id, b"error")])
        return job_id
    return settle(broker, job_id, state, writes=(("set", job_id, b"result"),))


@pytest.mark.parametrize("state", ["queued", "scheduled", "retrying", "dead", "canceled", "succeeded"])
def test_a_job_comes_back_from_the_trash_as_it_was(
    redis_client: "redis.Redis",
    namespace: str,
    broker: Broker,
    inspector: Inspector,
    custody: Custody,
    add: Add,
    act: str,
    state: str,
) -> None:
    job_id = make(add, broker, state)
    before = everything(redis_client, namespace)
    version = inspector.job(job_id).version
    whole = custody.whole([job_id])[job_id]
    (answer,) = custody.discard(act, [shown(inspector, job_id)])
    assert (answer.verdict, answer.word) == ("done", state)
    left = {
        key: value
        for key, value in everything(redis_client, namespace).items()
        if job_id.encode() in repr(value).encode()
    }
    assert inspector.count((state,)) == (1 if state == "queued" else 0)  # type: ignore[arg-type]
    assert f":job:{job_id}".encode() not in b" ".join(everything(redis_client, namespace))
    assert all(b":unique:" in key for key in left), left  # one that was taken for a time stays taken
    (back,) = custody.restore(str(uuid.uuid4()), [whole])
    assert (back.verdict, back.word) == ("done", state)
    assert everything(redis_client, namespace) == before
    assert inspector.job(job_id).version > version + 1


def test_a_job_that_runs_or_waits_for_others_is_not_thrown_away(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    running, blocked = add(id="r"), add(id="b", blocked=True, chord="b")
    broker.take(REQUEST, running)
    answers = custody.discard(act, [shown(inspector, running), shown(inspector, blocked)])
    assert [(one.verdict, one.word) for one in answers] == [("refused", "running"), ("refused", "blocked")]
    assert inspector.job(running).state == "running"


def test_a_restored_job_does_not_take_a_key_or_an_id_from_another(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    add(id="j", unique="u")
    whole = custody.whole(["j"])
    custody.discard(act, [shown(inspector, "j")])
    add(id="other", unique="u")
    (answer,) = custody.restore(str(uuid.uuid4()), [whole["j"]])
    assert (answer.verdict, answer.word) == ("taken", "other")
    assert inspector.count() == 1
    (answer,) = custody.restore(str(uuid.uuid4()), list(custody.whole(["other"]).values()))
    assert (answer.verdict, answer.word) == ("refused", "queued")


def test_throwing_a_member_away_is_told_to_the_job_that_waits_for_it(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    broker.write([("chord", "p", "p", ["m"])])
    add(id="p", blocked=True, chord="p", on_failure="fail")
    add(id="m", member="p:0:1")
    whole = custody.whole(["m"])["m"]
    custody.discard(act, [shown(inspector, "m")])
    assert inspector.job("p").state == "dead"
    custody.restore(str(uuid.uuid4()), [whole])
    assert inspector.job("p").state == "blocked"


# -- as it was shown, once -------------------------------------------------------------------------------------


def test_what_has_changed_since_it_was_shown_is_refused(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    job_id = settle(broker, add(id="j"))
    seen = shown(inspector, job_id)
    broker.requeue(job_id)
    for answers in (
        custody.discard(act, [seen]),
        custody.requeue(f"{act}2", [seen]),
        custody.cancel(f"{act}3", [seen], "", {}),
        custody.prioritise(f"{act}4", [seen], {job_id: 5}),
        custody.hasten(f"{act}5", [seen]),
        custody.recall(f"{act}6", [seen], ""),
    ):
        assert [(one.verdict, one.word) for one in answers] == [("changed", "queued")]
    assert inspector.job(job_id).state == "queued"


def test_a_repeated_action_answers_the_same_and_does_nothing_more(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    job_id = settle(broker, add(id="j"))
    seen = shown(inspector, job_id)
    first = custody.requeue(act, [seen])
    version = inspector.job(job_id).version
    assert first[0].verdict == "done"
    assert custody.requeue(act, [seen]) == first
    assert inspector.job(job_id).version == version
    assert custody.requeue(str(uuid.uuid4()), [seen])[0].verdict == "changed"


def test_of_two_operators_at_once_one_acts(broker: Broker, inspector: Inspector, custody: Custody, add: Add) -> None:
    jobs = [settle(broker, add(id=f"j{n}")) for n in range(50)]
    seen = [shown(inspector, job_id) for job_id in jobs]
    verdicts: list[list[str]] = []
    gate = threading.Barrier(2)

    def act(number: int) -> None:
        mine = Custody(broker)
        gate.wait()
        answers = mine.requeue(f"act{number}", seen) if number else mine.discard(f"act{number}", seen)
        verdicts.append([one.verdict for one in answers])

    threads = [threading.Thread(target=act, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(sorted(pair)[-1] != "done" or pair.count("done") == 1 for pair in map(list, zip(*verdicts, strict=True)))
    assert sum(one.count("done") for one in verdicts) == 50


# -- requeued and recalled -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["dead", "canceled", "retrying"])
def test_a_requeue_is_called_back_while_the_job_waits(
    redis_client: "redis.Redis",
    namespace: str,
    broker: Broker,
    inspector: Inspector,
    custody: Custody,
    add: Add,
    act: str,
    state: str,
) -> None:
    job_id = make(add, broker, state)
    before = everything(redis_client, namespace)
    (done,) = custody.requeue(act, [shown(inspector, job_id)])
    assert inspector.job(job_id).state == "queued"
    (answer,) = custody.recall(str(uuid.uuid4()), [Shown(job_id, done.after)], act)
    assert answer.verdict == "done"
    after = everything(redis_client, namespace)
    record = f"{{{namespace}}}:job:{job_id}".encode()
    for row in (before[record], after[record]):
        assert isinstance(row, dict)
        for name in (b"line", b"queued"):
            row.pop(name, None)
    assert after == before


def test_a_requeued_job_that_has_begun_is_not_called_back(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    job_id = settle(broker, add(id="j"))
    (done,) = custody.requeue(act, [shown(inspector, job_id)])
    broker.take(REQUEST, job_id)
    (answer,) = custody.recall(str(uuid.uuid4()), [Shown(job_id, done.after)], act)
    assert (answer.verdict, answer.word) == ("changed", "running")
    assert inspector.job(job_id).state == "running"


# -- places in line --------------------------------------------------------------------------------------------


def test_another_priority_keeps_the_place_by_when_a_job_came(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    for job_id, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
        add(id=job_id, priority=priority)
    (answer,) = custody.prioritise(act, [shown(inspector, "c")], {"c": 5})
    assert [job.id for job in inspector.jobs(("queued",)).jobs] == ["b", "c", "d", "a"]
    version, former = answer.after.split()
    custody.prioritise(str(uuid.uuid4()), [Shown("c", version)], {"c": float(former)})
    assert [job.id for job in inspector.jobs(("queued",)).jobs] == ["b", "d", "a", "c"]
    custody.prioritise(str(uuid.uuid4()), [shown(inspector, "a")], {"a": -0.5})
    assert [job.id for job in inspector.jobs(("queued",)).jobs] == ["b", "d", "c", "a"]
    assert inspector.job("a").priority == -0.5


def test_a_scheduled_job_with_another_priority_is_still_due_then(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    add(id="s", delay_ms=60_000)
    due_at = inspector.job("s").run_at
    custody.prioritise(act, [shown(inspector, "s")], {"s": 9})
    job = inspector.job("s")
    assert (job.state, job.priority, job.run_at) == ("scheduled", 9, due_at)


def test_a_job_that_waits_for_an_instant_runs_now_and_may_go_back(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    add(id="s", delay_ms=60_000)
    due_at = inspector.job("s").run_at
    (done,) = custody.hasten(act, [shown(inspector, "s")])
    assert inspector.job("s").state == "queued"
    version, _, back = done.after.partition(" ")
    custody.hasten(str(uuid.uuid4()), [Shown("s", version)], {"s": back})
    job = inspector.job("s")
    assert (job.state, job.run_at) == ("scheduled", due_at)
    assert custody.hasten(str(uuid.uuid4()), [shown(inspector, "s")], None)[0].verdict == "done"
    assert custody.hasten(str(uuid.uuid4()), [shown(inspector, "s")], None)[0].verdict == "refused"


# -- settings and what is held ---------------------------------------------------------------------------------


def test_a_setting_is_replaced_only_as_it_was_seen(broker: Broker, custody: Custody, add: Add, act: str) -> None:
    add(queue="email")
    done = custody.replace(act, "paused", "email", '{"by": "ada", "reason": "x"}', "")
    assert done.verdict == "done"
    assert custody.setting("paused", "email") == done.after
    changed = custody.replace(f"{act}2", "paused", "email", '{"by": "bob", "reason": "y"}', "")
    assert (changed.verdict, changed.word) == ("changed", done.after)
    assert custody.replace(f"{act}3", "paused", "email", "", done.after).verdict == "done"
    assert custody.setting("paused", "email") == ""
    past = custody.replace(f"{act}4", "paused", "email", '{"by": "ada", "until_ms": 5}', "")
    assert (past.verdict, past.word) == ("refused", "past")
    broker.limit("email", Limits(cap=5))
    assert custody.replace(f"{act}5", "gates", "email", "", custody.setting("gates", "email")).verdict == "done"
    assert custody.setting("gates", "email") == ""


def test_a_pause_ends_by_itself_when_its_time_is_over(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    add(queue="email")
    now_ms = inspector.clock_ms()
    custody.replace(act, "paused", "email", f'{{"by": "ada", "until_ms": {now_ms + 100_000}}}', "")
    assert custody.tend().resumed == ()
    (stats,) = inspector.queues()
    assert stats.pause is not None
    assert stats.pause.until_at is not None
    broker.call("hset", broker.keys.paused, "email", f'{{"by": "ada", "at": 1, "until_ms": {now_ms - 1}}}')
    assert custody.tend().resumed == ("email",)
    assert broker.claim(REQUEST) is not None


def test_a_unique_key_is_freed_when_nobody_lives_who_holds_it(
    broker: Broker, inspector: Inspector, custody: Custody, add: Add, act: str
) -> None:
    add(id="j", unique="u", unique_ttl_ms=100_000)
    holder = custody.holder("unique", "u")
    assert (custody.release(act, "unique", "u", holder).verdict, holder) == ("refused", "j")
    settle(broker, "j", "succeeded")
    assert custody.release(f"{act}2", "unique", "u", "k").word == "j"
    assert custody.release(f"{act}3", "unique", "u", "j").verdict == "done"
    assert custody.release(f"{act}4", "unique", "u", "j").verdict == "missing"


def test_a_lock_is_freed(broker: Broker, custody: Custody, act: str) -> None:
    broker.run("put_if_empty", "shop.lock.a", "1", 0)
    broker.run("put_if_empty", "shop.lock.b", "1", 60_000)
    for name in ("shop.lock.a", "shop.lock.b"):
        assert custody.release(f"{act}{name}", "lock", name, custody.holder("lock", name)).verdict == "done"
        assert custody.holder("lock", name) == ""
