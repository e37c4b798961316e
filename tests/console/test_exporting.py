"""Exports: what is in the files, where they go, and what is never done to a file that is there."""

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest
from textual.content import Content
from textual.widgets import Input, Static

from console import exporting
from console.exporting import ExportError, Extract, all_jobs, path_for, save, written
from console.formats import safe_text
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import HOSTILE, NOW, job_id
from console.gateway.errors import GatewayRefused, GatewayUnavailable
from console.gateway.views import JobPage, JobRow
from console.records import Record, whole_job
from console.screens.export_dialog import ExportDialog
from console.screens.jobs import JobsScreen
from console.screens.revealed import RevealedDialog
from storage.redaction import MASK
from storage.values import replace
from tests.console.gateways import FlakyGateway, VastGateway
from tests.console.stage import Stage, hidden_characters, play, send_key, still_app


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console's working directory is the test's own."""
    monkeypatch.chdir(tmp_path)


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.iterdir())


def said(stage: Stage) -> str:
    return str(stage.app.screen.query_one("#export-error", Static).content)


def test_a_file_that_nobody_named_says_what_and_when(tmp_path: Path) -> None:
    assert path_for("jobs", "csv", NOW) == tmp_path / "dewey-jobs-20260314-024713.csv"
    assert path_for("job-../\x1b[2J é", "json", NOW).parent == tmp_path


def test_records_are_written_as_json_as_lines_and_as_csv() -> None:
    records: list[Record] = [{"id": "a", "n": 1, "more": {"x": None}}, {"id": "ü", "error": "b,\nc"}]
    assert json.loads(written(records, "json")) == records
    assert [json.loads(line) for line in written(records, "ndjson").splitlines()] == records
    rows = list(csv.DictReader(io.StringIO(written(records, "csv"))))
    assert rows == [
        {"id": "a", "n": "1", "more": '{"x": null}', "error": ""},
        {"id": "ü", "n": "", "more": "", "error": "b,\nc"},
    ]
    assert written([], "json") == "[]\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    ((_, cell),) = [*csv.reader(io.StringIO(written([{"n": 1, "t": text}], "csv")))][1:]
    assert cell == f"'{text}"


def test_a_file_that_is_there_is_replaced_only_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    save(path, "one")
    with pytest.raises(ExportError, match="is there already"):
        save(path, "two")
    assert path.read_text() == "one"
    save(path, "three", replaces=True)
    assert path.read_text() == "three"
    assert files(tmp_path) == ["x.json"]


def test_nobody_else_may_read_a_file_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        save(tmp_path / "new.json", "one")
        (tmp_path / "old.json").write_text("old")
        save(tmp_path / "old.json", "two", replaces=True)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600, 0o600]


def test_a_file_that_can_not_be_written_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path / "no" / "x.json", "there is no directory"),
        (tmp_path, "is a directory"),
        (tmp_path / ("x" * 300), "File name too long"),
        (tmp_path / "a\0b", "null"),
        (Path("/proc/x.json"), "no directory|can not be written"),
    ):
        with pytest.raises(ExportError, match=why):
            save(path, "text")
    assert files(tmp_path) == []


def test_a_list_is_asked_for_in_pages_and_ends_at_ten_thousand() -> None:
    gateway = VastGateway(25_000)
    extract = all_jobs(lambda offset, limit: gateway.jobs("", offset, limit))
    assert len({record["id"] for record in extract.records}) == 10_000
    assert extract.note == "These are the first 10,000: narrow the filter for the others."
    small = VastGateway(1_500)
    extract = all_jobs(lambda offset, limit: small.jobs("", offset, limit))
    assert (len(extract.records), extract.note) == (1_500, "")


def test_a_list_without_history_says_so_in_what_is_told() -> None:
    gateway = DemoGateway()

    def ask(offset: int, limit: int) -> JobPage:
        return replace(gateway.jobs("state:dead", offset, limit), trouble=Content("history is not in this list"))

    extract = all_jobs(ask)
    assert (len(extract.records), extract.note) == (15, "history is not in this list")


def test_a_page_that_begins_elsewhere_than_asked_for_is_not_read_for_ever() -> None:
    gateway = DemoGateway()
    extract = all_jobs(lambda offset, limit: replace(gateway.jobs("", 0, limit), is_exact=False, offset=offset))
    assert len(extract.records) == 225
    assert all_jobs(lambda _offset, _limit: JobPage(9, 0, (), is_exact=False)) == Extract([])


def test_a_whole_job_has_its_attempts_its_log_and_its_arguments() -> None:
    gateway = DemoGateway()
    dead = gateway.jobs("state:dead err:smtp", 0, 1).rows[0].key
    extract = exporting.job_with_log(gateway.job(dead), lambda after: gateway.log(dead, after))
    (job,) = extract.records
    assert (job["id"], job["state"], job["task"]) == (dead, "dead", "tasks.email.send_email")
    assert job["arguments"]["template"]
    assert "order" in job["arguments"]["context"]
    assert "smtplib.py" in job["attempts"][0]["traceback"]
    assert {line["level"] for line in job["log"]} >= {"INFO", "ERROR"}
    json.dumps(job)


def test_nothing_in_a_file_is_for_a_terminal_to_act_on() -> None:
    gateway = DemoGateway()
    key = job_id(0)
    extract = exporting.job_with_log(gateway.job(key), lambda after: gateway.log(key, after))
    assert safe_text(HOSTILE).plain in extract.records[0]["error"]
    for form in exporting.FORMATS:
        assert not hidden_characters(written(extract.records, form).replace("\r\n", "\n"))


def test_e_and_enter_write_the_jobs_that_match(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("e")
        assert isinstance(stage.app.screen, ExportDialog)
        assert "Export 9 jobs" in stage.text
        assert "dewey-jobs-20260314-024713.json" in stage.app.screen.query_one(Input).value
        await stage.press("enter")
        assert isinstance(stage.app.screen, JobsScreen)
        assert "9 records went to" in stage.notes

    play(script, still_app(start="state:dead queue:email"))
    records = json.loads((tmp_path / "dewey-jobs-20260314-024713.json").read_text())
    assert [record["state"] for record in records] == ["dead"] * 9


def test_only_the_marked_jobs_are_written(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("space", "space", "e")
        assert "Export 2 marked jobs" in stage.text
        await stage.press("down", "down", "enter")

    play(script, still_app(start="state:dead"))
    (name,) = files(tmp_path)
    assert name.endswith(".csv")
    assert len([*csv.reader(io.StringIO((tmp_path / name).read_text()))]) == 3


def test_many_marked_jobs_are_asked_for_page_by_page_and_those_that_are_gone_are_said() -> None:
    gateway, alone = VastGateway(1_500), list[str]()

    def one(key: str) -> JobRow:
        alone.append(key)
        if key == "gone":
            raise GatewayRefused("there is no such job")
        return gateway.jobs("", 3, 1).rows[0]

    keys = [row.key for row in gateway.jobs("", 0, 120).rows]
    extract = exporting.marked_jobs([*keys, "gone", "elsewhere"], lambda a, b: gateway.jobs("", a, b), one)
    assert alone == ["gone", "elsewhere"]
    assert [record["id"] for record in extract.records[:120]] == keys
    assert (len(extract.records), extract.note) == (121, "1 job of them nobody knows any more.")
    alone.clear()
    assert len(exporting.marked_jobs(keys[:2], lambda a, b: gateway.jobs("", a, b), one).records) == 2
    assert alone == keys[:2]


def test_a_picture_is_of_the_screen_and_not_of_the_dialog(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("e", "down", "down", "down", "enter")
        assert "The picture went to" in stage.notes

    play(script, still_app(start="queues"))
    picture = (tmp_path / "dewey-queues-20260314-024713.svg").read_text()
    assert "maintenance" in picture
    assert "NDJSON" not in picture


def test_a_file_that_is_there_is_replaced_when_it_is_said_twice(tmp_path: Path) -> None:
    path = tmp_path / "dewey-queues-20260314-024713.json"
    path.write_text("precious")

    async def script(stage: Stage) -> None:
        await stage.press("e", "enter")
        assert said(stage).endswith("is there already. Once more, and it is replaced.")
        assert path.read_text() == "precious"
        await stage.press("escape", "e", "enter", "down", "up", "enter")
        assert path.read_text() == "precious", "it was asked for anew"
        await stage.press("enter")
        assert len(json.loads(path.read_text())) == 5

    play(script, still_app())


def test_another_path_is_another_question(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("precious")
    (tmp_path / "b.json").write_text("precious")

    async def script(stage: Stage) -> None:
        await stage.press("e")
        field = stage.app.screen.query_one(Input)
        field.value = "a.json"
        field.focus()
        await stage.press("enter")
        assert "replaced" in said(stage)
        field.value = "b.json"
        await stage.press("enter")
        assert (tmp_path / "b.json").read_text() == "precious"

    play(script, still_app())


def test_a_path_that_is_no_file_is_said_in_the_dialog() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("e")
        field = stage.app.screen.query_one(Input)
        for value, says in (
            ("no/such/x.json", "There is no directory"),
            ("", "A file needs a name."),
            ("..", "name a file in"),
        ):
            field.value = value
            field.focus()
            await stage.press("enter")
            assert says in said(stage)
            assert isinstance(stage.app.screen, ExportDialog)

    play(script, still_app())


@pytest.mark.parametrize(
    ("start", "what", "name"),
    [
        ("queues", "Export 5 queues as of 01:46 UTC", "queues"),
        ("workers", " consumers as of 01:46 UTC", "consumers"),
        ("failures", "groups of failures as of 01:46 UTC", "failures"),
    ],
)
def test_an_export_of_the_past_says_of_which_instant_it_is(tmp_path: Path, start: str, what: str, name: str) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("<", ",")
        await stage.press("e")
        assert what in stage.text
        await stage.press("enter")

    play(script, still_app(start=start))
    (path,) = tmp_path.iterdir()
    assert path.name == f"dewey-{name}-as-of-20260314-0146-20260314-024713.json"
    records = json.loads(path.read_text())
    assert {one["as_of"] for one in records} == {"2026-03-14T01:46:00Z"}


def test_what_was_never_known_or_is_being_asked_for_is_not_exported() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press(",")
        gateway.gate.clear()
        await send_key(stage.app, ",")
        await stage.pilot.pause(0.05)
        await send_key(stage.app, "e")
        await stage.pilot.pause(0.05)
        assert "This is 02:46 UTC still" in stage.notes
        gateway.gate.set()
        await stage.settle()
        await stage.press(*"<<<<<" * 6, "e")
        assert not isinstance(stage.app.screen, ExportDialog)
        assert "Nothing is known of then" in stage.notes

    play(script, still_app(gateway, start="queues"))


def test_when_nobody_answers_no_file_is_begun(tmp_path: Path) -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("e")
        gateway.error = GatewayUnavailable("Redis did not answer")
        await stage.press("enter")
        assert "Redis did not answer" in stage.notes

    play(script, still_app(gateway))
    assert files(tmp_path) == []


def test_what_is_masked_on_the_screen_is_masked_in_the_file(tmp_path: Path) -> None:
    gateway = DemoGateway()
    view = gateway.job(job_id(1))
    branch = replace(view.argument_lines[0], value=Content(MASK))
    record = whole_job(replace(view, argument_lines=(branch,)), ())
    assert record["arguments"] == {branch.label.plain: MASK}
    assert "raw" not in record, "what is stored is not part of it"


async def save_a_picture(stage: Stage) -> None:
    """Ask the palette for a picture."""
    await stage.press("ctrl+p")
    await stage.type("save a picture")
    for _ in range(200):
        await stage.pilot.pause(0.01)
        if "Save a picture" in stage.text:
            break
    await stage.press("enter")
    for _ in range(200):
        await stage.pilot.pause(0.01)
        if stage.notes:
            break


def test_the_palette_saves_a_picture_for_this_user_alone(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await save_a_picture(stage)
        assert "The picture went to" in stage.notes
        await stage.press("escape")
        stage.app.clear_notifications()
        await save_a_picture(stage)
        assert "is there already" in stage.notes

    play(script, still_app(start="queues"))
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "maintenance" in path.read_text()


def test_no_picture_is_kept_of_what_is_revealed(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("enter", "u", *"why", "enter", "right", "enter")
        assert isinstance(stage.app.screen, RevealedDialog)
        stage.app.clear_notifications()
        await save_a_picture(stage)
        assert "Something secret is in sight" in stage.notes
        await stage.press("escape")
        stage.app.clear_notifications()
        await save_a_picture(stage)
        assert "The picture went to" in stage.notes

    play(script, still_app(start="state:dead queue:email", write="a test"))
    (path,) = tmp_path.iterdir()
    assert "Shown unmasked" not in path.read_text()
