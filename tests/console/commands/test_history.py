"""Numbers over time, the past, metrics and liveness from the command line; recording alone."""

import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from console.commands.metrics import server_on
from console.commands.opening import WrongUse, open_desk
from console.commands.times import past_instant, span_of
from storage.broker.requests import Beat
from storage.history.lag import lag
from storage.history.recorder import Recorder
from storage.history.sampling import Sampler
from tests.console.commands.office import CommandLine, Office, process
from tests.servers import wait_until
from tests.tasks.jobs import Jobs

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def recorder(office: Office) -> Recorder:
    return Recorder(office.broker, open_desk().resources.database)


def record_all(recorder: Recorder) -> None:
    while recorder.step():
        pass


def sample(office: Office) -> None:
    with open_desk().resources.database.session() as session:
        assert Sampler(office.broker, "me").sample(session)


def beat(office: Office, queues: str = "") -> None:
    fields = {"host": "host", "pid": "1", "workers": "2", "version": "1", "queues": queues}
    office.broker.heartbeat(Beat("host:1", 60_000, (), {**fields, "started": NOW.isoformat()}, "1"))


def test_stats_say_what_ran_and_what_waits(dewey: CommandLine, office: Office, recorder: Recorder) -> None:
    assert "Nothing was recorded" in dewey("stats").out
    office.run(office.add("a1", "email"))
    office.run(office.add("b2", "email"), state="succeeded", outcome="succeeded", error_type="", error="")
    office.add("c3", "slow")
    record_all(recorder)
    answer = dewey("stats", "--last", "24h")
    assert answer.status == 0
    assert answer.lines[0].split()[:5] == ["QUEUE", "TASK", "RAN", "FAILED", "/MIN"]
    assert answer.lines[1].split()[:4] == ["email", "shop.tasks.pack", "2", "50.0%"]
    assert answer.lines[-1].split() == ["slow", "1", "0s", "never"]
    document = dewey("stats", "--queue", "email", "--task", "pack", "--json").document
    assert document["stats"]["total"]["failed"] == 1
    assert document["stats"]["total"]["run"]["p50_s"] < 60
    assert [one["name"] for one in document["queues"]] == ["email"]
    assert dewey("stats", "--queue", "other", "--json").document["stats"]["rows"] == []


@pytest.mark.parametrize("last", ["yesterday", "0s", "5", ""])
def test_a_span_that_is_none_is_refused(dewey: CommandLine, office: Office, last: str) -> None:
    answer = dewey("stats", "--last", last)
    assert answer.status == 2
    assert "--last" in answer.err


def test_queues_are_shown_as_they_stood(dewey: CommandLine, office: Office, recorder: Recorder) -> None:
    office.add("a1", "email")
    office.start(office.add("b2", "email"))
    beat(office)
    record_all(recorder)
    sample(office)
    at = datetime.fromtimestamp(office.inspector.clock_ms() / 1000, UTC).isoformat()
    office.run("a1")
    answer = dewey("queues", "--at", at)
    assert answer.status == 0
    assert "email" in answer.lines[2]
    assert answer.lines[2].split()[1:3] == ["1", "1"]
    assert "host:1" in answer.out
    assert "b2" in answer.out
    document = dewey("queues", "--at", at, "--json").document
    assert [one["job_id"] for one in document["running"]] == ["b2"]


def test_a_time_that_nobody_saw_is_said_so(dewey: CommandLine, office: Office) -> None:
    answer = dewey("queues", "--at", "2020-01-01T02:47")
    assert answer.status == 1
    assert "no recorder was running" in answer.err
    assert dewey("queues", "--at", "half past nine").status == 2


def test_a_bare_time_is_the_last_one_that_was() -> None:
    local = NOW.astimezone()
    earlier = past_instant("00:00", "--at", NOW).astimezone(local.tzinfo)
    assert earlier <= local
    assert (earlier.hour, earlier.minute) == (0, 0)
    assert (local - earlier).total_seconds() < 86_400
    assert past_instant("2026-11-21T02:47:30Z", "--at", NOW) == datetime(2026, 11, 21, 2, 47, 30, tzinfo=UTC)
    assert span_of("1h30m", "--last").total_seconds() == 5_400
    with pytest.raises(WrongUse):
        past_instant("25:99", "--at", NOW)


def test_metrics_are_openmetrics_and_agree_with_what_happened(
    dewey: CommandLine, office: Office, recorder: Recorder
) -> None:
    office.run(office.add("a1", "email"))
    office.add("b2", "email")
    beat(office)
    record_all(recorder)
    answer = dewey("metrics")
    found = {
        (one.name, *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(answer.out)  # type: ignore[no-untyped-call]  # so in the parser
        for one in family.samples
    }
    assert found["dewey_queue_jobs", "dead", "email"] == 1
    assert found["dewey_queue_jobs", "email", "queued"] == 1
    assert found["dewey_attempts_total", "email", "failed", "shop.tasks.pack"] == 1
    assert found["dewey_jobs_enqueued_total", "email", "shop.tasks.pack"] == 2
    assert found["dewey_attempt_run_seconds_count", "email", "shop.tasks.pack"] == 1
    assert found["dewey_recorder_behind_events",] == 0
    assert found["dewey_recorder_leads",] == found["dewey_history_up",] == found["dewey_redis_up",] == 1
    assert found["dewey_consumer_workers", "1", "host:1"] == 2


@pytest.fixture
def url(office: Office) -> Iterator[str]:
    server = server_on(open_desk(), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetched(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_health_is_whether_consumers_beat(office: Office, url: str) -> None:
    assert fetched(f"{url}/healthz") == (503, "no consumer beats\n")
    beat(office, "email")
    status, words = fetched(f"{url}/healthz")
    assert status == 200
    assert "host:1" in words
    assert fetched(f"{url}/healthz?queue=email")[0] == 200
    assert fetched(f"{url}/healthz?queue=slow") == (503, "no consumer that serves queue 'slow' beats\n")
    assert "dewey_consumer_workers" in fetched(f"{url}/metrics")[1]
    assert fetched(f"{url}/other")[0] == 404


@pytest.mark.parametrize("place", ["host", "host:", "host:x", "host:99999"])
def test_an_address_that_is_none_is_refused(dewey: CommandLine, office: Office, place: str) -> None:
    assert dewey("metrics", "--listen", place).status == 2


def test_record_records_alone(dewey: CommandLine, office: Office, jobs: Jobs, tmp_path: Path) -> None:
    office.run(office.add("a1", "email"))
    assert lag(office.inspector).exists is False
    with process(["record"], tmp_path, office.environment) as running:
        running.wait_for("Recording as")
        wait_until(lambda: lag(office.inspector).recorded_events >= 3, "it records")
        assert lag(office.inspector).leader
        assert dewey("stats", "--json").document["stats"]["total"]["failed"] == 1
        assert running.end(signal.SIGTERM).status == 0
    assert lag(office.inspector).leader == ""
