"""The audit's filter: what it lets pass, what it completes, how it ends, and what it leaves alone."""

import json
from collections.abc import Collection
from pathlib import Path

import pytest

from console.gateway.acting import EntryRow
from console.gateway.demo import DemoGateway
from console.gateway.errors import GatewayRefused
from console.screens import audit as audit_screen
from console.screens.audit import PAGE, AuditScreen
from console.screens.audit_words import words_of_actions
from console.widgets.audit_tables import AuditTable
from console.widgets.filter_bar import FilterBar
from console.widgets.line_table import ROWS_LIMIT
from console.widgets.notice import Notice
from tests.console.gateways import FlakyGateway
from tests.console.stage import Stage, play, still_app


async def filtered(stage: Stage, text: str) -> None:
    await stage.press("slash", "ctrl+u")
    await stage.type(text)
    await stage.press("enter")


class LongAudit(FlakyGateway):
    """An audit of a thousand actions of two people, or of more."""

    newest = 1_000

    def __init__(self) -> None:
        self.asked_for: list[tuple[int | None, str]] = []
        self.limits: list[int] = []
        self.over: Collection[int] = ()
        super().__init__()

    def audit(self, before: int | None, limit: int, criteria: str = "") -> tuple[EntryRow, ...]:
        self.asked_for.append((before, criteria))
        self.limits.append(limit)
        (row,) = DemoGateway.audit(self, 102, 1)
        step = 2 if criteria == "actor:ada" else 1
        numbers = [n for n in range(self.newest if before is None else before - step, 0, -step) if n not in self.over]
        return tuple(
            EntryRow(str(number), number, *(getattr(row, name) for name in EntryRow.__struct_fields__[2:]))
            for number in numbers[:limit]
        )


def test_what_does_not_match_says_so_and_esc_clears_the_filter() -> None:
    async def script(stage: Stage) -> None:
        await filtered(stage, "outcome:undone")
        assert "nothing matches  outcome:undone" in stage.text
        assert "esc clears the filter" in stage.text
        assert stage.text.split("\n")[2].endswith(" 0 actions ")
        await stage.press("e")
        await stage.press("escape")
        await stage.press("escape")
        assert "8 actions" in stage.text
        assert isinstance(stage.app.screen, AuditScreen)

    play(script, still_app(start="audit"))


def test_an_audit_of_nothing_is_empty_not_filtered() -> None:
    async def script(stage: Stage) -> None:
        assert "Nothing was done yet." in stage.text

    play(script, still_app(DemoGateway(empty=True), start="audit"))


def test_a_filter_stays_while_the_trash_is_looked_at() -> None:
    async def script(stage: Stage) -> None:
        await filtered(stage, "actor:grace")
        await stage.press("]")
        assert not stage.app.screen.query_one(FilterBar).display
        await stage.press("slash")
        assert "The filter is for actions: [ shows them." in stage.notes
        await stage.press("[")
        assert "/ actor:grace" in stage.text
        assert "3 actions" in stage.text

    play(script, still_app(start="audit"))


def test_esc_in_the_trash_leaves_the_filter_of_actions_alone() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("9")
        await filtered(stage, "actor:grace")
        await stage.press("]", "escape")
        assert not isinstance(stage.app.screen, AuditScreen)
        await stage.press("9", "[")
        assert "3 actions" in stage.text

    play(script, still_app(start="queues"))


def test_older_ones_that_match_are_asked_for_at_the_end() -> None:
    gateway = LongAudit()

    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, AuditScreen)
        assert f"{PAGE}+ actions" in stage.text
        await filtered(stage, "actor:ada")
        await stage.press("G")
        assert gateway.asked_for[-1] == (1_000 - 2 * (PAGE - 1), "actor:ada")
        assert f"{2 * PAGE}+ actions" in stage.text
        await stage.press("G", "G")
        assert "500 actions" in stage.text

    play(script, still_app(gateway, start="audit"))


def test_what_the_newest_answer_leaves_out_is_gone_and_what_is_older_stays() -> None:
    gateway = LongAudit()

    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, AuditScreen)
        await stage.press("G")
        assert screen.actions_table.total == 2 * PAGE
        gateway.over = {900, 700}
        screen.poll()
        await stage.settle()
        expected = [number for number in range(1_000, 0, -1) if number not in gateway.over][: 2 * PAGE]
        assert [row.number for row in screen.actions_table.held(0, 3 * PAGE)] == expected

    play(script, still_app(gateway, start="audit"))


def test_what_no_longer_matches_goes_wherever_it_stands_in_the_list() -> None:
    gateway = LongAudit()

    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, AuditScreen)
        await filtered(stage, "outcome:unfinished")
        await stage.press("G", "G", "g")
        assert (screen.actions_table.total, gateway.limits[-1]) == (3 * PAGE, PAGE)
        gateway.over = range(1, 500)
        screen.poll()
        await stage.settle()
        assert (screen.actions_table.total, gateway.limits[-1]) == (501, 3 * PAGE)
        assert "501 actions" in stage.text
        gateway.over = range(1, 990)
        screen.poll()
        await stage.settle()
        assert [row.number for row in screen.actions_table.held(0, 20)] == [*range(1_000, 989, -1)]

    play(script, still_app(gateway, start="audit"))


