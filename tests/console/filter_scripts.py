"""How jobs are filtered and looked for, as scripts; test_keys.py plays them."""

from console.screens.command_line import CommandLine
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from console.screens.queues import QueuesScreen
from console.widgets.audit_tables import AuditTable
from console.widgets.filter_bar import FilterBar
from console.widgets.job_table import JobTable
from console.widgets.log_view import LogView
from tests.console.key_scripts import jobs_table, key
from tests.console.stage import Stage


def _written(stage: Stage) -> str:
    return stage.app.screen.query_one(FilterBar).field.value


@key("filter", start="jobs")
async def _slash_filters(stage: Stage) -> None:
    await stage.press("slash")
    await stage.type("state:dead queue:email")
    await stage.press("enter")
    assert "9 jobs" in stage.text
    await stage.press("slash", "end")
    await stage.type("stat:dead")
    await stage.press("enter")
    assert "“stat” is no field: did you mean state?" in stage.text
    await stage.press("escape")
    assert "9 jobs" in stage.text
    assert "stat:dead" not in stage.text.replace("state:dead", "")


@key("filter", start="jobs")
async def _every_part_of_the_grammar_filters(stage: Stage) -> None:
    for text, number in (
        ("err:SMTP -queue:ingestion attempt:>=3", "7 jobs"),
        ("(state:dead OR state:retrying) task:ingest_file", "5 jobs"),
        ("args.user_id:4137 OR host:w9", "1 job"),
        ('log:"page 2" state:running', "3 jobs"),
        ("RESOURCE -state:running", "3 jobs"),
    ):
        await stage.press("slash", "ctrl+u")
        await stage.type(text)
        assert f"→ {number}" in stage.text, text
        await stage.press("enter")
        assert stage.text.split("\n")[3].endswith(f" {number} "), text


@key("complete", "complete.back", start="jobs")
async def _tab_completes_fields_and_real_values(stage: Stage) -> None:
    await stage.press("slash")
    await stage.type("qu")
    assert "queue:" in stage.text
    await stage.press("tab")
    assert _written(stage) == "queue:"
    assert "tab  default  email  ingestion" in stage.text
    await stage.press("tab", "tab")
    assert _written(stage) == "queue:email"
    await stage.press("shift+tab")
    assert _written(stage) == "queue:default"
    await stage.type(",em")
    await stage.press("tab")
    assert _written(stage) == "queue:default,email"
    await stage.type(" -args.ac")
    await stage.press("tab")
    assert _written(stage) == "queue:default,email -args.account_id:"
    assert stage.app.focused is stage.app.screen.query_one(FilterBar).field


@key("complete", start="jobs")
async def _tab_after_a_mistake_writes_what_may_be_meant(stage: Stage) -> None:
    await stage.press("slash")
    await stage.type("queue:email status:dead")
    await stage.press("enter")
    lines = stage.text.split("\n")
    place = next(index for index, line in enumerate(lines) if "▔" in line)
    assert lines[place].index("▔") == lines[place - 1].index("status")
    assert lines[place].count("▔") == len("status")
    assert "tab writes state" in stage.text
    await stage.press("tab")
    assert _written(stage) == "queue:email state:dead"
    assert "▔" not in stage.text
    await stage.press("enter")
    assert "9 jobs" in stage.text


@key("match.next", "match.previous", start="state:queued,running OR err:smtp")
async def _n_goes_from_match_to_match(stage: Stage) -> None:
    table, screen = jobs_table(stage), stage.app.screen
    assert isinstance(screen, JobsScreen)
    rows = stage.app.gateway.jobs(screen.criteria, 0, 1_000).rows
    matching = [index for index, row in enumerate(rows) if "SMTP" in row.note.plain]
    assert 1 < len(matching) < len(rows)
    await stage.press("g")
    seen = [0] if matching[0] == 0 else []
    while len(seen) < len(matching):
        await stage.press("n")
        seen.append(table.cursor)
    assert seen == matching
    await stage.press("n")
    assert "No match further down." in stage.notes
    await stage.press("N")
    assert table.cursor == matching[-2]


