"""What each kind of action does, and what it leaves alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from huey.exceptions import TaskException

from storage import audit, trash
from storage.broker.records import NewJob
from storage.errors import FilterError, Refused
from storage.history import failures, jobs
from storage.history.query import parse
from storage.history.recorder import Recorder
from tasks.actions.canaries import group_in
from tasks.app import huey
from tasks.engine.arguments import decode_call
from tasks.samples import sync_partner
from tests.console.commands.office import Office
from tests.tasks.actions.conftest import Desk

Dead = Callable[..., str]
HOSTILE = "x'; DROP TABLE audit; --\x1b]52;c;aGk=\x07\0\ud800[@click=app.purge]"


# -- single actions --------------------------------------------------------------------------------------------


def test_a_preview_says_what_is_not_eligible_and_why(desk: Desk, office: Office, dead: Dead) -> None:
    office.add("w1")
    preview = desk.look("requeue", dead("d1"), "w1", "nobody")
    assert [one.id for one in preview.subjects] == ["d1"]
    assert preview.sample == ("d1 pack in default, dead: ValueError: no such page",)
    why = {one.id: one.why for one in preview.not_eligible}
    assert "it is queued" in why["w1"]
    assert "no job 'nobody'" in why["nobody"]
    assert preview.command == "dewey requeue d1 w1 nobody"


def test_a_group_is_requeued_oldest_first_and_called_back(desk: Desk, dead: Dead) -> None:
    for number in range(3):
        dead(f"d{number}")
    dead("other", fingerprint="f2")
    performed = desk.do("requeue", group="f1", limit=2)
    assert [item.item for item in performed.items] == ["d0", "d1"]
    assert desk.last().query == "group f1"
    desk.office.start("d0")
    undone = desk.look("undo", actor="ada")
    assert [one.id for one in undone.subjects] == ["d1"]
    assert undone.not_eligible[0].why.startswith("it is running")
    desk.act(undone)
    assert (desk.state("d0"), desk.state("d1"), desk.state("d2")) == ("running", "dead", "dead")


def test_canceling_tells_the_callers(desk: Desk, office: Office) -> None:
    office.add("w1")
    office.start(office.add("w2"))
    performed = desk.do("cancel", "w1", "w2")
    assert [item.detail for item in performed.items] == ["", "it ran, and was asked to end"]
    assert desk.job("w1").reason == "canceled by ada: on call"
    with pytest.raises(TaskException, match="on call"):
        huey.result("w1", blocking=True, timeout=5)


def test_purging_asks_for_the_queues_name_and_takes_only_what_waits(desk: Desk, office: Office, dead: Dead) -> None:
    office.add("w1", "email")
    office.add("w2", "email", delay_s=60)
    office.add("other", "sync")
    office.start(office.add("w3", "email"))
    dead("d1", queue="email")
    preview = desk.look("purge", "email")
    assert {one.id for one in preview.subjects} == {"w1", "w2"}
    assert preview.confirm == "email"
    with pytest.raises(Refused, match="type 'email'"):
        desk.act(preview, typed="sync")
    desk.act(preview)
    assert office.inspector.count((), ("email",)) == 2
    desk.undo()
    assert office.inspector.count((), ("email",)) == 4
    with pytest.raises(Refused, match="no queue 'nobody'"):
        desk.look("purge", "nobody")
    with pytest.raises(Refused, match="no state"):
        desk.look("purge", "email", states=["lost"])


def test_what_can_not_be_thrown_away_says_why(desk: Desk, office: Office) -> None:
    office.start(office.add("runs"))
    office.broker.enqueue([NewJob("joins", "shop.tasks.pack", "default", b"{}", blocked=True, chord="c")])
    why = {one.id: one.why for one in desk.look("discard", "runs", "joins").not_eligible}
    assert why["runs"] == "it is running: cancel it first; it can be thrown away when it has ended"
    assert why["joins"] == "it is blocked: results that come for it meanwhile would be lost to it; cancel it first"
    desk.do("cancel", "joins")
    assert desk.outcomes(desk.do("discard", "joins")) == {"joins": "done"}


def test_a_job_is_restored_by_itself(desk: Desk, dead: Dead) -> None:
    desk.do("discard", dead("d1"), dead("d2"))
    desk.do("restore", "d2")
    assert desk.state("d2") == "dead"
    assert [row.job_id for row in trash.listed(desk.tools.database)] == ["d1"]
    nobody = desk.look("restore", "d2")
    assert nobody.subjects == ()
    assert "no such job in the trash" in nobody.not_eligible[0].why


def test_edited_arguments_make_a_new_job_whose_parent_is_the_old_one(desk: Desk, office: Office) -> None:
    office.publish()
    task = next(one for one in office.inspector.tasks() if one.parameters)
    name = task.parameters[0].name
    given = {one.name: "1" for one in task.parameters}
    first = desk.do("trigger", task.name, kwargs=given).items[0].after
    second = desk.do("edit", first, kwargs={name: "edited"}).items[0].after
    made = desk.job(second)
    assert (made.parent, made.task, made.queue) == (first, task.name, task.queue)
    assert decode_call(made.payload)[1] == {**given, name: "edited"}
    assert desk.job(first).state == "queued"
    with pytest.raises(Refused, match="takes no nonsense"):
        desk.look("edit", first, kwargs={"nonsense": 1})


def test_a_job_with_edited_arguments_keeps_what_its_call_said_of_retries(desk: Desk, office: Office) -> None:
    office.publish()
    said = {"retries": 7, "retry_delay": 9, "retry_backoff": 3, "timeout": 31, "expires": 3600}
    call = sync_partner.s("initech", 40, priority=4, retry_jitter=0.5, retry_max_delay=timedelta(seconds=60), **said)
    huey.enqueue(call.then(sync_partner.s("acme")))
    made = desk.job(desk.do("edit", call.id, kwargs={"partner": "acme"}).items[0].after)
    again = huey.deserialize_task(made.payload)
    assert {name: getattr(again, name) for name in said} == said
    assert (again.retry_jitter, again.retry_max_delay) == (0.5, timedelta(seconds=60))
    assert again.expires_resolved > datetime.now(UTC).replace(tzinfo=None)
    assert (made.retries, made.retries_left, made.retry_delay_s, made.priority) == (7, 7, 9, 4)
    assert (again.id, again.on_complete) == (made.id, None)
    assert decode_call(made.payload) == ((), {"partner": "acme", "records": 40})


def test_an_instant_by_which_a_job_had_to_run_is_not_for_the_one_with_edited_arguments(
    desk: Desk, office: Office
) -> None:
    office.publish()
    call = sync_partner.s("initech", expires=datetime(2020, 1, 1))  # noqa: DTZ001 - as Huey takes it
    huey.enqueue(call)
    made = desk.job(desk.do("edit", call.id, kwargs={"partner": "acme"}).items[0].after)
    assert huey.deserialize_task(made.payload).expires is None


def test_a_triggered_job_comes_once_and_is_called_off_while_it_waits(desk: Desk, office: Office) -> None:
    office.publish()
    task = next(one.name for one in office.inspector.tasks() if not one.parameters)
    preview = desk.look("trigger", task, queue="email", delay_s=60)
    performed = desk.act(preview)
    desk.act(preview)
    assert office.inspector.count() == 1
    made = desk.job(performed.items[0].after)
    assert (made.queue, made.state) == ("email", "scheduled")
    desk.undo()
    assert desk.state(made.id) == "canceled"


def test_a_pause_for_a_time_says_until_when_and_undoing_it_brings_back_the_pause_before(
    desk: Desk, office: Office
) -> None:
    office.add("w1", "email")
    desk.do("pause", "email")
    first = desk.tools.custody.setting("paused", "email")
    desk.do("pause", "email", for_s=600)
    (stats,) = office.inspector.queues()
    assert stats.pause is not None
    assert stats.pause.until_at is not None
    assert abs((stats.pause.until_at - datetime.now(UTC)).total_seconds() - 600) < 60
    desk.undo()
    assert desk.tools.custody.setting("paused", "email") == first
    desk.undo()
    assert desk.tools.custody.setting("paused", "email") == ""


def test_a_setting_that_somebody_else_changed_is_left_alone(desk: Desk, office: Office) -> None:
    office.add("w1", "email")
    preview = desk.look("limit", "email", rate=[100, 60.0])
    assert preview.command == "dewey limit email --rate 100/60"
    desk.act(desk.look("limit", "email", cap=5), "bob")
    performed = desk.act(preview)
    assert "somebody else has set it" in performed.refused[0].detail
    desk.undo(actor="bob")
    assert desk.tools.custody.setting("gates", "email") == ""


def test_a_key_that_a_living_job_holds_is_not_freed(desk: Desk, office: Office) -> None:
    office.broker.client.set(office.broker.keys.unique("u"), office.add("w1"))
    preview = desk.look("release", "u", "nobodys")
    assert preview.subjects == ()
    assert [one.why[:20] for one in preview.not_eligible] == ["job w1 holds it and ", "nobody holds it"]
    office.run("w1")
    assert desk.do("release", "u").done


def test_a_secret_is_shown_to_who_says_so_and_that_is_recorded(desk: Desk, office: Office) -> None:
    office.add("w1", password="hunter2-canary")
    preview = desk.look("reveal", "w1", path="args.password")
    assert "hunter2" not in repr(preview)
    performed = desk.act(preview)
    assert performed.values == {"args.password": "hunter2-canary"}
    entry = desk.last()
    assert "hunter2" not in repr((entry, audit.items(desk.tools.database, entry.id)))
    assert audit.items(desk.tools.database, entry.id)[0].detail == "args.password was shown"
    with pytest.raises(Refused, match="there are password"):
        desk.look("reveal", "w1", path="args.pass")


def test_the_audit_and_the_command_line_of_an_action_hold_no_secret(desk: Desk, office: Office) -> None:
    office.publish()
    task = next(one for one in office.inspector.tasks() if one.parameters)
    given = {one.name: "password=hunter2-canary" for one in task.parameters}
    preview = desk.look("trigger", task.name, kwargs=given)
    assert "hunter2" not in preview.command
    desk.act(preview, reason="the token=hunter2-canary leaked")
    assert "hunter2" not in repr((desk.last(), audit.items(desk.tools.database, desk.last().id)))


def test_hostile_texts_are_kept_as_texts(desk: Desk, office: Office, dead: Dead) -> None:
    hostile = HOSTILE.replace("\0", "").replace("\ud800", "")
    office.add(hostile, hostile)
    desk.act(desk.look("pause", hostile), actor=HOSTILE, reason=HOSTILE)
    entry = desk.last()
    assert (entry.actor, entry.reason) == (hostile, hostile)
    desk.do("discard", hostile)
    desk.undo()
    assert desk.job(hostile).queue == hostile
    preview = desk.look("requeue", HOSTILE)
    assert preview.subjects == ()


def test_an_undo_is_refused_for_what_was_undone_and_for_what_can_not_be(desk: Desk, office: Office, dead: Dead) -> None:
    desk.do("requeue", dead("d1"))
    number = desk.last().id
    desk.undo()
    with pytest.raises(Refused, match="was undone by action"):
        desk.look("undo", str(number))
    office.add("w1")
    desk.do("cancel", "w1")
    with pytest.raises(Refused, match="can not be undone: its callers are told"):
        desk.look("undo", str(desk.last().id))
    with pytest.raises(Refused, match="done nothing that could be undone"):
        desk.look("undo", actor="bob")
    with pytest.raises(Refused, match="is no number"):
        desk.look("undo", "first")


# -- filters, groups, canaries ---------------------------------------------------------------------------------


def test_everything_that_matches_a_filter_is_acted_on_as_it_is_now(desk: Desk, office: Office, dead: Dead) -> None:
    for number in range(4):
        dead(f"d{number}", queue="email" if number % 2 else "sync")
    Recorder(office.broker, desk.tools.database).step()
    desk.do("requeue", "d1")
    dead("d4", queue="email")
    requeue = desk.look("requeue", query="state:dead queue:email err:page")
    assert {one.id for one in requeue.subjects} == {"d3", "d4"}, "also what history has not heard of"
    assert requeue.not_eligible == ()
    running = desk.look("requeue", query="queue:email")
    assert [one.id for one in running.not_eligible] == ["d1"]
    assert requeue.command == "dewey requeue --matching 'state:dead queue:email err:page'"
    desk.act(requeue)
    assert desk.last().query == "state:dead queue:email err:page"
    with pytest.raises(FilterError):
        desk.look("requeue", query="stat:dead")
    with pytest.raises(Refused, match="everything matches"):
        desk.look("requeue", query="  ")


def test_history_says_that_a_job_was_thrown_away_and_that_it_came_back(desk: Desk, office: Office, dead: Dead) -> None:
    recorder = Recorder(office.broker, desk.tools.database)

    def recorded() -> dict[str, tuple[str, str]]:
        while recorder.step():
            pass
        now = desk.tools.now()
        found = jobs.search(desk.tools.database, parse("queue:email", now=now, zone=UTC)).entries
        return {entry.id: (entry.state, entry.reason) for entry in found}

    dead("d1", queue="email")
    office.add("w1", "email")
    assert recorded() == {"d1": ("dead", ""), "w1": ("queued", "")}
    desk.do("discard", "d1", "w1")
    assert recorded() == {"d1": ("canceled", "discarded"), "w1": ("canceled", "discarded")}
    desk.undo()
    assert {job_id: state for job_id, (state, _) in recorded().items()} == {"d1": "dead", "w1": "queued"}


def test_what_is_said_of_a_group_is_replaced_only_as_it_was_seen(desk: Desk, dead: Dead) -> None:
    dead("d1", fingerprint="f1f1")
    preview = desk.look("mute", "f1")
    assert preview.sample[0].startswith("f1f1 1 dead, ValueError: no such page")
    desk.act(desk.look("resolve", "f1"), "bob", reason="mended")
    assert "somebody else" in desk.act(preview).refused[0].detail
    mark = failures.mark_of(desk.tools.database, "f1f1")
    assert mark is not None
    assert (mark.state, mark.note, mark.by) == ("resolved", "mended", "bob")
    desk.do("mute", "f1")
    desk.undo()
    assert failures.mark_of(desk.tools.database, "f1f1") == mark
    desk.do("reopen", "f1")
    assert failures.mark_of(desk.tools.database, "f1f1") is None
    assert desk.look("reopen", "f1", "nobody").subjects == ()


def test_a_canary_takes_all_jobs_of_its_group_and_consumers_drive_it(desk: Desk, dead: Dead) -> None:
    for number in range(600):
        dead(f"d{number:03}")
    preview = desk.look("canary", group="f1", rate=6000)
    desk.act(preview)
    canary = desk.tools.canaries.one(preview.key)
    assert (canary.total, canary.by, canary.label) == (600, "ada", "group f1")
    assert canary.about == "ValueError: no such page"
    desk.tools.custody.tend()
    assert desk.office.inspector.count(("queued",)) == 1
    with pytest.raises(Refused, match="rate of 0"):
        desk.look("canary", group="f1", rate=0)


@pytest.mark.parametrize("query", ["group:f1", "state:dead group:f1", "group:f1 err:ValueError queue:default"])
def test_a_canary_of_a_filter_that_is_about_one_group_says_what_broke_in_it(desk: Desk, dead: Dead, query: str) -> None:
    dead("d1", fingerprint="f1f1")
    Recorder(desk.office.broker, desk.tools.database).step()
    preview = desk.look("canary", query=query)
    desk.act(preview)
    canary = desk.tools.canaries.one(preview.key)
    assert (canary.about, canary.group, canary.label) == ("ValueError: no such page", "", query)


@pytest.mark.parametrize("query", ["group:f1,f2", "group:f1 OR group:f2", "-group:f1", "f1", "state:dead"])
def test_a_filter_that_may_match_other_jobs_is_not_about_a_group(query: str) -> None:
    assert group_in(query) == ""
