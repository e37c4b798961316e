"""The smallest terminal with as much to say as there can be: nothing that an operator needs is cut off."""

import pytest
from textual.content import Content

from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.gateway.failures import FailuresView, MarkView
from console.gateway.fleet import ConsumerView
from console.gateway.library import FilePage
from console.gateway.timetable import ScheduleRow
from console.gateway.views import LimitView, QueueRow
from console.widgets.fitting import broken, listed, spread
from storage.files import Status
from storage.values import replace
from tests.console.stage import Stage, play, still_app

REASON = "the ledger is being migrated by the people of the warehouse, see #ops and the page of the runbook"
LIMITS = "at most 30 starts in any 60 s, 4 at once, 10,000 jobs, 2.0 GB"
QUEUES = ("default", "email", "ingestion", "maintenance", "reports", "thumbnails", "webhooks", "exports", "imports")


class FullGateway(DemoGateway):
    """Everything that can be said of a thing is said of it, in many words."""

    def queues(self) -> tuple[QueueRow, ...]:
        """Each queue is paused and limited."""
        paused = next(row.pause for row in super().queues() if row.pause is not None)
        pause, limit = replace(paused, reason=Content(REASON)), LimitView(LIMITS, None)
        return tuple(replace(row, pause=pause, limit=limit) for row in super().queues())

    def schedules(self) -> tuple[ScheduleRow, ...]:
        """Each schedule fared in every way."""
        rows = (replace(row, late=14, missed=3, skipped=12, by_hand=4) for row in super().schedules())
        return tuple(replace(row, hold=replace(row.hold, reason=Content(REASON))) if row.hold else row for row in rows)

    def fleet(self) -> tuple[ConsumerView, ...]:
        """Each consumer serves many queues."""
        return tuple(replace(one, queues=tuple(map(Content, QUEUES))) for one in super().fleet())

    def failures(self, anew: bool = False) -> FailuresView:
        """Each group was seen on many hosts, and was spoken of."""
        hosts, versions = (tuple(Content(f"{name}{one}") for one in range(9)) for name in ("worker-", "2026.3."))
        mark = MarkView("muted", Content(REASON), Content("ada"), NOW)
        groups = super().failures(anew).groups
        return FailuresView(tuple(replace(one, hosts=hosts, versions=versions, mark=mark) for one in groups))

    def files(self, status: Status | None, before_id: int | None) -> FilePage:
        """Each file has failed, for a long reason."""
        page = super().files(status, before_id)
        return replace(page, rows=tuple(replace(row, error=Content(REASON)) for row in page.rows))


def shown_at(start: str, *keys: str, size: tuple[int, int] = (80, 24)) -> str:
    """What the detail says, its rows joined."""
    found: list[str] = []

    async def script(stage: Stage) -> None:
        await stage.press(*keys)
        lines = stage.text.split("\n")
        border = next(number for number, line in enumerate(lines) if line.startswith("────"))
        found.append(" ".join(" ".join(lines[border:]).split()))

    play(script, still_app(FullGateway(), start=start), size)
    return found[0]


@pytest.mark.parametrize("keys", [(), ("j",), ("G",)])
def test_a_queue_that_is_paused_and_limited_keeps_all_its_numbers(keys: tuple[str, ...]) -> None:
    said = shown_at("queues", *keys)
    assert f"‖ paused by ada 38m ago: “{REASON}”" in said
    assert f"◆ limited: {LIMITS}" in said
    for name in ("queued", "scheduled", "running", "retrying", "dead", "blocked", "oldest", "wait", "run"):
        assert f" {name} " in said
    assert "p50 p95 p99" in said


def test_a_short_note_of_a_queue_takes_a_row_and_who_limited_it_is_said_where_there_is_room() -> None:
    found = []

    async def script(stage: Stage) -> None:
        await stage.press("G")
        found.append(stage.text)

    play(script, still_app(start="queues"))
    assert "‖ paused by ada 38m ago: “ledger is being migrated, see #ops”  " in found[0]
    assert "◆ limited by grace 2d ago: at most 30 starts in any 60 s" in found[0]
    assert "run       9.5 s   30 s    37 s" in found[0]


def test_a_schedule_says_all_that_became_of_its_ticks_and_who_holds_it() -> None:
    said = shown_at("schedules")
    assert "11 ran · 14 late · 3 missed · 12 skipped · 4 by hand" in said
    assert REASON in said
    assert "use cron()" in shown_at("schedules", "j", "j", "j")
    assert "…" not in said.partition("tick came")[0]


def test_a_consumer_says_all_its_queues_and_its_version() -> None:
    said = shown_at("workers", "j")
    assert ", ".join(QUEUES) in said
    assert "version 1.4.0" in said
    assert "last beat" in said


def test_a_group_of_failures_says_the_whole_error_and_what_was_said_of_it() -> None:
    said = shown_at("failures", "]")
    assert "550 5.1.1 <käthe@example.de>: Recipient address rejected: User unknown" in said
    assert REASON in said
    for name in ("task", "broke at", "seen", "now", "hosts", "versions"):
        assert f" {name} " in said
    assert "worker-0, worker-1 and 7 more" in said


def test_a_file_that_failed_says_why() -> None:
    assert REASON in shown_at("files", "j")


def test_lines_are_broken_between_words_while_rows_are_to_spare_and_cut_after_that() -> None:
    lines = [Content("one two three four"), Content("five"), Content("six seven eight")]
    rows = {height: [row.plain for row in spread(lines, 10, height, (2,))] for height in (3, 4, 6)}
    assert rows == {
        3: ["one two t…", "five", "six seven…"],
        4: ["one two t…", "five", "six seven", "  eight"],
        6: ["one two", "  three", "  four", "five", "six seven", "  eight"],
    }
    assert [row.plain for row in broken(Content("x" * 25), 10, 2)] == ["x" * 10, "  " + "x" * 15]


def test_a_list_of_names_says_how_many_more_there_are() -> None:
    names = [Content(name) for name in ("w1", "w2", "w3")]
    assert [listed(names, room).plain for room in (10, 9, 14)] == ["w1, w2, w3", "w1, w2, w3", "w1, w2, w3"]
    assert listed(names * 3, 20).plain == "w1, w2 and 7 more"
