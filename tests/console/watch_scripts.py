"""What the keys of the screens that watch do, as scripts; test_keys.py plays them."""

from datetime import timedelta

from console.gateway.demo_records import NOW
from console.screens.action_dialog import ActionDialog
from console.screens.file import FileScreen
from console.screens.files import FilesScreen
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from console.screens.overview import OverviewScreen
from console.screens.schedules import SchedulesScreen
from console.screens.workers import WorkersScreen
from tests.console.key_scripts import key
from tests.console.stage import Stage


def _order_of(stage: Stage, consumer: str) -> str:
    (found,) = [one for one in stage.app.gateway.fleet() if one.key == consumer]
    return found.order


@key("screen.workers", start="queues")
async def _six_shows_the_workers(stage: Stage) -> None:
    await stage.press("6")
    assert isinstance(stage.app.screen, WorkersScreen)
    assert "5 of 8 workers busy" in stage.text


@key("open.run", start="workers")
async def _enter_on_a_running_job_opens_it_and_on_a_consumer_says_why_not(stage: Stage) -> None:
    await stage.press("j", "enter")
    assert isinstance(stage.app.screen, WorkersScreen)
    assert "Go to a job that this consumer runs" in stage.notes
    await stage.press("j", "enter")
    assert isinstance(stage.app.screen, JobScreen)
    assert "Arguments" in stage.text


@key("log", start="workers")
async def _l_shows_what_the_running_job_logs(stage: Stage) -> None:
    await stage.press("j", "j", "l")
    screen = stage.app.screen
    assert isinstance(screen, JobScreen)
    assert (screen.tab, screen.key) == ("log", stage.app.gateway.find("7c6e8c1c"))


@key("quiet", start="workers")
async def _p_quiets_a_consumer_after_asking_and_lets_it_go_on(stage: Stage) -> None:
    await stage.press("j", "p")
    assert isinstance(stage.app.screen, ActionDialog)
    assert stage.app.focused is stage.app.screen.query_one("#cancel")
    assert "It will finish 3 running jobs" in stage.text
    await stage.press("enter")
    assert _order_of(stage, "w1:4121") == ""
    await stage.press("p", "right", "enter")
    assert _order_of(stage, "w1:4121") == "quiet"
    assert "‖ quiet, 3 left" in stage.text
    assert "it hears with its next heartbeat" in stage.notes
    await stage.press("p", "right", "enter")
    assert _order_of(stage, "w1:4121") == ""


@key("quiet", "stop", start="workers")
async def _a_silent_consumer_is_told_nothing(stage: Stage) -> None:
    await stage.press("p")
    assert "it would not hear" in stage.notes
    await stage.press("S")
    assert isinstance(stage.app.screen, WorkersScreen)


@key("stop", start="workers")
async def _uppercase_s_stops_a_consumer_after_asking(stage: Stage) -> None:
    await stage.press("j", "j", "S")
    assert "Stop consumer w1:4121?" in stage.text
    await stage.press("escape")
    assert _order_of(stage, "w1:4121") == ""
    await stage.press("S")
    await stage.type("a deploy")
    await stage.press("enter", "right", "enter")
    assert _order_of(stage, "w1:4121") == "stop"
    assert "■ stops, 3 left" in stage.text
    await stage.press("S")
    assert "was told to stop already" in stage.notes


@key("copy", "copy.command", start="workers")
async def _y_copies_the_consumer_or_the_job(stage: Stage) -> None:
    await stage.press("j", "y")
    assert stage.app.clipboard == "w1:4121"
    await stage.press("Y")
    assert stage.app.clipboard == "dewey consumers"
    await stage.press("j", "y")
    assert len(stage.app.clipboard) == 32
    await stage.press("Y")
    assert stage.app.clipboard.startswith("dewey job ")


@key("screen.schedules", start="queues")
async def _five_shows_the_schedules(stage: Stage) -> None:
    await stage.press("5")
    assert isinstance(stage.app.screen, SchedulesScreen)
    assert "4 ticks missed" in stage.text


@key("open.runs", start="schedules")
async def _enter_goes_to_the_runs_and_there_opens_the_job(stage: Stage) -> None:
    await stage.press("G", "enter")
    screen = stage.app.screen
    assert isinstance(screen, SchedulesScreen)
    assert screen.runs.has_focus
    await stage.press("j", "escape")
    assert screen.table.has_focus
    await stage.press("enter", "enter")
    assert isinstance(stage.app.screen, JobScreen)
    assert "sync_contacts" in stage.text
    await stage.press("escape")
    assert screen.runs.has_focus


@key("open.runs", start="schedules")
async def _enter_on_a_forgotten_run_says_so(stage: Stage) -> None:
    await stage.press("G", "k", "enter", "enter")
    assert "past its retention" in stage.notes
    await stage.press("escape", "k", "enter")
    assert "has not run yet" in stage.notes


@key("run.now", start="schedules")
async def _r_runs_a_schedule_now_after_asking(stage: Stage) -> None:
    before = stage.app.gateway.schedules()[0].runs
    await stage.press("G", "r", "enter")
    assert stage.app.gateway.schedules()[0].runs == before
    await stage.press("r")
    assert "Run sync_contacts now?" in stage.text
    assert "Its next" in stage.text
    await stage.press("right", "enter")
    newest = stage.app.gateway.schedules()[0].runs[0]
    assert (newest.state, newest.tick_at, newest.by.plain) == ("queued", None, "you")
    assert "sync_contacts runs now." in stage.notes
    assert "z undoes it while it waits." in stage.notes
    assert "by hand" in stage.text


