"""What each key of the table does, as scripts; test_keys.py plays them."""

from collections.abc import Awaitable, Callable

from console.gateway.demo_records import NOW
from console.screens.action_dialog import ActionDialog
from console.screens.help import HelpScreen
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from console.screens.logs import LogsScreen
from console.screens.pick import PickScreen
from console.screens.queues import QueuesScreen
from console.screens.trigger import TriggerScreen
from console.screens.why import WhyDialog
from console.widgets.job_pages import AttemptsPage
from console.widgets.job_table import JobTable
from tests.console.stage import Stage

Script = Callable[[Stage], Awaitable[None]]
TESTED: dict[str, list[tuple[str, Script]]] = {}
DEAD = "state:dead queue:email"


def key(*ids: str, start: str = "queues") -> Callable[[Script], Script]:
    """Say which keys a script presses, and where it begins."""

    def register(script: Script) -> Script:
        for one in ids:
            TESTED.setdefault(one, []).append((start, script))
        return script

    return register


def jobs_table(stage: Stage) -> JobTable:
    return stage.app.screen.query_one(JobTable)


@key("open.queue")
async def _enter_on_a_queue_shows_its_jobs(stage: Stage) -> None:
    await stage.press("j", "enter")
    assert isinstance(stage.app.screen, JobsScreen)
    assert "queue:email" in stage.text
    assert "ingest_file" not in stage.text


@key("open.job", start="jobs")
async def _enter_on_a_job_shows_it(stage: Stage) -> None:
    await stage.press("enter")
    assert isinstance(stage.app.screen, JobScreen)
    assert "Arguments" in stage.text


@key("open.frames", start=DEAD)
async def _enter_on_attempts_opens_the_libraries_frames(stage: Stage) -> None:
    await stage.press("enter", "right_square_bracket", "right_square_bracket")
    assert "library frame" in stage.text
    assert "smtplib.py" not in stage.text
    await stage.press("enter")
    assert stage.app.screen.query_one(AttemptsPage).unfolded
    assert "library frame" not in stage.text
    assert "huey/api.py" in stage.text
    await stage.press("enter")
    assert "library frame" in stage.text


@key("pick.task", "pick.down", "pick.up", start="trigger")
async def _a_task_is_picked_with_arrows_and_enter(stage: Stage) -> None:
    await stage.press("down", "down", "down", "down", "up", "enter")
    assert isinstance(stage.app.screen, TriggerScreen)
    assert stage.app.screen.task_view.key == "tasks.ingestion.ingest_file"


@key("back")
async def _esc_goes_back_step_by_step_and_never_quits(stage: Stage) -> None:
    await stage.press("3", "slash")
    await stage.type("state:dead")
    await stage.press("enter", "space", "v", "j", "enter")
    assert isinstance(stage.app.screen, JobScreen)
    await stage.press("escape")
    assert isinstance(stage.app.screen, JobsScreen)
    assert jobs_table(stage).range is not None
    await stage.press("escape")
    assert jobs_table(stage).range is None
    assert jobs_table(stage).marks
    await stage.press("escape")
    assert not jobs_table(stage).marks
    assert "state:dead" in stage.text
    await stage.press("escape")
    assert "every job" in stage.text
    await stage.press("escape")
    assert isinstance(stage.app.screen, QueuesScreen)
    await stage.press("escape", "escape", "escape")
    assert stage.app.is_running
    assert isinstance(stage.app.screen, QueuesScreen)
    assert "first screen" in stage.notes


@key("requeue", start=DEAD)
async def _r_requeues_the_job_after_asking(stage: Stage) -> None:
    requeued = jobs_table(stage).cursor_key
    await stage.press("r")
    assert isinstance(stage.app.screen, ActionDialog)
    assert "Requeue 1 job?" in stage.text
    assert stage.app.focused is stage.app.screen.query_one("#cancel")
    await stage.press("enter")
    assert stage.app.gateway.job(requeued).row.state == "dead"
    await stage.press("r", "tab", "enter")
    assert stage.app.gateway.job(requeued).row.state == "queued"
    assert "1 job requeued." in stage.notes


