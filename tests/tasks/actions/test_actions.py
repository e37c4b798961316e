"""Each action does what its preview said, to what has not changed since, with a row in the audit before its effect."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from storage import audit, trash
from storage.broker.custody import Custody
from storage.broker.requests import Beat
from storage.errors import NotArmed, NotRecorded, Refused, StoreUnavailable
from storage.values import replace
from tasks.actions import registry
from tasks.actions.values import Approval, Armed, Preview, Request
from tasks.app import huey
from tests.console.commands.office import Office
from tests.tasks.actions.conftest import Desk, approval

Dead = Callable[..., str]


# -- what holds for every action -------------------------------------------------------------------------------


@pytest.fixture
def every(desk: Desk, office: Office, dead: Dead) -> dict[str, Request]:
    """For each action, something that it can be done to now."""
    office.publish()
    dead("d1")
    dead("d2")
    dead("d3", queue="graves")
    dead("d4", fingerprint="f2")
    office.add("w1", "email")
    office.add("w2", "late", delay_s=600)
    office.add("w3", "email")
    office.broker.run("put_if_empty", f"{huey.name}.lock.a", "1", 0)
    for number in (1, 2, 3):
        beat = Beat(f"host:{number}", 60_000, (), {"pid": str(number), "workers": "1"}, str(number))
        office.broker.heartbeat(beat)
    schedule = next(task.name for task in office.inspector.tasks() if task.schedule)
    desk.do("pause", "late")
    desk.do("pause-schedule", schedule)
    dead("d5", fingerprint="f3")
    desk.do("resolve", "f3")
    desk.do("discard", "d4")
    desk.do("quiet", "host:3")
    launched = desk.do("trigger", "clean_expired_tokens").items[0].after
    canaries = []
    for job_id in ("c1", "c2", "c3"):
        dead(job_id)
        canary = desk.look("canary", job_id)
        desk.act(canary)
        canaries.append(canary.key)
    desk.do("canary-pause", canaries[1])
    return {
        "trigger": Request("trigger", ("clean_expired_tokens",), options={"kwargs": {}}),
        "edit": Request("edit", (launched,), options={"kwargs": {}}),
        "run": Request("run", (schedule,)),
        "requeue": Request("requeue", ("d1",)),
        "cancel": Request("cancel", ("w1",)),
        "discard": Request("discard", ("d2",)),
        "purge": Request("purge", ("graves",), options={"states": ["dead"]}),
        "restore": Request("restore", ("d4",)),
        "promote": Request("promote", ("w2",)),
        "priority": Request("priority", ("w3",), options={"priority": 5}),
        "canary": Request("canary", ("d2",)),
        "canary-pause": Request("canary-pause", (canaries[0],)),
        "canary-resume": Request("canary-resume", (canaries[1],)),
        "canary-abort": Request("canary-abort", (canaries[2],)),
        "pause": Request("pause", ("email",)),
        "resume": Request("resume", ("late",)),
        "limit": Request("limit", ("email",), options={"cap": 3}),
        "pause-schedule": Request("pause-schedule", (schedule,)),
        "resume-schedule": Request("resume-schedule", (schedule,)),
        "quiet": Request("quiet", ("host:1",)),
        "wake": Request("wake", ("host:3",)),
        "stop": Request("stop", ("host:2",)),
        "mute": Request("mute", ("f1",)),
        "resolve": Request("resolve", ("f1",)),
        "reopen": Request("reopen", ("f3",)),
        "release": Request("release", ("a",), options={"which": "lock"}),
        "reveal": Request("reveal", ("d1",)),
        "undo": Request("undo", options={"actor": "ada"}),
    }


@pytest.fixture(params=list(registry.ACTIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_action_has_a_preview_a_permission_an_audit_row_and_an_undo_or_why_not(
    desk: Desk, every: dict[str, Request], name: str
) -> None:
    action = registry.ACTIONS[name]
    assert name in every, f"say here what {name} can be done to"
    assert action.name == name
    assert action.does.endswith(".")
    assert action.permission in ("write", "dangerous"), "all that there are change something, or show a secret"
    assert action.undo, f"{name} needs an undo, or the sentence why there is none"
    rows = audit.entries(desk.tools.database)
    preview = desk.actions.preview(every[name])
    assert audit.entries(desk.tools.database) == rows, "a preview records nothing"
    assert preview.count == len(preview.subjects) >= 1
    assert preview.sample
    assert len(preview.sentence) > 10
    assert len(preview.undo) > 10
    assert preview.can_undo is not isinstance(action.undo, str)
    assert preview.command.startswith("dewey ")
    with pytest.raises(NotArmed):
        desk.actions.perform(preview, Approval("ada", "w1"))
    performed = desk.act(preview)
    assert len(performed.done) == preview.count, performed.refused
    entry = desk.last()
    assert (entry.action, entry.actor, entry.host, entry.reason) == (name, "ada", "w1", "on call")
    assert (entry.items, entry.done, entry.finished_at is not None) == (preview.count, preview.count, True)
    assert entry.permission == action.permission
    assert (entry.undo == "") is preview.can_undo
    assert entry.command == preview.command
    again = desk.act(preview)
    assert again.is_repeat
    assert [(one.item, one.outcome) for one in again.items] == [(one.item, one.outcome) for one in performed.items]
    if preview.can_undo:
        undone = desk.undo(entry.id)
        assert undone.done, undone.refused
        assert audit.entry(desk.tools.database, entry.id).undone_by == undone.audit_id


def test_what_can_be_undone_only_while_its_jobs_wait_says_so() -> None:
    waiting = {name for name in registry.ACTIONS if "while it waits" in registry.undoes_it(name, 1)}
    assert waiting == {"requeue", "trigger", "edit", "run", "promote", "priority"}
    assert registry.undoes_it("requeue", 2) == "undoes it while they wait"
    assert registry.undoes_it("pause", 1) == registry.undoes_it("of a newer dewey", 1) == "undoes it"


def test_no_action_is_done_when_the_audit_can_not_take_it(
    desk: Desk, every: dict[str, Request], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = desk.actions.preview(every[name])

    def no_effect(*_: object) -> list[audit.Item]:
        raise AssertionError("its effect came before the audit")

    def away(*_: object) -> None:
        raise StoreUnavailable("PostgreSQL did not answer")

    action = registry.ACTIONS[name]
    monkeypatch.setitem(registry.ACTIONS, name, replace(action, effect=no_effect))
    monkeypatch.setattr(audit, "begin", away)
    with pytest.raises(NotRecorded, match="nothing was done") as caught:
        desk.act(preview)
    assert ("unrecorded" in str(caught.value)) is (action.permission != "dangerous")
    if action.permission == "dangerous":
        with pytest.raises(NotRecorded):
            desk.actions.perform(preview, approval(typed=preview.confirm), unrecorded=True)


def test_what_is_not_dangerous_can_be_done_without_the_audit_when_it_is_away(
    desk: Desk, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add("w1", "email")
    preview = desk.look("pause", "email")

    def away(*_: object) -> None:
        raise StoreUnavailable("PostgreSQL did not answer")

    monkeypatch.setattr(audit, "begin", away)
    performed = desk.actions.perform(preview, approval(), unrecorded=True)
    assert (performed.audit_id, performed.unsaved) == (None, "it was done without the audit")
    assert desk.tools.custody.setting("paused", "email")


def test_only_looking_is_allowed_when_the_time_of_writing_is_over(desk: Desk, dead: Dead) -> None:
    preview = desk.look("requeue", dead("d1"))
    past = Armed("ada", "on call", datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(NotArmed, match="not armed"):
        desk.actions.perform(preview, approval(armed=past))
    assert desk.state("d1") == "dead"
    assert audit.entries(desk.tools.database) == ()


# -- killed on the way -----------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours may catch it."""