@key("pause.schedule", start="schedules")
async def _p_pauses_a_schedule_until_an_instant_and_resumes_it(stage: Stage) -> None:
    await stage.press("G", "p")
    assert isinstance(stage.app.screen, ActionDialog)
    await stage.type("06:00")
    assert "2026-03-14 06:00:00.000 UTC (in 3h)" in stage.text
    await stage.press("enter")
    await stage.type("partner is down")
    await stage.press("enter", "enter")
    assert stage.app.gateway.schedules()[0].hold is None, "enter twice only cancels"
    await stage.press("p", "tab")
    await stage.type("partner is down")
    await stage.press("tab", "tab", "enter")
    hold = stage.app.gateway.schedules()[0].hold
    assert hold is not None
    assert (hold.reason.plain, hold.until_at) == ("partner is down", None)
    assert "until it is resumed" in stage.text
    await stage.press("p", "right", "enter")
    assert stage.app.gateway.schedules()[0].hold is None


@key("pause.schedule", start="schedules")
async def _p_says_what_is_wrong_with_an_instant_and_asks_for_a_reason(stage: Stage) -> None:
    await stage.press("G", "p")
    await stage.type("25:00")
    assert "no clock shows 25:00" in stage.text
    await stage.press("tab", "tab", "tab", "enter")
    assert isinstance(stage.app.screen, ActionDialog)
    await stage.press("ctrl+u")
    await stage.type("2h")
    await stage.press("tab", "tab", "tab", "enter")
    assert "A reason is needed." in stage.text
    await stage.type("x")
    await stage.press("tab", "tab", "enter")
    hold = stage.app.gateway.schedules()[0].hold
    assert hold is not None
    assert hold.until_at == NOW + timedelta(hours=2)


@key("copy", "copy.command", start="schedules")
async def _y_copies_the_schedule_or_the_run(stage: Stage) -> None:
    await stage.press("G", "y")
    assert stage.app.clipboard == "sync_contacts"
    await stage.press("Y")
    assert stage.app.clipboard == "dewey schedules"
    await stage.press("enter", "y")
    assert len(stage.app.clipboard) == 32


@key("screen.overview", start="queues")
async def _one_shows_the_overview(stage: Stage) -> None:
    await stage.press("1")
    assert isinstance(stage.app.screen, OverviewScreen)
    assert "5 of 8 workers busy" in stage.text
    assert "ended/min" in stage.text


@key("open.queue", start="overview")
async def _enter_on_the_overview_shows_the_queues_jobs(stage: Stage) -> None:
    await stage.press("j", "enter")
    assert isinstance(stage.app.screen, JobsScreen)
    assert "queue:email" in stage.text
    await stage.press("escape")
    assert isinstance(stage.app.screen, OverviewScreen)


@key("copy", "copy.command", start="overview")
async def _y_copies_the_queue_or_the_doctor(stage: Stage) -> None:
    await stage.press("j", "y")
    assert stage.app.clipboard == "email"
    await stage.press("Y")
    assert stage.app.clipboard == "dewey doctor"


@key("screen.files", start="queues")
async def _eight_shows_the_files(stage: Stage) -> None:
    await stage.press("8")
    assert isinstance(stage.app.screen, FilesScreen)
    assert "137 files" in stage.text


@key("open.file", start="files")
async def _enter_shows_the_passages_of_a_file(stage: Stage) -> None:
    await stage.press(*"jjjjjjjjj", "enter")
    screen = stage.app.screen
    assert isinstance(screen, FileScreen)
    assert screen.file_id == 1028
    assert "Passage 1 " in stage.text
    assert "passages 1–20 of 49" in stage.text
    await stage.press("y")
    assert stage.app.clipboard == "1028"
    await stage.press("escape")
    assert isinstance(stage.app.screen, FilesScreen)


@key("tab.next", "tab.previous", start="files")
async def _brackets_turn_the_pages_of_a_file(stage: Stage) -> None:
    await stage.press(*"jjjjjjjjj", "enter", "]")
    assert "passages 21–40 of 49" in stage.text
    await stage.press("]", "]")
    assert "passages 41–49 of 49" in stage.text
    assert "last page" in stage.notes
    await stage.press("[")
    assert "passages 21–40 of 49" in stage.text


@key("tab.next", "tab.previous", "back", start="files")
async def _brackets_choose_a_status_and_esc_shows_all(stage: Stage) -> None:
    await stage.press("]")
    assert "19 files" in stage.text
    assert "✓ completed" not in stage.text
    await stage.press("[", "[")
    assert "8 files" in stage.text
    assert "= duplicate" in stage.text
    await stage.press("escape")
    assert "137 files" in stage.text


@key("search", "open.file", "back", start="files")
async def _slash_finds_the_nearest_passages(stage: Stage) -> None:
    await stage.press("slash")
    await stage.type("date of the invoice")
    await stage.press("enter")
    assert "50 passages by gemini-embedding-001" in stage.text
    assert "Payment is due" in stage.text
    await stage.press("y")
    assert stage.app.clipboard.startswith("Payment is due within thirty days")
    await stage.press("enter")
    screen = stage.app.screen
    assert isinstance(screen, FileScreen)
    assert f"▸ Passage {screen.sought}" in stage.text
    await stage.press("escape")
    assert "50 passages" in stage.text, "the search stays"
    await stage.press("slash", "escape")
    assert "50 passages" in stage.text, "esc leaves the field as it was"
    await stage.press("escape")
    assert "137 files" in stage.text


@key("copy", "copy.command", start="files")
async def _y_copies_the_file_or_the_search(stage: Stage) -> None:
    await stage.press("y")
    assert stage.app.clipboard == "1037"
    await stage.press("slash")
    await stage.type("two words")
    await stage.press("enter", "Y")
    assert stage.app.clipboard == "dewey search 'two words'"