@key("requeue", start="jobs")
async def _r_requeues_the_marked_and_says_what_is_left_out(stage: Stage) -> None:
    await stage.press("a", "r")
    assert "Requeue 23 jobs?" in stage.text
    assert "and 18 more" in stage.text
    assert "202 jobs left out" in stage.text
    await stage.press("down", "down")
    assert "it is succeeded: only dead" in stage.text
    await stage.press("right", "enter")
    assert "23 jobs requeued." in stage.notes
    assert not [row for row in stage.app.gateway.rows(tuple(jobs_table(stage).marks)) if row.state == "dead"]


@key("requeue", start="jobs")
async def _r_on_a_running_job_is_dimmed_and_says_why(stage: Stage) -> None:
    await stage.press("r")
    assert isinstance(stage.app.screen, JobsScreen)
    assert "can not be requeued: it is running" in stage.notes


@key("requeue", start=DEAD)
async def _r_on_a_jobs_screen_requeues_it(stage: Stage) -> None:
    requeued = jobs_table(stage).cursor_key
    await stage.press("enter", "r", "right", "enter")
    assert stage.app.gateway.job(requeued).row.state == "queued"
    assert "○ queued" in stage.text


@key("pause")
async def _p_pauses_with_a_reason_and_resumes(stage: Stage) -> None:
    await stage.press("p")
    assert isinstance(stage.app.screen, ActionDialog)
    await stage.press("tab", "tab", "tab", "enter")
    assert "A reason is needed" in stage.text
    await stage.type("disk full")
    await stage.press("enter", "enter")
    assert stage.app.gateway.queues()[0].pause is None, "enter twice only cancels"
    await stage.press("p", "tab")
    await stage.type("disk full")
    await stage.press("tab", "tab", "enter")
    pause = stage.app.gateway.queues()[0].pause
    assert pause is not None
    assert pause.reason.plain == "disk full"
    assert "‖ paused" in stage.text
    await stage.press("p")
    assert "Resume queue default?" in stage.text
    await stage.press("right", "enter")
    assert stage.app.gateway.queues()[0].pause is None


@key("copy", "copy.command")
async def _y_copies_the_name_or_the_command(stage: Stage) -> None:
    await stage.press("y")
    assert stage.app.clipboard == "default"
    await stage.press("Y")
    assert stage.app.clipboard == "dewey jobs --queue default"


@key("copy", "copy.command", start="jobs")
async def _y_copies_the_id_or_the_command(stage: Stage) -> None:
    whole = jobs_table(stage).cursor_key
    await stage.press("y")
    assert stage.app.clipboard == whole
    await stage.press("Y")
    assert stage.app.clipboard == f"dewey job {whole}"
    await stage.press("l", "y")
    assert stage.app.clipboard == whole
    await stage.press("Y")
    assert stage.app.clipboard == f"dewey logs {whole}"


@key("form.send", start="trigger")
async def _ctrl_s_checks_then_asks(stage: Stage) -> None:
    await stage.press("enter", "ctrl+s")
    assert "needs a value" in stage.text
    await stage.type("7")
    await stage.press("ctrl+s")
    assert isinstance(stage.app.screen, ActionDialog)
    assert "Trigger build_report?" in stage.text


@key("dialog.left", "dialog.right", "dialog.cancel", start=DEAD)
async def _arrows_and_esc_work_in_dialogs(stage: Stage) -> None:
    await stage.press("r", "right")
    assert stage.app.focused is stage.app.screen.query_one("#do")
    await stage.press("left")
    assert stage.app.focused is stage.app.screen.query_one("#cancel")
    await stage.press("escape")
    assert isinstance(stage.app.screen, JobsScreen)
    assert "9 jobs" in stage.text


