"""What the keys by which an operator acts do, as scripts; test_keys.py plays them on an armed console."""

from console.screens.action_dialog import ActionDialog
from console.screens.audit import AuditScreen
from console.screens.canaries import CanariesScreen
from console.screens.entry import EntryScreen
from console.screens.job import JobScreen
from console.screens.revealed import RevealedDialog
from console.screens.trigger import TriggerScreen
from console.screens.write import WriteDialog
from console.widgets.job_table import JobTable
from tests.console.key_scripts import DEAD, key
from tests.console.stage import Stage


def _jobs(stage: Stage) -> JobTable:
    return stage.app.screen.query_one(JobTable)


def _state(stage: Stage, job: str) -> str:
    return stage.app.gateway.job(job).row.state


def _newest(stage: Stage) -> str:
    return stage.app.gateway.audit(None, 1)[0].action


@key("write", start="queues")
async def _uppercase_w_disarms_and_arms_with_a_reason(stage: Stage) -> None:
    assert "writing is armed for 15 minutes: a test on the stage" in stage.text
    await stage.press("W")
    assert stage.app.armed is None
    assert "writing is armed" not in stage.text
    await stage.press("W")
    assert isinstance(stage.app.screen, WriteDialog)
    await stage.press("enter")
    assert "A reason is needed." in stage.text
    await stage.type("mail is down")
    await stage.press("enter")
    assert stage.app.armed is not None
    assert (stage.app.armed.by, stage.app.armed.reason) == ("you", "mail is down")
    assert "writing is armed for 15 minutes: mail is down" in stage.text


@key("cancel", start="state:queued")
async def _x_calls_a_job_off_after_asking(stage: Stage) -> None:
    job = _jobs(stage).cursor_key
    await stage.press("x")
    assert "Call off 1 job?" in stage.text
    assert stage.app.focused is stage.app.screen.query_one("#cancel")
    assert "its callers are told, so it can not be undone" in stage.text
    await stage.press("enter")
    assert _state(stage, job) == "queued"
    await stage.press("x", "right", "enter")
    assert _state(stage, job) == "canceled"
    assert "1 job canceled." in stage.notes


@key("cancel", "discard", "promote", "priority", start=DEAD)
async def _what_can_not_be_done_to_a_dead_job_says_why(stage: Stage) -> None:
    for pressed, sentence in (
        ("x", "can not be canceled: it is dead"),
        ("o", "can not be run sooner: it is dead"),
        ("P", "can not be given another priority: it is dead"),
    ):
        await stage.press(pressed)
        assert sentence in stage.notes


@key("discard", "undo", start=DEAD)
async def _d_throws_the_marked_away_and_z_brings_them_back(stage: Stage) -> None:
    await stage.press("space", "space")
    jobs = tuple(_jobs(stage).marks)
    await stage.press("d")
    assert "Discard 2 jobs?" in stage.text
    assert "z puts back what was thrown away, for seven days." in stage.text
    await stage.press("right", "enter")
    assert stage.app.gateway.rows(jobs) == ()
    assert not _jobs(stage).marks
    assert "2 jobs in the trash. z undoes it." in stage.notes
    await stage.press("z")
    assert isinstance(stage.app.screen, ActionDialog)
    assert "Take back the discard by you." in stage.text
    assert all(f"{job[:8]} " in stage.text and job not in stage.text for job in jobs)
    await stage.press("right", "enter")
    assert [row.state for row in stage.app.gateway.rows(jobs)] == ["dead", "dead"]
    assert "2 things undone." in stage.notes


@key("undo", start="queues")
async def _z_with_nothing_to_undo_says_so(stage: Stage) -> None:
    await stage.press("z")
    assert "has done nothing that could be undone" in stage.notes


@key("promote", start="state:scheduled")
async def _o_lets_a_job_run_now(stage: Stage) -> None:
    job = _jobs(stage).cursor_key
    await stage.press("o", "right", "enter")
    assert _state(stage, job) == "queued"
    assert "1 job in line now." in stage.notes


