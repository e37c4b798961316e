"""Tracebacks read into parts."""

import traceback

import pytest

from console.gateway import tracebacks
from console.gateway.demo_tracebacks import failure_of

EMAIL, INGEST = "tasks.email.send_email", "tasks.ingestion.ingest_file"


def test_application_frames_are_told_from_libraries() -> None:
    (part,) = tracebacks.read(failure_of(EMAIL, 1).traceback)
    assert [frame.application for frame in part.frames] == [False, False, True, True, False, False, False]
    assert "tasks/email.py" in part.frames[2].text.plain
    assert "mailer.send(message)" in part.frames[2].text.plain
    assert part.exception.plain.startswith("smtplib.SMTPServerDisconnected: ")


def test_a_chain_keeps_its_parts_and_their_links() -> None:
    first, second = tracebacks.read(failure_of(INGEST, 3).traceback)
    assert first.link.plain.startswith("During handling")
    assert first.exception.plain.startswith("pypdf.errors.FileNotDecryptedError")
    assert [frame.application for frame in second.frames] == [True, True]
    assert not second.link


def test_what_is_not_a_traceback_is_shown_whole() -> None:
    (part,) = tracebacks.read("worker lost\nlast seen on w1")
    assert part.frames == ()
    assert part.exception.plain == "worker lost\nlast seen on w1"
    assert tracebacks.read("") == ()


class _Key:
    def __repr__(self) -> str:
        return "first\n  second line\n\nfourth"


def test_nothing_of_a_real_traceback_is_lost() -> None:
    empty: dict[_Key, int] = {}

    def fail(depth: int) -> None:
        if depth:
            fail(depth - 1)
        try:
            empty.pop(_Key())
        except KeyError as error:
            raise RuntimeError("outer") from error

    with pytest.raises(RuntimeError) as caught:
        fail(6)
    text = "".join(traceback.format_exception(caught.value))
    parts = tracebacks.read(text)
    drawn = " ".join(
        " ".join(f.text.plain for f in part.frames) + part.exception.plain + part.link.plain for part in parts
    )
    for line in text.splitlines():
        if line.strip() and not line.startswith("Traceback (most recent call last)"):
            assert line.strip() in drawn


def test_an_enormous_traceback_is_read_to_a_bound() -> None:
    text = '  File "/a.py", line 1, in f\n    x\n' * 200_000
    assert len(tracebacks.read(text)[0].frames) < 5_000
