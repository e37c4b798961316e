"""The overview: one question at a time, and none that blocks; what runs and what broke where there is room."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest
import redis
from textual.app import App, ComposeResult
from textual.content import Content

from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.gateway.errors import GatewayUnavailable
from console.gateway.glance import Glance, HealthView, Part, Waits, health_view
from console.gateway.live import LiveGateway, Opened
from console.screens.base import DeweyScreen
from console.screens.overview import ILL_S, WAITS_S, OverviewScreen
from console.widgets.trouble_list import TroubleList
from storage import files, users
from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.doctor import Finding
from storage.embedded import Endpoints
from storage.settings import Settings
from storage.values import replace
from tasks.operations import Operations
from tasks.resources import Resources
from tests.console.gateways import FlakyGateway, HostileGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app

CALM = DemoGateway().glance()
LIVING = tuple(one for one in CALM.fleet if not one.is_silent)


@pytest.mark.parametrize(
    ("dead", "says"),
    [
        (0, "● Nothing is wrong."),
        (1, "! Nothing goes wrong, but 1 job is dead.  → 4"),
        (3, "! Nothing goes wrong, but 3 jobs are dead.  → 4"),
    ],
)
def test_nothing_is_wrong_only_where_no_job_is_dead(dead: int, says: str) -> None:
    shown = TroubleList()
    shown.show((), True, dead)

    class Quiet(App[None]):
        def compose(self) -> ComposeResult:
            yield shown

    async def run() -> str:
        async with Quiet().run_test(size=(80, 5)):
            return shown.render().plain

    assert asyncio.run(run()) == says


def test_the_past_is_offered_no_remedy() -> None:
    async def script(stage: Stage) -> None:
        assert "→ 4" in stage.text
        await stage.press(",")
        assert "! reports" in stage.text
        assert "→" not in stage.text

    play(script, still_app(start="overview"))


def test_that_redis_is_away_stands_in_the_first_line_of_the_first_screen() -> None:
    gateway = FlakyGateway()
    gateway.go_away()

    async def script(stage: Stage) -> None:
        assert "✗ Redis away" in stage.text
        gateway.come_back()
        screen = stage.app.screen
        assert isinstance(screen, OverviewScreen)
        screen.poll()
        await stage.settle()
        assert "Redis away" not in stage.text
        gateway.go_away()
        screen.poll()
        await stage.settle()
        assert "✗ Redis away" in stage.text

    play(script, still_app(gateway, start="overview"))


def test_one_question_at_a_time_also_about_the_stores() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        stores = ["health", "health", "health"]
        assert sorted(gateway.asked) == ["failures", "fleet", "glance", *stores, "queues", "waits"]
        assert "Redis 7.2.5" in stage.text
        assert "870 of 1024 MiB" in stage.text

    play(script, still_app(gateway, start="overview"), (120, 40))


def test_a_tall_terminal_tells_what_runs_and_what_broke() -> None:
    async def script(stage: Stage) -> None:
        text = stage.text
        assert "Runs now  5 jobs, the longest first" in text
        assert "1 m 10 ▲ p95 24 s     684131a4  sync_contacts on w1:4121" in text
        assert "194 in 24 h    7 dead  send_email  SMTPServerDisconnected" in text
        order = [text.index(name) for name in ("\n default  ", "\n reports  ", "Runs now", "Broke of late")]
        assert order == sorted(order)
        await stage.press("comma")
        assert "Ran then  3 jobs" in stage.text
        assert "Broke of late" not in stage.text
        await stage.press("escape")
        await stage.pilot.resize_terminal(80, 24)
        await stage.settle()
        assert "Runs now" not in stage.text
        await stage.pilot.resize_terminal(200, 60)
        await stage.settle()
        both = next(line for line in stage.text.split("\n") if "Runs now" in line)
        assert "Broke of late  5 groups; 4 shows them" in both

    play(script, still_app(start="overview"), (120, 40))


def test_a_tall_terminal_says_so_when_nothing_runs_and_nothing_broke() -> None:
    async def script(stage: Stage) -> None:
        assert "Runs now  nothing" in stage.text

    class Idle(DemoGateway):
        def glance(self) -> Glance:
            return Glance(CALM.queues, tuple(replace(one, runs=()) for one in LIVING))

    play(script, still_app(Idle(), start="overview"), (120, 40))


def test_what_happens_is_counted_where_there_are_too_many_lines() -> None:
    run = LIVING[0].runs[0]
    many = tuple(replace(run, key=str(number)) for number in range(3_000))

    class Busy(DemoGateway):
        def glance(self) -> Glance:
            return Glance(CALM.queues, (replace(LIVING[0], runs=many),))

    async def script(stage: Stage) -> None:
        assert "Runs now  3,000 jobs" in stage.text
        shown = stage.text.count("ingest_file on w1:4121")
        assert f"and {3_000 - shown:,} more" in stage.text

    play(script, still_app(Busy(), start="overview"), (120, 40))


def test_keys_work_while_a_store_takes_its_time() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.gate.clear()
        screen = stage.app.screen
        assert isinstance(screen, OverviewScreen)
        screen.poll()
        await stage.pilot.press("j", "j")
        assert screen.table.cursor == 2
        gateway.gate.set()

    play(script, still_app(gateway, start="overview"))


def test_a_history_that_is_away_leaves_the_rest() -> None:
    class Forgetful(DemoGateway):
        def waits(self) -> Waits:
            return Waits((), Content("PostgreSQL did not answer"))

    async def script(stage: Stage) -> None:
        assert "can not know: PostgreSQL" in stage.text
        assert "ended/min" in stage.text
        assert "● up" in stage.text

    play(script, still_app(Forgetful(), start="overview"), (120, 40))


def test_that_redis_is_away_is_said_by_the_stores_too_and_stays_away() -> None:
    class Broken(FlakyGateway):
        def glance(self) -> Glance:
            raise GatewayUnavailable("Redis did not answer: refused")

        def health(self, part: Part) -> HealthView:
            level: Literal["ok", "fail"] = "fail" if part == "redis" else "ok"
            return health_view(part, [Finding(part, level, "Redis did not answer", "see that it runs")], NOW)

    async def script(stage: Stage) -> None:
        assert "✗ away" in stage.text
        assert "✗ Redis" in stage.text
        assert "see that it runs" in stage.text
        assert "can not know: Redis did not answer: refused" in stage.text

    gateway = Broken()
    for name in ("glance", "health"):
        vars(gateway).pop(name)
    play(script, still_app(gateway, start="overview"), (120, 40))


def test_hostile_stores_and_queues_are_drawn_as_text() -> None:
    gateway = HostileGateway(PAYLOADS)

    async def script(stage: Stage) -> None:
        for start in range(0, len(PAYLOADS), 4):
            gateway.payloads = PAYLOADS[start : start + 4]
            screen = stage.app.screen
            assert isinstance(screen, DeweyScreen)
            screen._asked_at.clear()  # type: ignore[attr-defined]  # so that the stores are asked again
            screen.poll()
            await stage.settle()
            assert hidden_characters(stage.text) == []

    play(script, still_app(gateway, start="overview"), (160, 40))


@pytest.fixture
def held(redis_url: str, database_url: str, tmp_path: Path, namespace: str) -> Resources:
    settings = Settings(dewey_home=tmp_path, dewey_namespace=namespace)
    return Resources(settings, Endpoints(redis_url, database_url, tmp_path, frozenset()))


def test_live_stores_are_looked_at(redis_client: "redis.Redis", namespace: str, held: Resources) -> None:
    inspector = Inspector(redis_client, namespace)
    gateway = LiveGateway(Opened(inspector, Operations(Broker(redis_client, namespace), inspector)), "ada", held=held)

    async def script(stage: Stage) -> None:
        assert "Redis" in stage.text
        assert "none runs" in stage.text
        screen = stage.app.screen
        assert isinstance(screen, OverviewScreen)
        assert {view.part for view in screen._health.values()} == {"redis", "postgres", "objects"}
        assert all(view.level != "unknown" for view in screen._health.values())
        assert screen._health["postgres"].findings[0].message.plain.startswith("PostgreSQL ")
        assert screen._waits is not None
        assert screen._waits.problem.plain == "nobody has recorded it in the last hour"

    play(script, still_app(gateway, start="overview"), (120, 40))


def test_looking_at_everything_changes_nothing_in_either_store(
    redis_client: "redis.Redis", namespace: str, held: Resources
) -> None:
    inspector = Inspector(redis_client, namespace)
    broker = Broker(redis_client, namespace)
    broker.add_queues(["email"])
    gateway = LiveGateway(Opened(inspector, Operations(broker, inspector)), "ada", held=held)

    owner = users.ensure(held.database, "ada@example.com", "Ada")
    files.reserve(held.database, owner.id, "boats.txt", "text/plain", 1, "private")

    def everything() -> tuple[list[bytes | None], dict[str, str]]:
        keys = sorted(redis_client.scan_iter(f"*{namespace}*"))
        tables = {}
        with held.database.session() as session:
            for (name,) in session.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
                whole = f"SELECT coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '') FROM {name} AS t"
                tables[name] = session.rows(whole)[0][0]
        return [redis_client.dump(key) for key in keys], tables

    before = everything()
    assert before[0]
    assert before[1]["files"] != before[1]["chunks"]

    async def script(stage: Stage) -> None:
        await stage.press("5", "6", "8", "]", "slash")
        await stage.type("boats")
        await stage.press("enter", "escape", "1", "T", "T", "T")
        await stage.pilot.resize_terminal(200, 60)
        await stage.settle()
        for screen in "5681":
            await stage.press(screen)
            await stage.pilot.resize_terminal(40, 12)
            await stage.settle()
            await stage.pilot.resize_terminal(120, 40)
            await stage.settle()

    play(script, still_app(gateway, start="overview"))
    assert everything() == before


def test_a_live_store_that_is_away_is_an_answer(redis_client: "redis.Redis", namespace: str, held: Resources) -> None:
    inspector = Inspector(redis_client, namespace)
    operations = Operations(Broker(redis_client, namespace), inspector)
    gone = replace(held.endpoints, database_url="postgresql://nobody@127.0.0.1:1/none")
    gateway = LiveGateway(Opened(inspector, operations), "ada", held=Resources(held.settings, gone))
    assert gateway.health("postgres").level == "fail"
    assert "127.0.0.1" in gateway.waits().problem.plain
    assert LiveGateway(Opened(inspector, operations), "ada").health("redis").level == "unknown"


def test_waits_that_nobody_has_recorded_yet_are_asked_for_again_soon() -> None:
    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, OverviewScreen)
        assert screen._waits_s == WAITS_S
        screen._show_waits(Waits((), Content("nobody has recorded it in the last hour")))
        assert screen._waits_s == ILL_S

    play(script, still_app(start="overview"))
