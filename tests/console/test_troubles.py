"""What is wrong, the worst first, each with what helps and the keys that lead there."""

from datetime import timedelta

from textual.content import Content

from console.formats import Moment
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.gateway.glance import Glance, health_view
from console.gateway.troubles import troubles
from console.gateway.views import LimitView, PauseView
from storage.doctor import Finding
from storage.values import replace
from tests.console.stage import Stage, play, still_app

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


def test_what_fails_here_and_there_is_told_where_no_queue_alone_is_in_trouble() -> None:
    few = tuple(
        replace(ROW, key=name, name=Content(name), minutes=((0, 0, 0),) * 28 + ((9, 3, 2), (1, 1, 0)))
        for name in ("email", "ingestion", "payments")
    )
    assert _said(Glance(few, LIVING)) == [("warn", "all queues", "6 of 18 failed in 6m")]
    alone = replace(ROW, minutes=((1, 1, 1),) * 30)
    assert _said(Glance((*few, alone), LIVING)) == [("warn", "default", "6 of 12 failed in 6m")]
    rarely = replace(few[0], minutes=((50, 50, 0),) * 30)
    assert _said(Glance((*few, rarely), LIVING)) == []


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
    assert email.startswith("14 wait, the oldest for 20 m 40 · ")


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


def test_a_store_tells_its_worst_finding_with_the_remedy() -> None:
    found = (Finding("redis", "ok", "Redis 7"), Finding("redis role", "fail", "it is a replica", "set REDIS_URL"))
    view = health_view("redis", found, NOW)
    assert view.level == "fail"
    (trouble,) = troubles(Glance((ROW,), LIVING), [view], MOMENT)
    assert (trouble.level, trouble.where.plain, trouble.remedy.plain) == ("fail", "redis role", "set REDIS_URL")
