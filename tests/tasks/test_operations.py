"""What operators can do, and the sentence they get when they can not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from storage.errors import EncodeError, Refused
from tasks.engine import registry
from tasks.engine.huey import DeweyHuey
from tasks.operations import Operations


@pytest.fixture
def huey(redis_url: str, redis_client: "redis.Redis", namespace: str) -> Iterator[DeweyHuey]:
    huey = DeweyHuey(namespace, url=redis_url)

    @huey.task(queue="mail", retries=2, retry_delay=5, retry_backoff=2, priority=3, name="send")
    def send(to: str, subject: str = "hello") -> str:
        return f"{to}: {subject}"

    @huey.task(name="resend")
    def resend() -> None: ...

    @huey.task(name="report", context=True)
    def report(month: str, task: object = None) -> None: ...

    @huey.task(name="fail")
    def fail() -> None:
        raise ValueError("no")

    registry.publish(huey.broker, huey.task_infos())
    yield huey
    huey.storage.close()


@pytest.fixture
def operations(huey: DeweyHuey) -> Operations:
    return Operations(huey.broker, huey.storage.inspector)


HERE = __name__


def test_a_triggered_job_runs_as_its_task_says(huey: DeweyHuey, operations: Operations) -> None:
    job_id = operations.trigger("send", {"to": "ann"})
    job = huey.storage.inspector.job(job_id)
    assert (job.task, job.queue, job.retries, job.retry_delay_s, job.priority) == (f"{HERE}.send", "mail", 2, 5, 3)
    task = huey.dequeue()
    assert (task.retry_backoff, task.kwargs) == (2, {"to": "ann"})
    assert huey.execute(task) == "ann: hello"
    assert huey.result(job_id) == "ann: hello"


def test_a_trigger_may_choose_queue_priority_and_delay(huey: DeweyHuey, operations: Operations) -> None:
    job_id = operations.trigger(f"{HERE}.send", {"to": "ann", "subject": "x"}, queue="slow", priority=-1, delay_s=60)
    job = huey.storage.inspector.job(job_id)
    assert (job.queue, job.priority, job.state) == ("slow", -1, "scheduled")
    assert job.run_at is not None
    assert job.run_at.timestamp() - huey.storage.inspector.clock_ms() / 1000 == pytest.approx(60, abs=1)


@pytest.mark.parametrize(
    ("task", "arguments", "sentence"),
    [
        ("sned", {}, rf"no consumer knows a task 'sned'; there are {HERE}\.fail, {HERE}\.report"),
        ("end", {}, "no consumer knows a task 'end'"),
        ("send", {}, rf"{HERE}\.send needs to: give a value for each"),
        ("send", {"to": "a", "body": 1, "cc": 2}, r"send takes no body, cc; it takes subject, to"),
        ("resend", {"to": "a"}, "resend takes no to; it takes nothing"),
        ("report", {"month": "May", "task": 1}, r"report takes no task; it takes month"),
        ("", {}, "no consumer knows a task ''"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    huey: DeweyHuey, operations: Operations, task: str, arguments: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        operations.trigger(task, arguments)
    assert huey.storage.inspector.count() == 0


def test_a_name_that_could_be_two_tasks_is_refused_with_both(huey: DeweyHuey, operations: Operations) -> None:
    other = DeweyHuey(huey.name, connection_pool=huey.broker.client.connection_pool)
    other.task(name="send")(json.dumps)
    registry.publish(other.broker, other.task_infos())
    with pytest.raises(Refused, match=rf"'send' could be json\.send, {HERE}\.send: write more of the name"):
        operations.trigger("send", {"to": "ann"})
    assert operations.find_task("json.send").name == "json.send"


def test_without_any_consumer_the_remedy_is_to_start_one(redis_client: "redis.Redis", namespace: str) -> None:
    huey = DeweyHuey(namespace, connection_pool=redis_client.connection_pool)
    with pytest.raises(Refused, match="nor any other: start one, then try again"):
        Operations(huey.broker, huey.storage.inspector).trigger("send", {})


def test_values_and_delays_that_make_no_sense_are_refused(huey: DeweyHuey, operations: Operations) -> None:
    with pytest.raises(Refused, match="a delay of -1 s is in the past"):
        operations.trigger("send", {"to": "ann"}, delay_s=-1)
    with pytest.raises(Refused, match=r"priority 5000 .* out of range"):
        operations.trigger("send", {"to": "ann"}, priority=5000)
    with pytest.raises(EncodeError, match=rf"argument 'to' of {HERE}\.send is an object"):
        operations.trigger("send", {"to": object()})
    assert huey.storage.inspector.count() == 0


def test_requeue_says_for_each_job_what_became_of_it(huey: DeweyHuey, operations: Operations) -> None:
    failed, done = operations.trigger("fail", {}), operations.trigger("send", {"to": "ann"})
    for _ in range(2):
        huey.execute(huey.dequeue())
    waits = operations.trigger("resend", {})
    outcomes = operations.requeue([failed, waits, done, "gone", failed])
    assert [(one.job_id, one.done) for one in outcomes] == [
        (failed, True),
        (waits, False),
        (done, False),
        ("gone", False),
        (failed, False),
    ]
    assert outcomes[1].reason == f"job {waits} is queued: only dead, canceled and retrying jobs are requeued"
    assert "is succeeded" in outcomes[2].reason
    assert outcomes[3].reason == "there is no job 'gone': it may be past its retention"
    assert huey.storage.inspector.job(failed).state == "queued"


def test_a_paused_queue_waits_with_its_reason_until_it_is_resumed(huey: DeweyHuey, operations: Operations) -> None:
    job_id = operations.trigger("send", {"to": "ann"})
    operations.pause("mail", by="ann", reason="the server moves")
    assert huey.dequeue() is None
    (stats,) = (one for one in huey.storage.inspector.queues() if one.name == "mail")
    assert stats.pause is not None
    assert (stats.pause.by, stats.pause.reason) == ("ann", "the server moves")
    operations.resume("mail", by="bob")
    assert huey.dequeue().id == job_id
    with pytest.raises(Refused, match="queue 'mail' is not paused; bob changed nothing"):
        operations.resume("mail", by="bob")
    with pytest.raises(Refused, match="no queue 'post'"):
        operations.pause("post", by="ann", reason="")
    with pytest.raises(Refused, match="no queue 'post'"):
        operations.resume("post", by="ann")


@pytest.mark.parametrize("utc", [True, False])
@pytest.mark.parametrize("expires", [30, timedelta(seconds=30)])
def test_a_triggered_job_expires_as_its_task_says(
    redis_url: str, redis_client: "redis.Redis", namespace: str, utc: bool, expires: float | timedelta
) -> None:
    huey = DeweyHuey(namespace, url=redis_url, utc=utc)

    @huey.task(name="brief", expires=expires)
    def brief() -> str:
        return "in time"

    registry.publish(huey.broker, huey.task_infos())
    operations = Operations(huey.broker, huey.storage.inspector)
    operations.trigger("brief", {})
    assert huey.execute(huey.dequeue()) == "in time"
    job_id = operations.trigger("brief", {})
    task = huey.dequeue()
    later = datetime.now(UTC) + timedelta(seconds=31)
    huey.execute(task, later.replace(tzinfo=None) if utc else later.astimezone().replace(tzinfo=None))
    job = huey.storage.inspector.job(job_id)
    assert (job.state, job.reason) == ("canceled", "expired")
    huey.storage.close()