@key("help", "help.close", "help.down", "help.up", start="jobs")
async def _the_help_says_what_the_keys_do_here(stage: Stage) -> None:
    await stage.press("question_mark")
    assert isinstance(stage.app.screen, HelpScreen)
    assert "Show this job: summary, log, attempts." in stage.text
    await stage.press("j", "j", "k")
    assert "Show only some: state:dead" in stage.text
    await stage.press("j")
    assert "Not now: This job" in stage.text
    await stage.press(*("j" * 60))
    assert "Go up one page." in stage.text
    assert "page up" in stage.text
    await stage.press("escape")
    assert isinstance(stage.app.screen, JobsScreen)


@key("trigger")
async def _t_lists_the_tasks(stage: Stage) -> None:
    await stage.press("t")
    assert isinstance(stage.app.screen, PickScreen)
    await stage.type("wlc")
    assert "send_welcome_email" in stage.text
    assert "clean_expired" not in stage.text


@key("screen.queues", "screen.jobs", "screen.logs", start="logs")
async def _numbers_go_to_screens(stage: Stage) -> None:
    await stage.press("2")
    assert isinstance(stage.app.screen, QueuesScreen)
    await stage.press("3", "enter")
    assert isinstance(stage.app.screen, JobScreen)
    await stage.press("7")
    assert isinstance(stage.app.screen, LogsScreen)
    await stage.press("3")
    assert isinstance(stage.app.screen, JobScreen), "one comes back to where one was"
    await stage.press("3")
    assert isinstance(stage.app.screen, JobsScreen), "and again to the beginning"


@key("time", start="jobs")
async def _t_changes_how_instants_are_written(stage: Stage) -> None:
    assert f"{NOW:%H:%M:%S} UTC" in stage.text
    await stage.press("T", "T")
    assert "1m ago" in stage.text
    await stage.press("T")
    assert "1m ago" not in stage.text


@key("palette")
async def _the_palette_finds_actions_and_says_why_not(stage: Stage) -> None:
    await stage.press("3", "ctrl+p")
    assert "Open this job  enter" in stage.text
    await stage.type("requeue the chosen")
    await _until(stage, "Not now: This job can not be requeued: it is running.")
    await stage.press("ctrl+u")
    await stage.type("tail")
    await _until(stage, "Go to logs  7")
    await stage.press("enter")
    await stage.settle()
    assert isinstance(stage.app.screen, LogsScreen)


async def _until(stage: Stage, said: str) -> None:
    """Wait until the palette has found something."""
    for _ in range(100):
        if said in stage.text:
            return
        await stage.pilot.pause(0.02)
    raise AssertionError(f"{said!r} is not in the palette")


@key("quit")
async def _ctrl_q_quits(stage: Stage) -> None:
    await stage.press("p")
    await stage.pilot.press("ctrl+q")
    assert stage.app._exit


@key("quit.hint")
async def _ctrl_c_says_how_to_quit(stage: Stage) -> None:
    await stage.press("ctrl+c")
    assert stage.app.is_running
    assert "ctrl+q leaves the console" in stage.notes


@key("why", start="state:queued queue:reports")
async def _i_on_a_waiting_job_says_what_keeps_it(stage: Stage) -> None:
    await stage.press("i")
    assert isinstance(stage.app.screen, WhyDialog)
    assert "Queue reports is paused by ada" in stage.text
    assert "No consumer serves queue reports" in stage.text
    await stage.press("escape")
    assert isinstance(stage.app.screen, JobsScreen)


@key("why", start="state:blocked")
async def _enter_in_why_opens_the_job_that_is_waited_for(stage: Stage) -> None:
    await stage.press("enter", "i")
    assert "It waits for 2 of 3 jobs" in stage.text
    await stage.press("enter")
    assert isinstance(stage.app.screen, JobScreen)
    assert "running" in stage.text


@key("open.frames", start="state:blocked")
async def _enter_in_a_flow_opens_the_job_under_the_cursor(stage: Stage) -> None:
    await stage.press("enter", "left_square_bracket", "left_square_bracket")
    assert "├─ " in stage.text
    assert "← " in stage.text
    assert stage.text.count("waits for 2 of 3") == 2
    first = stage.app.screen
    await stage.press("j", "enter")
    assert isinstance(stage.app.screen, JobScreen)
    assert stage.app.screen is not first
    assert "succeeded" in stage.text