def test_an_action_that_was_killed_after_its_audit_row_is_finished_by_doing_it_again(
    desk: Desk, dead: Dead, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = desk.look("requeue", dead("d1"), dead("d2"))
    real = Custody.requeue

    def die(self: Custody, act: str, jobs: object) -> object:
        real(self, act, jobs[:1])  # type: ignore[index]
        raise Killed

    monkeypatch.setattr(Custody, "requeue", die)
    with pytest.raises(Killed):
        desk.act(preview)
    assert desk.last().finished_at is None
    monkeypatch.undo()
    versions = desk.job("d1").version
    performed = desk.act(preview)
    assert desk.outcomes(performed) == {"d1": "done", "d2": "done"}
    assert desk.job("d1").version == versions, "it was not requeued a second time"
    assert (desk.last().done, desk.last().finished_at is not None) == (2, True)


@pytest.mark.parametrize("step", ["put", "discard", "left", "remove"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_job_is_never_lost_on_its_way_to_the_trash(
    desk: Desk, dead: Dead, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    preview = desk.look("discard", dead("d1"), dead("d2"))
    before = desk.job("d1")
    owner = Custody if step == "discard" else trash
    real = getattr(owner, step)

    def die(*given: object) -> object:
        if when == "after":
            real(*given)
        raise Killed

    monkeypatch.setattr(owner, step, die)
    with pytest.raises(Killed):
        desk.act(preview)
    monkeypatch.undo()
    in_redis = {job.id for job in desk.office.inspector.rows(["d1", "d2"])}
    in_trash = set(trash.of(desk.tools.database, preview.key))
    assert in_redis | in_trash == {"d1", "d2"}
    if (step, when) == ("put", "before"):
        assert in_redis == {"d1", "d2"}
        return
    desk.undo(desk.last().id)
    assert trash.of(desk.tools.database, preview.key) == (), "what is in both places is so no longer"
    after = desk.job("d1")
    assert (after.state, after.attempts, after.payload) == (before.state, before.attempts, before.payload)
    assert desk.state("d2") == "dead"


def test_discarding_again_after_a_kill_finishes_it(desk: Desk, dead: Dead, monkeypatch: pytest.MonkeyPatch) -> None:
    preview = desk.look("discard", dead("d1"), dead("d2"))

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(trash, "left", die)
    with pytest.raises(Killed):
        desk.act(preview)
    monkeypatch.undo()
    assert desk.outcomes(desk.act(preview)) == {"d1": "done", "d2": "done"}
    assert {row.job_id for row in trash.listed(desk.tools.database) if row.left_at} == {"d1", "d2"}
    desk.undo()
    assert desk.state("d1") == desk.state("d2") == "dead"


def test_a_job_that_is_not_in_the_trash_is_not_thrown_away(
    desk: Desk, dead: Dead, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = desk.look("discard", dead("d1"))
    monkeypatch.setattr(Custody, "whole", lambda *_: {})  # it was gone when it was read, and came again since
    assert desk.act(preview).done == ()
    assert desk.state("d1") == "dead"


def test_an_action_that_was_cut_short_is_finished_by_its_number(
    desk: Desk, office: Office, dead: Dead, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish()
    real = audit.record

    def die(*_: object, **__: object) -> None:
        raise Killed

    for request in (
        Request("requeue", options={"group": "f1"}),
        Request("discard", ("x1",)),
        Request("trigger", ("clean_expired_tokens",), options={"queue": "email"}),
        Request("pause", ("default",), options={"for_s": 600}),
    ):
        dead("x1", fingerprint="f9") if request.action == "discard" else dead("d1")
        monkeypatch.setattr(audit, "record", die)
        with pytest.raises(Killed):
            desk.act(desk.actions.preview(request))
        monkeypatch.setattr(audit, "record", real)
        entry = desk.last()
        assert entry.finished_at is None
        count = office.inspector.count()
        performed = desk.actions.perform(desk.actions.unfinished(entry.id), approval("bob", reason="after the crash"))
        assert (performed.audit_id, performed.is_repeat, len(performed.done)) == (entry.id, True, 1)
        assert office.inspector.count() == count, "nothing was done twice"
        assert desk.last().finished_at is not None
        assert desk.last().actor == "ada"
        with pytest.raises(Refused, match="is finished"):
            desk.actions.unfinished(entry.id)
        office.broker.client.delete(office.broker.keys.paused)
        if request.action == "requeue":
            office.run("d1", fingerprint="f1")


def test_a_job_in_the_trash_stays_there_when_another_one_has_its_id(
    desk: Desk, office: Office, dead: Dead, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = desk.look("discard", dead("d1"))

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(trash, "left", die)
    with pytest.raises(Killed):
        desk.act(preview)
    monkeypatch.undo()
    office.add("d1", "other")
    performed = desk.undo(desk.last().id)
    assert performed.refused[0].detail == "a job of that id is there: it is queued"
    assert trash.of(desk.tools.database, preview.key) == ("d1",)
    assert desk.job("d1").queue == "other"


def test_redis_going_away_on_the_way_leaves_what_is_known_in_the_audit(
    desk: Desk, dead: Dead, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = desk.look("requeue", dead("d1"), dead("d2"))
    action = registry.ACTIONS["requeue"]
    monkeypatch.setitem(registry.ACTIONS, "requeue", replace(action, at_once=1))
    real, calls = Custody.requeue, []

    def once(self: Custody, act: str, jobs: object) -> object:
        calls.append(act)
        if len(calls) > 1:
            raise StoreUnavailable("Redis did not answer")
        return real(self, act, jobs)  # type: ignore[arg-type]

    monkeypatch.setattr(Custody, "requeue", once)
    with pytest.raises(StoreUnavailable):
        desk.act(preview)
    assert (desk.last().done, desk.last().finished_at) == (1, None)
    monkeypatch.undo()
    assert desk.outcomes(desk.act(preview)) == {"d1": "done", "d2": "done"}


# -- what has changed, and two at once -------------------------------------------------------------------------


def test_what_has_changed_since_it_was_shown_is_refused_and_said(desk: Desk, dead: Dead) -> None:
    preview = desk.look("discard", dead("d1"), dead("d2"))
    desk.do("requeue", "d1")
    performed = desk.act(preview)
    assert desk.outcomes(performed) == {
        "d1": "it has changed since it was shown: it is queued now, look again",
        "d2": "done",
    }
    assert desk.state("d1") == "queued"
    assert trash.of(desk.tools.database, preview.key) == ("d2",)
    assert (desk.last().done, desk.last().refused) == (1, 1)


def test_of_two_operators_at_once_each_job_obeys_one(desk: Desk, dead: Dead) -> None:
    jobs = [dead(f"d{number}") for number in range(20)]
    previews = [desk.look("discard", *jobs), desk.look("requeue", *jobs)]
    gate, done = threading.Barrier(2), {}

    def act(preview: Preview, actor: str) -> None:
        gate.wait()
        done[preview.action] = {item.item for item in desk.act(preview, actor).done}

    threads = [threading.Thread(target=act, args=pair) for pair in zip(previews, ("ada", "bob"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done["discard"] | done["requeue"] == set(jobs)
    assert not done["discard"] & done["requeue"]
    assert {job.id for job in desk.office.inspector.rows(jobs)} == done["requeue"]
