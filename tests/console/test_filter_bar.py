"""The filter above the jobs: what it completes, counts, marks and says, and that it stays."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import pytest
from rich.cells import cell_len
from textual.content import Content

from console.completion import complete
from console.gateway.criteria import parsed
from console.gateway.demo import DemoGateway
from console.gateway.errors import GatewayRefused
from console.gateway.views import JobPage, Tally
from console.highlights import has_one, pieces, words_of
from console.screens.jobs import JobsScreen
from console.widgets.filter_bar import FilterBar
from console.widgets.job_table import JobTable
from storage.history.query import FIELDS
from tests.console.gateways import FlakyGateway, VastGateway
from tests.console.stage import Stage, hidden_characters, play, still_app

NOW = datetime(2026, 3, 14, tzinfo=UTC)
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "state": ("dead", "queued"),
    "queue": ("email", "with blank"),
    "task": ("ingest_file", "send_email"),
    "args": ("file_id", "with.dot"),
}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("st", ("state:",)),
        ("-st", ("state:",)),
        ("(queue:email OR st", ("state:",)),
        ("state:", ("dead", "queued")),
        ("state:de", ("dead",)),
        ("state:dead,q", ("queued",)),
        ("STATE:DE", ("dead",)),
        ("queue:w", ('"with blank"',)),
        ('queue:"with b', ('"with blank"',)),
        ("task:email", ("send_email",)),
        ("args.fi", ("args.file_id:",)),
        ("args.w", ('args."with.dot":',)),
        ("last:2", ("24h",)),
        ("state:dead ", tuple(f"{one}." if one == "args" else f"{one}:" for one in FIELDS)),
        ("nosuch:x", ()),
        ('"quoted st', ()),
        ("state:dead", ()),
    ],
)
def test_what_can_stand_at_the_end_of_a_text_is_known(text: str, options: tuple[str, ...]) -> None:
    assert complete(text, len(text), FIELDS, WORDS).options == options


def test_what_is_taken_replaces_the_word_at_the_cursor_and_nothing_else() -> None:
    text = "queue:em state:dead"
    completion = complete(text, len("queue:em"), FIELDS, WORDS)
    assert completion.taken(text, "email") == ("queue:email state:dead", len("queue:email"))


def test_values_that_can_not_be_drawn_as_they_are_are_not_offered() -> None:
    hostile = {"queue": ("a\x1b[2J", "a\u202eb", "a" * 500, "a fine one")}
    assert complete("queue:a", 7, FIELDS, hostile).options == ('"a fine one"',)


def test_what_is_completed_is_understood() -> None:
    for field in FIELDS:
        if field in ("id", "host", "worker", "group", "err", "log", "args"):
            continue
        for option in complete(f"{field}:", len(field) + 1, FIELDS, WORDS).options:
            parsed(f"{field}:{option}", NOW, UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("timeout", ("timeout",)),
        ("err:SMTP,refused -ingest state:dead", ("refused", "smtp")),
        ("(task:send* OR NOT retry) args.user_id:42", ("send", "42")),
        ("queue:email attempt:>=2 err:*", ()),
        ("", ()),
    ],
)
def test_the_words_of_a_filter_are_what_it_looks_for(text: str, words: tuple[str, ...]) -> None:
    assert words_of(parsed(text, NOW, UTC)) == words


def test_a_text_is_cut_where_words_stand_whatever_their_case_or_signs() -> None:
    assert pieces("No SMTP, smtp+ [x]", ("smtp+", "smtp", "[x]")) == [
        *(("No ", False), ("SMTP", True), (", ", False), ("smtp+", True), (" ", False), ("[x]", True)),
    ]
    assert pieces("nothing", ()) == [("nothing", False)]
    assert not has_one("anything", ())


def test_words_of_the_filter_are_marked_in_the_rows() -> None:
    async def script(stage: Stage) -> None:
        table = stage.app.screen.query_one(JobTable)
        marked = [
            segment.text
            for strip in stage.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.underline and segment.text.lower() == "timeout"
        ]
        assert len(marked) == table.total == 3

    play(script, still_app(start="err:timeout"))


def test_a_count_that_is_not_exact_never_looks_exact() -> None:
    gateway = VastGateway(123_456)
    gateway.is_exact = False

    async def script(stage: Stage) -> None:
        assert "10,000+ jobs" in stage.text
        assert "123,456" not in stage.text
        assert gateway.counted == [""]
        await stage.press("j", "G", "g")
        assert gateway.counted == [""], "counting costs the most: it is not done for each look"
        await stage.press("slash")
        await stage.type("x")
        assert "→ 10,000+ jobs" in stage.text

    play(script, still_app(gateway, start="jobs"))


def test_until_it_is_counted_no_number_is_shown() -> None:
    class Counting(VastGateway):
        def count(self, criteria: str) -> Tally:
            raise GatewayRefused("the statement took too long")

    gateway = Counting(123_456)
    gateway.is_exact = False

    async def script(stage: Stage) -> None:
        assert "counting…" in stage.text
        assert " jobs " not in stage.text.split("\n")[2]

    play(script, still_app(gateway, start="jobs"))


def test_everything_that_matches_is_chosen_by_the_filter_when_nobody_knows_how_many() -> None:
    gateway = VastGateway(9_000)
    gateway.is_exact = False

    async def script(stage: Stage) -> None:
        await stage.press("a")
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        assert screen.chosen().query == "state:queued err:x"
        assert "everything that matches" in stage.text

    play(script, still_app(gateway, start="state:queued err:x"))


class Partial(FlakyGateway):
    """History is away: the list has what Redis holds."""

    is_away = True

    def jobs(self, criteria: str, offset: int, limit: int) -> JobPage:
        page = super().jobs(criteria, offset, limit)
        said = "history is not in this list, only the jobs that Redis holds: PostgreSQL did not answer"
        trouble = Content(said if self.is_away else "")
        return JobPage(page.total, page.offset, page.rows, not self.is_away, trouble)


def test_history_that_is_away_is_said_above_the_list_until_it_is_back() -> None:
    gateway = Partial()

    async def script(stage: Stage) -> None:
        assert "! history is not in this list" in stage.text
        assert stage.text.split("\n")[2].endswith(" 225+ jobs ")
        assert "● running" in stage.text
        assert "count" not in gateway.asked, "who can not list can not count"
        gateway.is_away = False
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        screen.poll()
        await stage.settle()
        assert "history is not" not in stage.text
        assert "225 jobs" in stage.text

    play(script, still_app(gateway, start="jobs"))


def test_a_list_that_is_refused_says_why_and_is_not_called_an_outage() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        gateway.error = GatewayRefused("the filter takes too long: narrow it")
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        screen.poll()
        await stage.settle()
        assert "! the filter takes too long: narrow it" in stage.text
        assert "● running" in stage.text
        assert "away" not in stage.text

    play(script, still_app(gateway, start="jobs"))


def test_the_filter_stays_when_one_acts_refreshes_goes_and_comes_back() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type("err:timeout")
        await stage.press("enter", "r", "right", "enter")
        assert "1 job requeued." in stage.notes
        assert "err:timeout" in stage.text.split("\n")[3]
        await stage.press("1", "3", "enter", "escape")
        screen = stage.app.screen
        assert isinstance(screen, JobsScreen)
        screen.poll()
        await stage.settle()
        assert "err:timeout" in stage.text.split("\n")[3]
        await stage.press("escape")
        assert "every job" in stage.text

    play(script, still_app(start="jobs", write="a test"))


def test_what_is_typed_and_left_is_not_in_force_and_its_count_is_gone() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type("state:dead")
        assert "→ 15 jobs" in stage.text
        await stage.press("escape")
        line = stage.text.split("\n")[2]
        assert "every job" in line
        assert line.endswith("225 jobs ")

    play(script, still_app(start="jobs"))


def test_a_long_filter_is_marked_at_its_mistake_even_when_that_is_out_of_sight() -> None:
    text = "stat:x " + "queue:email " * 12

    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type(text)
        await stage.press("enter")
        lines = stage.text.split("\n")
        assert lines[3].startswith("   ▔"), "the mistake is left of what is in sight: the mark is at the edge"
        assert "did you mean state" in stage.text

    play(script, still_app(start="jobs"))


@pytest.mark.parametrize("text", ["   stat:x", "queue:email " * 12 + "stat:x", "queue:请求 stat:x"])
def test_a_mistake_is_marked_where_it_stands_on_the_screen(text: str) -> None:
    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type(text)
        await stage.press("enter")
        shown, mark = stage.text.split("\n")[2:4]
        assert cell_len(shown[: shown.index("stat")]) == mark.index("▔")
        assert mark.count("▔") == len("stat")

    play(script, still_app(start="jobs"))


def test_counting_waits_until_typing_pauses() -> None:
    gateway = FlakyGateway()
    app = still_app(gateway, start="jobs")
    app.typing_pause_s = 60

    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type("state:dead")
        assert "count" not in gateway.asked
        bar = stage.app.screen.query_one(FilterBar)
        bar._typed()
        await stage.settle()
        assert gateway.asked.count("count") == 1
        assert not hidden_characters(stage.text)

    play(script, app)


def test_the_demo_answers_for_every_field_of_the_grammar() -> None:
    gateway = DemoGateway()
    everything = gateway.count("").value
    samples = {
        **{"state": "dead", "queue": "email", "task": "*ingest*", "err": "smtp", "args": "", "host": "w1"},
        **{"worker": "w1", "attempt": ">=2", "dur": ">1s", "wait": ">10s", "age": "<1h", "last": "1h"},
        **{"at": "2026-03-14", "id": "6", "group": "0,1,2,3,4,5,6,7", "parent": "*", "unique": "*", "log": "page"},
    }
    assert set(samples) == set(FIELDS)
    for field, value in samples.items():
        text = f"{field}:{value}" if field != "args" else "args.template:receipt"
        number = gateway.count(text).value
        assert gateway.jobs(text, 0, 1_000).total == number
        assert number + gateway.count(f"-{text}").value == everything, text
        if field not in ("parent", "unique"):
            assert 0 < number < everything, text
