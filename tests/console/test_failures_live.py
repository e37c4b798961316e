"""Groups of failures and the past, over real Redis and PostgreSQL: found, acted on, marked, and looked back at."""

from datetime import datetime, timedelta

import pytest

from console.app import DeweyApp
from console.gateway.errors import GatewayUnavailable
from console.gateway.live import LiveGateway, Opened
from console.screens.jobs import JobsScreen
from storage.broker.records import Job
from storage.database.connection import Database
from storage.errors import StoreUnavailable
from storage.history import past
from storage.history.past import Past
from storage.history.recorder import Recorder
from storage.history.sampling import Sampler
from storage.values import replace
from tasks import resources
from tasks.actions.layer import Actions
from tasks.actions.tools import open_tools
from tasks.operations import Operations
from tasks.resources import Resources
from tests.console.commands.conftest import jobs as jobs  # noqa: PLC0414  # a fixture
from tests.console.commands.conftest import office as office  # noqa: PLC0414  # a fixture
from tests.console.commands.office import Office
from tests.console.stage import Stage, play, still_app

GROUP = "feed5eed5eed5eed"
TRACE = 'Traceback (most recent call last):\n  File "/app/shop/tasks.py", line 7, in pack\n    raise ValueError(page)\n'
BROKE = {"fingerprint": GROUP, "shape": "no page #", "traceback": f"{TRACE}ValueError: no such page\n"}


@pytest.fixture
def recorder(office: Office) -> Recorder:
    """What writes history down, a step at a time."""
    return Recorder(office.broker, resources.current().database)


def _gateway(office: Office, held: Resources | None = None) -> LiveGateway:
    held = held or resources.current()
    actions = Actions(open_tools(resources.current(), office.broker))
    operations = Operations(office.broker, office.inspector)
    return LiveGateway(Opened(office.inspector, operations), "ada", held=held, actions=lambda: actions)


def _app(gateway: LiveGateway, start: str) -> DeweyApp:
    return still_app(gateway, start=start, write="on call")


def _queued(stage: Stage) -> str:
    row = next(line for line in stage.text.split("\n") if line.startswith(" default"))
    return row.replace("✗ unserved", "").split()[1]


def test_a_group_is_found_muted_opened_again_and_requeued(office: Office, recorder: Recorder) -> None:
    for job_id in ("a1", "a2", "a3"):
        office.run(office.add(job_id), **BROKE)
    recorder.step()
    gateway = _gateway(office)

    async def script(stage: Stage) -> None:
        assert "ValueError: no page #" in stage.text
        assert "Open 1" in stage.text
        assert "/app/shop/tasks.py:7 in pack" in stage.text
        assert "raise ValueError(page)" in stage.text
        assert "3 jobs dead" in stage.text
        await stage.press("enter")
        assert isinstance(stage.app.screen, JobsScreen)
        assert stage.text.count("✗ dead") == 3, stage.text
        await stage.press("escape", "m")
        await stage.type("known")
        await stage.press("enter", "right", "enter")
        assert "Muted 1" in stage.text
        await stage.press("]")
        assert "○ muted by ada" in stage.text
        await stage.press("o", "right", "enter", "[", "r")
        assert "Requeue 3 jobs?" in stage.text
        await stage.press("right", "enter")
        assert "3 jobs requeued." in stage.notes

    play(script, _app(gateway, "failures"), (100, 34))
    assert {office.inspector.job(job_id).state for job_id in ("a1", "a2", "a3")} == {"queued"}
    assert [entry.action for entry in gateway.audit(None, 10)] == ["requeue", "reopen", "mute"]


def test_a_resolved_group_that_fails_again_is_regressed(office: Office, recorder: Recorder) -> None:
    office.run(office.add("a1"), **BROKE)
    recorder.step()

    async def script(stage: Stage) -> None:
        await stage.press("M")
        await stage.type("fixed in 1.2")
        await stage.press("enter", "right", "enter")
        assert "Resolved 1" in stage.text
        office.run(office.add("a2"), **BROKE)
        recorder.step()
        stage.app.screen.acted(None)  # type: ignore[attr-defined]
        stage.app.screen.poll()  # type: ignore[attr-defined]
        await stage.settle()
        assert "↺ regressed · resolved by ada" in stage.text
        assert "fixed in 1.2" in stage.text

    play(script, _app(_gateway(office), "failures"))


