"""Python tracebacks read into parts, so that the application's own frames can be shown first."""

import re
from typing import Final

from console.formats import safe_text
from console.gateway.views import FrameView, TracebackPart

TRACEBACK_LIMIT: Final = 100_000

_FRAME: Final = re.compile(r'^  (?:\| )*File "(?P<path>.*?)", line \d+')
_LINKS: Final = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
_FOREIGN: Final = (
    "site-packages/",
    "dist-packages/",
    "<frozen ",
    "/lib/python3",
    "\\Lib\\",
    "/lib64/python3",
)


def is_application(path: str) -> bool:
    """Say whether a frame's file belongs to the application, not to Python or a library."""
    return not any(piece in path for piece in _FOREIGN)


def read(text: str) -> tuple[TracebackPart, ...]:
    """Split a traceback at its links and frames. What is not a traceback becomes one part without frames."""
    text = text[:TRACEBACK_LIMIT].replace("\r\n", "\n").strip("\n")
    if not text:
        return ()
    parts: list[TracebackPart] = []
    lines: list[str] = []
    for line in text.split("\n"):
        if line in _LINKS:
            parts.append(_part(lines, line))
            lines = []
        else:
            lines.append(line)
    parts.append(_part(lines, ""))
    return tuple(parts)


def _part(lines: list[str], link: str) -> TracebackPart:
    frames: list[list[str]] = []
    rest: list[str] = []
    for line in lines:
        if _FRAME.match(line) and not rest:
            frames.append([line])
        elif (frames and not rest and line.startswith("    ")) or (
            frames and not rest and line.startswith("  [Previous line repeated")
        ):
            frames[-1].append(line)
        elif line.startswith("Traceback (most recent call last)") and not frames:
            continue
        elif line.strip() or rest:
            rest.append(line)
    views = tuple(
        FrameView(
            application=is_application(_path(frame[0])),
            text=safe_text("\n".join(line[2:] for line in frame), limit=2_000, lines=True),
        )
        for frame in frames
    )
    exception = safe_text("\n".join(rest).rstrip(), limit=10_000, lines=True)
    return TracebackPart(frames=views, exception=exception, link=safe_text(link))


def _path(line: str) -> str:
    match = _FRAME.match(line)
    return match["path"] if match else ""
