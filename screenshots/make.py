"""Draw the pictures of the README from canned data: ``python -m screenshots.make``.

They are made, never edited: the same pictures come out on every machine.
"""

import argparse
import asyncio
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from console.app import DeweyApp
from console.gateway.demo import DemoGateway
from screenshots import cast
from screenshots.stage import numbered, settle

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: where the console starts, which keys are pressed, and how large the terminal is."""

    name: str
    start: str = ""
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (112, 30)
    theme: str = "dewey-dark"


PICTURES: Final = (
    Picture("overview", "overview"),
    Picture("queues", "queues", ("j", "j")),
    Picture("jobs", "jobs", ("j", "j", "j", "j", "j", "space", "space", "j")),
    Picture("job", "state:dead queue:email", ("enter",)),
    Picture("log", "state:running queue:ingestion", ("l",)),
    Picture("attempts", "state:dead queue:ingestion", ("enter", "right_square_bracket", "right_square_bracket")),
    Picture("requeue", "state:dead queue:email", ("W", *"mail", "enter", "a", "r")),
    Picture("failures", "failures"),
    Picture("audit", "audit"),
    Picture("why", "state:queued", ("i",)),
    Picture("trigger", "trigger", ("enter", "4", "2")),
    Picture("logs", "logs"),
    Picture("schedules", "schedules", ("j", "j")),
    Picture("workers", "workers", ("j", "j", "j")),
    Picture("files", "files", ("slash", *"invoice", "enter", "j")),
    Picture("help", "jobs", ("question_mark",)),
    Picture("light", "overview", ("j",), theme="dewey-light"),
)


async def draw(picture: Picture) -> str:
    """Return a picture as SVG."""
    ticks = itertools.count()
    app = DeweyApp(DemoGateway(), "demo", picture.start, refresh_s=0, timer=lambda: next(ticks) * 0.0012)
    app.animation_level = "none"
    async with app.run_test(size=picture.size) as pilot:
        app.theme = picture.theme
        await settle(pilot)
        for key in picture.keys:
            await pilot.press(key)
            await settle(pilot)
        for field in app.screen.query("Input"):
            field.cursor_blink = False  # type: ignore[attr-defined]  # every Input has it
        await settle(pilot)
        return app.export_screenshot(title="dewey console")


def main() -> None:
    """Draw all pictures, or those that are named."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the README.")
    parser.add_argument("names", nargs="*", help="which ones; all by default")
    names = parser.parse_args().names
    for picture in PICTURES:
        if not names or picture.name in names:
            path = HERE / f"{picture.name}.svg"
            path.write_text(numbered(asyncio.run(draw(picture)), picture.name) + "\n", encoding="utf-8")
            print(path.name)
    if not names or "cast" in names:
        (HERE / "cast.svg").write_text(cast.animated(asyncio.run(cast.play())), encoding="utf-8")
        print("cast.svg")


if __name__ == "__main__":
    main()
