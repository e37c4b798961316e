"""LiveGateway of jobs on real Redis and PostgreSQL: what is open as Redis has it, what has ended as history has it."""

import dataclasses
from pathlib import Path

import pytest
import redis
from huey.registry import Message

from console.gateway import live_jobs
from console.gateway.errors import GatewayRefused, GatewayUnavailable
from console.gateway.live import LiveGateway, Opened
from console.gateway.views import Tally
from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.embedded import Endpoints
from storage.history.recorder import Recorder
from storage.settings import Settings
from storage.values import replace
from tasks.engine.codec import encode
from tasks.operations import Operations
from tasks.resources import Resources
from tests.console.stage import Stage, play, still_app
from tests.storage.history.lives import Lives


@pytest.fixture
def broker(redis_client: "redis.Redis", namespace: str) -> Broker:
    return Broker(redis_client, namespace)


@pytest.fixture
def lives(broker: Broker) -> Lives:
    return Lives(broker)


@pytest.fixture
def held(redis_url: str, database_url: str, tmp_path: Path) -> Resources:
    endpoints = Endpoints(redis_url, database_url, tmp_path / "objects", frozenset())
    return Resources(Settings(dewey_home=tmp_path), endpoints)


@pytest.fixture
def lists(broker: Broker, held: Resources, redis_client: "redis.Redis", namespace: str) -> LiveGateway:
    inspector = Inspector(redis_client, namespace)
    return LiveGateway(Opened(inspector, Operations(broker, inspector)), "ada", held=held)


@pytest.fixture
def recorder(broker: Broker, held: Resources) -> Recorder:
    return Recorder(broker, held.database)


def record(recorder: Recorder) -> None:
    while recorder.step():
        pass


def keys(lists: LiveGateway, criteria: str, offset: int = 0, limit: int = 100) -> list[str]:
    return [row.key for row in lists.jobs(criteria, offset, limit).rows]


def test_what_is_open_comes_first_and_then_what_has_ended(lists: LiveGateway, lives: Lives, recorder: Recorder) -> None:
    old, dead = lives.succeed(), lives.fail()
    lives.add(id="runs")
    lives.claim()
    lives.add(id="waits")
    record(recorder)
    page = lists.jobs("", 0, 100)
    assert [(row.key, row.state) for row in page.rows] == [
        *(("runs", "running"), ("waits", "queued")),
        *((dead, "dead"), (old, "succeeded")),
    ]
    assert (page.total, page.is_exact, page.trouble.plain) == (4, True, "")
    assert keys(lists, "", 1, 2) == ["waits", dead]
    assert lists.jobs("", 3, 2).offset == 3
    assert keys(lists, "state:queued,running queue:default") == ["runs", "waits"]


def test_jobs_that_redis_has_forgotten_are_in_the_list_and_can_be_opened(
    lists: LiveGateway, lives: Lives, recorder: Recorder, redis_client: "redis.Redis"
) -> None:
    gone = lives.fail(payload=b"{}")
    record(recorder)
    redis_client.flushdb()
    assert keys(lists, "") == [gone]
    assert keys(lists, "err:user state:dead") == [gone]
    view = lists.job(lists.find(gone[:4]))
    assert (view.row.key, view.row.state, view.is_recorded) == (gone, "dead", True)
    assert view.attempts[0].error.plain == "KeyError: no such user 7"
    page = lists.log(gone, "")
    assert page.lines == ()
    assert lists.log(gone, page.cursor) == page


def test_the_whole_grammar_is_answered_with_a_count(lists: LiveGateway, lives: Lives, recorder: Recorder) -> None:
    for _ in range(3):
        lives.fail()
    lives.succeed()
    record(recorder)
    assert len(keys(lists, "err:KeyError attempt:1 -queue:email last:1h")) == 3
    tally = lists.count("err:KeyError")
    assert (tally.value, tally.is_exact) == (3, True)
    assert lists.count("").value == 4
    assert keys(lists, "err:KeyError", 2, 10) == ["job-1"]


def test_a_count_is_not_exact_while_history_is_late(
    lists: LiveGateway, lives: Lives, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_jobs, "BEHIND_S", 0.0)
    lives.succeed()
    record(recorder)
    assert lists.count("") == Tally(1, True)
    lives.succeed()
    assert lists.count("") == Tally(1, False)


def test_what_ended_a_moment_ago_is_shown_as_redis_has_it(lists: LiveGateway, lives: Lives) -> None:
    dead = lives.fail()
    assert keys(lists, "state:dead err:user") == [dead], "history has not read it yet"


