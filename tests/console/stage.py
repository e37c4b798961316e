"""A console on a stage: started without a terminal, driven by keys, and read as text."""

import asyncio
import itertools
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App
from textual.keys import _character_to_key
from textual.pilot import Pilot

from console.app import DeweyApp
from console.gateway.demo import DemoGateway
from console.gateway.protocol import Gateway
from console.screens.base import AskingScreen

Play = Callable[["Stage"], Awaitable[None]]
SMALL = (80, 24)
_ASCII = {"question_mark": "?", "slash": "/", "left_square_bracket": "[", "right_square_bracket": "]"}


def still_app(gateway: Gateway | None = None, **options: Any) -> DeweyApp:
    """A console that asks only when told to, and for which every answer takes 1.2 ms; ``write`` arms it."""
    ticks = itertools.count()
    options = {"refresh_s": 0, "timer": lambda: next(ticks) * 0.0012, "start": "queues", **options}
    write = options.pop("write", "")
    app = DeweyApp(gateway or DemoGateway(), **options)
    app.write_reason = write
    app.typing_pause_s = 0
    return app


async def settle(pilot: Pilot[Any]) -> None:
    """Return when every question was answered and drawn."""
    quiet = 0
    for _ in range(3_000):
        await pilot.pause(0)
        screen = pilot.app.screen
        if any(isinstance(one, AskingScreen) and one.is_asking for one in pilot.app.screen_stack):
            quiet = 0
            await asyncio.sleep(0.001)
        elif screen._layout_required or screen._dirty_widgets or screen._callbacks or not screen.size:
            quiet = 0
        else:
            quiet += 1
        if quiet == 5:
            return
    raise AssertionError("the screen still awaits an answer")


async def send_key(app: App[Any], key: str) -> None:
    """Send one key as a terminal does."""
    name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
    character = key if len(key) == 1 else " " if key == "space" else None
    event = events.Key(name, character)
    event.set_sender(app)
    app.post_message(event)
    await asyncio.sleep(0)


class Stage:
    """What a test does and sees."""

    def __init__(self, app: DeweyApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until what they began has ended."""
        for key in keys:
            await send_key(self.app, _ASCII.get(key, key))
            await settle(self.pilot)

    async def type(self, text: str) -> None:
        """Type a text into the field with the focus."""
        for character in text:
            await send_key(self.app, "space" if character == " " else character)
        await settle(self.pilot)

    async def settle(self) -> None:
        """Wait until nothing is awaited."""
        await settle(self.pilot)

    @property
    def text(self) -> str:
        """The screen as text, line by line."""
        return screen_text(self.app)

    @property
    def notes(self) -> str:
        """What the notifications in sight say."""
        return "\n".join(f"{note.title} {note.message}" for note in self.app._notifications)


def screen_text(app: App[Any]) -> str:
    """Return what is drawn, as text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def hidden_characters(text: str) -> list[str]:
    """Return every character that a terminal could act on, or an eye could miss."""
    return [
        f"U+{ord(character):04X}"
        for character in text
        if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]


def play(script: Play, app: DeweyApp | None = None, size: tuple[int, int] = SMALL, bugs: bool = False) -> DeweyApp:
    """Run a script on a stage; unless ``bugs`` are part of it, there are none."""
    subject = app or still_app()

    async def run() -> None:
        async with subject.run_test(size=size) as pilot:
            await settle(pilot)
            await script(Stage(subject, pilot))

    asyncio.run(run())
    assert bugs or not subject.bugs, subject.bugs
    return subject