@key("priority", start="state:queued")
async def _uppercase_p_asks_for_the_priority_and_then_whether(stage: Stage) -> None:
    job = _jobs(stage).cursor_key
    await stage.press("P")
    await stage.type("high")
    await stage.press("enter")
    assert "expected a number" in stage.text
    await stage.press("ctrl+u")
    await stage.type("50")
    await stage.press("enter")
    assert "Change priority of 1 job?" in stage.text
    await stage.press("right", "enter")
    assert stage.app.gateway.job(job).row.priority == 50


@key("requeue.edited", start=DEAD)
async def _uppercase_r_opens_the_form_with_the_jobs_arguments(stage: Stage) -> None:
    job = _jobs(stage).cursor_key
    given = stage.app.gateway.arguments(job)
    await stage.press("R")
    screen = stage.app.screen
    assert isinstance(screen, TriggerScreen)
    assert "launch again, edited" in stage.text
    assert str(given["to"]) in stage.text
    await stage.press("ctrl+u")
    await stage.type("new@example.org")
    await stage.press("ctrl+s")
    assert "Requeue 1 job with edited arguments?" in stage.text
    assert "Launch tasks.email.send_email again with to edited." in " ".join(stage.text.split())
    await stage.press("right", "enter")
    made = stage.app.screen
    assert isinstance(made, JobScreen)
    assert made.view is not None
    assert made.view.parent_key == job
    assert stage.app.gateway.arguments(made.key) == {**given, "to": "new@example.org"}
    assert _state(stage, job) == "dead"


@key("canary", "canaries", "canary.pause", "canary.abort", "copy", "copy.command", start=DEAD)
async def _c_begins_a_canary_that_any_console_pauses_and_ends(stage: Stage) -> None:
    await stage.press("a", "c")
    assert "Canary requeue 9 jobs?" in stage.text
    assert "60" in stage.text
    await stage.press("right", "enter")
    assert "A canary requeues 9 jobs, one by one at first; C shows it." in stage.notes
    assert "▶ canary 1/9 C" in stage.text
    await stage.press("C")
    assert isinstance(stage.app.screen, CanariesScreen)
    assert "begun by you" in stage.text
    await stage.press("p", "right", "enter")
    assert stage.app.gateway.canaries()[0].state == "paused"
    assert "‖ paused" in stage.text
    await stage.press("p", "right", "enter")
    assert stage.app.gateway.canaries()[0].state == "running"
    await stage.press("x", "enter")
    assert stage.app.gateway.canaries()[0].state == "running"
    await stage.press("x", "right", "enter")
    assert stage.app.gateway.canaries()[0].state == "aborted"
    await stage.press("x")
    assert "is aborted already" in stage.notes
    await stage.press("y")
    assert stage.app.clipboard == stage.app.gateway.canaries()[0].key
    await stage.press("Y")
    assert stage.app.clipboard.startswith("dewey canary show ")


@key("limit", start="queues")
async def _uppercase_l_limits_a_queue_and_shows_what_is_set(stage: Stage) -> None:
    await stage.press("L")
    await stage.type("fast")
    assert "expected N/SECONDS" in stage.text
    await stage.press("ctrl+u")
    await stage.type("100/60")
    await stage.press("enter", "enter", "enter", "enter", "right", "enter")
    assert "Queue default has at most 100 starts in any 60 s." in stage.notes
    await stage.press("L")
    assert "100/60" in stage.text


@key("purge", start="queues")
async def _uppercase_d_purges_a_queue_when_its_name_is_typed(stage: Stage) -> None:
    before = stage.app.gateway.queues()[1]
    await stage.press("j", "D")
    assert f"Purge {before.queued + before.scheduled} jobs of queue email?" in stage.text
    await stage.type("cleaning up")
    await stage.press("enter")
    await stage.type("emial")
    await stage.press("enter", "right", "enter")
    assert "That is not the name: nothing is done." in stage.text
    assert stage.app.gateway.queues()[1] == before
    await stage.press("ctrl+u")
    await stage.type("email")
    await stage.press("enter", "right", "enter")
    after = stage.app.gateway.queues()[1]
    assert (after.queued, after.scheduled, after.dead) == (0, 0, before.dead)


