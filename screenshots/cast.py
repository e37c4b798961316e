"""A short cast of the console on canned data, as one animated SVG: the frames are the app's own pictures.

Find the failure group, requeue it by canary, follow the log, undo. The demo's clock moves as the story says, so that
the same cast comes out each time. Only styles move it: no script, no font and no address is in it.
"""

import itertools
import re
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Final

from console.app import DeweyApp
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.screens.base import DeweyScreen
from screenshots.stage import numbered, settle

SIZE: Final = (112, 30)
CAPTION: Final = 44
"""Height of the line under the pictures that says what is done."""


@dataclass(frozen=True, slots=True)
class Step:
    """Keys, what is said of them, how much later it is then, and how long the picture stands."""

    caption: str
    keys: tuple[str, ...] = ()
    later_s: float = 0
    stands_s: float = 2.0


STORY: Final = (
    Step("what is wrong stands first", stands_s=3),
    Step("4   what broke, grouped by its cause", ("4",), stands_s=3),
    Step("W   writing is armed: for a reason, and for 15 minutes", ("W", *"the mail server is back"), stands_s=2),
    Step("c   requeue by canary: one job first, then ten, then the rest", ("enter", "c"), stands_s=4),
    Step("→ enter   so it begins; the frame shows how it goes", ("right", "enter"), later_s=1, stands_s=2),
    Step("the first one succeeded: ten more follow", later_s=5, stands_s=2),
    Step("then the rest, at 60 a minute; it would stop by itself", later_s=4, stands_s=2),
    Step("enter   its jobs", ("enter",), later_s=2, stands_s=2.5),
    Step("l   the log of one of them", ("l",), later_s=2, stands_s=3.5),
    Step("esc esc G d   discard what only is noise: first it is shown", ("escape", "escape", "G", "d"), stands_s=3),
    Step("→ enter   it is in the trash", ("right", "enter"), later_s=1, stands_s=2),
    Step("z   take it back: that is shown first, too", ("z",), later_s=2, stands_s=3.5),
    Step("→ enter   and it is there again", ("right", "enter"), later_s=1, stands_s=4),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, what is said under it, and how long it stands."""

    svg: str
    text: str
    caption: str
    stands_s: float


async def play(story: tuple[Step, ...] = STORY) -> list[Frame]:
    """Play the story, and take a picture after each step."""
    ticks, later_s, frames = itertools.count(), [0.0], list[Frame]()
    gateway = DemoGateway(lambda: NOW + timedelta(seconds=later_s[0]))
    app = DeweyApp(gateway, "demo", "overview", refresh_s=0, timer=lambda: next(ticks) * 0.0012)
    app.animation_level = "none"
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for number, step in enumerate(story):
            for key in step.keys:
                await pilot.press("space" if key == " " else key)
                await settle(pilot)
            later_s[0] += step.later_s
            for field in app.screen.query("Input"):
                field.cursor_blink = False  # type: ignore[attr-defined]  # every Input has it
            if step.later_s and isinstance(app.screen, DeweyScreen):
                app.screen.poll()
            await settle(pilot)
            svg = numbered(app.export_screenshot(title="dewey console"), f"cast-{number}")
            strips = app.screen._compositor.render_strips()
            text = "\n".join("".join(segment.text for segment in strip) for strip in strips)
            frames.append(Frame(svg, text, step.caption, step.stands_s))
    return frames


def animated(frames: list[Frame]) -> str:
    """Return one SVG that shows the frames one after the other, and begins again."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', frames[0].svg)
    assert found is not None
    width, height = float(found[1]), float(found[2]) + CAPTION
    whole_s, begun_s = sum(one.stands_s for one in frames), 0.0
    rules, pictures = list[str](), list[str]()
    for number, frame in enumerate(frames):
        first, last = (100 * at / whole_s for at in (begun_s, begun_s + frame.stands_s))
        begun_s += frame.stands_s
        hidden = "0%{visibility:hidden}" if number else ""
        gone = f"{last:.3f}%{{visibility:hidden}}" if last < 99.999 else ""
        rules.append(f"@keyframes f{number}{{{hidden}{first:.3f}%{{visibility:visible}}{gone}}}")
        rules.append(f".f{number}{{animation:f{number} {whole_s:g}s step-end infinite}}")
        caption = (
            f'<text class="said" x="{width / 2:.0f}" y="{height - 16:.0f}" text-anchor="middle">'
            f"{escape(frame.caption)}</text>"
        )
        shown = "" if number == 0 else ' visibility="hidden"'
        placed = frame.svg.replace("<svg ", f'<svg width="{width:g}" height="{height - CAPTION:g}" ', 1)
        pictures.append(f'<g class="f{number}"{shown}>{placed}{caption}</g>')
    still = "@media (prefers-reduced-motion:reduce){g{animation:none!important}}"
    said = ".said{font:22px ui-monospace,Menlo,Consolas,monospace;fill:#8797a0}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">'
        f"<style>{said}{''.join(rules)}{still}</style>{''.join(pictures)}</svg>\n"
    )