def test_without_history_the_brokers_own_groups_are_listed_and_it_is_said(office: Office) -> None:
    office.run(office.add("a1"), **BROKE)
    held = resources.current()
    nowhere = replace(held.endpoints, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    away = Resources(held.settings, nowhere)

    async def script(stage: Stage) -> None:
        assert "trends and marks can not be known" in stage.text
        assert "ValueError: no page #" in stage.text
        assert "trend: can not know" in stage.text
        assert "● up" in stage.text
        await stage.press(",")
        assert "this is not now" in stage.text
        assert "can not know:" in stage.text

    play(script, _app(_gateway(office, away), "failures"))


def test_the_past_is_what_was_sampled_and_recorded_then(office: Office, recorder: Recorder) -> None:
    database = resources.current().database
    minute_s = office.inspector.clock_ms() // 60_000 * 60
    office.run(office.add("a1"), **BROKE)
    office.add("a2")
    with database.session() as session:
        Sampler(office.broker, "a test").sample(session, now_s=minute_s - 60)
    office.add("a3"), office.add("a4")
    with database.session() as session:
        Sampler(office.broker, "a test").sample(session, now_s=minute_s)
    recorder.step()
    gateway = _gateway(office)
    gateway.queues()
    if gateway.now().timestamp() // 60 * 60 != minute_s:
        pytest.skip("the minute has just changed")  # a sample is named by its minute

    async def script(stage: Stage) -> None:
        assert _queued(stage) == "3"
        await stage.press(",")
        assert "1 min ago: this is not now" in stage.text
        assert _queued(stage) == "1"
        await stage.press("p")
        assert "not now: esc goes to now." in stage.notes
        await stage.press("4")
        assert "No job has failed." in stage.text
        await stage.press("<")
        assert "no recorder was running" not in stage.text
        await stage.press("2")
        assert "no recorder was running at" in stage.text
        assert "what is known begins at" in " ".join(stage.text.split())
        assert "asking again will not help: esc goes to now" in stage.text
        await stage.press("escape")
        assert "this is not now" not in stage.text

    play(script, _app(gateway, "queues"))
    found = gateway.past(gateway.now().replace(second=0, microsecond=0) - timedelta(minutes=1))
    (queue,) = found.glance.queues
    assert (queue.queued, queue.dead) == (1, 1)
    assert not found.problem.plain


def test_what_can_not_be_known_while_history_is_away_may_be_known_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_database: Database, _at: datetime) -> Past:
        raise StoreUnavailable("PostgreSQL did not answer")

    gateway = _gateway(office)
    assert gateway.past(gateway.now()).is_never_known, "no recorder ran, and a look back does not change that"
    monkeypatch.setattr(past, "at", away)
    found = gateway.past(gateway.now())
    assert (found.problem.plain, found.is_never_known) == ("PostgreSQL did not answer", False)


def test_a_broker_that_is_away_is_not_taken_for_an_absent_history(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run(office.add("bad"), **BROKE)
    gateway = _gateway(office)

    def away(_job_id: str) -> Job:
        raise StoreUnavailable("Redis did not answer")

    monkeypatch.setattr(gateway._inspector, "job", away)
    with pytest.raises(GatewayUnavailable, match="Redis did not answer"):
        gateway.beside("bad")


def test_a_job_is_set_beside_the_last_success_of_its_task(office: Office, recorder: Recorder) -> None:
    succeeded = {"state": "succeeded", "outcome": "succeeded", "error_type": "", "error": ""}
    office.run(office.add("good", page=1, to="ada", password="hunter2"), **succeeded)
    office.run(office.add("bad", page=2, to="ada", password="hunter3"), **BROKE)
    recorder.step()
    found = _gateway(office).beside("bad")
    assert (found.diff.other_key, found.diff.is_before) == ("good", True)
    assert found.times.total == 2
    assert found.times.mine_s is not None

    async def script(stage: Stage) -> None:
        await stage.press("]", "]", "]")
        assert "run times of pack" in stage.text
        assert "▲ this job" in stage.text
        assert "of 2 runs in the last 7 days" in stage.text
        assert "good succeeded before this job" in stage.text
        assert "hunter" not in stage.text

    play(script, _app(_gateway(office), "job:bad"), (100, 40))