@key("filter.actions", "complete", "back", start="audit")
async def _slash_filters_the_audit(stage: Stage) -> None:
    assert "8 actions" in stage.text
    await stage.press("slash")
    await stage.type("act")
    await stage.press("tab")
    await stage.type("ad")
    await stage.press("tab")
    assert _written(stage) == "actor:ada"
    await stage.type(" outcome:")
    assert "tab  done  refused  undone  unfinished" in stage.text
    await stage.type("done ")
    assert "→ 3 actions" in stage.text
    await stage.press("enter")
    assert "actor:ada outcome:done" in stage.text
    assert " 3 actions" in stage.text
    assert "grace" not in stage.text
    await stage.press("slash", "ctrl+u")
    await stage.type("who:ada")
    await stage.press("enter")
    assert "“who” is no field: did you mean actor?" in stage.text
    await stage.press("escape", "escape")
    assert "8 actions" in stage.text


@key("match.next", "match.previous", start="audit")
async def _n_goes_from_action_to_action(stage: Stage) -> None:
    await stage.press("n")
    assert "No word is highlighted" in stage.notes
    await stage.press("slash")
    await stage.type("discard OR reports OR actor:grace")
    await stage.press("enter")
    table = stage.app.screen.query_one(AuditTable)
    assert [row.number for row in table.held(0, 9)] == [107, 106, 105, 104, 101]
    await stage.press("n", "n")
    assert table.cursor_key == "105"
    await stage.press("n")
    assert table.cursor_key == "101"
    await stage.press("N")
    assert table.cursor_key == "105"
    await stage.press("N", "N")
    assert "No match above." in stage.notes


@key("match.next", start="jobs")
async def _n_without_words_says_what_it_is_for(stage: Stage) -> None:
    await stage.press("n")
    assert isinstance(stage.app.screen, JobsScreen)
    assert "No word is highlighted" in stage.notes


@key("command", start="queues")
async def _colon_goes_to_places(stage: Stage) -> None:
    await stage.press("colon")
    await stage.type("queue em")
    await stage.press("tab", "enter")
    assert isinstance(stage.app.screen, JobsScreen)
    assert stage.app.screen.criteria == "queue:email"
    await stage.press("escape")
    assert stage.app.current_mode == "queues"
    await stage.press("colon")
    await stage.type("sched")
    await stage.press("tab", "enter")
    assert stage.app.current_mode == "schedules"
    await stage.press("colon")
    await stage.type("state:dead err:smtp")
    await stage.press("enter")
    assert stage.app.screen.query_one(JobTable).total == 7
    await stage.press("colon")
    await stage.type("quit")
    await stage.pilot.press("enter")
    assert stage.app._exit


@key("command.leave", start="queues")
async def _esc_leaves_the_line(stage: Stage) -> None:
    await stage.press("colon")
    await stage.type("jobs")
    assert isinstance(stage.app.screen, CommandLine)
    await stage.press("escape")
    assert isinstance(stage.app.screen, QueuesScreen)
    await stage.press("colon", "enter")
    assert isinstance(stage.app.screen, QueuesScreen)


@key("filter.lines", start="logs")
async def _slash_filters_lines(stage: Stage) -> None:
    await stage.press("slash")
    await stage.type("queue:email level:>=WARNING")
    await stage.press("enter")
    shown = stage.app.screen.query_one(LogView).lines
    assert {line.queue.plain for line in shown} == {"email"}
    assert {line.level for line in shown} == {"WARNING", "ERROR"}


@key("open.line", start="logs level:ERROR")
async def _enter_on_a_line_opens_its_job(stage: Stage) -> None:
    await stage.press("k")
    line = stage.app.screen.query_one(LogView).line
    assert line is not None
    await stage.press("enter")
    assert isinstance(stage.app.screen, JobScreen)
    assert (stage.app.screen.key, stage.app.screen.tab) == (line.job_key, "log")


@key("copy", "copy.command", start="logs")
async def _y_copies_the_line_or_the_command(stage: Stage) -> None:
    line = stage.app.screen.query_one(LogView).line
    assert line is not None
    await stage.press("y")
    assert stage.app.clipboard == line.message.plain
    await stage.press("Y")
    assert stage.app.clipboard == f"dewey logs {line.job_key}"


@key("match.next", "match.previous", start="logs level:ERROR OR waiting")
async def _n_goes_to_the_next_line_with_the_word(stage: Stage) -> None:
    view = stage.app.screen.query_one(LogView)
    matching = [index for index, line in enumerate(view.lines) if "waiting" in line.message.plain]
    assert 1 < len(matching) < view.line_count
    await stage.press("g")
    seen = [0] if matching[0] == 0 else []
    while len(seen) < len(matching):
        await stage.press("n")
        seen.append(view.cursor)
    assert seen == matching
    await stage.press("n")
    assert "No match further down." in stage.notes
    await stage.press("N")
    assert view.cursor == matching[-2]
