"""What the keys of the screens that watch do, as scripts; test_keys.py plays them."""

from console.screens.dialogs import ConfirmDialog
from console.screens.job import JobScreen
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
    assert isinstance(stage.app.screen, ConfirmDialog)
    assert stage.app.focused is stage.app.screen.query_one("#cancel")
    assert "will finish 3 running jobs" in stage.text
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
    await stage.press("S", "right", "enter")
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