@key("action.down", "action.up", start="jobs")
async def _arrows_scroll_what_a_dialog_says(stage: Stage) -> None:
    await stage.press("a", "c")
    assert "and 145 more: it is succeeded" not in stage.text
    assert "afterwards: C, then x, ends it" in stage.text
    await stage.press("down", "down", "down", "down", "down")
    assert "and 145 more: it is succeeded" in stage.text
    assert "afterwards: C, then x, ends it" in stage.text
    await stage.press("up", "up", "up", "up", "up")
    assert "and 145 more: it is succeeded" not in stage.text
    assert "Requeue one and wait" in stage.text


@key("action.copy", start=DEAD)
async def _y_in_a_dialog_copies_the_command_line(stage: Stage) -> None:
    job = _jobs(stage).cursor_key
    await stage.press("r", "y")
    assert stage.app.clipboard == f"dewey requeue {job}"
    assert isinstance(stage.app.screen, ActionDialog)


@key("reveal", start=DEAD)
async def _u_shows_what_is_masked_and_the_audit_knows(stage: Stage) -> None:
    await stage.press("enter", "u")
    assert "what was seen can not be unseen" in " ".join(stage.text.split())
    await stage.type("customer asks")
    await stage.press("enter", "right", "enter")
    assert isinstance(stage.app.screen, RevealedDialog)
    assert "Shown unmasked" in stage.text
    assert _newest(stage) == "reveal"
    await stage.press("escape")
    assert isinstance(stage.app.screen, JobScreen)


@key("form.last", start="trigger")
async def _ctrl_l_fills_in_the_arguments_of_the_last_success(stage: Stage) -> None:
    await stage.type("ingest")
    await stage.press("enter")
    screen = stage.app.screen
    assert isinstance(screen, TriggerScreen)
    last = stage.app.gateway.last_arguments("tasks.ingestion.ingest_file")
    await stage.press("ctrl+l")
    assert str(last["file_id"]) in stage.text
    assert "as at the last success" in stage.notes
    assert screen.draft().order.arguments == {"file_id": last["file_id"]}


@key("screen.audit", start="queues")
async def _nine_shows_the_audit(stage: Stage) -> None:
    await stage.press("9")
    assert isinstance(stage.app.screen, AuditScreen)
    assert "one by hand, to see" in stage.text or "? not finished" in stage.text


@key("open.entry", "open.item", "copy", "copy.command", start="audit")
async def _enter_shows_an_action_with_its_items(stage: Stage) -> None:
    await stage.press("j", "j", "j", "j", "j", "y")
    assert stage.app.clipboard == "dewey requeue --group 147e --limit 50"
    await stage.press("Y")
    assert stage.app.clipboard == "dewey audit 103"
    await stage.press("enter")
    assert isinstance(stage.app.screen, EntryScreen)
    assert "14 items: 12 done, 2 not" in stage.text
    assert "hourly retry of timeouts" in stage.text
    await stage.press("y")
    assert stage.app.clipboard == "dewey requeue --group 147e --limit 50"
    await stage.press("Y", "enter")
    assert stage.app.clipboard == "dewey audit 103"
    assert isinstance(stage.app.screen, JobScreen)
    await stage.press("escape", "escape")
    assert isinstance(stage.app.screen, AuditScreen)


@key("undo.entry", start="queues")
async def _u_undoes_any_action_from_the_audit(stage: Stage) -> None:
    await stage.press("p", "tab")
    await stage.type("disk full")
    await stage.press("tab", "tab", "enter")
    assert stage.app.gateway.queues()[0].pause is not None
    await stage.press("9", "u")
    assert "Undo action" in stage.text
    await stage.press("right", "enter")
    assert stage.app.gateway.queues()[0].pause is None
    await stage.press("u")
    assert "It was undone already" in stage.notes
    await stage.press("enter", "u")
    assert isinstance(stage.app.screen, EntryScreen)


@key("undo.entry", "tab.next", "tab.previous", start="audit")
async def _u_puts_a_job_of_the_trash_back(stage: Stage) -> None:
    await stage.press("]")
    assert "maintenance" in stage.text
    before = len(stage.app.gateway.trash(None, 10))
    await stage.press("u", "right", "enter")
    assert len(stage.app.gateway.trash(None, 10)) == before - 1
    assert "1 job restored." in stage.notes
    await stage.press("[")
    assert "trash restore" in stage.text
