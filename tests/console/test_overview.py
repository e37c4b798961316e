"""The overview: what is wrong, the worst first; charts with axes; one question at a time, and none that blocks."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
import redis
from textual.app import App, ComposeResult
from textual.content import Content

from console.formats import Moment
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.gateway.errors import GatewayUnavailable
from console.gateway.glance import Glance, HealthView, Part, Waits, health_view
from console.gateway.live import LiveGateway
from console.gateway.troubles import troubles
from console.gateway.views import LimitView, PauseView
from console.screens.base import DeweyScreen
from console.screens.overview import OverviewScreen
from console.widgets.chart import Chart, draw, nice_count, nice_span, rates, spans
from console.widgets.trends import charts_of
from console.widgets.trouble_list import TroubleList
from storage import files, users
from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.doctor import Finding
from storage.embedded import Endpoints
from storage.settings import Settings
from tasks.operations import Operations
from tasks.resources import Resources
from tests.console.gateways import FlakyGateway, HostileGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app

MOMENT = Moment(NOW)
CALM = DemoGateway().glance()
ROW = replace(CALM.queues[0], queued=0, minutes=((1, 1, 0),) * 30, consumers=1, pause=None)
LIVING = tuple(one for one in CALM.fleet if not one.is_silent)


def _said(glance: Glance) -> list[tuple[str, str, str]]:
    return [(one.level, one.where.plain, one.what.plain) for one in troubles(glance, [], MOMENT)]


def test_nothing_is_wrong_when_nothing_is() -> None:
    assert _said(Glance((ROW,), LIVING)) == []


def test_jobs_that_nobody_will_run_come_first() -> None:
    failing = replace(ROW, minutes=((1, 1, 1),) * 30)
    unserved = replace(ROW, name=Content("email"), queued=3, consumers=0, oldest_waiting_s=130)
    (first, second) = _said(Glance((failing, unserved), LIVING))
    assert first == ("fail", "email", "nobody serves it · 3 wait, the oldest for 2 m 10")
    assert second == ("warn", "default", "6 of 12 failed in 6m")


def test_a_fleet_that_is_gone_or_told_to_be_quiet_is_a_failure() -> None:
    waits = replace(ROW, queued=1)
    assert _said(Glance((waits,), ()))[0] == ("fail", "consumers", "none runs: 1 job waits")
    assert _said(Glance((ROW,), ())) == [("warn", "consumers", "none runs")]
    quiet = tuple(replace(one, order="quiet") for one in LIVING)
    assert _said(Glance((ROW,), quiet))[0][:2] == ("fail", "consumers")


def test_a_pause_an_old_wait_and_a_silent_consumer_are_told() -> None:
    said = _said(CALM)
    assert ("warn", "consumers", "w5:12901 fell silent: killed, or cut off") in said
    (reports,) = [what for _, where, what in said if where == "reports"]
    assert reports == ("paused 38m ago by ada, and nobody serves it: ledger is being migrated, see #ops · 8 wait")
    (email,) = [what for _, where, what in said if where == "email"]
    assert email.startswith("14 wait, the oldest for 1 h 40 · ")


def test_a_pause_of_a_queue_that_is_served_ends_with_a_key() -> None:
    pause = PauseView(Content("ada"), Content(""), NOW - timedelta(minutes=2))
    paused = replace(ROW, queued=4, pause=pause)
    (served,) = troubles(Glance((paused,), LIVING), [], MOMENT)
    assert (served.what.plain, served.remedy.plain) == ("paused 2m ago by ada · 4 wait", "2 shows it, p resumes it")
    (unserved,) = troubles(Glance((replace(paused, consumers=0),), LIVING), [], MOMENT)
    assert unserved.what.plain == "paused 2m ago by ada, and nobody serves it · 4 wait"
    assert unserved.remedy.plain == "start a consumer for it; then 2, p resumes it"
    assert troubles(Glance((replace(paused, queued=0),), LIVING), [], MOMENT) == ()


def test_an_old_wait_in_a_limited_queue_names_the_limit() -> None:
    limited = replace(ROW, queued=4, oldest_waiting_s=400, limit=LimitView("at most 1 running"))
    (found,) = troubles(Glance((limited,), LIVING), [], MOMENT)
    assert found.what.plain == "4 wait, the oldest for 6 m 40 · limited"
    assert found.remedy.plain == "2 shows the limit, L changes it"


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


def test_the_first_minute_is_drawn_while_it_is_under_way() -> None:
    before, idle = ((0, 0, 0),) * 29, replace(ROW, minutes=((0, 0, 0),) * 30)
    ended, failed, _ = charts_of(Glance((replace(ROW, minutes=(*before, (9, 5, 2))), idle), LIVING), None)
    assert (ended.values[-1], ended.now.plain) == (7, "7 so far, this minute")
    assert (failed.values[-1], failed.now.plain) == (2, "2 so far, this minute")
    assert len(ended.values) == 30
    ended, _, _ = charts_of(Glance((replace(ROW, minutes=(*before[1:], (1, 1, 0), (9, 5, 2))),), LIVING), None)
    assert (ended.values[-1], ended.now.plain, len(ended.values)) == (1, "1", 29)
    assert [list(one.values) for one in charts_of(Glance((), LIVING), None)] == [[], [], []]


def test_the_past_is_offered_no_remedy() -> None:
    async def script(stage: Stage) -> None:
        assert "→ 4" in stage.text
        await stage.press(",")
        assert "! reports" in stage.text
        assert "→" not in stage.text

    play(script, still_app(start="overview"))


def test_what_is_wrong_takes_the_rows_that_the_queues_leave_and_keeps_its_keys() -> None:
    async def script(stage: Stage) -> None:
        text = stage.text
        for where in ("redis memory", "consumers", "email", "ingestion", "reports"):
            assert f"! {where}" in text
        assert "more" not in text
        assert text.count("→ 4") == 2
        assert "→ 2 p" in text

    play(script, still_app(start="overview"))


def test_what_is_wrong_beyond_its_rows_is_counted_in_a_line_of_its_own() -> None:
    many = replace(CALM.queues[1], oldest_waiting_s=4_000)

    class Crowded(DemoGateway):
        def glance(self) -> Glance:
            rows = (replace(many, key=f"q{number}", name=Content(f"q{number}")) for number in range(20))
            return Glance(tuple(rows), LIVING)

    async def script(stage: Stage) -> None:
        lines = stage.text.split("\n")
        assert [line.split()[1] for line in lines[2:5]] == ["redis", "q0", "q1"]
        assert all(line.rstrip().endswith("→ 4") for line in lines[3:5])
        assert lines[5].strip() == "and 18 more"

    play(script, still_app(Crowded(), start="overview"))


def test_a_chart_whose_first_answer_is_under_way_says_no_more_than_that() -> None:
    chart = Chart("oldest waits", Content(""), (), "$primary", spans, is_asked=True)
    lines = [line.plain.strip() for line in draw(chart, 40, 5)]
    assert lines == ["oldest waits", "◌ asking…", "", "", ""]


def test_what_failed_in_a_minute_is_a_share_of_what_ended_in_it() -> None:
    row = replace(ROW, minutes=((9, 0, 0), (9, 9, 1), (9, 0, 9)))
    failed = charts_of(Glance((row,), LIVING), None)[1]
    assert failed.now.plain == "1  10%"


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


def test_a_store_tells_its_worst_finding_with_the_remedy() -> None:
    found = (Finding("redis", "ok", "Redis 7"), Finding("redis role", "fail", "it is a replica", "set REDIS_URL"))
    view = health_view("redis", found, NOW)
    assert view.level == "fail"
    (trouble,) = troubles(Glance((ROW,), LIVING), [view], MOMENT)
    assert (trouble.level, trouble.where.plain, trouble.remedy.plain) == ("fail", "redis role", "set REDIS_URL")


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (1, 1), (1.2, 2), (3, 3), (7, 8), (11, 15), (53, 60), (61, 80), (99_000, 1e5)]
)
def test_the_axis_of_counts_ends_at_a_round_number(highest: float, top: float) -> None:
    assert nice_count(highest) == top


@pytest.mark.parametrize(("highest", "top"), [(0, 1), (45, 60), (61, 120), (4_000, 7_200), (200_000, 259_200)])
def test_the_axis_of_spans_ends_at_a_round_span(highest: float, top: float) -> None:
    assert nice_span(highest) == top


def _chart(values: Sequence[float | None]) -> list[str]:
    chart = Chart("ended/min", Content("5"), values, "$primary", rates)
    return [line.plain for line in draw(chart, 26, 7)]


def test_a_chart_has_its_title_its_axes_and_a_bar_per_minute() -> None:
    lines = _chart([0.0, 10.0, 5.0, None, 1.0] * 2)
    assert all(len(line) == 26 for line in lines)
    assert lines[0].startswith("ended/min  5")
    assert [line[:6] for line in lines[1:6]] == ["   10┤", "     │", "    5┤", "     │", "    0┤"]
    assert lines[5][6:16] == "  ████··▄▄"
    assert lines[6].startswith("      −10 min")
    assert lines[6].rstrip().endswith("now")


def test_more_minutes_than_fit_show_the_last_ones() -> None:
    lines = _chart([float(number) for number in range(60)])
    assert lines[6].startswith("      −20 min")


def test_a_chart_that_can_not_be_known_says_why() -> None:
    chart = Chart("oldest waits", Content(""), (), "$primary", spans, Content("PostgreSQL did not answer"))
    lines = [line.plain for line in draw(chart, 40, 7)]
    assert "can not know: PostgreSQL did not answer" in " ".join(line.strip() for line in lines)
    assert len(lines) == 7


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
        assert "82 in 24 h    7 dead  send_email  SMTPServerDisconnected" in text
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
    settings = Settings(_env_file=None, dewey_home=tmp_path, dewey_namespace=namespace)
    return Resources(settings, Endpoints(redis_url, database_url, tmp_path, frozenset()))


def test_live_stores_are_looked_at(redis_client: "redis.Redis", namespace: str, held: Resources) -> None:
    inspector = Inspector(redis_client, namespace)
    gateway = LiveGateway(inspector, Operations(Broker(redis_client, namespace), inspector), "ada", held=held)

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
    gateway = LiveGateway(inspector, Operations(broker, inspector), "ada", held=held)

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
    gateway = LiveGateway(inspector, operations, "ada", held=Resources(held.settings, gone))
    assert gateway.health("postgres").level == "fail"
    assert "127.0.0.1" in gateway.waits().problem.plain
    assert LiveGateway(inspector, operations, "ada").health("redis").level == "unknown"