def test_without_history_the_list_has_what_redis_holds_and_says_so(
    lists: LiveGateway, lives: Lives, held: Resources
) -> None:
    dead = lives.fail()
    lives.add(id="waits")
    gone = replace(held.endpoints, database_url="postgresql://nobody@127.0.0.1:1/none")
    alone = LiveGateway(Opened(lists._inspector, lists._operations), "ada", held=Resources(held.settings, gone))
    for criteria, shown in (("", ["waits", dead]), ("err:user", [dead])):
        page = alone.jobs(criteria, 0, 10)
        assert [row.key for row in page.rows] == shown
        assert "history is not in this list" in page.trouble.plain
        assert not alone.count("err:user").is_exact
    assert alone.count("state:dead").value == 1


def test_states_are_counted_by_redis_and_what_has_ended_is_said_to_be_more(lists: LiveGateway, lives: Lives) -> None:
    lives.fail()
    lives.add(id="waits")
    lives.add(id="later", delay_ms=60_000)
    tallies = lists.states("state:dead queue:default")
    assert {state: tally.value for state, tally in tallies.items() if tally.value} == {
        "dead": 1,
        "queued": 1,
        "scheduled": 1,
    }
    assert [state for state, tally in tallies.items() if not tally.is_exact] == ["succeeded", "dead", "canceled"]
    assert not any(tally.value for tally in lists.states("queue:email").values())
    assert lists.states("err:KeyError") == {}


def test_a_console_without_history_can_not_know_what_only_history_can_tell(lists: LiveGateway, lives: Lives) -> None:
    lives.add(id="waits")
    alone = LiveGateway(Opened(lists._inspector, lists._operations), "ada")
    assert keys(alone, "state:queued") == ["waits"]
    assert "was not told where the history is" in alone.jobs("", 0, 10).trouble.plain
    with pytest.raises(GatewayUnavailable, match="not told where the history is"):
        alone.jobs("err:x", 0, 10)


def test_a_job_that_redis_has_forgotten_opens_in_the_console(
    lists: LiveGateway, lives: Lives, recorder: Recorder, redis_client: "redis.Redis"
) -> None:
    gone = lives.fail(payload=b"{}")
    record(recorder)
    redis_client.flushdb()

    async def script(stage: Stage) -> None:
        assert "from history" in stage.text
        assert "in history only: Redis has forgotten" in " ".join(stage.text.split())
        await stage.press("right_square_bracket", "right_square_bracket")
        assert "KeyError: no such user 7" in stage.text
        await stage.press("right_square_bracket", "right_square_bracket")
        assert "its flow is not known" in stage.text
        assert not stage.notes

    play(script, still_app(lists, start=f"job:{gone[:5]}"), (120, 40))


def test_a_job_that_nobody_has_is_refused_by_what_knows_it_least(lists: LiveGateway, lives: Lives) -> None:
    with pytest.raises(GatewayRefused, match="history does not have it"):
        lists.job("no-such-job")
    with pytest.raises(GatewayRefused, match="history does not have it"):
        lists.find("no-such-job")
    assert lists.log("no-such-job", "").lines == ()


def test_what_the_settings_call_secret_by_now_is_masked_in_what_was_recorded_before(
    lists: LiveGateway, lives: Lives, recorder: Recorder, held: Resources, redis_client: "redis.Redis"
) -> None:
    gone = lives.fail(payload=encode(Message(id="1", name="t.work", kwargs={"plate": "B-DW 4711"})))
    record(recorder)
    redis_client.flushdb()
    assert "B-DW 4711" in lists.jobs("", 0, 10).rows[0].note.plain + str(lists.job(gone).argument_lines)
    strict = Resources(dataclasses.replace(held.settings, dewey_redact_keys=("plate",)), held.endpoints)
    later = LiveGateway(Opened(lists._inspector, lists._operations), "ada", held=strict)
    assert "4711" not in str(later.job(gone))
    assert "4711" not in str(later.jobs("", 0, 10))


def test_what_is_no_filter_is_refused(lists: LiveGateway) -> None:
    with pytest.raises(GatewayRefused, match="did you mean state"):
        lists.jobs("stat:dead", 0, 10)


def test_suggestions_are_real_values(lists: LiveGateway, lives: Lives) -> None:
    lives.fail(queue="email")
    words = lists.words()
    assert (words["queue"], words["err"], words["group"]) == (("email",), ("KeyError",), ("f1",))