def test_what_is_asked_for_again_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_screen, "AGAIN", 2 * PAGE)
    gateway = LongAudit()

    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, AuditScreen)
        await stage.press("G", "G")
        gateway.over = {1_000, 300}
        screen.poll()
        await stage.settle()
        assert (screen.actions_table.total, gateway.limits[-2:]) == (3 * PAGE - 1, [2 * PAGE, PAGE])

    play(script, still_app(gateway, start="audit"))


def test_what_is_in_sight_is_asked_for_again_however_far_down_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_screen, "AGAIN", PAGE)
    gateway = LongAudit()

    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, AuditScreen)
        table = screen.actions_table
        await stage.press("G", "G", "G", "G")
        assert table.total == 5 * PAGE
        table.move_to(3 * PAGE)
        await stage.settle()
        in_sight = table.row
        assert in_sight is not None
        gateway.over = {in_sight.number - 2, 999, 1}
        screen.poll()
        await stage.settle()
        held = {row.number for row in table.held(0, 5 * PAGE)}
        assert {1_000 - number for number in range(5 * PAGE)} - held == {in_sight.number - 2, 999}
        assert table.row == in_sight
        table.move_to(table.total - 1)
        await stage.settle()
        screen.poll()
        await stage.settle()
        assert 1 not in {row.number for row in table.held(0, 5 * PAGE)}
        table.move_to(0)
        await stage.settle()
        gateway.limits.clear()
        screen.poll()
        await stage.settle()
        assert gateway.limits == [PAGE]

    play(script, still_app(gateway, start="audit"))


def test_an_answer_to_a_filter_of_before_is_not_shown() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, AuditScreen)
        gateway.gate.clear()
        screen.poll()
        screen.filter_by("actor:grace")
        gateway.gate.set()
        await stage.settle()
        assert [row.number for row in screen.actions_table.held(0, 9)] == [107, 104, 101]
        assert not screen.query_one(Notice).display

    play(script, still_app(gateway, start="audit"))


def test_the_export_has_what_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(stage: Stage) -> None:
        await filtered(stage, "actor:grace")
        await stage.press("e")
        assert "Export every action that matches" in stage.text
        await stage.press("enter")

    play(script, still_app(start="audit"))
    (path,) = tmp_path.iterdir()
    assert [one["number"] for one in json.loads(path.read_text())] == [107, 104, 101]


def test_words_come_from_actions_and_queues() -> None:
    words = words_of_actions(DemoGateway().audit(None, 10), {"queue": ("email",)})
    assert words["actor"] == ("ada", "cron-bot", "grace")
    assert words["action"] == ("cancel", "discard", "limit", "pause", "purge", "requeue")
    assert (words["item"], words["outcome"][0]) == (("email",), "done")


def test_a_filter_that_is_none_is_refused_by_the_gateway() -> None:
    with pytest.raises(GatewayRefused, match="did you mean actor"):
        DemoGateway().audit(None, 10, "who:ada")


def test_the_whole_command_and_what_is_known_of_an_unfinished_action_stand_below_the_list() -> None:
    async def script(stage: Stage) -> None:
        (row,) = stage.app.gateway.audit(None, 1)
        assert f"requeue {row.command.plain.removeprefix('requeue ')[:8]} " in stage.text
        assert f"dewey {row.command.plain}" in stage.text
        said = " ".join(stage.text.split())
        assert (
            "how it went is not known: it was cut short, or goes on; dewey audit 108 --finish does what is left" in said
        )
        assert "can be undone" not in said
        await stage.press("j")
        said = " ".join(stage.text.split())
        assert "can not be undone: C, then x, ends it; what it has requeued by then goes on" in said
        await stage.press("j")
        assert "can be undone, as far as it has not gone on" in stage.text

    play(script, still_app(start="audit"))


def test_the_whole_of_what_became_of_an_item_stands_below_the_items() -> None:
    async def script(stage: Stage) -> None:
        await stage.press(*"jjjjj", "enter")
        assert ": done" in stage.text
        await stage.press("G")
        assert "it is running now, look again" in " ".join(stage.text.split())

    play(script, still_app(start="audit"))


def test_no_more_actions_are_read_than_can_be_held_and_the_screen_says_so() -> None:
    async def script(stage: Stage) -> None:
        gateway = stage.app.gateway
        assert isinstance(gateway, LongAudit)
        while "older ones: filter by when" not in stage.text:
            await stage.press("G")
        table = stage.app.screen.query_one(AuditTable)
        assert table.total == ROWS_LIMIT
        gateway.newest += PAGE
        stage.app.screen.poll()  # type: ignore[attr-defined]  # it is the audit's
        await stage.settle()
        await stage.press("G")
        assert table.total == ROWS_LIMIT
        assert table.row is not None
        assert [row.number for row in table.held(0, ROWS_LIMIT)] == list(range(6_200, 2_200, -1))

    gateway = LongAudit()
    gateway.newest = 6_000
    play(script, still_app(gateway, start="audit"))
