"""What errors have in common: a fingerprint of type, message, place and task, without what differs from job to job.

Pure: nothing here reads a clock, a setting or Redis.
"""

import hashlib
import os
import re
import site
import sysconfig
from pathlib import Path
from types import TracebackType

from msgspec import Struct

SHAPE_CHARS = 200
READ_CHARS = 4_000
"""Characters of a message that are looked at."""

_VARYING = (
    (re.compile(r"(?<!\w)(?:'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`|«[^»\n]*»|“[^”\n]*”)(?!\w)"), "<text>"),
    (re.compile(r"\b[a-zA-Z][\w+.-]{0,20}://[^\s,;)\]>]+"), "<url>"),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,80}@[\w-]+(?:\.[\w-]+)*"), "<address>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"(?<![\w/\\])(?:[a-zA-Z]:|~|\.{1,2})?(?:[/\\][^\s'\"<>:,;()\[\]/\\]+)+[/\\]?"), "<path>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\w)"), "#"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "#"),
    (re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])"), "#"),
    (re.compile(r"(?<![\w.])[-+]?\d+(?:[.,_]\d+)*(?:[eE][-+]?\d+)?(?!\w)"), "#"),
    (re.compile(r"\b(?:0[xX][0-9a-fA-F]+|[0-9a-fA-F]{8,})\b"), "#"),
    (re.compile(r"\b(?=[a-zA-Z_-]{0,40}\d{1,40}[a-zA-Z_-]{1,40}\d)[\w-]+\b"), "#"),
    (re.compile(r"\d+"), "#"),
    (re.compile(r"\s+"), " "),
)
"""Each kind of value that differs between errors of one cause, and what stands for it, in this order: # is a number or
an id, which can look alike."""

_LIBRARIES = tuple(
    {*site.getsitepackages(), *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))}
)
_ENGINE = f"{Path(__file__).parent}{os.sep}"


class Fingerprint(Struct, frozen=True):
    """``id`` names the group of an error; ``shape`` is its message with what differs taken out."""

    id: str
    shape: str


def shape_of(message: str) -> str:
    """A message with ids, numbers, paths, addresses, instants and quoted values taken out; at most SHAPE_CHARS."""
    shape = message[:READ_CHARS]
    for pattern, stand_in in _VARYING:
        shape = pattern.sub(stand_in, shape)
    return shape.strip()[:SHAPE_CHARS]


def place_of(trace: TracebackType | None) -> str:
    """The innermost frame of the application's own code, as ``module:function``; a library's when there is none. It has
    no line number: an edit elsewhere in the file makes no new group."""
    own, any_frame = "", ""
    while trace is not None:
        code = trace.tb_frame.f_code
        any_frame = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{code.co_qualname}"
        if not code.co_filename.startswith((*_LIBRARIES, _ENGINE, "<")):
            own = any_frame
        trace = trace.tb_next
    return own or any_frame


def fingerprint(task: str, error_type: str, message: str, place: str) -> Fingerprint:
    """The fingerprint of an error of a task, raised at a place."""
    shape = shape_of(message)
    whole = "\n".join((error_type, shape, place, task)).encode("utf-8", "backslashreplace")
    return Fingerprint(hashlib.sha256(whole).hexdigest()[:16], shape)
