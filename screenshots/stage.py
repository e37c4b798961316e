"""What a picture needs: that everything is drawn, and that it is the same each time."""

import itertools

from textual.pilot import Pilot

from console.screens.base import AskingScreen


async def settle(pilot: Pilot[None]) -> None:
    """Wait until every question was answered and drawn."""
    quiet = 0
    while quiet < 3:
        await pilot.pause()
        screen = pilot.app.screen
        quiet = 0 if isinstance(screen, AskingScreen) and screen.is_asking else quiet + 1


def numbered(svg: str, name: str) -> str:
    """Give the classes of a picture its name in place of a random number, so that it is the same each time."""
    unique = svg.partition('class="terminal-')[2] or svg.partition(".terminal-")[2]
    digits = "".join(itertools.takewhile(str.isdigit, unique))
    return svg.replace(f"terminal-{digits}", f"dewey-{name}") if digits else svg
