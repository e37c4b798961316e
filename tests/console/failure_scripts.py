"""What the keys of the groups of failures do, as scripts; test_keys.py plays them on an armed console."""

from console.screens.action_dialog import ActionDialog
from console.screens.failures import FailuresScreen
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from console.widgets.failure_table import FailureTable
from tests.console.key_scripts import key
from tests.console.stage import Stage


def _table(stage: Stage) -> FailureTable:
    return stage.app.screen.query_one(FailureTable)


def _dead(stage: Stage, group: str) -> int | None:
    return next(row.dead for row in stage.app.gateway.failures().groups if row.key == group)


def _state(stage: Stage, group: str) -> str:
    return next(row.state for row in stage.app.gateway.failures().groups if row.key == group)


@key("screen.failures", start="queues")
async def _four_shows_the_failures(stage: Stage) -> None:
    await stage.press("4")
    assert isinstance(stage.app.screen, FailuresScreen)
    assert "SMTPServerDisconnected" in stage.text
    assert "tasks/services/mail.py:118 in send" in stage.text
    assert "connection.send_message(message)" in stage.text


@key("open.group", "copy", "copy.command", start="failures")
async def _enter_lists_the_jobs_of_the_group(stage: Stage) -> None:
    group = _table(stage).cursor_key
    await stage.press("y")
    assert stage.app.clipboard == group
    await stage.press("Y")
    assert stage.app.clipboard == f"dewey jobs group:{group}"
    await stage.press("enter")
    assert isinstance(stage.app.screen, JobsScreen)
    assert f"group:{group}" in stage.text
    assert stage.text.count("SMTPServerDisconnected") == 11, "ten rows, and the pane"
    await stage.press("escape")
    assert isinstance(stage.app.screen, FailuresScreen)
    assert _table(stage).cursor_key == group


@key("open.sample", start="failures")
async def _s_shows_the_job_that_failed_last(stage: Stage) -> None:
    row = _table(stage).row
    assert row is not None
    await stage.press("s")
    assert isinstance(stage.app.screen, JobScreen)
    assert stage.app.screen.key == row.sample_key
    assert "mail.py" in stage.text


@key("requeue", "undo", start="failures")
async def _r_requeues_every_dead_job_of_the_group(stage: Stage) -> None:
    group = _table(stage).cursor_key
    dead = _dead(stage, group)
    assert dead == 7
    await stage.press("r")
    assert f"Requeue {dead} jobs?" in stage.text
    assert stage.app.focused is stage.app.screen.query_one("#cancel")
    await stage.press("y")
    assert stage.app.clipboard == f"dewey requeue --group {group}"
    await stage.press("enter")
    assert _dead(stage, group) == dead
    await stage.press("r", "right", "enter")
    assert f"{dead} jobs requeued." in stage.notes
    await stage.press("z", "right", "enter")
    assert _dead(stage, group) == dead


@key("discard", start="failures")
async def _d_throws_every_dead_job_of_the_group_away(stage: Stage) -> None:
    group = _table(stage).cursor_key
    await stage.press("d")
    assert "Discard 7 jobs?" in stage.text
    await stage.press("right", "enter")
    assert _dead(stage, group) == 0
    assert "7 jobs in the trash." in stage.notes
    await stage.press("d")
    assert "No job of this group is dead." in stage.notes


@key("canary", start="failures")
async def _c_begins_a_canary_and_its_progress_stands_in_the_detail(stage: Stage) -> None:
    await stage.press("c")
    assert "Canary requeue 7 jobs?" in stage.text
    await stage.press("right", "enter")
    assert stage.app.gateway.canaries()[0].state == "running"
    detail = stage.text.split("─" * 80)[-1]
    assert "canary running" in detail
    assert "1/7" in detail
    await stage.press("C")
    assert stage.text.count("SMTPServerDisconnected: Connecti") == 3
    assert "7 jobs of group 40516ac7; it goes on" in stage.text
    await stage.press("escape")
    await stage.press("j")
    assert "canary running" not in stage.text.split("─" * 80)[-1]


@key("mute", "reopen", "tab.next", "tab.previous", start="failures")
async def _m_mutes_a_group_with_a_reason_and_o_opens_it_again(stage: Stage) -> None:
    group = _table(stage).cursor_key
    await stage.press("o")
    assert "Nothing was said of this group." in stage.notes
    await stage.press("m")
    assert f"Mute group {group}?" in stage.text
    await stage.type("mail is being moved")
    await stage.press("enter", "right", "enter")
    assert _state(stage, group) == "muted"
    assert _table(stage).cursor_key != group
    assert "Open 4   Muted 2" in stage.text
    await stage.press("]")
    assert _table(stage).cursor_key == group
    assert "○ muted by you 0s ago: mail is being moved" in stage.text
    await stage.press("m")
    assert "This group is muted already" in stage.notes
    await stage.press("o")
    assert f"Reopen group {group}?" in stage.text
    await stage.press("right", "enter")
    assert _state(stage, group) == "open"
    await stage.press("[")
    assert _table(stage).total == 5


@key("resolve", start="failures")
async def _uppercase_m_resolves_a_group_with_a_note(stage: Stage) -> None:
    await stage.press("j")
    group = _table(stage).cursor_key
    assert _state(stage, group) == "regressed"
    assert "↺ regressed · resolved by grace 20h ago: partner raised our limit" in stage.text
    await stage.press("M")
    assert isinstance(stage.app.screen, ActionDialog)
    assert f"Resolve group {group}?" in stage.text
    await stage.type("they are up again")
    await stage.press("enter", "right", "enter")
    assert _state(stage, group) == "resolved"
    await stage.press("]", "]")
    assert "they are up again" in stage.text
    await stage.press("M")
    assert "This group is resolved already" in stage.notes
