"""A job's pages are made when they are looked at, and keep what one did to them."""

from textual.widget import Widget

from console.screens.job import TABS, JobScreen
from console.widgets.page_stack import PageStack
from tests.console.stage import Stage, play, still_app


def _made(stage: Stage) -> list[str | None]:
    return [page.id for page in stage.app.screen.query_one(PageStack).children]


def _in_sight(stage: Stage) -> list[str | None]:
    return [page.id for page in stage.app.screen.query_one(PageStack).children if page.display]


def test_opening_a_job_makes_the_page_in_sight_alone() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("enter")
        assert isinstance(stage.app.screen, JobScreen)
        assert _made(stage) == ["summary"]
        assert len(stage.app.screen.query(Widget)) <= 13

    play(script, still_app(start="jobs"), (120, 40))


def test_a_page_is_made_once_and_only_one_is_in_sight() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("enter")
        for _ in range(2):
            for tab, _ in (*TABS[1:], TABS[0]):
                await stage.press("right_square_bracket")
                assert _in_sight(stage) == [tab]
                assert stage.app.focused is stage.app.screen.query_one(f"#{tab}")
        assert sorted(name or "" for name in _made(stage)) == sorted(tab for tab, _ in TABS)

    play(script, still_app(start="jobs"), (120, 40))


def test_a_page_shown_first_already_knows_the_job() -> None:
    async def script(stage: Stage) -> None:
        await stage.press("enter")
        for words in ("page 10: 50 contacts", "Attempt 1 ", "▲ this job", "sync_contacts ←", "// record"):
            assert words not in stage.text
            await stage.press("right_square_bracket")
            assert words in stage.text

    play(script, still_app(start="jobs"), (200, 60))
